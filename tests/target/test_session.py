"""The session: what is sent, what happens when a target misbehaves, and what the journal says afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from conformance.contract import load_contract
from conformance.target.errors import SafetyViolation, TargetLost
from conformance.target.http.connection import LARGEST_ANSWER
from conformance.target.http.session import NoAnswer, Undelivered
from conformance.target.journal.journal import read_journal
from conformance.target.journal.resource import Resource
from conformance.target.settings.config import Configuration
from conformance.worker.context import Worker
from tests.http_server import HttpServer, Received, Reply, Respond


class Scripted(HttpServer):
    """A server that answers GET /action_types, and everything else as the test says."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.script: Respond = answer(200)
        self.heartbeat: Respond = answer(200, b"[]")
        self.seen: list[Received] = []

    def _answer(self, received: Received) -> Reply | None:
        self.seen.append(received)
        return (self.heartbeat if received.target.endswith("/action_types") else self.script)(received)


def answer(status: int, body: bytes = b"{}", **headers: str) -> Respond:
    fields = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _received: Reply(status, fields, body)


def drop(_received: Received) -> None:
    """Close the connection without an answer."""


@pytest.fixture
def target() -> Iterator[Scripted]:
    with Scripted() as scripted:
        yield scripted


@pytest.fixture
def worker(target: Scripted, tmp_path: Path) -> Iterator[Worker]:
    configuration = Configuration(
        base_url=f"{target.url}/api/v5", api_key="key", api_secret="the-api-secret", report_dir=tmp_path
    )
    with Worker(configuration, "0abcdef1234", "gw0", load_contract()) as worker:
        yield worker


def test_requests_are_signed_and_identified(worker: Worker, target: Scripted) -> None:
    worker.api.call("GET /rules", query={"page": 2, "enable": True, "like_id": "a b"})
    headers = target.seen[-1].headers
    assert target.seen[-1].target == "/api/v5/rules?page=2&enable=true&like_id=a%20b"
    assert headers["authorization"].startswith("Basic ")
    assert headers["user-agent"].endswith("run=0abcdef1234")
    assert headers["x-request-id"].startswith("0abcdef1234-")


def test_path_parameters_are_one_encoded_segment(worker: Worker, target: Scripted) -> None:
    worker.api.call("GET /clients/{clientid}", path={"clientid": "a/b ?#%ü"})
    assert target.seen[-1].target == "/api/v5/clients/a%2Fb%20%3F%23%25%C3%BC"


def test_refused_request_is_never_sent(worker: Worker, target: Scripted) -> None:
    with pytest.raises(SafetyViolation, match="outside the sandbox"):
        worker.api.call("DELETE /rules/{id}", path={"id": "theirs"})
    assert target.seen == []


def test_redirects_are_not_followed(worker: Worker, target: Scripted) -> None:
    target.script = answer(302, location="http://elsewhere.invalid/")
    assert worker.api.call("GET /rules").status == 302
    assert len(target.seen) == 1


def test_dropped_read_is_tried_again_once(worker: Worker, target: Scripted) -> None:
    target.script = drop
    with pytest.raises(NoAnswer):
        worker.api.call("GET /rules")
    assert sum(received.target.endswith("/rules") for received in target.seen) == 2


def test_dropped_creation_is_not_sent_twice_and_may_exist(worker: Worker, target: Scripted) -> None:
    target.script = drop
    name = worker.sandbox.name("schema")
    with pytest.raises(NoAnswer):
        worker.api.call("POST /schema_registry", json={"name": name, "type": "avro", "source": "{}"})
    assert sum(received.method == "POST" for received in target.seen) == 1
    assert list(worker.journal) == [Resource("schema", name)]


def test_target_that_answers_nothing_at_all_is_lost(worker: Worker, target: Scripted, monkeypatch) -> None:
    monkeypatch.setattr("conformance.target.http.session.time.sleep", lambda _seconds: None)
    target.script = target.heartbeat = drop
    with pytest.raises(TargetLost, match="stopped answering"):
        worker.api.call("GET /rules")


def test_gateway_errors_of_a_living_target_are_no_answer(worker: Worker, target: Scripted, monkeypatch) -> None:
    monkeypatch.setattr("conformance.target.http.session.time.sleep", lambda _seconds: None)
    target.script = answer(502, b"<html>bad gateway</html>")
    with pytest.raises(Undelivered, match="a gateway answered 502"):
        worker.api.call("GET /rules")


def test_too_many_requests_waits_as_told(worker: Worker, target: Scripted, monkeypatch) -> None:
    waits: list[float] = []
    # The module's own: other threads sleep as well.
    monkeypatch.setattr(
        "conformance.target.http.session.time", SimpleNamespace(sleep=waits.append, monotonic=time.monotonic)
    )
    answers = iter([answer(429, retry_after="7"), answer(429, retry_after="999"), answer(200)])
    target.script = lambda received: next(answers)(received)
    assert worker.api.call("GET /rules").status == 200
    assert waits == [7.0, 30.0]


def test_endless_answer_is_cut_off(worker: Worker, target: Scripted) -> None:
    target.script = answer(200, b"a" * (LARGEST_ANSWER + 1000))
    received = worker.api.call("GET /rules")
    assert received.truncated
    assert len(received.content) == LARGEST_ANSWER


@pytest.mark.parametrize(("status", "may_exist"), [(201, True), (400, False), (409, True), (500, True), (503, True)])
def test_journal_follows_the_answer(worker: Worker, target: Scripted, status: int, may_exist: bool) -> None:
    target.script = answer(status, b'{"code":"SOME_CODE","message":""}')
    name = worker.sandbox.name("schema")
    worker.api.call("POST /schema_registry", json={"name": name, "type": "avro", "source": "{}"})
    assert (Resource("schema", name) in worker.journal) is may_exist
    worker.journal.close()
    assert worker.journal.file is not None
    assert (Resource("schema", name) in read_journal(worker.journal.file).live) is may_exist


def test_refused_duplicate_does_not_hide_the_first(worker: Worker, target: Scripted) -> None:
    body = {"name": worker.sandbox.name("schema"), "type": "avro", "source": "{}"}
    target.script = answer(201)
    worker.api.call("POST /schema_registry", json=body)
    target.script = answer(400, b'{"code":"ALREADY_EXISTS","message":""}')
    worker.api.call("POST /schema_registry", json=body)
    assert Resource("schema", body["name"]) in worker.journal


def test_deletion_settles_the_journal(worker: Worker, target: Scripted) -> None:
    name = worker.sandbox.name("schema")
    target.script = answer(201)
    worker.api.call("POST /schema_registry", json={"name": name, "type": "avro", "source": "{}"})
    target.script = answer(204, b"")
    worker.api.call("DELETE /schema_registry/{name}", path={"name": name})
    assert list(worker.journal) == []


def test_curl_line_repeats_the_request_without_the_secret(worker: Worker, target: Scripted) -> None:
    received = worker.api.call(
        "POST /publish", json={"topic": worker.sandbox.topic(), "payload": "it's the-api-secret"}
    )
    line = received.curl(worker.redact)
    assert line.startswith("curl ")
    assert '-u "$EMQX_CONFORMANCE_API_KEY:$EMQX_CONFORMANCE_API_SECRET"' in line
    assert "the-api-secret" not in line + received.transcript(worker.redact)
    assert line.endswith('"$EMQX_CONFORMANCE_BASE_URL"/publish')


def test_taken_configuration_writes_are_counted_whoever_sends_them(worker: Worker, target: Scripted) -> None:
    statuses = iter([201, 400, 204, 200, 200])
    target.script = lambda received: answer(next(statuses), b"")(received)
    name = worker.sandbox.name("schema")
    body = {"name": name, "type": "avro", "source": "{}"}
    for _ in range(2):
        worker.api.call("POST /schema_registry", json=body)
    worker.api.send("DELETE", f"/schema_registry/{name}", observed=False)
    worker.api.call("GET /schema_registry")
    worker.api.call("POST /publish", json={"topic": worker.sandbox.topic(), "payload": ""})
    taken = worker.adapter.writes.since()
    assert taken.counts == {"POST /schema_registry": 1, "DELETE /schema_registry/{name}": 1}
    assert taken.seconds > 0
    assert not worker.adapter.writes.since().counts
