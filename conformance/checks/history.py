"""What made the things a request is about: the earlier writes without which repeating it shows nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from conformance.target.answer import Answer, Sent
from conformance.target.guard_paths import decode, split_path
from conformance.target.json_body import decode_json

MOST_STEPS = 12
"""A failure that depends on more writes than that is told by its own request alone."""

_TRIALS = ("POST /connectors_probe", "POST /actions_probe", "POST /rule_test")
_IDENTITIES = ("name", "id", "user_id", "username", "clientid", "who", "topic")


class History:
    """The successful writes of the current item, and those that made what outlasts items."""

    def __init__(self) -> None:
        self._lasting: list[_Write] = []
        self._writes: list[_Write] = []

    def begin(self) -> None:
        """Forget the writes of the item before."""
        self._writes.clear()

    def note(self, answer: Answer) -> None:
        """Remember an answer, if it is to an operation that changes something and the target took it."""
        operation = answer.operation
        if answer.ok and operation is not None and answer.sent.method != "GET" and operation not in _TRIALS:
            self._writes.append(_Write(operation, answer.sent))

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """What is written meanwhile makes something that serves later items as well."""
        since = len(self._writes)
        yield
        self._lasting += self._writes[since:]
        del self._writes[since:]

    def before(self, sent: Sent) -> list[Sent]:
        """The writes to repeat before ``sent``, oldest first: of what it names, of what those name, and so on.

        Of several replacements of one thing only the last counts.
        """
        needed = set(_mentions(sent))
        steps: list[Sent] = []
        paths: set[str] = set()
        earlier = takewhile(lambda write: write.sent.request_id != sent.request_id, [*self._lasting, *self._writes])
        for write in reversed(list(earlier)):
            replaced = write.sent.method == "PUT" and write.sent.path in paths
            if not replaced and not needed.isdisjoint(write.subjects()):
                steps.append(write.sent)
                paths.add(write.sent.path)
                needed.update(_mentions(write.sent))
        return steps[::-1] if len(steps) <= MOST_STEPS else []


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


def _mentions(sent: Sent) -> Iterator[str]:
    """Everything a request names: the segments of its path and all texts of its body."""
    for text in (*decode(split_path(sent.path)), *_texts(decode_json(sent.body)[0])):
        yield from _names(text)


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
