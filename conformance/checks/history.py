"""What led to an answer: the earlier writes without which its request shows nothing, and what no line repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.checks.beyond import Beyond
from conformance.checks.names import IDENTITIES, about, filters, is_list, mentions, names, shown
from conformance.contract import kinds, paths
from conformance.contract.kinds import KINDS
from conformance.target.guard.paths import decode, split_path
from conformance.target.http.answer import Answer, Sent
from conformance.target.http.json_body import decode_json

MOST_STEPS = 12
"""A failure that depends on more writes than that is told by its own request alone."""

TRIALS = frozenset(label for kind in KINDS for label in kind.trials)
"""Writes that make nothing, though metrics count the tests of a rule."""

PUBLISHES = frozenset(kinds.RETAINED.created_by)

_OF_BRIDGES = tuple(f"POST {kind.path}" for kind in KINDS if kind.typed)


class History:
    """The successful writes of the current item, and those that made what outlasts items.

    ``beyond``: what took part in the item and is no request. ``is_lasting``: whether what is sent now makes, or
    looks for, something that serves later items as well.
    """

    def __init__(self) -> None:
        self.is_lasting = False
        self._lasting: list[_Write] = []
        self._writes: list[_Write] = []
        self._before: dict[str, int] = {}
        self._lasting_before: dict[str, int] = {}
        self._lasting_since = 0
        self.beyond = Beyond()

    def begin(self) -> None:
        """Forget the writes of the item before."""
        self._writes.clear()
        self._before.clear()
        self.beyond.begin()

    def note(self, answer: Answer) -> None:
        """Remember an answer, if it is to no read and the target took it, or may have (5xx)."""
        self.beyond.note(answer.sent)
        self._before[answer.sent.request_id] = len(self._writes)
        if self.is_lasting:
            # Later items may judge it, after more was written about the same thing.
            made = len(self._writes) - self._lasting_since
            self._lasting_before[answer.sent.request_id] = len(self._lasting) + made
        if answer.sent.method != "GET" and (answer.ok or answer.status >= 500):
            self._writes.append(_Write(answer.operation or "", answer.sent, answer.ok))

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """What is written meanwhile makes something that serves later items as well."""
        since, before = len(self._writes), self.is_lasting
        if not before:
            self._lasting_since = since
        self.is_lasting = True
        try:
            yield
        finally:
            self.is_lasting = before
        self._lasting += self._writes[since:]
        del self._writes[since:]

    def outlast(self) -> None:
        """What the item wrote so far matters to later items as well."""
        self._lasting += self._writes

    def before(self, sent: Sent, answer: Answer | None = None) -> list[Sent] | None:
        """The writes to repeat before ``sent``, oldest first; None if they are more than `MOST_STEPS`.

        They are those of what it names, of what those name, and so on. Before a read or a deletion come those, too,
        that name what it is about, and before the read of a list those of what ``answer`` shows, as far as that fits
        (if it shows nothing for a crash, what serves all items as well, for that may be what crashes it);
        before a read of metrics comes whatever they count.
        """
        lasting = self._lasting[: self._lasting_before.get(sent.request_id, len(self._lasting))]
        earlier = [*lasting, *self._writes[: self._before.get(sent.request_id, len(self._writes))]]
        earlier = [write for write in earlier if write.sent.request_id != sent.request_id]
        also = _Also(about=set(about(sent)) if sent.method in ("GET", "DELETE") else set())
        wider = []
        if is_list(sent):
            own = {write.sent.request_id for write in self._writes}
            path = sent.path.partition("?")[0]
            below = {w.sent.request_id for w in earlier if w.sent.path == path or w.sent.path.startswith(f"{path}/")}
            also.made = below & own
            also.shown = shown(answer)
            also.filters = filters(sent)
            if answer is not None and answer.status >= 500:
                wider = [replace(also, made=below)]
        tried = (_led_to(sent, earlier, one) for one in (*wider, also, _Also()))
        return next((steps for steps in tried if len(steps) <= MOST_STEPS), None)


@dataclass(frozen=True, slots=True)
class _Write:
    """``operation``: empty for a path that is none's. ``taken``: whether the target said so."""

    operation: str
    sent: Sent
    taken: bool

    def subjects(self) -> Iterator[str]:
        """What it is about: the ids in its path, otherwise the identities of the entries in its body."""
        template = split_path(self.operation.partition(" ")[2])
        segments = decode(split_path(self.sent.path))
        named = {part[1:-1]: segment for part, segment in zip(template, segments, strict=False) if part.startswith("{")}
        about: Any = named or decode_json(self.sent.body)[0]
        # What else bridges hold are users and topics of others, which several of them may share.
        keys = ("name",) if self.operation.startswith(_OF_BRIDGES) else IDENTITIES
        for entry in about if isinstance(about, list) else [about]:
            for name in keys if isinstance(entry, dict) else ():
                if isinstance(entry.get(name), str):
                    yield from names(entry[name])


@dataclass(slots=True)
class _Also:
    """What else belongs to a read: ``about``: names, of which the writes that mention them belong to it; ``made``: ids
    of requests; ``shown``: names, of which the writes that made them do; ``filters``: beginnings of such names."""

    about: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    filters: tuple[str, ...] = ()


def _led_to(sent: Sent, earlier: Sequence[_Write], also: _Also) -> list[Sent]:
    """The writes of what ``sent`` names, of what those name, and so on, and what belongs to it ``also``.

    Of several replacements of one thing only the last counts.
    """
    counted = split_path(sent.path)[-1:] == ["metrics"]
    named = {*mentions(sent), *also.shown}
    needed = set(named)
    chosen: dict[int, _Write] = {}

    def belongs(write: _Write) -> bool:
        if not write.taken and (sent.method == "POST" or write.sent.method != "POST"):
            return False  # a crash that may have stored something matters to what looks for it
        if also.filters and any(name.startswith(also.filters) for name in write.subjects()):
            return write.operation not in PUBLISHES or sent.path.startswith(paths.RETAINED_MESSAGES)
        if write.operation in TRIALS:
            return counted and not needed.isdisjoint(write.subjects())
        if write.operation in PUBLISHES:
            topics = needed if counted else named if sent.method in ("GET", "DELETE") else set()
            return not topics.isdisjoint(write.subjects())
        if write.sent.request_id in also.made or not needed.isdisjoint(write.subjects()):
            return True
        return not also.about.isdisjoint(mentions(write.sent))

    grown = True
    while grown:
        grown = False
        for number, write in reversed(list(enumerate(earlier))):
            if number not in chosen and not _is_replaced(number, write, chosen) and belongs(write):
                chosen[number] = write
                needed.update(mentions(write.sent))
                grown = True
    steps = [chosen[number].sent for number in sorted(chosen)]
    return steps if counted else list(_without_repetitions(steps))


def _is_replaced(number: int, write: _Write, chosen: dict[int, _Write]) -> bool:
    return write.sent.method == "PUT" and any(
        later > number and other.sent.path == write.sent.path for later, other in chosen.items()
    )


def _without_repetitions(steps: Iterable[Sent]) -> Iterator[Sent]:
    """Each of several equal requests once: the last, which may have met what the others did not."""
    kept: dict[tuple[str, str, bytes], Sent] = {}
    for step in steps:
        key = (step.method, step.path, step.body)
        kept.pop(key, None)
        kept[key] = step
    yield from kept.values()
