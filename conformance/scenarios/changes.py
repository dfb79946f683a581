"""What the chain of a worker does while a part of it is changed: one change, which several items judge.

A write of the configuration costs a real server 0.2 s. A part is switched off and on, or updated, by the first item
that asks for it, and the others judge what came of that. Alone, an item makes the change that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conformance.scenarios.chain import OTHER_BODY, PASSES, Chain
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.typed import configured
from conformance.target.sink import Delivery
from conformance.target.target import Target
from conformance.worker.context import Context

Part = Literal["action", "connector"]

AS_UPDATED = "After an update of an action or its connector messages are delivered as it says now, and not as before."
"""What ACT-24 says, which several items verify."""

MARKS: Mapping[Part, str] = {"action": "x-of-action", "connector": "x-of-connector"}
"""The header by which an update of a part of the chain is told from what was before."""


@dataclass(frozen=True, slots=True)
class Step:
    """That a part was enabled or not: the ``answer``, the GET right after it, and the last of those that waited for the
    status that it ought to have then."""

    enabled: bool
    answer: Answer
    read: Answer
    settled: Answer


@dataclass(frozen=True, slots=True)
class First:
    """Of the message that was published right after a change: its ``delivery``, what the sink answered each time it
    came, and by how many successes the action counted it."""

    delivery: Delivery | None
    answers: list[int]
    success: int


@dataclass(frozen=True, slots=True)
class Switched:
    """A part of a chain that was switched off and on again, in ``steps``: a connector twice each.

    While it was off: the action, read until it was not connected (``stopped``), the answer to its ``start``, whether
    the other action of the rule ``witnessed`` all messages, and whether one was ``leaked``. Once it was on again: the
    ``first`` message, whether one of those before came ``late``, the action, read until it was connected (``started``),
    and whether it ``delivers`` another message.
    """

    steps: list[Step]
    stopped: Answer
    start: Answer
    witnessed: bool
    leaked: bool
    first: First
    started: Answer
    delivers: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Updated:
    """A part of a chain that was updated with what was read of it and something else, ``sent``.

    Its description and a header, one of `MARKS`, are ``mark`` now, and an action has another body.
    """

    mark: str
    sent: Mapping[str, Any]
    answer: Answer
    first: First


@dataclass(slots=True)
class Changes:
    """Those that the items of a worker made, by the id of the part."""

    switched: dict[str, Switched] = field(default_factory=dict)
    updated: dict[str, Updated] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context) -> Changes:
        changes: Changes = context.once("changes of the chain", cls)
        return changes


def switched(context: Context, chain: Chain, part: Part) -> Switched:
    """What came of switching a part of the chain off and on, which is done unless it was.

    Raises AssertionError if the chain does not deliver before.
    """
    known, (collection, identifier) = Changes.of(context).switched, _part(chain, part)
    if identifier not in known:
        known[identifier] = _switch(chain, collection, identifier)
    return known[identifier]


def updated(context: Context, chain: Chain, part: Part) -> Updated:
    """What came of an update of a part of the chain, which is made unless it was."""
    known, (collection, identifier) = Changes.of(context).updated, _part(chain, part)
    if identifier not in known:
        known[identifier] = _update(chain, collection, identifier)
    return known[identifier]


def step(target: Target, collection: Bridges, identifier: str, *, enabled: bool) -> Step:
    """Enable a connector or action, or not, and wait until its status says so."""
    return _look(target, collection, identifier, collection.enable(identifier, enabled), enabled=enabled)


def first(chain: Chain) -> First:
    """What becomes of a message that is published now, the first since the counters were reset."""
    chain.publish(_FIRST)
    delivery = chain.accepted(_FIRST)
    success = chain.target.actions.counted(chain.action, {"success": 1})["success"]
    return First(delivery, chain.sent(_FIRST), success)


_BEFORE, *_MEANWHILE, _FIRST, _AFTER = range(PASSES, PASSES + 5)


def _switch(chain: Chain, collection: Bridges, identifier: str) -> Switched:
    target, actions = chain.target, chain.target.actions
    times = range(2 if collection is target.connectors else 1)
    chain.publish(_BEFORE)
    assert chain.arrival(_BEFORE), "the enabled action does not deliver"
    assert chain.witnessed(_BEFORE), "the second action of the rule does not deliver"

    steps = [step(target, collection, identifier, enabled=False) for _ in times]
    stopped = _read_until(target, actions, chain.action, lambda status: status != "connected")
    start = actions.start(chain.action)
    witnessed = []
    for value in _MEANWHILE:
        chain.publish(value)
        witnessed.append(chain.witnessed(value))
    leaked = chain.arrived(_MEANWHILE[0])

    chain.settled()  # what is dropped is counted late: seen on a real 5.8.9
    actions.reset_metrics(chain.action)
    answer = collection.enable(identifier, True)
    right_after = first(chain)
    steps.append(_look(target, collection, identifier, answer, enabled=True))
    steps += [step(target, collection, identifier, enabled=True) for _ in times[1:]]
    started = _read_until(target, actions, chain.action, lambda status: status == "connected")
    chain.publish(_AFTER)
    delivers = chain.arrival(_AFTER) is not None
    late = any(map(chain.arrived, _MEANWHILE))
    return Switched(steps, stopped, start, all(witnessed), leaked, right_after, started, delivers, late)


def _update(chain: Chain, collection: Bridges, identifier: str) -> Updated:
    mark, read = chain.target.sandbox.name("changed"), configured(collection.read(identifier))
    sent = {**read, "description": mark}
    if collection is chain.target.actions:
        headers = {**read["parameters"].get("headers", {}), MARKS["action"]: mark}
        sent["parameters"] = {**read["parameters"], "headers": headers, "body": OTHER_BODY}
    else:
        sent["headers"] = {**read.get("headers", {}), MARKS["connector"]: mark}
    chain.settled()
    chain.target.actions.reset_metrics(chain.action)
    answer = collection.put(identifier, sent)
    return Updated(mark, sent, answer, first(chain))


def _part(chain: Chain, part: Part) -> tuple[Bridges, str]:
    target = chain.target
    return (target.actions, chain.action) if part == "action" else (target.connectors, chain.connector)


def _look(target: Target, collection: Bridges, identifier: str, answer: Answer, *, enabled: bool) -> Step:
    def reached(status: Any) -> bool:
        # What a disabled action is called is not said.
        off = status != "connected" if collection is target.actions else status == "stopped"
        return bool(status == "connected" if enabled else off)

    read = collection.get(identifier)
    return Step(enabled, answer, read, _read_until(target, collection, identifier, reached))


def _read_until(target: Target, collection: Bridges, identifier: str, reached: Callable[[Any], bool]) -> Answer:
    """The last answer to a GET, once its status is as it is waited for, or as it is in the end."""
    answers: list[Answer] = []

    def read() -> bool:
        answers.append(collection.get(identifier))
        return reached(status_of(answers[-1]))

    target.eventually(read, target.timing.delivered)
    return answers[-1]


def status_of(answer: Answer) -> Any:
    """The status that the GET of a connector or action shows, None if it shows none."""
    return answer.json.get("status") if answer.ok and isinstance(answer.json, dict) else None
