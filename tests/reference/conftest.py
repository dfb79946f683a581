"""What the tests of the reference deployment share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reference.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """A time that only the test moves, for deployments in ``clock.loop``."""
    with Clock(monkeypatch) as clock:
        yield clock
