"""Fixtures of the tests that a target others use is safe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.reference.defects import NO_TRAITS
from conformance.reference.embedded import start_embedded
from tests.recorded import RECORDED
from tests.safety.effects import Effects
from tests.safety.network import Network, recorded_network
from tests.safety.populated import Populated
from tests.safety.shared_target import SharedTarget


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    """A deployment with foreign resources of every kind, for all tests of a module."""
    with start_embedded() as deployment, Populated(deployment) as populated:
        yield populated


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with recorded_network() as recorded:
        yield recorded


@pytest.fixture(scope="module")
def effects(network: Network) -> Iterator[Effects]:
    """A deployment in this process that is as it should be, and what requests do to others on it."""
    target = SharedTarget(network, traits=NO_TRAITS)
    yield Effects(target)
    target.close()


@pytest.fixture(scope="module")
def recorded_effects(network: Network) -> Iterator[Effects]:
    """The same with the recorded defects of EMQX 5.8.9."""
    target = SharedTarget(network, traits=RECORDED)
    yield Effects(target)
    target.close()
