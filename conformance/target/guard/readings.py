"""What a server could read from the bytes of a request body: the guard judges every reading, not the intended one.

EMQX's JSON parser accepts more than RFC 8259 (behaviour 0.1 step 4), and other targets may accept more still. The
reader here takes everything that looks like JSON at all, and of a broken text what stands before the break.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl


class Several(list[Any]):
    """The values of a repeated key: which of them counts differs from server to server."""


def lenient_readings(body: bytes) -> list[Any]:
    """Every value some JSON parser could read from ``body``, several where texts stand one behind the other.

    Covers a byte order mark, UTF-16 and UTF-32, invalid UTF-8, comments, trailing and missing commas, single quotes,
    bare words, NaN, unknown escapes, truncation, and duplicate keys (`Several`). Empty if there is no text at all.
    """
    readings: list[Any] = []
    for text in _texts(body):
        try:
            readings.append(_decoder.decode(text))
        except (ValueError, RecursionError):
            readings.extend(_Reader(text).values())
    return readings


def query_reading(path: str) -> dict[str, Any]:
    """The query of a raw path as the object that a server could take it for; repeated names are `Several`."""
    return _merged(parse_qsl(path.partition("?")[2].partition("#")[0], keep_blank_values=True))


def values_at(body: Any, *keys: str) -> Iterator[Any]:
    """The values under ``keys`` at any depth, each one of a repeated key."""
    pending = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if key in keys:
                    yield from value if isinstance(value, Several) else (value,)
            pending.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            pending.extend(reversed(node))


def scalars(body: Any) -> Iterator[str | int | float]:
    """Texts and numbers at any depth, keys not included."""
    pending = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            pending.extend(reversed(node))
        elif isinstance(node, str | int | float) and not isinstance(node, bool):
            yield node


def elements(body: Any) -> Iterator[Any]:
    """Elements of a list, of lists in it, and of what passes for one: an object with numeric keys, a single element."""
    pending = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(reversed(node))
            continue
        yield node
        if isinstance(node, dict):
            pending.extend(value for key, value in node.items() if key.strip().lstrip("+-").isdecimal())


def fields(body: Any, name: str) -> list[Any]:
    """The values of one field of an object, several if it is repeated."""
    if not isinstance(body, dict) or name not in body:
        return []
    value = body[name]
    return list(value) if isinstance(value, Several) else [value]


def as_text(value: Any) -> str | None:
    """The text a value stands for: itself, or what a list of characters spells (Erlang's strings); None for others."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    pending, spelled = list(reversed(value)), ""
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending.extend(reversed(part))
        elif isinstance(part, str):
            spelled += part
        elif isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 0x10FFFF:
            spelled += chr(part)
        else:
            return None
    return spelled


def _merged(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            earlier = members[key]
            members[key] = Several([*(earlier if isinstance(earlier, Several) else [earlier]), value])
        else:
            members[key] = value
    return members


_decoder = json.JSONDecoder(object_pairs_hook=_merged, parse_constant=lambda _: None, strict=False)

_BLANK = "\ufeff\0 \t\r\n"


def _texts(body: bytes) -> list[str]:
    decoded = [body.decode("utf-8", "replace")]
    if b"\0" in body:
        decoded += [
            body.decode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        ]
    texts = [text.strip(_BLANK) for text in decoded]
    return [text for text in texts if text]


_TOKEN = re.compile(
    r"""
    (?P<skip> [\s,\ufeff\0]+ | //[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<open> [\[{] )
  | (?P<close> [\]}] )
  | (?P<colon> : )
  | (?P<text> "[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z) | '[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?\Z) )
  | (?P<word> [^\s,\[\]{}:"']+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_WORDS = {"true": True, "false": False, "null": None}


class _Reader:
    """Reads anything without recursion: containers that are never closed end with the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values: list[Any] = []
        # The open containers; an object is kept as pairs, whose last one may still wait for its value.
        self._open: list[tuple[str, list[Any]]] = []
        self._after_colon = False

    def values(self) -> list[Any]:
        for match in _TOKEN.finditer(self._text):
            token = match[0]
            match match.lastgroup:
                case "open":
                    self._open.append((token, []))
                    self._after_colon = False
                case "close":
                    self._close()
                case "colon":
                    self._after_colon = True
                case "text":
                    self._add(_unescaped(token))
                case "word" if self._open or not isinstance(_word(token), str):
                    self._add(_word(token))  # a bare word outside of everything is garbage for every parser
        while self._open:
            self._close()
        return self._values

    def _close(self) -> None:
        if self._open:
            kind, items = self._open.pop()
            self._after_colon = False
            self._add(_object(items) if kind == "{" else items, closed=True)

    def _add(self, value: Any, *, closed: bool = False) -> None:
        if not self._open:
            self._values.append(value)
        elif self._open[-1][0] == "[":
            self._open[-1][1].append(value)
        else:
            pairs = self._open[-1][1]
            waiting = pairs and pairs[-1][1] is _MISSING
            if waiting and (self._after_colon or closed):
                pairs[-1] = (pairs[-1][0], value)
            elif closed:
                pairs.append(("", value))
            else:
                pairs.append((str(value), _MISSING))
        self._after_colon = False


_MISSING: Any = object()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return _merged([(key, None if value is _MISSING else value) for key, value in pairs])


def _unescaped(token: str) -> str:
    quote = token[0]
    content = token[1:-1] if len(token) > 1 and token.endswith(quote) else token[1:]
    if "\\" not in content:
        return content

    def character(match: re.Match[str]) -> str:
        if len(match[1]) > 1:
            return chr(int(match[1][1:], 16))
        return _ESCAPES.get(match[1], match[0])

    joined = _ESCAPE.sub(character, content)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _word(token: str) -> Any:
    if token in _WORDS:
        return _WORDS[token]
    for convert in (int, float):
        try:
            return convert(token)
        except ValueError:
            continue
    return token
