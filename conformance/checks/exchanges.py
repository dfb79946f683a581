"""The exchanges of a run, one JSON object a line: redacted, bounded, and kept only where a run is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.checks.line_file import LineFile
from conformance.checks.recorder import Recorder
from conformance.target.http.answer import Answer

MOST_CHARACTERS_OF_BODY = 16 * 1024
MOST_BYTES_OF_WORKER = 64 * 1024 * 1024
"""Of what one worker keeps; what comes later is not kept, and the last line says so."""
_UNSEEN_HEADERS = ("authorization", "cookie", "set-cookie")
_HIDDEN = "******"


class ExchangeLog(LineFile):
    """Observes a session and appends every exchange to ``file``; raises `Unwritable` where there is no room.

    A line is an object with ``item``, ``operation``, ``lasting`` (whether it makes or looks for what several items
    of the worker use; which item makes it depends on their order), ``started_at`` (RFC 3339), ``elapsed_ms``,
    ``request`` (``method``, ``path`` below ``/api/v5``, ``headers``, ``body``, ``size``) and ``response`` (``status``,
    ``headers``, ``body``, ``size``); bodies are text, of which the beginning is kept. The last line of a file that
    became too large is ``{"cut": true}``.
    """

    def __init__(self, file: Path, recorder: Recorder) -> None:
        super().__init__(file, "a")
        self._recorder = recorder
        self._room = MOST_BYTES_OF_WORKER

    def __call__(self, answer: Answer) -> None:
        if self._room <= 0:
            return
        line = json.dumps(self._record(answer))
        self._room -= len(line) + 1
        self.append(line, *([json.dumps({"cut": True})] if self._room <= 0 else []))

    def _record(self, answer: Answer) -> dict[str, Any]:
        began = datetime.fromtimestamp(time.time() - (time.monotonic() - answer.began), UTC)
        return {
            "item": self._recorder.item,
            "operation": answer.operation,
            "lasting": self._recorder.history.is_lasting,
            "started_at": began.isoformat(timespec="milliseconds"),
            "elapsed_ms": round(answer.elapsed_s * 1000, 3),
            "request": {
                "method": answer.sent.method,
                "path": self._recorder.hide(answer.sent.path),
                "headers": self._headers(answer.sent.headers),
                **self._body(answer.sent.body),
            },
            "response": {
                "status": answer.status,
                "headers": self._headers(answer.headers),
                **self._body(answer.content),
            },
        }

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: _HIDDEN if name.lower() in _UNSEEN_HEADERS else self._recorder.hide(str(value))
            for name, value in headers.items()
        }

    def _body(self, body: bytes) -> dict[str, Any]:
        # Twice as much is read: what is hidden there is hidden before the rest is cut off.
        text = body[: 2 * MOST_CHARACTERS_OF_BODY].decode("utf-8", errors="backslashreplace")
        return {"body": self._recorder.hide(text)[:MOST_CHARACTERS_OF_BODY], "size": len(body)}
