"""Fixtures of the fuzz items."""

from collections.abc import Callable

import pytest

from conformance.fuzz.driver import Driver
from conformance.fuzz.space import Subject
from conformance.run import Context
from conformance.target.target import Target


@pytest.fixture
def driver(subject: Subject, context: Context, target: Target, request: pytest.FixtureRequest) -> Driver:
    """The item's operation with ids, bodies and decisions."""
    return Driver(context, target, subject, request.node.nodeid)


@pytest.fixture
def driver_for(context: Context, target: Target, request: pytest.FixtureRequest) -> Callable[[str], Driver]:
    """Makes the driver of another operation, by its label."""
    return lambda label: Driver(context, target, Subject(label), request.node.nodeid)
