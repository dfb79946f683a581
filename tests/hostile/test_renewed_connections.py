"""A healthy server may close a connection between two requests; no request may be lost by that."""

from __future__ import annotations

import pytest

from conformance.target.http import connection
from tests.hostile.client import Client
from tests.hostile.server import Exchange, HostileServer


@pytest.fixture(autouse=True)
def _never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(connection, "LONGEST_IDLE_S", 1000.0)


def publish(client: Client) -> None:
    """A request that must not be sent twice."""
    assert client.call("POST /publish", json={"topic": client.worker.sandbox.topic(), "payload": ""}).status == 200


def test_connection_is_kept(client: Client, server: HostileServer) -> None:
    for _ in range(5):
        publish(client)
    assert server.connections == 1


def test_server_that_serves_so_many_requests_per_connection_loses_none(
    client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As EMQX does after 1000 requests: the one that comes too late is not answered, nor is it announced."""
    monkeypatch.setattr(connection, "MOST_EXCHANGES", 10)
    served: dict[int, int] = {}

    async def case(exchange: Exchange) -> None:
        served[exchange.connection] = served.get(exchange.connection, 0) + 1
        if served[exchange.connection] > 20:
            exchange.reset()
        else:
            await exchange.answer()

    server.cases = {"/publish": case}
    for _ in range(50):
        publish(client)
    assert list(served.values()) == [10] * 5


def test_idle_connection_is_not_trusted(client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LONGEST_IDLE_S", 0.0)
    for _ in range(3):
        publish(client)
    assert server.connections == 3


def test_closed_connection_is_noticed_before_sending(client: Client, server: HostileServer) -> None:
    for _ in range(3):
        publish(client)
        server.hang_up()
    assert (server.connections, len(server.paths("POST"))) == (3, 3)


def test_announced_end_of_a_connection_is_respected(client: Client, server: HostileServer) -> None:
    async def case(exchange: Exchange) -> None:
        await exchange.answer(connection="close")
        exchange.close()

    server.cases = {"/publish": case}
    for _ in range(3):
        publish(client)
    assert server.connections == 3
