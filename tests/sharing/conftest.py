"""Fixtures of the tests that items share what a target pays for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.reference.embedded import start_embedded
from conformance.target.target import Target
from conformance.worker.context import Context
from tests.safety.populated import Populated
from tests.safety.scene import Scene


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    with start_embedded() as deployment, Populated(deployment) as populated:
        yield populated


@pytest.fixture
def scene(populated: Populated, tmp_path: Path) -> Iterator[Scene]:
    with Scene(populated, tmp_path, disposable=True) as scene:
        yield scene


@pytest.fixture
def context(scene: Scene) -> Iterator[Context]:
    """A worker, all of whose creations can be deleted in the end."""
    with Context(scene.plan, "gw1") as context:
        yield context
        scene.fault = None
        assert context.clean_up() == []


@pytest.fixture
def target(context: Context) -> Iterator[Target]:
    target = context.target()
    yield target
    target.close()
