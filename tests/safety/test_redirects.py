"""Redirects are never followed: neither by the suite, which would show its credentials, nor by the reference."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conformance.contract import load_contract
from conformance.reference.embedded import start_embedded
from conformance.run import Worker
from conformance.target.config import Configuration
from tests.waiting import eventually


class Origin:
    """A server that redirects everything to ``location``, or accepts it, and remembers what it saw."""

    def __init__(self, status: int = 200, location: str = "") -> None:
        self.seen: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.seen.append(f"{self.command} {self.path}")
                self.send_response(status)
                if location:
                    self.send_header("location", location + self.path)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    origin = Origin()
    yield origin
    origin.close()


@pytest.fixture
def origin(elsewhere: Origin, request: pytest.FixtureRequest) -> Iterator[Origin]:
    origin = Origin(request.param, elsewhere.url)
    yield origin
    origin.close()


@pytest.mark.parametrize("origin", [301, 302, 303, 307, 308], indirect=True)
def test_suite_takes_a_redirect_for_an_answer(origin: Origin, elsewhere: Origin, tmp_path: Path) -> None:
    configuration = Configuration(
        base_url=f"{origin.url}/api/v5", api_key="key", api_secret="the-api-secret", report_dir=tmp_path
    )
    with Worker(configuration, "0abcdef1234", "gw0", load_contract()) as worker:
        read = worker.api.call("GET /rules")
        body = {"topic": worker.sandbox.topic(), "payload": ""}
        written = worker.api.call("POST /publish", json=body)
        assert read.status == written.status in (301, 302, 303, 307, 308)
        assert read.headers["location"].startswith(elsewhere.url)
    assert origin.seen == ["GET /api/v5/rules", "POST /api/v5/publish"]
    assert elsewhere.seen == []


@pytest.mark.parametrize("origin", [302, 307], indirect=True)
def test_connector_of_the_reference_takes_a_redirect_for_an_answer(
    origin: Origin, elsewhere: Origin, tmp_path: Path
) -> None:
    with start_embedded() as deployment:
        configuration = Configuration(
            base_url=deployment.base_url,
            api_key=deployment.api_key,
            api_secret=deployment.api_secret,
            report_dir=tmp_path,
        )
        with Worker(configuration, "0abcdef1234", "gw0", load_contract()) as worker:
            worker.hosts.allow(origin.url.removeprefix("http://"))
            name, topic = worker.sandbox.name("con"), worker.sandbox.topic()
            connector = {"type": "http", "name": name, "url": origin.url}
            action = {"type": "http", "name": name, "connector": name, "local_topic": topic}
            action["parameters"] = {"path": "/hook", "method": "post"}
            assert worker.api.call("POST /connectors", json=connector).status == 201
            assert worker.api.call("POST /actions", json=action).status == 201
            worker.api.call("POST /publish", json={"topic": topic, "payload": "x"})
            identifier = {"id": f"http:{name}"}

            def has_failed() -> bool:
                metrics = worker.api.call("GET /actions/{id}/metrics", path=identifier).json["metrics"]
                return bool(metrics["failed"] == 1)

            eventually(has_failed)
    assert origin.seen == ["POST /hook"]
    assert elsewhere.seen == []
