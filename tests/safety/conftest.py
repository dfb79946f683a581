"""Fixtures of the tests that a target others use is safe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.reference.embedded import start_embedded
from tests.safety.populated import Populated


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    """A deployment with foreign resources of every kind, for all tests of a module."""
    with start_embedded() as deployment, Populated(deployment) as populated:
        yield populated
