"""What a target answers, kept for a comparison with another target, and only where a run is told to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from conformance.checks.line_file import LineFile
from conformance.checks.recorder import Recorder
from conformance.report.behaviour import Observed, as_line
from conformance.report.shapes import Shape, neutral, neutral_body, shape_of
from conformance.report.text import NO_OPERATION
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer

_LONGEST_REQUEST = 300
_OF_EVERY_REQUEST = ("user-agent", "x-request-id", "content-length")


class BehaviourLog(LineFile):
    """Observes a session and writes into ``file`` what `conformance.report.behaviour` compares, an object a line.

    Raises `Unwritable` where there is no room.
    """

    def __init__(self, file: Path, recorder: Recorder, sandbox: Sandbox) -> None:
        super().__init__(file, "w")
        self._recorder = recorder
        self._own = sandbox.prefix.rstrip("-")
        self._shapes: dict[str, int] = {}

    def __call__(self, answer: Answer) -> None:
        if not self._recorder.item:
            return
        observed = self._observed(answer)
        pointers = json.dumps({pointer: sorted(kinds) for pointer, kinds in observed.shape.items()}, sort_keys=True)
        is_new = pointers not in self._shapes
        number = self._shapes.setdefault(pointers, len(self._shapes))
        told = [f'{{"shape": {number}, "pointers": {pointers}}}'] if is_new else []
        self.append(*told, json.dumps(as_line(observed, number)))

    def _observed(self, answer: Answer) -> Observed:
        sent = answer.sent
        where, body = neutral(sent.path), neutral_body(sent.body)
        headers = {name.lower(): value for name, value in sent.headers.items()}
        kinds = sorted(headers.keys() - set(_OF_EVERY_REQUEST))
        key = json.dumps([sent.method, where, body, sent.credentials, headers.get("content-type", ""), kinds])
        told = f"{sent.method} {neutral(self._recorder.hide(sent.path))}"
        if sent.body:
            text = sent.body[: 4 * _LONGEST_REQUEST].decode("utf-8", errors="backslashreplace")
            told += f" {neutral(self._recorder.hide(text))}"
        return Observed(
            item=self._recorder.item,
            operation=answer.operation or NO_OPERATION,
            key=hashlib.sha256(key.encode("utf-8", errors="surrogatepass")).hexdigest()[:24],
            request=told if len(told) <= _LONGEST_REQUEST else f"{told[:_LONGEST_REQUEST]}…",
            status=answer.status,
            code=answer.code or "",
            media_type=answer.media_type if answer.content else "",
            shape=self._shape(answer),
        )

    def _shape(self, answer: Answer) -> Shape:
        return shape_of(answer.json, lambda text: self._own in text) if answer.is_json else {}
