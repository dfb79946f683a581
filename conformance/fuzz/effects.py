"""What valid writes of the configuration did, once in a worker: whoever needs one sent judges what is known of it.

A real server takes 0.2 s for each. That a write is carried out is what several items ask: whether it is accepted, seen
at once, the same when it is sent again, and whether what was seen of refused requests means anything. The first of them
sends it. What was not taken, or did not show at once, is not remembered, so that each of them finds it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.fuzz.witness import Write
from conformance.target.http.answer import Answer
from conformance.target.timing import eventually
from conformance.worker.context import Context

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Again:
    """The same write sent again: its ``answer``, and what its witness saw right after it."""

    answer: Answer
    after: Any


@dataclass(frozen=True, slots=True)
class Effect:
    """A valid write: what its witness saw right ``before`` it and right ``after`` its ``answer``.

    ``again``: the same once more, of a PUT that others may ask for, too. ``is_example``: as of `Write`.
    """

    before: Any
    answer: Answer
    after: Any
    again: Again | None
    is_example: bool = False

    @property
    def shows(self) -> bool:
        """Whether it was taken and seen at once."""
        return self.answer.ok and self.after != self.before


@dataclass(slots=True)
class Effects:
    """What a worker knows of its target: effects by label, and the answers to requests without a body."""

    known: dict[str, Effect] = field(default_factory=dict)
    _answers: dict[str, Answer] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context) -> Effects:
        effects: Effects = context.once("effects", cls)
        return effects

    def answer(self, label: str, path: Mapping[str, str], query: Mapping[str, Any]) -> Answer | None:
        """The answer to such a request, whatever it was about, if it was taken."""
        return self._answers.get(_key(label, path, query))

    def answered(self, label: str, path: Mapping[str, str], query: Mapping[str, Any], answer: Answer) -> None:
        """Remember an answer, if it was to a write of the configuration without a body, which was taken."""
        if label in CONFIGURATION_WRITES and answer.ok and not answer.sent.body:
            self._answers[_key(label, path, query)] = answer

    def found(self, key: str, make: Callable[[], Found]) -> Found:
        """What ``make`` found out for the first item that asked for it under a key, and judges nothing itself."""
        if key not in self._found:
            self._found[key] = make()
        found: Found = self._found[key]
        return found

    def forget(self) -> None:
        """The target is another one."""
        self.known.clear()
        self._answers.clear()
        self._found.clear()


def effect_of(context: Context, label: str, arrange: Callable[[], Write], *, again: bool = False) -> Effect:
    """What is known of the effect of an operation, or that of the write that ``arrange`` makes, sent now.

    ``again``: send it twice.
    """
    known = Effects.of(context).known.get(label)
    if known is not None:
        return known
    write = arrange()
    effect = _sent(context, label, write, again)
    write.undo()
    return effect


def expect_effect(context: Context, label: str, write: Write, requirement: str) -> None:
    """A write can be seen: else that nothing was seen of refused requests would mean nothing.

    Where an item saw that of an operation, it is so for all: their witnesses are alike.
    """
    if label in Effects.of(context).known:
        return
    effect = _sent(context, label, write)
    shows = effect.shows or (
        effect.answer.ok and eventually(lambda: write.seen() != effect.before, context.api.timing.eventually)
    )
    if not shows:
        message = f"a valid request answered {effect.answer.status} and changed nothing of {effect.before!r}"
        context.recorder.failed(requirement, "arrange", message, effect.answer, attribution="undecided")


def _sent(context: Context, label: str, write: Write, again: bool = False) -> Effect:
    """Send a write, and remember what comes of it if others may judge that."""
    api, costs = context.api, label in CONFIGURATION_WRITES
    with judged_later(context, label):
        before = write.seen()
        answer = write.send(api, label)
        after = write.seen()
        once_more = again or (costs and label.startswith("PUT "))
        second = Again(write.send(api, label), write.seen()) if once_more else None
        effect = Effect(before, answer, after, second, write.is_example)
    if costs and effect.shows:
        effects = Effects.of(context)
        effects.known[label] = effect
        effects.answered(label, write.path, write.query, answer)
    return effect


def judged_later(context: Context, label: str) -> AbstractContextManager[None]:
    """While an operation is carried out whose answer later items judge: that has to be shown again by what was written
    until now. They do where a real server pays for it."""
    return context.recorder.history.lasting() if label in CONFIGURATION_WRITES else nullcontext()


def _key(label: str, path: Mapping[str, str], query: Mapping[str, Any]) -> str:
    """What tells a request from others of its operation, but for the ids in its path."""
    return f"{label} {path.get('enable', '')} {sorted(query.items())}"
