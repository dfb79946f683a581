"""Redirects are never followed: neither by the suite, which would show its credentials, nor by the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.reference.embedded import start_embedded
from conformance.target.settings.config import Configuration
from conformance.worker.context import Worker
from tests.http_server import HttpServer, Received, Reply
from tests.waiting import eventually


class Origin(HttpServer):
    """A server that redirects everything to ``location``, or accepts it, and remembers what it saw."""

    def __init__(self, status: int = 200, location: str = "") -> None:
        super().__init__(self._answer)
        self.seen: list[str] = []
        self._status, self._location = status, location

    def _answer(self, received: Received) -> Reply:
        self.seen.append(f"{received.method} {received.target}")
        return Reply(self._status, {"location": self._location + received.target} if self._location else {})


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture
def origin(elsewhere: Origin, request: pytest.FixtureRequest) -> Iterator[Origin]:
    with Origin(request.param, elsewhere.url) as origin:
        yield origin


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
            action: dict[str, Any] = {"type": "http", "name": name, "connector": name, "local_topic": topic}
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
