"""Rate limits and gateways: waited for, then called by their name, and never held against the target."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from conformance.target.errors import TargetChanged, TargetLost
from conformance.target.http.session import MOST_IN_VAIN, NoAnswer, Undelivered
from tests.hostile.client import Client
from tests.hostile.server import Case, Exchange, HostileServer, healthy


def answering(status: str, body: bytes = b"<html>", **headers: str) -> Case:
    async def case(exchange: Exchange) -> None:
        await exchange.answer(body, status, content_type="text/html", **headers)

    return case


def first(count: int, case: Case) -> Case:
    """``case`` for so many requests, then health."""
    left = [case] * count

    async def changing(exchange: Exchange) -> None:
        await (left.pop() if left else healthy)(exchange)

    return changing


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the session would have slept."""
    slept: list[float] = []
    monkeypatch.setattr(
        "conformance.target.http.session.time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic)
    )
    return slept


TOO_MANY = answering("429 Too Many Requests", retry_after="1")
BAD_GATEWAY = answering("502 Bad Gateway")


def test_endless_rate_limit_ends_the_run_with_advice(
    client: Client, server: HostileServer, pauses: list[float]
) -> None:
    server.cases = {"/rules": TOO_MANY}
    with pytest.raises(TargetLost, match=r"keeps answering 429 to GET /rules \(rate limit\): use --max-rps"):
        client.call("GET /rules")
    assert 20 < sum(pauses) <= client.api.timing.throttled
    assert client.found == ""


@pytest.mark.parametrize("call", [lambda client: client.call("GET /rules"), Client.create])
def test_limited_request_is_sent_again(
    client: Client, server: HostileServer, pauses: list[float], call: Callable[[Client], object]
) -> None:
    server.cases = {"/rules": first(3, TOO_MANY), "/schema_registry": first(3, TOO_MANY)}
    call(client)
    assert pauses == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7.0, 7.0),
        ("0", 0.5, 0.5),
        ("3600", 30.0, 30.0),
        ("9" * 5000, 30.0, 30.0),
        ("in 20 s", 10.0, 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.5, 0.5),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0.5, 30.0),
        ("Thu, 32 Foo 99999 99:99:99 GMT", 0.5, 0.5),
        ("-5", 0.5, 0.5),
        ("1e9", 0.5, 0.5),
        ("nan", 0.5, 0.5),
        ("", 0.5, 0.5),
    ],
)
def test_retry_after_is_obeyed_within_reason(
    client: Client, server: HostileServer, pauses: list[float], value: str, least: float, most: float
) -> None:
    if value == "in 20 s":
        value = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    server.cases = {"/rules": first(1, answering("429 Too Many Requests", retry_after=value))}
    assert client.call("GET /rules").status == 200
    assert len(pauses) == 1
    assert least <= pauses[0] <= most


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
@pytest.mark.parametrize("body", [b"<html>", b"", b'{"message": "no healthy upstream"}', b"null"])
def test_gateway_is_not_held_against_the_target(
    client: Client, server: HostileServer, pauses: list[float], status: str, body: bytes
) -> None:
    server.cases = {"/rules": answering(status, body), "/schema_registry": answering(status, body)}
    with pytest.raises(Undelivered, match=f"a gateway answered {status[:3]} in place of the target"):
        client.call("GET /rules")
    with pytest.raises(Undelivered):
        client.create()
    assert (server.paths("GET").count("/rules"), server.paths("POST").count("/schema_registry")) == (3, 1)
    assert client.found == ""
    assert len(client.worker.journal) == 1, "whether the target got it is unknown"


def test_sporadic_gateway_errors_are_overcome(client: Client, server: HostileServer, pauses: list[float]) -> None:
    server.cases = {"/rules": first(2, BAD_GATEWAY)}
    assert client.call("GET /rules").status == 200


@pytest.mark.parametrize("body", [{"code": "SERVICE_UNAVAILABLE", "message": ""}, {"reason_code": 1, "message": ""}])
def test_503_of_the_target_itself_is_an_answer(client: Client, server: HostileServer, body: object) -> None:
    server.cases = {"/rules": answering("503 Service Unavailable", json.dumps(body).encode())}
    assert client.call("GET /rules").status == 503


@pytest.mark.parametrize(
    ("storm", "kind", "said"),
    [
        (BAD_GATEWAY, TargetLost, "the target is not ready any more: GET /action_types answered 502 text/html"),
        (answering("503 Service Unavailable"), TargetLost, "the target is not ready any more"),
        (answering("200 OK"), TargetChanged, "is no EMQX API: GET /action_types answered 200 text/html"),
        (answering("302 Found", location="/login"), TargetChanged, "is no EMQX API: GET /action_types answered 302"),
        (
            answering("401 Unauthorized", b'{"code": "TOKEN_TIME_OUT"}'),
            TargetChanged,
            "refuses the credentials since mid-run: GET /action_types answered 401 TOKEN_TIME_OUT",
        ),
        (answering("403 Forbidden", b'{"code": "UNAUTHORIZED_ROLE"}'), TargetChanged, "refuses the credentials"),
        (TOO_MANY, TargetLost, "keeps answering 429 to GET /action_types"),
    ],
)
def test_storm_on_everything_is_recognised(
    client: Client, server: HostileServer, storm: Case, kind: type[TargetLost], said: str
) -> None:
    server.storm = storm
    problem = client.api.health.problem()
    assert type(problem) is kind
    assert said in str(problem)


def test_target_that_answers_nothing_but_the_heartbeat_ends_the_run(client: Client, server: HostileServer) -> None:
    async def case(exchange: Exchange) -> None:
        exchange.reset()

    server.cases = {"/rules": case}
    for _ in range(MOST_IN_VAIN - 1):
        with pytest.raises(NoAnswer):
            client.call("GET /rules")
    with pytest.raises(TargetLost, match="5 requests in a row stayed unanswered"):
        client.call("GET /rules")


def test_unanswered_requests_are_counted_in_a_row(client: Client, server: HostileServer) -> None:
    async def case(exchange: Exchange) -> None:
        exchange.reset()

    server.cases = {"/rules": case}
    for _ in range(MOST_IN_VAIN + 1):
        with pytest.raises(NoAnswer):
            client.call("GET /rules")
        client.call("GET /connectors")


def test_restart_is_noticed_when_a_broken_connection_recovers(client: Client, server: HostileServer) -> None:
    async def drop(exchange: Exchange) -> None:
        exchange.reset()

    async def young(exchange: Exchange) -> None:
        await exchange.answer(b'[{"node": "emqx@127.0.0.1", "uptime": 4000}]')

    client.api.health.began -= 60_000
    server.cases = {"/rules": first(1, drop), "/nodes": young}
    with pytest.raises(
        TargetChanged, match=r"restarted in mid-run: emqx@127\.0\.0\.1 is up for 4 s, the run for 60\d\d\d s"
    ):
        client.call("GET /rules")
