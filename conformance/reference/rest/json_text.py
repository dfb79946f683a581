"""JSON on the wire: the strict reader of RFC 8259, the lenient one EMQX 5.8 has, and the writer."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn


class InvalidJson(ValueError):
    """The text is no JSON."""


_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def write_json(value: Any) -> bytes:
    """Compact UTF-8; lone surrogates (from undecodable path bytes) become ``?``."""
    text = _encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _refuse_constant(_name: str) -> NoReturn:
    raise InvalidJson


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise InvalidJson
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson
    return members


_strict_decoder = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_constant=_refuse_constant, parse_float=_finite
)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(raw: bytes) -> Any:
    """Value of an RFC 8259 text; raises `InvalidJson`.

    Texts on which parsers disagree are refused too: repeated member names, lone surrogates, numbers beyond a double
    (GEN-08).
    """
    try:
        text = raw.decode()
        value = _strict_decoder.decode(text)
        if _ESCAPED_SURROGATE.search(text):
            _encode(value).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidJson from error
    return value


_SPACE = " \t\r\n"
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_LITERALS = (("true", True), ("false", False), ("null", None))
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPAN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}


def read_json_leniently(raw: bytes) -> Any:
    """Value of a text as the parser of EMQX 5.8 reads it (`Quirk.SLOPPY_JSON`); raises `InvalidJson`.

    Beyond RFC 8259 it accepts a byte order mark, invalid UTF-8 and lone surrogates (U+FFFD), comments, trailing commas,
    single-quoted strings, raw control characters, unknown escapes (kept as written), and repeated names (last wins).
    Source: behaviour 0.1 step 4.
    """
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    try:
        reader = _LenientReader(text)
        value = reader.value(reader.skip(0))
        if reader.skip(reader.position) != len(text):
            raise InvalidJson
    except (IndexError, ValueError, RecursionError) as error:
        raise InvalidJson from error
    return value


class _LenientReader:
    """Recursive descent over ``text``; ``position`` is the index behind the value read last."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def skip(self, index: int) -> int:
        """Index of the next character that is neither white space nor part of a comment."""
        text = self.text
        while index < len(text):
            if text[index] in _SPACE:
                index += 1
            elif text.startswith("//", index):
                end = text.find("\n", index)
                index = len(text) if end < 0 else end + 1
            elif text.startswith("/*", index):
                index = text.index("*/", index + 2) + 2
            else:
                break
        return index

    def value(self, index: int) -> Any:
        character = self.text[index]
        if character == "{":
            return self._object(index + 1)
        if character == "[":
            return self._array(index + 1)
        if character in _SPAN:
            return self._string(index + 1, character)
        for word, literal in _LITERALS:
            if self.text.startswith(word, index):
                self.position = index + len(word)
                return literal
        return self._number(index)

    def _number(self, index: int) -> int | float:
        match = _NUMBER.match(self.text, index)
        if match is None:
            raise InvalidJson
        self.position = match.end()
        return _finite(match[0]) if match[1] or match[2] else int(match[0])

    def _object(self, index: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while True:
            index = self.skip(index)
            if self.text[index] == "}":
                self.position = index + 1
                return members
            if self.text[index] not in _SPAN:
                raise InvalidJson
            name = self._string(index + 1, self.text[index])
            index = self.skip(self.position)
            if self.text[index] != ":":
                raise InvalidJson
            members[name] = self.value(self.skip(index + 1))
            index = self._after_item("}")

    def _array(self, index: int) -> list[Any]:
        items: list[Any] = []
        while True:
            index = self.skip(index)
            if self.text[index] == "]":
                self.position = index + 1
                return items
            items.append(self.value(index))
            index = self._after_item("]")

    def _after_item(self, closing: str) -> int:
        index = self.skip(self.position)
        if self.text[index] == ",":
            return index + 1
        if self.text[index] != closing:
            raise InvalidJson
        return index

    def _string(self, index: int, quote: str) -> str:
        parts = []
        span = _SPAN[quote]
        while True:
            match = span.match(self.text, index)
            assert match is not None  # the pattern matches the empty string
            parts.append(match[0])
            index = match.end()
            if self.text[index] == quote:
                self.position = index + 1
                break
            text, index = self._escape(index + 1)
            parts.append(text)
        joined = "".join(parts)
        if _SURROGATE.search(joined):
            joined = joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return joined

    def _escape(self, index: int) -> tuple[str, int]:
        character = self.text[index]
        if character == "u":
            digits = self.text[index + 1 : index + 5]
            if len(digits) < 4 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise InvalidJson
            return chr(int(digits, 16)), index + 5
        return _ESCAPES.get(character, "\\" + character), index + 1
