"""Running deployments, and an HTTP client that sends exactly what it is told."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from conformance.reference.assembly import AssembledDeployment
from conformance.reference.defects import NO_TRAITS, Traits
from conformance.reference.rest.credentials import ApiKey
from tests.fidelity.live import KEY, SECRET, LiveDeployment
from tests.recorded import RECORDED
from tests.waiting import PATIENCE_S


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        return str(self.json["code"])


def _put_key(deployment: AssembledDeployment, role: str) -> None:
    deployment.credentials.put_key(role, ApiKey(SECRET, role))


class Api:
    """One deployment; each call is a connection of its own unless `connection` is used."""

    def __init__(self, *, traits: Traits) -> None:
        self.live = LiveDeployment(traits=traits)
        for role in ("viewer", "publisher"):
            self.live.call(partial(_put_key, role=role))

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.live.rest, timeout=PATIENCE_S)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str | None = basic(KEY, SECRET),
        connection: http.client.HTTPConnection | None = None,
        **headers: str,
    ) -> Answer:
        """Send ``path`` below /api/v5 as it stands; a body goes as JSON unless it is bytes. ``content_type="..."``."""
        sent = {"Accept": "application/json", **({"Authorization": auth} if auth is not None else {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        used = connection or self.connection()
        used.request(method, "/api/v5" + path, body=body, headers=sent)
        response = used.getresponse()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
        if connection is None:
            used.close()
        return answer


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A deployment that is as it should be."""
    started = Api(traits=NO_TRAITS)
    yield started
    started.live.close()


@pytest.fixture(scope="module")
def recorded_api() -> Iterator[Api]:
    """A deployment with the recorded defects."""
    started = Api(traits=RECORDED)
    yield started
    started.live.close()


@pytest.fixture(params=["default", "recorded"])
def either_api(request: pytest.FixtureRequest) -> Api:
    """Both kinds in turn, for what they have in common."""
    started: Api = request.getfixturevalue("api" if request.param == "default" else "recorded_api")
    return started
