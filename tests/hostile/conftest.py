"""What the tests of hostile targets share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.target.http import health, session
from tests.hostile.client import Client
from tests.hostile.server import HostileServer
from tests.waiting import PATIENCE_S


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sick target is given up soon, a healthy one that is slow is not."""
    monkeypatch.setattr(session, "CONNECT_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(session, "READ_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(session, "HEARTBEAT_TIMEOUT_S", PATIENCE_S)
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
