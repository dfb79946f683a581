"""A deployment, a REST client for it and HTTP servers that connectors deliver to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from conformance.reference.defects import NO_TRAITS, Traits
from tests.fidelity.live import KEY, SECRET, LiveDeployment
from tests.http_server import LOOPBACK, HttpServer, Received, Reply
from tests.recorded import RECORDED
from tests.waiting import PATIENCE_S, eventually


class Target(HttpServer):
    """An HTTP server that remembers requests and answers with ``statuses`` in turn, the last one for ever.

    After `close` its port refuses connections, and belongs to nobody else before `release`.
    """

    def __init__(self, *statuses: int, port: int = 0) -> None:
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((LOOPBACK, port))
        super().__init__(self._answer, self._reserved.getsockname()[1])
        self.requests: list[dict[str, Any]] = []
        self._left = list(statuses or (200,))
        self.start()

    def _answer(self, received: Received) -> Reply:
        self.requests.append(
            {
                "method": received.method,
                "path": received.target,
                "headers": dict(received.headers),
                "body": received.body,
            }
        )
        return Reply(self._left.pop(0) if len(self._left) > 1 else self._left[0], {}, b"{}")

    def received(self, count: int) -> list[dict[str, Any]]:
        """The requests, once there are ``count``."""
        eventually(lambda: len(self.requests), lambda length: length >= count)
        return list(self.requests)

    def release(self) -> None:
        """Stop listening for good."""
        self.close()
        self._reserved.close()


class World:
    """REST calls on a deployment of its own."""

    def __init__(self, *, traits: Traits, version: str = "5.8.9") -> None:
        self.live = LiveDeployment(traits=traits, version=version)
        self._base = "http://{}:{}/api/v5".format(*self.live.rest)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (KEY, SECRET)

    def call(self, method: str, path: str, json: Any = None, **query: Any) -> requests.Response:
        return self._session.request(method, self._base + path, json=json, params=query, timeout=PATIENCE_S)

    def ok(self, method: str, path: str, json: Any = None, **query: Any) -> Any:
        """The decoded answer of a call that must succeed."""
        response = self.call(method, path, json, **query)
        assert 200 <= response.status_code < 300, response.text
        return response.json() if response.content else None

    def refused(self, method: str, path: str, json: Any = None, **query: Any) -> tuple[int, str]:
        response = self.call(method, path, json, **query)
        return response.status_code, response.json()["code"]

    def http_connector(self, target: Target, name: str = "c", **settings: Any) -> Any:
        return self.ok("POST", "/connectors", {"type": "http", "name": name, "url": target.url, **settings})

    def http_action(self, name: str = "a", connector: str = "c", *, parameters: Any = None, **settings: Any) -> Any:
        parameters = parameters or {"method": "post", "path": "/hook"}
        body = {"type": "http", "name": name, "connector": connector, "parameters": parameters, **settings}
        return self.ok("POST", "/actions", body)

    def publish(self, topic: str, payload: str = "x", **message: Any) -> None:
        self.ok("POST", "/publish", {"topic": topic, "payload": payload, **message})

    def metrics(self, action_id: str = "http:a") -> dict[str, Any]:
        answer = self.ok("GET", f"/actions/{action_id}/metrics")
        assert [node["metrics"] for node in answer["node_metrics"]] == [answer["metrics"]]
        return answer["metrics"]

    def settled(self, action_id: str = "http:a", **counters: int) -> dict[str, Any]:
        """The metrics, once they show ``counters``."""
        return eventually(lambda: self.metrics(action_id), lambda shown: counters.items() <= shown.items())

    def close(self) -> None:
        self._session.close()
        self.live.close()


@pytest.fixture(scope="module")
def shared_worlds() -> Iterator[dict[str, World]]:
    worlds = {"default": World(traits=NO_TRAITS), "recorded": World(traits=RECORDED)}
    yield worlds
    for world in worlds.values():
        world.close()


def _emptied(world: World) -> World:
    for rule in world.ok("GET", "/rules")["data"]:
        world.ok("DELETE", f"/rules/{rule['id']}")
    for kind in ("actions", "connectors"):
        for item in world.ok("GET", f"/{kind}"):
            world.ok("DELETE", f"/{kind}/{item['type']}:{item['name']}")
    return world


@pytest.fixture
def world(shared_worlds: dict[str, World]) -> Iterator[World]:
    """A deployment that is as it should be, without connectors, actions and rules."""
    yield shared_worlds["default"]
    _emptied(shared_worlds["default"])


@pytest.fixture
def recorded_world(shared_worlds: dict[str, World]) -> Iterator[World]:
    """A deployment with the recorded defects, without connectors, actions and rules."""
    yield shared_worlds["recorded"]
    _emptied(shared_worlds["recorded"])


@pytest.fixture
def target() -> Iterator[Target]:
    started = Target()
    yield started
    started.release()


@pytest.fixture
def start_target() -> Iterator[Callable[..., Target]]:
    """Starts targets that answer with given statuses."""
    started: list[Target] = []

    def start(*statuses: int, port: int = 0) -> Target:
        started.append(Target(*statuses, port=port))
        return started[-1]

    yield start
    for target in started:
        target.release()
