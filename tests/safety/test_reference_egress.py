"""The reference deployment opens no connection beyond loopback, and asks no name server, unless it is told so."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.reference.assembly import AssembledDeployment
from conformance.reference.deployment import Settings
from conformance.reference.pipeline.app import Application
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.hosts import HOST_FIELDS
from tests.safety.shared_target import answered, contract

STRANGERS = ("stranger.example", "198.51.100.7", "[2001:db8::7]", "localhost.example", "0.0.0.0")


class Network:
    """Where anything tried to go; nothing gets there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.connected: list[Any] = []

        def look_up(host: Any, *_rest: Any, **_options: Any) -> Any:
            self.asked.append(str(host))
            raise socket.gaierror(socket.EAI_NONAME, "no name server here")

        def connect(_socket: socket.socket, address: Any) -> Any:
            self.connected.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(socket.socket, "connect", connect)
        monkeypatch.setattr(socket.socket, "connect_ex", connect)

    @property
    def beyond_loopback(self) -> list[Any]:
        connected = [address for address in self.connected if address[0] not in ("127.0.0.1", "::1")]
        return [*self.asked, *connected]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


def _pointed_at(node: Any, stranger: str) -> Any:
    """A body whose every host is ``stranger``, in the form it had."""
    if isinstance(node, dict):
        return {key: _replaced(key, value, stranger) for key, value in node.items()}
    return [_pointed_at(item, stranger) for item in node] if isinstance(node, list) else node


def _replaced(key: str, value: Any, stranger: str) -> Any:
    if key not in HOST_FIELDS or not isinstance(value, str):
        return _pointed_at(value, stranger)
    scheme, separator, rest = value.rpartition("://")
    bare = stranger if ":" in rest or separator else stranger.strip("[]")
    return f"{scheme}{separator}{bare}{':80' if ':' in rest or separator else ''}"


def _connectors(stranger: str) -> Iterator[dict[str, Any]]:
    for resource_type in contract().types("connectors"):
        for example in contract().body_examples("POST /connectors", resource_type).values():
            yield {**_pointed_at(example, stranger), "name": "c", "enable": True}


async def _try_all(*, allow_egress: bool, stranger: str) -> list[int]:
    """Create and probe a connector of every type; the statuses."""
    deployment = AssembledDeployment(Settings("key", "secret", allow_egress=allow_egress))
    application = Application(deployment)
    statuses = []
    for body in _connectors(stranger):
        content = json.dumps(body).encode()
        for path in ("/connectors", "/connectors_probe"):
            request = Outgoing("POST", path, content, "application/json")
            statuses.append((await answered(application, request))[0])
        await answered(application, Outgoing("DELETE", f"/connectors/{body['type']}:c", b""))
    await deployment.stop()
    return statuses


@pytest.mark.parametrize("stranger", STRANGERS)
def test_nothing_beyond_loopback_is_contacted(network: Network, stranger: str) -> None:
    """By no type of connector, created or probed, by name or by address."""
    statuses = asyncio.run(_try_all(allow_egress=False, stranger=stranger))
    assert statuses.count(201) > 30, "the connectors themselves are fine"
    assert network.beyond_loopback == []


def test_told_so_it_would(network: Network) -> None:
    """The network of these tests sees what it is there to see."""
    asyncio.run(_try_all(allow_egress=True, stranger="stranger.example"))
    assert "stranger.example" in network.asked
    asyncio.run(_try_all(allow_egress=True, stranger="198.51.100.7"))
    assert ("198.51.100.7", 80) in network.connected


def test_not_even_localhost_is_looked_up(network: Network) -> None:
    asyncio.run(_try_all(allow_egress=False, stranger="localhost"))
    assert network.asked == []
    assert ("127.0.0.1", 80) in network.connected
