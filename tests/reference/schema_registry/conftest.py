"""Deployments for the tests of schemas: one as it should be, one that reproduces EMQX 5.8.9."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.reference.defects import NO_TRAITS
from tests.recorded import RECORDED
from tests.reference.rules.in_process import InProcess, shared


@pytest.fixture
def api() -> Iterator[InProcess]:
    yield shared(traits=NO_TRAITS)
    shared(traits=NO_TRAITS).clear()


@pytest.fixture
def recorded_api() -> Iterator[InProcess]:
    yield shared(traits=RECORDED)
    shared(traits=RECORDED).clear()
