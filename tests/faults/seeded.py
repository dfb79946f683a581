"""Seeded faults: what a deployment does wrong, and which requirement must notice it, where and how.

    seed(
        "deleting a rule does nothing",                             # unique: pytest tests/faults -k "does nothing"
        swallow("DELETE /rules/{id}", EMPTY),                       # what is wrong
        scenario("rules", "deleted_rule_is_gone"),                  # the item that must notice, or several
        "RUL-08",                                                   # what must fail, and nothing else
        origin="https://github.com/emqx/emqx/pull/10677",           # if EMQX once had it
    )

What is wrong is one of three kinds:

- a change of the HTTP traffic: ``(request, forward) -> Reply | None`` (see `tests.faults.proxy`), made with `on`,
  `swallow`, `edit`, `in_each` or by hand;
- a change of the reference deployment itself, for what happens behind the API: `broken` replaces an attribute of a
  class or module, `broken_handler` the handler of an operation. Several of them: a tuple;
- a `Defect` that the reference deployment can have by itself.

What must fail is a requirement's id ("RUL-08": at least one failure of it, whatever its operation and check), or a
triple ``(requirement, operation, check)``. All that is listed must fail, and nothing that is not listed. With several
items, each must fail, and all of them together as listed.

A fault holds from before the item's set-up until its test is over. Each run of an item has a deployment of its own,
constructed under the fault, so a fault may leave anything behind. Waits end after a second wherever the item passes
like that without the fault.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from conformance.reference.defects import NO_TRAITS, Defect, Traits, named
from conformance.reference.pipeline.operations import MODULES
from conformance.reference.rest.http import ROUTES, Call, Handler
from tests.faults.proxy import Fault, Reply, Request

assert MODULES, "their import registers the handlers"

Kill = str | tuple[str, str | None, str]

EMPTY = Reply(204, {}, b"")
NOTHING = Reply(0, {}, b"")


@dataclass(frozen=True)
class Broken:
    """A replacement in the reference deployment: ``make`` gets the original and returns what takes its place."""

    owner: type | ModuleType | dict[str, Any]
    name: str
    make: Callable[[Any], Any]

    @contextlib.contextmanager
    def applied(self) -> Generator[None]:
        """Replace, and put the original back."""
        original = _get(self.owner, self.name)
        _set(self.owner, self.name, self.make(original))
        try:
            yield
        finally:
            _set(self.owner, self.name, original)


@dataclass(frozen=True)
class Seeded:
    """``fault`` changes the traffic, ``broken`` and ``traits`` the deployment.

    ``items`` are the node ids that must notice. ``settings``: those of the only deployments on which it shows.
    """

    name: str
    fault: Fault | None
    broken: tuple[Broken, ...]
    items: tuple[str, ...]
    kills: tuple[Kill, ...]
    origin: str | None
    settings: tuple[str, ...] = ()
    traits: Traits = NO_TRAITS

    @property
    def requirements(self) -> set[str]:
        """Ids of the requirements that must fail."""
        return {kill if isinstance(kill, str) else kill[0] for kill in self.kills}

    def missed(self, failures: Iterable[Mapping[str, Any]]) -> list[Kill]:
        """What must fail but is not among the failures of a report."""
        failures = list(failures)
        return [kill for kill in self.kills if not any(_names(kill, failure) for failure in failures)]

    def unexpected(self, failures: Iterable[Mapping[str, Any]]) -> list[Kill]:
        """What failed and must not."""
        return [_triple(failure) for failure in failures if not any(_names(kill, failure) for kill in self.kills)]


def _triple(failure: Mapping[str, Any]) -> tuple[str, str | None, str]:
    return failure["requirement"], failure["operation"], failure["check"]


def _names(kill: Kill, failure: Mapping[str, Any]) -> bool:
    return kill == (failure["requirement"] if isinstance(kill, str) else _triple(failure))


FAULTS: dict[str, Seeded] = {}


def seed(
    name: str,
    fault: Fault | Broken | tuple[Broken, ...] | Defect,
    items: str | tuple[str, ...],
    *kills: Kill,
    origin: str | None = None,
    settings: tuple[str, ...] = (),
) -> None:
    """Declare a fault; see the module. ``origin``: the issue or pull request of EMQX that tells of it.

    ``settings`` (of ``serve --setting``): where it shows only on a deployment that is configured so.
    """
    assert name not in FAULTS, f"two faults are called {name!r}"
    assert origin is None or origin.startswith("https://github.com/emqx/"), origin
    assert kills, f"{name!r} names no requirement that must fail"
    broken = (fault,) if isinstance(fault, Broken) else fault if isinstance(fault, tuple) else ()
    traits = named([fault.id]) if isinstance(fault, Defect) else NO_TRAITS
    traffic = None if broken or traits else fault
    items = (items,) if isinstance(items, str) else items
    FAULTS[name] = Seeded(name, traffic, broken, items, kills, origin, settings, traits)


def scenario(module: str, test: str) -> str:
    """The node id of a scenario: ``scenario("flagship", "message_reaches_the_sink")``."""
    return f"conformance/scenarios/test_{module}.py::test_{test}"


def fuzz(test: str, subject: str) -> str:
    """The node id of an item on every operation: ``fuzz("positive", "POST /connectors-http")``."""
    return f"conformance/fuzz/test_operations.py::test_{test}[{subject}]"


def values(subject: str) -> str:
    """The node id of the item that sends every value of a body: ``values("POST /connectors-http")``."""
    return f"conformance/fuzz/test_values.py::test_values_of_bodies[{subject}]"


# --- the deployment ---------------------------------------------------------------------------------------------------


def broken(owner: type | ModuleType, name: str, make: Callable[[Any], Any]) -> Broken:
    """Replace an attribute of a class or module of `conformance.reference`.

    ``make`` gets the original and returns the replacement: for a method a function that takes ``self`` (`always`,
    `nothing` and `twice` are common ones), for a constant a value. A function that others import by name is replaced in
    the module that uses it.

        broken(Broker, "publish", lambda original: lambda self, message: original(self, replace(message, qos=0)))
    """
    _get(owner, name)  # a name that is gone is noticed when the faults are loaded
    return Broken(owner, name, make)


def broken_handler(label: str, make: Callable[[Handler], Handler]) -> Broken:
    """Replace the handler of an operation (``"GET /rules/{id}"``); it gets a `conformance.reference.rest.http.Call`."""
    assert label in ROUTES, f"the reference deployment has no handler for {label}"
    return Broken(ROUTES, label, lambda route: replace(route, handler=make(route.handler)))


def before(label: str, action: Callable[[Call], object]) -> Broken:
    """Do something, or raise an `ApiError`, before an operation is handled."""

    def make(handler: Handler) -> Handler:
        def handle(call: Call) -> Any:
            action(call)
            return handler(call)

        return handle

    return broken_handler(label, make)


def changed_body(label: str, change: Callable[[Any], object]) -> Broken:
    """The body of a request is changed before it is handled, as it was sent and as it was checked."""

    def alter(call: Call) -> None:
        change(call.body)
        if isinstance(call.checked, dict) and call.checked is not call.body:
            change(call.checked)

    return before(label, alter)


def having(defect: Defect) -> Callable[[Any], Callable[..., Any]]:
    """For `broken`: a function with an argument ``traits``, called as on a deployment that has a defect besides."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(original).bind(*args, **kwargs)
            bound.apply_defaults()
            bound.arguments["traits"] |= {defect}
            return original(*bound.args, **bound.kwargs)

        return call

    return make


def always(value: Any) -> Callable[[Any], Callable[..., Any]]:
    """For `broken`: a function or coroutine function that does nothing and returns a value."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def asynchronous(*args: Any, **kwargs: Any) -> Any:
            return value

        return asynchronous if inspect.iscoroutinefunction(original) else lambda *args, **kwargs: value

    return make


nothing = always(None)


def edited(change: Callable[[Any, Any], object]) -> Callable[[Any], Callable[..., Any]]:
    """For `broken`: a function whose result is changed in place by ``change``, which also gets its first argument."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(first: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(first, *args, **kwargs)
            change(result, first)
            return result

        return call

    return make


def twice(original: Callable[..., Any]) -> Callable[..., Any]:
    """For `broken`: a function or coroutine function that does everything twice."""

    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        await original(*args, **kwargs)
        return await original(*args, **kwargs)

    def synchronous(*args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        return original(*args, **kwargs)

    return asynchronous if inspect.iscoroutinefunction(original) else synchronous


def _get(owner: type | ModuleType | dict[str, Any], name: str) -> Any:
    attributes = owner if isinstance(owner, dict) else vars(owner)
    assert name in attributes, f"{owner!r} has no {name} of its own"
    return attributes[name]


def _set(owner: type | ModuleType | dict[str, Any], name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


# --- the HTTP traffic -------------------------------------------------------------------------------------------------


def on(label: str, change: Callable[[Reply], Reply | None], status: int | None = None) -> Fault:
    """Change the answers of an operation, all or those with a status."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply | None:
        reply = forward()
        return change(reply) if request.is_for(label) and status in (None, reply.status) else reply

    return fault


def swallow(label: str, reply: Reply, condition: Callable[[Request], bool] = lambda _: True) -> Fault:
    """Answer without doing anything."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        return reply if request.is_for(label) and condition(request) else forward()

    return fault


def edit(change: Callable[[Any], object]) -> Callable[[Reply], Reply]:
    """Change the JSON of an answer in place."""

    def apply(reply: Reply) -> Reply:
        value = reply.json
        change(value)
        return reply.with_json(value)

    return apply


def in_each(collection: str | None, change: Callable[[dict[str, Any]], object]) -> Callable[[Reply], Reply]:
    """Change every element of a list in place: that under a key (``"data"``), or the answer itself (None)."""

    def apply(value: Any) -> None:
        for element in value[collection] if collection else value:
            change(element)

    return edit(apply)


def json_reply(status: int, value: Any) -> Reply:
    """An answer with a JSON body."""
    return NOTHING.with_json(value, status)


def error_reply(status: int, code: str, message: str = "The deployment says so") -> Reply:
    """An answer with the error envelope."""
    return json_reply(status, {"code": code, "message": message})
