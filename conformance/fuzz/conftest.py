"""Fixtures of the fuzz items."""

from collections.abc import Callable

import pytest

from conformance.fuzz.driver import Driver
from conformance.fuzz.space import Subject
from conformance.target.target import Target
from conformance.worker.context import Context


@pytest.fixture
def driver(subject: Subject, context: Context, target: Target) -> Driver:
    """The item's operation with ids, bodies and decisions."""
    return Driver(context, target, subject, context.recorder.item)


@pytest.fixture
def driver_for(context: Context, target: Target) -> Callable[..., Driver]:
    """Makes the driver of another operation or of a type, by the arguments of `Subject`."""
    return lambda *subject: Driver(context, target, Subject(*subject), context.recorder.item)
