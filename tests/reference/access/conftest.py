"""Fresh reference deployments for tests of users, authorization rules and bans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from conformance.reference.defects import NO_TRAITS, Traits
from tests.fidelity.live import KEY, SECRET, LiveDeployment
from tests.fidelity.mqtt_clients import MqttClients
from tests.recorded import RECORDED
from tests.reference.clock import Clock
from tests.waiting import PATIENCE_S

USERS = "/authentication/password_based:built_in_database/users"
RULES = "/authorization/sources/built_in_database/rules"


class World:
    """A deployment of its own: REST calls, and MQTT clients by name."""

    def __init__(self, deployment: LiveDeployment) -> None:
        self.deployment = deployment
        self._base = "http://{}:{}/api/v5".format(*deployment.rest)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (KEY, SECRET)
        self._clients = MqttClients(deployment.mqtt)

    def call(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self._session.request(method, self._base + path, json=json, timeout=PATIENCE_S, **options)

    def status(self, method: str, path: str, json: Any = None, **options: Any) -> int:
        return self.call(method, path, json, **options).status_code

    def require_users(self) -> None:
        """Enable the authenticator, so that only known users connect."""
        config = {"mechanism": "password_based", "backend": "built_in_database", "enable": True}
        assert self.status("PUT", "/authentication/password_based:built_in_database", config) == 204

    def connect(self, clientid: str, *, version: int = 5, **options: Any) -> int:
        """Connect a client and return the code of the CONNACK."""
        step = {"clientid": clientid, "protocol": version, "clean_start": True, "keepalive": 60, **options}
        return self._run("connect", clientid, **step)["reason_code"]

    def publish(self, clientid: str, topic: str, *, qos: int = 1, retain: bool = False) -> int:
        """Publish and return the reason code of the acknowledgement."""
        return self._run("publish", clientid, topic=topic, payload="x", qos=qos, retain=retain)["reason_code"]

    def subscribe(self, clientid: str, topic: str, *, qos: int = 0) -> int:
        """Subscribe and return the reason code."""
        return self._run("subscribe", clientid, topic=topic, qos=qos)["reason_codes"][0]

    def received(self, clientid: str, wanted: int) -> list[str]:
        """Topics of the next messages."""
        result = {"messages": [None] * wanted}
        return [message["topic"] for message in self._run("receive", clientid, result=result)["messages"]]

    def disconnection(self, clientid: str) -> dict[str, Any]:
        return self._run("expect_disconnect", clientid)

    def connected(self, clientid: str) -> bool:
        return self._run("expect_connected", clientid, result={"connected": True})["connected"]

    def _run(self, operation: str, client: str, **details: Any) -> Any:
        return self._clients.run({"op": operation, "client": client, **details})

    def close(self) -> None:
        self._clients.close()
        self._session.close()
        self.deployment.close()


@pytest.fixture
def start() -> Iterator[Callable[..., World]]:
    """Starts worlds: ``start(traits=NO_TRAITS, version="5.8.9")``."""
    worlds: list[World] = []

    def start_one(*, traits: Traits = NO_TRAITS, version: str = "5.8.9") -> World:
        worlds.append(World(LiveDeployment(traits=traits, version=version)))
        return worlds[-1]

    yield start_one
    for world in worlds:
        world.close()


@pytest.fixture
def world(start: Callable[..., World]) -> World:
    return start()


@pytest.fixture
def timed_world(clock: Clock) -> Iterator[World]:
    """A deployment whose time the test moves."""
    world = World(LiveDeployment(traits=NO_TRAITS, loop=clock.loop))
    yield world
    world.close()


@pytest.fixture
def recorded_world(start: Callable[..., World]) -> World:
    return start(traits=RECORDED)
