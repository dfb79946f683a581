"""The fixture of all models."""

from collections.abc import Callable

import pytest

from conformance.checks.recorder import Recorder
from conformance.checks.sightings import refused_read
from conformance.fuzz.space import item_seed
from conformance.models.machine import Model, ModelViolation, run_model
from conformance.worker.context import Context


@pytest.fixture
def explore(context: Context, recorder: Recorder, request: pytest.FixtureRequest) -> Callable[[type[Model]], None]:
    """Run a model; a disagreement is a failure of the item's requirement with the program that shows it."""

    def explore(model: type[Model]) -> None:
        try:
            for seed in context.plan.seeds:
                run_model(model, context, item_seed(seed, request.node.nodeid))
        except ModelViolation as error:
            sighting = refused_read(error.answer) if error.answer is not None else None
            recorder.failed(
                recorder.requirements[0], "model", str(error), error.answer, program=error.program, sighting=sighting
            )

    return explore
