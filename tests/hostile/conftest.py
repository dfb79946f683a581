"""What the tests of hostile targets share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.target import health, session
from tests.hostile.client import Client
from tests.hostile.server import HostileServer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of time that a test can wait for."""
    monkeypatch.setattr(session, "READ_TIMEOUT_S", 1.0)
    monkeypatch.setattr(session, "HEARTBEAT_TIMEOUT_S", 1.0)
    monkeypatch.setattr(health, "PAUSES_S", (0.0, 0.01))


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


@pytest.fixture
def client(server: HostileServer, tmp_path: Path, impatient: None) -> Iterator[Client]:
    """The suite's session with ``server``, and what its checks find."""
    with ExitStack() as stack:
        yield stack.enter_context(Client(server.base_url, tmp_path))
