"""What led to an answer: the earlier writes without which its request shows nothing, and what no line repeats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from conformance.target.answer import Answer, Sent
from conformance.target.guard_paths import decode, split_path
from conformance.target.json_body import decode_json
from conformance.target.sandbox import PREFIX

MOST_STEPS = 12
"""A failure that depends on more writes than that is told by its own request alone."""

TRIALS = ("POST /connectors_probe", "POST /actions_probe", "POST /rules/{id}/test")
"""Writes that make nothing, though metrics count the tests of a rule."""

PUBLISHES = ("POST /publish", "POST /publish/bulk")
_IDENTITIES = ("name", "id", "user_id", "username", "clientid", "who", "topic")
_QUOTED = re.compile(r'"([^"\\]+)"')


class History:
    """The successful writes of the current item, and those that made what outlasts items.

    ``beyond``: what took part in the item and is no request.
    """

    def __init__(self) -> None:
        self._lasting: list[_Write] = []
        self._writes: list[_Write] = []
        self.beyond = Beyond()

    def begin(self) -> None:
        """Forget the writes of the item before."""
        self._writes.clear()
        self.beyond.begin()

    def note(self, answer: Answer) -> None:
        """Remember an answer, if it is to an operation that is no read and the target took it."""
        self.beyond.note(answer.sent)
        if answer.ok and answer.operation is not None and answer.sent.method != "GET":
            self._writes.append(_Write(answer.operation, answer.sent))

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """What is written meanwhile makes something that serves later items as well."""
        since = len(self._writes)
        yield
        self._lasting += self._writes[since:]
        del self._writes[since:]

    def before(self, sent: Sent) -> list[Sent] | None:
        """The writes to repeat before ``sent``, oldest first; None if they are more than `MOST_STEPS`.

        They are those of what it names, of what those name, and so on. Before a read or a deletion come those, too,
        that name what it is about, as far as that fits; before a read of metrics whatever they count.
        """
        earlier = list(
            takewhile(lambda write: write.sent.request_id != sent.request_id, [*self._lasting, *self._writes])
        )
        about = set(_about(sent)) if sent.method in ("GET", "DELETE") else set()
        steps = _led_to(sent, earlier, about)
        if about and len(steps) > MOST_STEPS:
            steps = _led_to(sent, earlier, set())
        return steps if len(steps) <= MOST_STEPS else None


class Beyond:
    """What takes part in an item besides requests one after the other, so that no lines repeat it.

    ``sink``: ``host:port`` of the suite's HTTP sink, once it was started.
    """

    def __init__(self) -> None:
        self.sink: str | None = None
        self.begin()

    def begin(self) -> None:
        self._clients: dict[str, set[str]] = {}
        self._at_once = 1

    def client(self, client_id: str, username: str | None) -> None:
        """An MQTT client of the suite takes part."""
        self._clients.setdefault(client_id, {client_id}).update([username] if username else [])

    def note(self, sent: Sent) -> None:
        self._at_once = max(self._at_once, sent.at_once)

    def reason(self, sent: Sent, steps: Sequence[Sent], answer: Answer | None, *, judged: bool) -> str | None:
        """Why the lines that repeat ``steps`` and ``sent`` need not show a failure again: one sentence, or None.

        ``answer``: what ``sent`` got. ``judged``: whether that is what the failure is about; otherwise it is something
        that was seen about the time of it.
        """
        if sent.at_once > 1 or (not judged and self._at_once > 1):
            return f"It took {self._at_once} requests at the same time, which these lines send one after the other."
        if self._clients and (not judged or self._concerns_clients(sent, answer)):
            names = ", ".join(self._clients)
            return f"MQTT clients of the suite took part, which these lines do not connect: {names}."
        if self.sink is not None and (not judged or sent.path.endswith("_probe")):
            for part in (sent, *steps):
                if self.sink.encode() in part.body:
                    return f"The suite's HTTP sink took part, which ended with the run: {self.sink}."
        return None

    def _concerns_clients(self, sent: Sent, answer: Answer | None) -> bool:
        """Whether an answer may be another one without the clients."""
        known = {name for names in self._clients.values() for name in names}
        if not known.isdisjoint(_mentions(sent)):
            return True
        if sent.path.startswith(_OF_CLIENTS):
            return True
        return sent.path.startswith("/publish") and answer is not None and answer.ok


_OF_CLIENTS = ("/clients", "/subscriptions", "/mqtt/retainer")


@dataclass(frozen=True, slots=True)
class _Write:
    operation: str
    sent: Sent

    def subjects(self) -> Iterator[str]:
        """What it is about: the ids in its path, otherwise the identities of the entries in its body."""
        template = split_path(self.operation.partition(" ")[2])
        segments = decode(split_path(self.sent.path))
        named = {part[1:-1]: segment for part, segment in zip(template, segments, strict=False) if part.startswith("{")}
        about: Any = named or decode_json(self.sent.body)[0]
        for entry in about if isinstance(about, list) else [about]:
            for name in _IDENTITIES if isinstance(entry, dict) else ():
                if isinstance(entry.get(name), str):
                    yield from _names(entry[name])


def _led_to(sent: Sent, earlier: Sequence[_Write], about: set[str]) -> list[Sent]:
    """The writes of what ``sent`` names, of what those name, and so on; also those that name what it is ``about``.

    Of several replacements of one thing only the last counts.
    """
    counted = split_path(sent.path)[-1:] == ["metrics"]
    named = set(_mentions(sent))
    needed = set(named)
    chosen: dict[int, _Write] = {}

    def belongs(write: _Write) -> bool:
        if write.operation in TRIALS:
            return counted and not needed.isdisjoint(write.subjects())
        if write.operation in PUBLISHES:
            topics = needed if counted else named if sent.method in ("GET", "DELETE") else set()
            return not topics.isdisjoint(write.subjects())
        return not needed.isdisjoint(write.subjects()) or not about.isdisjoint(_mentions(write.sent))

    grown = True
    while grown:
        grown = False
        for number, write in reversed(list(enumerate(earlier))):
            if number not in chosen and not _is_replaced(number, write, chosen) and belongs(write):
                chosen[number] = write
                needed.update(_mentions(write.sent))
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


def _about(sent: Sent) -> Iterator[str]:
    """What of the sandbox a request addresses."""
    for segment in decode(split_path(sent.path)):
        yield from (name for name in _names(segment) if name.startswith(PREFIX))


def _mentions(sent: Sent) -> Iterator[str]:
    """Everything a request names: the segments of its path, all texts of its body, and what SQL quotes in them."""
    for text in (*decode(split_path(sent.path)), *_texts(decode_json(sent.body)[0])):
        yield from _names(text)
        yield from _QUOTED.findall(text)


def _names(identifier: str) -> Iterator[str]:
    """An identifier, and without its type if it has one: ``http:line-1`` is the action or connector ``line-1``."""
    yield identifier
    _, colon, name = identifier.partition(":")
    if colon:
        yield name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
