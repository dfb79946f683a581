"""What a fuzz item sends: its operation, its ids inside the sandbox, its bodies, and the requests themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from conformance.contract import Operation
from conformance.contract.generation import MISSING
from conformance.contract.kinds import kind_of
from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.arrange import FIXED, Arrangement
from conformance.fuzz.effects import Effects, judged_later
from conformance.fuzz.fuzzing import Fuzzing
from conformance.fuzz.identities import Identities
from conformance.fuzz.records import FUZZING
from conformance.fuzz.rule_changes import changed_by_values
from conformance.fuzz.space import EFFORT, Effort, Subject, item_seed
from conformance.fuzz.tale import Tale
from conformance.fuzz.witness import to_change
from conformance.target.http.answer import Answer
from conformance.target.http.session import Call
from conformance.target.target import Target
from conformance.worker.context import Context

_DESTROYS = frozenset({"DELETE"})

_TOLD = frozenset({"POST /connectors", "PUT /connectors/{id}", "POST /actions", "PUT /actions/{id}"})


class Sender:
    """One fuzz item: its operation, its ids inside the sandbox, its seeds and its effort.

    ``seed`` is the first of ``seeds``, and decides what is not drawn with each.
    """

    def __init__(self, context: Context, target: Target, subject: Subject, node_id: str) -> None:
        self.subject = subject
        self.timing = target.timing
        self.contract = context.contract
        self.sandbox = context.sandbox
        self.capabilities = context.capabilities
        self.seeds = [item_seed(seed, node_id) for seed in context.plan.seeds]
        self.seed = self.seeds[0]
        self.effort: Effort = EFFORT[context.configuration.profile]
        self.api = context.api
        self._context = context
        self._target = target
        self._arrangement = Arrangement(context, target)
        self._connector = ""
        self._newer = target.is_newer

    @property
    def operation(self) -> Operation:
        return self.contract.operation(self.subject.label)

    @property
    def record(self) -> Fuzzing:
        """What no schema says of the operation."""
        return FUZZING[self.subject.label]

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.contract.body_schema(self.subject.label, self.subject.resource_type) or {}

    def fixed_query(self) -> Mapping[str, str]:
        """Query parameters without which the operation means something else."""
        return self.record.query

    @cached_property
    def path(self) -> dict[str, str]:
        """Path parameters of something that exists."""
        return self._arranged_path()

    def _arranged_path(self) -> dict[str, str]:
        if not self.operation.parameters_in("path"):
            return {}
        if self.operation.path.endswith("/{operation}"):
            identifier = self._arrangement.running(self.operation, self._context.sink.url)
            return {"id": identifier, "operation": "start"}
        return self._arrangement.path_parameters(self.operation, self.subject.resource_type)

    def unknown_path(self) -> dict[str, str]:
        """Well-formed path parameters of something that does not exist."""
        values = {**FIXED, "as": "clientid"}
        return {
            parameter.name: values.get(parameter.name) or self._unknown(parameter.name)
            for parameter in self.operation.parameters_in("path")
        }

    def _unknown(self, name: str) -> str:
        if name == "topic":
            return self.sandbox.topic("missing")
        missing = self.sandbox.name("missing")
        kind = kind_of(self.operation.path)
        return kind.join(self.subject.resource_type or "http", missing) if kind is not None and kind.typed else missing

    def examples(self) -> Mapping[str, Any]:
        """The examples of the operation: valid bodies."""
        return self.contract.body_examples(self.operation.label, self._example_type)

    def base_body(self) -> Any:
        """The first example of the operation."""
        return next(iter(self.examples().values()))

    @property
    def _example_type(self) -> str | None:
        return self.subject.resource_type or ("http" if self.operation.body_chosen_by_type else None)

    def valid_body(self, path: Mapping[str, str] | None = None) -> Any:
        """A valid body inside the sandbox for ``path``, or `MISSING` for an operation without one."""
        if self.operation.json_body is None:
            return MISSING
        return into_sandbox(self.operation.label, self.base_body(), self.identities(path), valid=True)

    def identities(self, path: Mapping[str, str] | None = None) -> Identities:
        """Fresh identities for a body that goes to ``path``, by default to something that exists."""
        if path is None:
            path = self.path
        if self.operation.path.startswith("/actions") and not self._connector:
            self._connector = self._action_connector().partition(":")[2]
        return Identities(self.sandbox, path, self._connector, self.subject.resource_type, self._newer)

    def _action_connector(self) -> str:
        if "path" in self.__dict__ and self.operation.method == "PUT":
            answer = self._context.api.call("GET /actions/{id}", path={"id": self.path["id"]})
            return f"{self._example_type}:{answer.json['connector']}"
        return self._arrangement.connector(self._example_type or "http")

    def send(
        self, *, path: Mapping[str, str] | None = None, query: Mapping[str, Any] | None = None, body: Any = MISSING
    ) -> Answer:
        """Call the operation; a body given as bytes is sent as it is, under the JSON media type."""
        addressed = path is None
        content: dict[str, Any] = {}
        if isinstance(body, bytes):
            content = {"content": body, "content_type": "application/json"}
        elif body is not MISSING:
            content = {"json": body}
        path = self.path if path is None else path
        answer = self._context.api.call(self.operation.label, path=path, query=query or {}, **content)
        if addressed and self.operation.method in _DESTROYS and not 400 <= answer.status < 500:
            self._forget_path()  # the next request needs something else to delete
        return answer

    def _forget_path(self) -> None:
        """What the ids name is gone: arrange something else when they are asked for."""
        self.__dict__.pop("path", None)

    def perform(self, query: Mapping[str, Any]) -> Answer:
        """The answer to a valid request without a body; what a real server pays for is sent once in a worker."""
        label, effects = self.operation.label, Effects.of(self._context)
        constant = {name: value for name, value in FIXED.items() if f"{{{name}}}" in self.operation.path}
        known = effects.answer(label, constant, query)
        if known is not None:
            return known
        with judged_later(self._context, label):
            answer = self.send(query=query)
        effects.answered(label, constant, query, answer)
        return answer

    def path_to_refuse(self) -> Mapping[str, str] | None:
        """Path parameters for a request that must be refused; None for those that others have, too.

        A deletion that is refused leaves what it names for one that is not.
        """
        kind = kind_of(self.operation.path)
        if self.operation.method not in _DESTROYS or kind is None or not kind.configured:
            return None
        collection = self._target.of(kind)
        return collection.path_of(to_change(self._target, collection))

    def answer_to_example(self) -> Answer | None:
        """The answer to the first example, if it made or changed the rule or schema that items of a worker share."""
        effect = Effects.of(self._context).known.get(self.operation.label)
        if effect is not None and effect.is_example:
            return effect.answer
        kind = kind_of(self.operation.path)
        if self.operation.method != "POST" or kind is None or self.operation.path != kind.path or kind.typed:
            return None
        return self._arrangement.created_by_example(self._target.of(kind)) if kind.configured else None

    def change_rule(self, bodies: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Answer]]:
        """Change the rule that the path names by each body, which other items judge as well; each with its answer."""
        return changed_by_values(self._context, self._target, self.path["id"], bodies)

    def send_together(self, bodies: Sequence[Any]) -> list[Answer]:
        """Call an operation that has no path parameters with each body, all at once."""
        return self._context.api.together([Call(self.operation.label, json=body) for body in bodies])

    @property
    def is_told(self) -> bool:
        """Whether the operation writes a connector or action of one type: a part of its story."""
        return self.subject.resource_type is not None and self.subject.label in _TOLD

    @property
    def begins_story(self) -> bool:
        """Whether it creates it: by the first example."""
        return self.is_told and self.operation.method == "POST"

    @cached_property
    def tale(self) -> Tale:
        """The story of the item's type."""
        collection = self._target.actions if self.operation.path.startswith("/actions") else self._target.connectors
        return Tale(self._context, self._arrangement, collection, self.subject.resource_type or "http")
