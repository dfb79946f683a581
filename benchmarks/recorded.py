"""A run in this process that writes down, when it is over, each request its items sent.

Run: python -m benchmarks.recorded FILE OPTION... with the options of ``emqx-conformance run``. FILE becomes a JSON
object: ``seconds`` between the first request and the end of the last one, and ``requests`` with ``method``, ``path``,
``headers`` and ``body`` (latin-1). Those of preflight and final clean-up are not among them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from conformance.commands.cli import main as emqx_conformance
from conformance.target.http.answer import Answer, Sent
from conformance.target.http.session import Api
from conformance.worker.context import Context


class Record:
    """Between the beginning of the items of a run and the clean-up after them it keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._keeping = False
        self._began = self._ended = 0.0

    def install(self) -> None:
        exchange, target, clean_up = Api._exchange, Context.target, Context.clean_up

        def kept(api: Api, operation: str | None, sent: Sent) -> Answer:
            if not self._keeping:
                return exchange(api, operation, sent)
            self.sent.append(sent)
            self._began = self._began or time.perf_counter()
            answer = exchange(api, operation, sent)
            self._ended = time.perf_counter()
            return answer

        def begun(context: Context) -> Any:
            self._keeping = True
            return target(context)

        def over(context: Context) -> Any:
            self._keeping = False
            return clean_up(context)

        Api._exchange, Context.target, Context.clean_up = kept, begun, over  # type: ignore[method-assign]

    def as_json(self) -> dict[str, Any]:
        requests = [
            {"method": one.method, "path": one.path, "headers": one.headers, "body": one.body.decode("latin-1")}
            for one in self.sent
        ]
        return {"seconds": self._ended - self._began, "requests": requests}


def main(file: Path, options: list[str]) -> None:
    record = Record()
    record.install()
    sys.argv = ["emqx-conformance", "run", *options]
    try:
        emqx_conformance()
    finally:
        file.write_text(json.dumps(record.as_json()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
