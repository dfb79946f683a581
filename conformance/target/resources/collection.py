"""A collection of a target: create, read, update, list and delete its elements through the API itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from conformance.contract.kinds import Kind
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer
from conformance.target.http.paging import entries
from conformance.target.http.session import Api
from conformance.target.timing import eventually


class ArrangeFailed(Exception):
    """The target refused something an item needs before it can check its requirement."""

    def __init__(self, answer: Answer, expected: int) -> None:
        super().__init__(
            f"set-up: {answer.operation} answered {answer.status} {answer.code or ''}, expected {expected}"
        )
        self.answer = answer


class Collection:
    """Base of all collections. Everything created is journalled and deleted after the item.

    ``kind`` says where its elements are and what names them. An element is named by its id, a string.
    """

    kind: ClassVar[Kind]

    def __init__(self, api: Api, sandbox: Sandbox) -> None:
        self.api = api
        self.sandbox = sandbox

    @property
    def path(self) -> str:
        """The path of the collection in the contract."""
        return self.kind.path

    @property
    def item(self) -> str:
        """The path of an element in the contract."""
        return self.kind.item

    @property
    def parameter(self) -> str:
        """The path parameter that names an element, or the last of them."""
        return self.kind.parameters[-1]

    def body(self, **fields: Any) -> dict[str, Any]:
        """A valid body for POST with a fresh identity; ``fields`` are set on top, None leaves a field out."""
        body = {**self.defaults(fields), **fields}
        return {name: value for name, value in body.items() if value is not None}

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What `body` starts from."""
        raise NotImplementedError

    def identify(self, body: Mapping[str, Any]) -> str:
        """The id of what a body creates."""
        return self.kind.join(*(str(body[field]) for field in self.kind.identity))

    def payload(self, body: dict[str, Any]) -> Any:
        """What is sent for one body: itself, or a list with it where the operation takes several."""
        return body

    def create(self, **fields: Any) -> str:
        """Create an element and return its id; raises `ArrangeFailed` unless the target agrees."""
        body = self.body(**fields)
        arranged(self.api.call(f"POST {self.path}", json=self.payload(body)), self.kind.created)
        return self.identify(body)

    def get(self, identifier: str) -> Answer:
        """Answer of the GET of one element, whatever it is."""
        return self.api.call(f"GET {self.item}", path=self.path_of(identifier))

    def read(self, identifier: str) -> dict[str, Any]:
        """One element as it is read; an answer other than 200 fails the item."""
        element: dict[str, Any] = self.get(identifier).expect(200).json
        return element

    def found(self, identifier: str) -> dict[str, Any]:
        """As `read`, for whoever can do without it: empty unless it is an object that was answered with 200."""
        return _object_of(self.get(identifier))

    def put(self, identifier: str, body: Any) -> Answer:
        """Answer of the PUT of one element, whatever it is."""
        return self.api.call(f"PUT {self.item}", path=self.path_of(identifier), json=body)

    def delete(self, identifier: str, **query: Any) -> Answer:
        """Answer of the DELETE of one element, whatever it is."""
        return self.api.call(f"DELETE {self.item}", path=self.path_of(identifier), query=query)

    def listed(self, **query: Any) -> list[Any]:
        """Every element, on as many pages as it takes; ``query`` filters."""
        return entries(self.api, f"GET {self.path}", query=query)

    def ids(self, **query: Any) -> list[str]:
        """Ids of the listed elements that lie inside the sandbox, in the order of the list."""
        return [identifier for identifier in map(self.identify, self.listed(**query)) if self.owns(identifier)]

    def owns(self, identifier: str) -> bool:
        """Whether an element carries a name of the sandbox."""
        return self.sandbox.owns_name(self.kind.own_name(identifier))

    def path_of(self, identifier: str) -> dict[str, str]:
        """Path parameters that address an element."""
        return dict(zip(self.kind.parameters, self.kind.split(identifier), strict=True))


class Measured(Collection):
    """A collection whose elements count what they do."""

    def metrics(self, identifier: str) -> dict[str, Any]:
        """The aggregated counters; an answer other than 200 fails the item."""
        answer = self.api.call(f"GET {self.item}/metrics", path=self.path_of(identifier)).expect(200)
        counters: dict[str, Any] = answer.json["metrics"]
        return counters

    def counted(self, identifier: str, expected: Mapping[str, int]) -> dict[str, Any]:
        """The counters once they have the ``expected`` values (they lag behind), or as they are in the end."""
        counters: dict[str, Any] = {}

        def reached() -> bool:
            counters.update(self.metrics(identifier))
            return expected.items() <= counters.items()

        eventually(reached, self.api.timing.eventually)
        return counters

    def reset_metrics(self, identifier: str) -> Answer:
        return self.api.call(f"PUT {self.item}/metrics/reset", path=self.path_of(identifier))

    def found_metrics(self, identifier: str) -> dict[str, Any]:
        """As `metrics`, for whoever can do without them: empty unless they were answered with 200."""
        answer = self.api.call(f"GET {self.item}/metrics", path=self.path_of(identifier))
        counters = _object_of(answer).get("metrics")
        return counters if isinstance(counters, dict) else {}

    def counts_from_zero(self, identifier: str) -> bool:
        """Whether all counters are 0, now or soon."""
        return eventually(lambda: self._is_at_zero(identifier), self.api.timing.eventually)

    def restart(self, identifier: str) -> bool:
        """Reset the counters until all are 0, for some count late; whether that came to be."""

        def restarted() -> bool:
            return self.reset_metrics(identifier).ok and self._is_at_zero(identifier)

        return eventually(restarted, self.api.timing.eventually)

    def _is_at_zero(self, identifier: str) -> bool:
        counters = self.found_metrics(identifier)
        return bool(counters) and not any(value for name, value in counters.items() if "rate" not in name)


def _object_of(answer: Answer) -> dict[str, Any]:
    return answer.json if answer.status == 200 and answer.is_json and isinstance(answer.json, dict) else {}


def arranged(answer: Answer, *expected: int) -> Answer:
    """``answer`` if it has one of the expected statuses; raises `ArrangeFailed` otherwise."""
    if answer.status not in expected:
        raise ArrangeFailed(answer, expected[0])
    return answer
