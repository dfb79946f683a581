"""A model of the configuration spends no more writes than it may, and finds with them what it is there for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.models.machine import ModelViolation, run_model
from conformance.models.test_bridges import EFFORTS, References
from tests.faults.catalogue import FAULTS
from tests.sharing.writes import writes

SEEDS = (1646404959, 1, 2, 3, 4, 5)
NIGHTLY = pytest.mark.nightly
TRAFFIC = [
    name for name, seeded in FAULTS.items() if "MDL-01" in seeded.requirements and seeded.fault is not None
]  # fmt: skip


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[NIGHTLY] * (place > 1)) for place, seed in enumerate(SEEDS)]
)
def test_a_model_spends_what_it_may_and_leaves_nothing(context, target, seed):
    run_model(References, context, seed)

    spent = sum(writes(context).values())
    effort = EFFORTS["standard"]
    assert 20 <= spent <= effort.writes * (effort.programs - 1)
    assert [
        name for name in target.rules.ids() + target.actions.ids() + target.connectors.ids() if "-mdl-" in name
    ] == []


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[NIGHTLY] * (place > 1)) for place, seed in enumerate(SEEDS)]
)
@pytest.mark.parametrize("name", TRAFFIC)
def test_its_faults_are_found_with_every_seed(context, scene, name, seed):
    context.api.timing = replace(context.api.timing, shrink=0.0)
    scene.fault = FAULTS[name].fault
    with pytest.raises(ModelViolation) as violation:
        run_model(References, context, seed)
    assert violation.value.program
