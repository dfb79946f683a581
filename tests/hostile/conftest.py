"""What the tests of hostile targets share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hostile.client import Client
from tests.hostile.server import HostileServer


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


@pytest.fixture
def client(server: HostileServer, tmp_path: Path) -> Iterator[Client]:
    """The suite's session with ``server``, and what its checks find."""
    with ExitStack() as stack:
        yield stack.enter_context(Client(server.base_url, tmp_path))
