"""Fixtures of the fuzz items."""

from collections.abc import Callable

import pytest

from conformance.fuzz.driver import Driver
from conformance.fuzz.space import Subject
from conformance.run import Context
from conformance.target.world import World


@pytest.fixture
def driver(subject: Subject, context: Context, world: World, request: pytest.FixtureRequest) -> Driver:
    """The item's operation with ids, bodies and decisions."""
    return Driver(context, world, subject, request.node.nodeid)


@pytest.fixture
def driver_for(context: Context, world: World, request: pytest.FixtureRequest) -> Callable[[str], Driver]:
    """Makes the driver of another operation, by its label."""
    return lambda label: Driver(context, world, Subject(label), request.node.nodeid)
