"""``exchanges.har``: the exchanges of a run as HTTP Archive 1.2, for browsers' tools and proxies."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from conformance.report.errors import ReportError, UnwritableError
from conformance.report.files import read_text
from conformance.report.text import seeds_told
from conformance.result import RunResult

FILE_NAME = "exchanges.har"
STORED = "exchanges.jsonl"


def gather(parts: Iterable[Path], directory: Path) -> None:
    """Put the files that the workers kept together as ``exchanges.jsonl``; raises `UnwritableError`."""
    path = directory / STORED
    try:
        with path.open("wb") as whole:
            for part in sorted(parts):
                whole.write(part.read_bytes())
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise UnwritableError(path, error) from error


def render_har(run: RunResult, directory: Path) -> str:
    """The archive as text, from ``exchanges.jsonl`` in ``directory``; raises `ReportError` if that is missing."""
    path = directory / STORED
    if not path.exists():
        raise ReportError(f"there is no {path}: the run was not told to keep its exchanges (--har)")
    name, _, version = run.suite.partition(" ")
    records = list(_records(path))
    cut = any(record.get("cut") for record in records)
    entries = [_entry(record, run.base_url) for record in records if not record.get("cut")]
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))
    log: dict[str, Any] = {
        "version": "1.2",
        "creator": {"name": name, "version": version},
        "comment": f"run {run.run_id}, {seeds_told(run.seeds)}: {run.verdict}"
        f"{'; only the first exchanges' if cut else ''}",
        "entries": entries,
    }
    return json.dumps({"log": log}, allow_nan=False) + "\n"


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ReportError(f"{path}: line {number} is not JSON: {error}") from error
        if not isinstance(record, dict) or not (record.get("cut") or {"request", "response"} <= record.keys()):
            raise ReportError(f"{path}: line {number} is no exchange")
        yield record


def _entry(record: dict[str, Any], base_url: str) -> dict[str, Any]:
    request, response = record["request"], record["response"]
    url = base_url + request["path"]
    media_type = _header(request, "content-type")
    entry: dict[str, Any] = {
        "startedDateTime": record["started_at"],
        "time": record["elapsed_ms"],
        "request": {
            "method": request["method"],
            "url": url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(request["headers"].items()),
            "queryString": _pairs(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
            "headersSize": -1,
            "bodySize": request["size"],
        },
        "response": {
            "status": response["status"],
            "statusText": _phrase(response["status"]),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(response["headers"].items()),
            "content": {
                "size": response["size"],
                "mimeType": _header(response, "content-type") or "x-unknown",
                "text": response["body"],
            },
            "redirectURL": _header(response, "location"),
            "headersSize": -1,
            "bodySize": response["size"],
        },
        "cache": {},
        "timings": {"send": 0, "wait": record["elapsed_ms"], "receive": 0},
        "comment": f"{record['item']} ({record['operation'] or 'unknown path'})",
    }
    if request["size"]:
        entry["request"]["postData"] = {"mimeType": media_type, "text": request["body"]}
    return entry


def _pairs(items: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in items]


def _header(message: dict[str, Any], name: str) -> str:
    return next((value for key, value in message["headers"].items() if key.lower() == name), "")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
