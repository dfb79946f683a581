"""Deployments for the tests of rules: one as it should be, one that reproduces EMQX 5.8.9."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reference.rules.in_process import InProcess, shared


@pytest.fixture
def api() -> Iterator[InProcess]:
    yield shared(strict=False)
    shared(strict=False).clear()


@pytest.fixture
def strict_api() -> Iterator[InProcess]:
    yield shared(strict=True)
    shared(strict=True).clear()
