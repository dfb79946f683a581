"""What the codecs of the three schema types have in common."""

from __future__ import annotations

from typing import Any, Protocol


class SourceError(ValueError):
    """A source does not compile; the text says why."""


class SerdeError(Exception):
    """Data does not fit a schema, or the schema is not there; the text is the reason a rule reports."""


class Serde(Protocol):
    """A compiled schema. ``message`` names the message type of a protobuf schema, other types refuse it.

    All three methods raise `SerdeError`.
    """

    def encode(self, value: Any, message: str | None) -> bytes: ...

    def decode(self, raw: bytes, message: str | None) -> Any: ...

    def check(self, data: Any, message: str | None) -> bool:
        """Whether ``data`` (decoded, or bytes) fits."""
        ...
