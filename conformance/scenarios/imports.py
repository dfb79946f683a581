"""Imports of users: as an array, and as an uploaded JSON or CSV file (behaviour 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from conformance.contract import paths
from conformance.target.http.answer import Answer
from conformance.target.target import Target

IMPORT = f"POST {paths.IMPORT_USERS}"

Form = Literal["array", "json", "csv"]
FORMS: Sequence[Form] = ("array", "json", "csv")


def import_rows(target: Target, rows: Any, kind: str = "plain") -> Answer:
    """Import an array of rows."""
    return target.api.call(IMPORT, query={"type": kind}, json=rows)


def upload(target: Target, name: str, content: str, kind: str = "plain") -> Answer:
    """Import a file, which is called ``name``."""
    boundary = "cft-boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="filename"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n{content}\r\n--{boundary}--\r\n"
    )
    media_type = f"multipart/form-data; boundary={boundary}"
    return target.api.call(IMPORT, query={"type": kind}, content=body.encode(), content_type=media_type)


def import_as(target: Target, form: Form, rows: Sequence[Mapping[str, Any]], kind: str = "plain") -> Answer:
    """Import the same rows in one of the forms."""
    if form == "array":
        return import_rows(target, rows, kind)
    return upload(target, f"users.{form}", json.dumps(rows) if form == "json" else csv_of(rows), kind)


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows under the names of their fields, in the order that the first row has them; none is quoted."""
    lines = [rows[0], *(row.values() for row in rows)]
    return "".join(",".join(map(_cell, line)) + "\n" for line in lines)


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
