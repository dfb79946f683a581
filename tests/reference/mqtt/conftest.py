"""Reference deployments for the broker's tests: one as it should be, one that reproduces EMQX 5.8.9."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.reference.mqtt.mqtt_clients import PahoClient, RawClient

_NUMBERS = itertools.count()


class Api:
    """The REST API of a deployment: ``api("GET", "/clients")``."""

    def __init__(self, deployment: EmbeddedDeployment) -> None:
        self._base = deployment.base_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (deployment.api_key, deployment.api_secret)

    def __call__(self, method: str, path: str, json: Any = None, **params: Any) -> requests.Response:
        return self._session.request(method, self._base + path, json=json, params=params, timeout=10)


class Target:
    """A running deployment, and the clients a test opens on it."""

    def __init__(self, deployment: EmbeddedDeployment) -> None:
        assert deployment.mqtt is not None
        self.port = int(deployment.mqtt.rpartition(":")[2])
        self.api = Api(deployment)
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
def strict_deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded(strict=True) as deployment:
        yield deployment


def _target(deployment: EmbeddedDeployment) -> Iterator[Target]:
    target = Target(deployment)
    yield target
    for client in target.opened:
        client.close()
    assert target.api("GET", "/clients").status_code == 200, "the deployment did not survive the test"


@pytest.fixture
def target(default_deployment: EmbeddedDeployment) -> Iterator[Target]:
    yield from _target(default_deployment)


@pytest.fixture
def strict_target(strict_deployment: EmbeddedDeployment) -> Iterator[Target]:
    yield from _target(strict_deployment)


@pytest.fixture
def name() -> str:
    """A client id and topic root that no other test uses."""
    return f"t{next(_NUMBERS)}"


@pytest.fixture(params=[4, 5], ids=["v3.1.1", "v5"])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)
