"""A run cut into shards as if each of them had run alone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.report.verdict import Selection, decide
from conformance.result import ItemResult, PartSelected, RunResult, Shard
from conformance.run.choice import tags_of
from conformance.run.shard_checks import Part
from conformance.run.sharding import digest_of, partition
from conformance.target.guard.mode import Mode


def decided(run: RunResult, items: Sequence[ItemResult], selection: PartSelected | None, **fields: Any) -> RunResult:
    """``run`` as if it had had just ``items``, decided as the controller does, but for the values they reached."""
    contract = load_contract(run.contract_variant, run.described_version)  # type: ignore[arg-type]
    chosen = Selection(
        catalogue=list(catalogue()),
        operations=list(contract.operations),
        complete=selection is None,
        mode=next(mode for mode in Mode if mode.words == run.mode),
        part=selection.words if selection is not None else "",
        tags=tags_of(contract),
    )
    decision = decide(items, chosen, fields.get("troubles", ()))
    return replace(
        run,
        verdict=decision.verdict,
        reasons=decision.reasons,
        items=list(items),
        requirements=decision.requirements,
        operations=decision.operations,
        left_out=decision.left_out,
        failures=[failure for item in items for failure in item.failures],
        selection=selection,
        **fields,
    )


def cut_up(run: RunResult, count: int, folder: Path = Path("shards")) -> list[Part]:
    """``run`` in ``count`` shards; each judges itself as a whole, too."""
    items = [item for item in run.items if "::test_" in item.id]
    of_run = [item for item in run.items if item not in items]
    order = [item.id for item in items]
    parts = partition({item.id: item.duration_s for item in items}, count)
    shards = []
    for index in range(1, count + 1):
        own = [item for item in items if parts[item.id] == index]
        options = [*(run.selection.options if run.selection else ()), f"--shard {index}/{count}"]
        selection = replace(run.selection or PartSelected(), options=options)
        shard = Shard(index, count, digest_of(parts), order, run.selection)
        made = decided(run, deepcopy([*own, *of_run]), selection, shard=shard, run_id=f"{index:011}")
        shards.append(Part(folder / str(index), made))
    return shards
