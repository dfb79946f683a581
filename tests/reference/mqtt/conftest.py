"""Reference deployments for the broker's tests: as they should be, or reproducing EMQX 5.8.9."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from conformance.reference.defects import NO_TRAITS, Traits
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.fidelity.live import KEY, SECRET, LiveDeployment
from tests.recorded import RECORDED
from tests.reference.clock import Clock
from tests.reference.mqtt.mqtt_clients import PahoClient, RawClient
from tests.waiting import PATIENCE_S

_NUMBERS = itertools.count()


class Api:
    """The REST API of a deployment: ``api("GET", "/clients")``."""

    def __init__(self, base_url: str, key: str, secret: str) -> None:
        self._base = base_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (key, secret)

    def __call__(self, method: str, path: str, json: Any = None, **params: Any) -> requests.Response:
        return self._session.request(method, self._base + path, json=json, params=params, timeout=PATIENCE_S)


class Target:
    """A running deployment, and the clients a test opens on it."""

    def __init__(self, api: Api, port: int) -> None:
        self.port = port
        self.api = api
        self.opened: list[PahoClient | RawClient] = []

    def client(self, clientid: str, version: int = 5, **options: Any) -> PahoClient:
        client = PahoClient(self.port, clientid, version, **options)
        self.opened.append(client)
        return client

    def raw(self, version: int = 5) -> RawClient:
        client = RawClient(self.port, version)
        self.opened.append(client)
        return client


@pytest.fixture(scope="session")
def default_deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


@pytest.fixture(scope="session")
def recorded_deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded(traits=RECORDED) as deployment:
        yield deployment


def target_of(deployment: EmbeddedDeployment) -> Target:
    """A deployment in a process of its own."""
    assert deployment.mqtt is not None
    api = Api(deployment.base_url, deployment.api_key, deployment.api_secret)
    return Target(api, int(deployment.mqtt.rpartition(":")[2]))


def _target_in_a_child(deployment: EmbeddedDeployment) -> Iterator[Target]:
    yield from _used(target_of(deployment))


def _target_of(clock: Clock, *, traits: Traits) -> Iterator[Target]:
    live = LiveDeployment(traits=traits, loop=clock.loop)
    host, port = live.rest
    yield from _used(Target(Api(f"http://{host}:{port}/api/v5", KEY, SECRET), live.mqtt[1]))
    live.close()


def _used(target: Target) -> Iterator[Target]:
    yield target
    for client in target.opened:
        client.close()
    assert target.api("GET", "/clients").status_code == 200, "the deployment did not survive the test"


@pytest.fixture
def target(default_deployment: EmbeddedDeployment) -> Iterator[Target]:
    yield from _target_in_a_child(default_deployment)


@pytest.fixture
def recorded_target(recorded_deployment: EmbeddedDeployment) -> Iterator[Target]:
    yield from _target_in_a_child(recorded_deployment)


@pytest.fixture
def timed_target(clock: Clock) -> Iterator[Target]:
    """A deployment of its own whose time the test moves."""
    yield from _target_of(clock, traits=NO_TRAITS)


@pytest.fixture
def timed_recorded_target(clock: Clock) -> Iterator[Target]:
    yield from _target_of(clock, traits=RECORDED)


@pytest.fixture
def name() -> str:
    """A client id and topic root that no other test uses."""
    return f"t{next(_NUMBERS)}"


@pytest.fixture(params=[4, 5], ids=["v3.1.1", "v5"])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)
