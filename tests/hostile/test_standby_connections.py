"""Far away, the connection for the next request opens while a body is under way that may be refused."""

from __future__ import annotations

import asyncio

import pytest

from conformance.target.http import connection
from conformance.target.http.standby import StandBy
from tests.hostile.client import Client
from tests.hostile.server import Exchange, HostileServer
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _far(monkeypatch: pytest.MonkeyPatch) -> None:
    """However near the server is, and however slow the machine."""
    monkeypatch.setattr(connection, "FAR_S", 0.0)
    monkeypatch.setattr(connection, "LONGEST_IDLE_S", 1000.0)


async def refuse(exchange: Exchange) -> None:
    await exchange.answer(b'{"code":"BAD_REQUEST","message":"no"}', "400 Bad Request")


def publish(client: Client, status: int = 400) -> None:
    """A request with a body that must not be sent twice."""
    assert client.call("POST /publish", json={"topic": client.worker.sandbox.topic(), "payload": ""}).status == status


def test_next_connection_opens_before_the_refusal(client: Client, server: HostileServer) -> None:
    async def case(exchange: Exchange) -> None:
        while server.connections == exchange.connection:
            await asyncio.sleep(0.001)
        await refuse(exchange)

    client.call("GET /action_types")  # which tells how far away it is
    server.cases = {"/publish": case}
    for _ in range(3):
        publish(client)
    assert len(server.paths("POST")) == 3
    assert server.connections == 4, "the last refusal left one that stands by"


def test_accepted_body_leaves_one_that_stands_by(client: Client, server: HostileServer) -> None:
    for _ in range(5):
        publish(client, 200)
    assert eventually(lambda: server.connections == 2)


def test_what_is_closed_while_it_stands_by_loses_no_request(client: Client, server: HostileServer) -> None:
    server.cases = {"/publish": refuse}
    for _ in range(4):
        publish(client)
        server.hang_up()
    assert len(server.paths("POST")) == 4
    assert "GEN-31" not in client.found


def test_what_dies_with_the_first_request_had_been_open_before(client: Client, server: HostileServer) -> None:
    """A server may give up a connection on which nothing came, just when something comes."""

    async def case(exchange: Exchange) -> None:
        if len(server.paths("GET")) == 2 and exchange.connection == 2:
            exchange.reset()
        else:
            await exchange.answer(b"[]")

    client.call("GET /action_types")
    server.cases = {"/publish": refuse, "/action_types": case}
    publish(client)
    answer = client.call("GET /action_types")

    assert answer.status == 200
    assert answer.sent.again, "a safe request is sent again, and says so"


def test_target_nearby_has_none_that_stands_by(
    client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FAR_S", 1000.0)
    server.cases = {"/publish": refuse}
    for _ in range(3):
        publish(client)
    assert server.connections == 3


class _Connection:
    is_connected = True
    closed = False

    def close(self) -> None:
        self.closed, self.is_connected = True, False


def _recorded() -> tuple[list[_Connection], StandBy]:
    """A place to stand by, and the connections that were opened for it."""
    opened: list[_Connection] = []

    def connect() -> _Connection:
        opened.append(_Connection())
        return opened[-1]

    return opened, StandBy(connect)


def test_one_stands_by_and_is_taken_once() -> None:
    opened, standby = _recorded()
    assert standby.take() is None
    standby.prepare()
    standby.prepare()
    assert standby.take() is opened[0]
    assert standby.take() is None
    assert len(opened) == 1


def test_stale_one_is_closed_and_replaced() -> None:
    opened, standby = _recorded()
    standby.prepare()
    assert eventually(lambda: len(opened) == 1)
    opened[0].is_connected = False
    standby.prepare()
    assert eventually(lambda: len(opened) == 2)
    standby.close()
    assert [one.closed for one in opened] == [True, True]


def test_failure_to_connect_is_left_to_the_next_request() -> None:
    def connect() -> _Connection:
        raise ConnectionRefusedError

    standby = StandBy(connect)
    standby.prepare()
    assert standby.take() is None
