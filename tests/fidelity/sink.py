"""The local HTTP server that connectors of a script deliver to."""

from __future__ import annotations

import time
from typing import Any

from tests.http_server import HttpServer, Received, Reply

# The port connectors name in the recordings.
RECORDED_PORT = 18999


class Sink(HttpServer):
    """Answers 200 to everything and remembers it."""

    def __init__(self) -> None:
        super().__init__(self._remember)
        self._requests: list[dict[str, Any]] = []
        self.start()

    def _remember(self, received: Received) -> Reply:
        body = received.body.decode("utf-8", "replace")
        self._requests.append(
            {"method": received.method, "path": received.target, "headers": dict(received.headers), "body": body}
        )
        return Reply(200)

    def take(self, recorded: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """What arrived since the last call, with the headers that were recorded."""
        deadline = time.monotonic() + seconds
        while len(self._requests) < len(recorded) and time.monotonic() < deadline:
            time.sleep(0.01)
        taken, self._requests[:] = list(self._requests), []
        for request, known in zip(taken, recorded, strict=False):
            request["headers"] = {name: request["headers"].get(name) for name in known.get("headers", {})}
        return taken
