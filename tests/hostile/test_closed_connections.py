"""A server may close a connection between two requests (RFC 9112 9.3.1): that is no evidence against it.

What is: no answer on a connection of its own, and an answer that breaks off.
"""

from __future__ import annotations

import gc
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from conformance.reference.embedded import start_embedded
from conformance.target.http import connection
from conformance.target.http.answer import Sent
from conformance.target.http.session import Call, NoAnswer, Undelivered
from tests.hostile.client import Client
from tests.hostile.server import Case, Exchange, HostileServer, Request
from tests.recorded import RECORDED

IDEMPOTENT = {
    "GET": "GET /rules",
    "PUT": "PUT /connectors/{id}/enable/{enable}",
    "DELETE": "DELETE /schema_registry/{name}",
}


@pytest.fixture(autouse=True)
def _never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(connection, "LONGEST_IDLE_S", 1000.0)


@pytest.fixture
def doubts(client: Client) -> list[Sent]:
    """The requests that may have been carried out twice."""
    found: list[Sent] = []
    client.api.doubters.append(found.append)
    return found


def publish(client: Client, payload: str = "") -> Sent:
    """A request that must not be sent twice in silence."""
    return client.call("POST /publish", json={"topic": client.worker.sandbox.topic(), "payload": payload}).sent


def times(server: HostileServer) -> Counter[str]:
    """How often each request arrived, by its id."""
    ids = (line for request in server.seen for line in request.head.decode("latin-1").lower().split("\r\n"))
    return Counter(line for line in ids if line.startswith("x-request-id:"))


class Closing:
    """Answers with an error before or after it has read the body, and never serves the next request.

    ``announced``: says so. ``at_once``: closes right behind the answer, otherwise when the next request arrives.
    """

    def __init__(self, status: str, *, announced: bool, at_once: bool) -> None:
        self.status = status
        self.announced = announced
        self.at_once = at_once
        self.closed: set[int] = set()

    def __call__(self, request: Request) -> Case | None:
        return self.case if request.method != "GET" else self.served

    async def case(self, exchange: Exchange) -> None:
        if exchange.connection in self.closed:
            exchange.close()
            return
        self.closed.add(exchange.connection)
        headers = {"connection": "close"} if self.announced else {}
        await exchange.answer(b'{"code": "BAD_REQUEST", "message": ""}', self.status, **headers)
        if self.at_once:
            exchange.close()

    async def served(self, exchange: Exchange) -> None:
        if exchange.connection in self.closed:
            exchange.close()
        else:
            await exchange.answer()


ERRORS = ("401 Unauthorized", "404 Not Found", "405 Method Not Allowed", "413 Too Large", "415 No", "400 Bad Request")


@pytest.mark.parametrize("at_once", [True, False], ids=["closes at once", "closes at the next request"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
@pytest.mark.parametrize("early", [True, False], ids=["body unread", "body read"])
@pytest.mark.parametrize("status", ERRORS, ids=lambda status: status.partition(" ")[0])
def test_nothing_is_lost_behind_an_error(
    client: Client, server: HostileServer, doubts: list[Sent], status: str, early: bool, announced: bool, at_once: bool
) -> None:
    """Small bodies and large ones, and whatever comes next."""
    closing = Closing(status, announced=announced, at_once=at_once)
    if early:
        server.early = lambda request: closing(request) if request.method != "GET" else None
    server.choose = closing
    for size in (1, 100_000):
        for _ in range(2):
            publish(client, "x" * size)
        client.call("GET /rules")
    assert set(times(server).values()) == {1}
    assert len(server.paths("POST")) == 4
    assert doubts == []


def test_body_that_nobody_reads_hides_no_answer(client: Client, server: HostileServer) -> None:
    """The server answers and resets while megabytes are still on their way."""

    async def case(exchange: Exchange) -> None:
        await exchange.answer(b'{"code": "BAD_REQUEST", "message": ""}', "413 Too Large")
        exchange.close()

    server.early = lambda request: case if request.method == "POST" else None
    sent = publish(client, "x" * 6_000_000)
    assert "GEN-27 answered 413" in client.found
    assert (len(server.paths("POST")), sent.again) == (1, [])


class Serving:
    """Serves so many requests on a connection; the next one gets no byte, unless the last answer announced that."""

    def __init__(self, count: int, *, announced: bool) -> None:
        self.count = count
        self.announced = announced
        self.served: dict[int, int] = defaultdict(int)

    def __call__(self, request: Request) -> Case:
        return self.case

    async def case(self, exchange: Exchange) -> None:
        self.served[exchange.connection] += 1
        if self.served[exchange.connection] > self.count:
            exchange.close()
        elif self.served[exchange.connection] == self.count and self.announced:
            await exchange.answer(connection="close")
            exchange.close()
        else:
            await exchange.answer(b"[]")


def test_announced_end_after_so_many_requests(client: Client, server: HostileServer, doubts: list[Sent]) -> None:
    server.choose = Serving(5, announced=True)
    for _ in range(23):
        publish(client)
    assert (set(times(server).values()), doubts) == ({1}, [])
    assert server.connections == 5


def test_unannounced_end_after_so_many_requests(client: Client, server: HostileServer, doubts: list[Sent]) -> None:
    """No request is lost: the one that got no byte is sent again on a new connection, and says so."""
    server.choose = Serving(5, announced=False)
    sent = [publish(client) for _ in range(23)]
    again = [request for request in sent if request.again]
    assert [len(request.again) for request in again] == [1] * 4
    assert all("on a new connection, because the one before was closed after use" in one.again[0] for one in again)
    assert doubts == again
    twice = {line for line, count in times(server).items() if count > 1}
    assert twice == {f"x-request-id: {request.request_id}" for request in again}
    assert max(times(server).values()) == 2


@pytest.mark.parametrize("method", IDEMPOTENT)
def test_what_changes_nothing_is_repeated_without_doubt(
    client: Client, server: HostileServer, doubts: list[Sent], method: str
) -> None:
    server.choose = Serving(1, announced=False)
    path = {"id": "http:cft-0abcdef1234-gw0-1", "enable": "true", "name": "cft-0abcdef1234-gw0-1"}
    for _ in range(5):
        client.call(IDEMPOTENT[method], path=path)
    assert max(times(server).values()) == 2
    # What a second DELETE answers tells of the first one.
    assert (doubts == []) == (method == "GET")


def test_connection_closed_while_it_is_idle(client: Client, server: HostileServer, doubts: list[Sent]) -> None:
    for _ in range(5):
        publish(client)
        client.call("GET /rules")
        server.hang_up()
    assert (set(times(server).values()), doubts) == ({1}, [])


def test_many_connections_closed_at_once(client: Client, server: HostileServer) -> None:
    """The second attempt does not go out on another connection that is closed as well."""
    server.choose = Serving(1, announced=False)
    client.api.together([Call("GET /rules")] * 10)
    before = server.connections
    assert client.call("GET /connectors").status == 200
    assert server.connections == before + 2  # for this request, and to ask whether the target restarted
    assert server.paths().count("/connectors") == 2


async def partial(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
    exchange.close()


async def half_a_line(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 2")
    exchange.close()


@pytest.mark.parametrize("case", [partial, half_a_line])
def test_answer_that_breaks_off_is_evidence(
    client: Client, server: HostileServer, doubts: list[Sent], case: Case
) -> None:
    """Also on a connection that was used before; what is no read is not sent again."""
    client.call("GET /connectors")
    server.cases = {"/publish": case}
    with pytest.raises(NoAnswer):
        publish(client)
    assert len(server.paths("POST")) == 1
    assert doubts == []


@pytest.mark.parametrize("used", [True, False], ids=["used", "new"])
def test_target_that_drops_every_request_is_found(client: Client, server: HostileServer, used: bool) -> None:
    async def dropped(exchange: Exchange) -> None:
        exchange.reset()

    server.cases = {"/publish": dropped}
    if used:
        client.call("GET /connectors")
    with pytest.raises(NoAnswer) as unanswered:
        publish(client)
    assert len(server.paths("POST")) == 1 + used
    assert ("sent again on a new connection" in str(unanswered.value)) == used


ONCE = ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect", "401 Unauthorized", "408 Late",
        "500 Broken", "502 Bad Gateway", "503 Unavailable", "504 Late")  # fmt: skip


@pytest.mark.parametrize("status", ONCE, ids=lambda status: status.partition(" ")[0])
def test_no_status_makes_a_post_go_out_again(client: Client, server: HostileServer, status: str) -> None:
    """Neither the libraries below nor the patience of the suite."""

    async def case(exchange: Exchange) -> None:
        await exchange.answer(status=status, location=f"{server.base_url}/rules", retry_after="0")

    server.cases = {"/publish": case}
    with suppress(Undelivered):
        publish(client)
    assert len(server.paths("POST")) == 1
    assert "/rules" not in server.paths()


def test_post_that_was_refused_for_its_rate_says_so(
    client: Client, server: HostileServer, doubts: list[Sent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    statuses = iter(["429 Too Many Requests", "200 OK"])

    async def case(exchange: Exchange) -> None:
        await exchange.answer(status=next(statuses))

    server.cases = {"/publish": case}
    assert publish(client).again == ["sent again 0.5 s after 429, which refuses it"]
    assert (len(server.paths("POST")), doubts) == (2, [])


@pytest.fixture
def recorded_client(tmp_path: Path) -> Iterator[Client]:
    with start_embedded(traits=RECORDED, mqtt=False) as deployment:
        options = {"api_key": deployment.api_key, "api_secret": deployment.api_secret}
        with Client(deployment.base_url, tmp_path, **options) as client:
            yield client


def test_reference_closes_after_early_answers_and_nothing_is_lost(recorded_client: Client) -> None:
    api = recorded_client.api
    for _ in range(3):
        answer = api.call("POST /publish", json={}, credentials="none")
        assert (answer.status, answer.sent.again) == (401, [])
        answer = api.call("GET /rules")
        assert (answer.status, answer.sent.again) == (200, [])


def test_closed_connections_are_not_leaked(client: Client, server: HostileServer) -> None:
    server.choose = Closing("400 Bad Request", announced=False, at_once=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(20):
            publish(client)
        gc.collect()
    assert [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)] == []
