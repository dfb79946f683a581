"""What requests and answers name: ids in paths, identities and references in bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from conformance.contract.kinds import KINDS
from conformance.target.guard.paths import decode, split_path
from conformance.target.guard.sandbox import PREFIX
from conformance.target.http.answer import Answer, Sent
from conformance.target.http.json_body import decode_json

IDENTITIES = tuple({field: None for kind in KINDS for field in (*kind.identity[-1:], *kind.labels)})
"""Fields whose values name something."""

_QUOTED = re.compile(r'"([^"\\]+)"')


def is_list(sent: Sent) -> bool:
    """Whether a request reads a collection rather than something of the sandbox."""
    return sent.method == "GET" and not any(about(sent))


def filters(sent: Sent) -> tuple[str, ...]:
    """Beginnings of names of the sandbox by which a request filters, without the wildcards of a topic."""
    values = [value.rstrip("#+").rstrip("/") for _, value in parse_qsl(sent.path.partition("?")[2])]
    return tuple(value for value in values if value.startswith(PREFIX))


def shown(answer: Answer | None) -> set[str]:
    """The identities of what a successful answer shows."""
    return set(_identities(answer.json)) if answer is not None and answer.ok and answer.is_json else set()


def _identities(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if key in IDENTITIES and isinstance(part, str):
                yield part
            yield from _identities(part)


def about(sent: Sent) -> Iterator[str]:
    """What of the sandbox a request addresses."""
    for segment in decode(split_path(sent.path)):
        yield from (name for name in names(segment) if name.startswith(PREFIX))


def mentions(sent: Sent) -> Iterator[str]:
    """Everything a request names: the segments of its path, all texts of its body, and what SQL quotes in them."""
    for text in (*decode(split_path(sent.path)), *_texts(decode_json(sent.body)[0])):
        yield from names(text)
        yield from _QUOTED.findall(text)


def names(identifier: str) -> Iterator[str]:
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
