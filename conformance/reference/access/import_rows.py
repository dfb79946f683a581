"""Rows of a user import: JSON arrays, and CSV or JSON files in a multipart form."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import PurePosixPath
from typing import Any

from conformance.reference.access.passwords import Algorithm, PasswordHash
from conformance.reference.access.users import OddId, User, UserId
from conformance.reference.defects import NO_TRAITS, Defect, Traits
from conformance.reference.rest.json_text import InvalidJson, read_json

FORM_FIELD = "filename"


class BadImport(ValueError):
    """The import is refused as a whole; the text says why."""


def rows_of_form(content_type: str, body: bytes) -> list[Any]:
    """Rows of the file in the form field ``filename``; its extension picks the parser. Raises `BadImport`."""
    if not content_type.lower().startswith("multipart/form-data"):
        raise BadImport(f"Missing required parameter: {FORM_FIELD}")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    for part in form.iter_parts() if form.is_multipart() else ():
        file_name = part.get_filename()
        if part.get_param("name", header="content-disposition") == FORM_FIELD and file_name is not None:
            content = part.get_payload(decode=True)
            return rows_of_file(file_name, content if isinstance(content, bytes) else b"")
    raise BadImport(f"Missing required parameter: {FORM_FIELD}")


def rows_of_file(file_name: str, content: bytes) -> list[Any]:
    """Rows of a ``.json`` (array of objects) or ``.csv`` (header line) file; raises `BadImport`."""
    extension = PurePosixPath(file_name).suffix
    match extension:
        case ".json":
            return _json_rows(content)
        case ".csv":
            return _csv_rows(content)
        case "":
            raise BadImport("unknown_file_format")
    raise BadImport(f"unsupported_file_format: {extension}")


def _json_rows(content: bytes) -> list[Any]:
    try:
        rows = read_json(content)
    except InvalidJson:
        raise BadImport("the file is no JSON") from None
    if not isinstance(rows, list):
        raise BadImport("unknown_file_format")
    return rows


def _csv_rows(content: bytes) -> list[Any]:
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise BadImport("the file is no CSV text in UTF-8") from None
    header, *records = [line for line in lines if line] or [[]]
    rows = []
    for record in records:
        if len(record) != len(header):
            raise BadImport("bad_format")
        # An empty cell is an absent value.
        rows.append({name: value for name, value in zip(header, record, strict=True) if value != ""})
    return rows


def users_of_rows(rows: Any, *, hashed: bool, algorithm: Algorithm, traits: Traits = NO_TRAITS) -> list[User]:
    """Check and convert all rows; raises `BadImport` if one is bad, so that nothing is stored (AUTN-06).

    ``hashed``: rows carry ``password_hash`` and an optional ``salt``, otherwise ``password``.
    """
    if not isinstance(rows, list):
        crashes = Defect.IMPORT_OF_NO_ARRAY in traits
        raise BadImport("function_clause" if crashes else "the body must be an array of users")
    if not rows:
        raise BadImport("empty_users")
    return [_user(row, hashed, algorithm, traits) for row in rows]


def _user(row: Any, hashed: bool, algorithm: Algorithm, traits: Traits) -> User:
    if not isinstance(row, dict) or "user_id" not in row:
        raise BadImport("bad_format")
    # Only these two values raise privileges; everything else is an ordinary user.
    flag = row.get("is_superuser")
    user_id = _user_id(row["user_id"], traits)
    return User(user_id, _password(row, hashed, algorithm), flag is True or flag == "true")


def _user_id(value: Any, traits: Traits) -> UserId:
    """The id of a row; 5.8.9 stores numbers, objects and arrays as well, which then nobody can delete (AUTN-12)."""
    if isinstance(value, str) and value:
        return value
    if Defect.IMPORT_OF_IDS_THAT_ARE_NO_TEXTS in traits:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, dict | list):
            return OddId.of(value)
    raise BadImport("invalid_user_id")


def _password(row: Mapping[str, Any], hashed: bool, algorithm: Algorithm) -> PasswordHash:
    if hashed:
        digest, salt = row.get("password_hash"), row.get("salt", "")
        if not isinstance(digest, str) or not isinstance(salt, str):
            raise BadImport("hash_import_requires_password_hash_field")
        return PasswordHash(digest, salt)
    password = row.get("password")
    if not isinstance(password, str):
        raise BadImport("plain_import_requires_password_field")
    return algorithm.hash(password)
