"""What a multipart upload carries: the rows of its files, JSON or CSV, as IMPORT_USERS reads them (behaviour 5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message


def is_upload(content_type: str) -> bool:
    """Whether a body of this media type is a multipart upload."""
    return content_type.strip().lower().startswith("multipart/")


def files(body: bytes, content_type: str) -> list[bytes]:
    """The content of every part of an upload, whatever its name; all of ``body`` if no part can be told apart."""
    header = b"Content-Type: " + content_type.encode("utf-8", "replace") + b"\r\n\r\n"
    message = message_from_bytes(header + body)
    parts = [part for part in message.walk() if not part.is_multipart()] if message.is_multipart() else []
    return [_content(part) for part in parts] or [body]


def csv_rows(content: bytes) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by the names of its first line; what is no CSV has none."""
    text = content.decode("utf-8", "replace").lstrip("\ufeff\r\n").replace("\0", "")
    try:
        for row in csv.DictReader(io.StringIO(text), skipinitialspace=True):
            yield {name: value for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
    except csv.Error:
        return


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
