"""The users that an import names: rows of a JSON body, of an uploaded JSON file, or of an uploaded CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from conformance.target.guard.identities import Findings, Judge
from conformance.target.guard.readings import lenient_readings, values_at

KEY = "user_id"
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ENCODED = re.compile(rb"content-transfer-encoding\s*:\s*(?!7bit|8bit|binary)", re.IGNORECASE)


def imported_users(judge: Judge, body: bytes, content_type: str) -> Findings:
    """Judge every row, wherever in an upload a parser could let its file begin."""
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    if not is_json and _ENCODED.search(body):
        yield "the upload is encoded once more, so its rows cannot be judged"
        return
    for text in [body] if is_json else _possible_files(body):
        for reading in lenient_readings(text):
            for user in values_at(reading, KEY):
                yield from judge.new(user, KEY)
        if not is_json:
            yield from _csv_users(judge, text)


def _possible_files(body: bytes) -> Iterator[bytes]:
    """The body from each place where content may begin: any line of a part's head, and the line after its end."""
    in_head = True
    for match in _LINE.finditer(body):
        line = match[0].strip()
        if in_head and line:
            yield body[match.start() :]
        if line.startswith(b"--"):
            in_head = True
        elif in_head and not line:
            in_head = False
            yield body[match.end() :]


def _csv_users(judge: Judge, file: bytes) -> Findings:
    """Rows below a header line with a column of user ids, up to the next boundary."""
    text = file.decode("utf-8", "replace").lstrip("\ufeff\r\n")
    for header, *rows in (_quoted_rows(text), [line.split(",") for line in text.splitlines()] or [[]]):
        columns = [index for index, name in enumerate(header) if name.strip().strip("'\"").lower() == KEY]
        for cells in rows if columns else ():
            if cells and cells[0].startswith("--"):
                break
            for index in columns if any(cell.strip() for cell in cells) else ():
                if index >= len(cells):
                    yield f"the row {','.join(cells)[:80]!r} has no {KEY}, so it cannot be judged"
                else:
                    yield from judge.new(cells[index], KEY)


def _quoted_rows(text: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""))) or [[]]
    except csv.Error:
        return [[]]
