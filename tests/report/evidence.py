"""A report directory with its statement, as a run would leave it, made without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.contract import contract_seed, load_contract
from conformance.report.installed import HERE
from conformance.report.statement import write_statement
from conformance.report.verdict import Selection, decide
from conformance.report.writers import write_reports
from conformance.requirements import Requirement
from conformance.result import ItemResult, RunResult
from conformance.target.leftovers.inventory import AFTER, BEFORE, Holdings, Inventory
from conformance.target.settings.config import WAIVERS_FOLDER
from tests.report.samples import CATALOGUE, OPERATIONS, good_items, run_of

CONTRACT = load_contract()
SHIPPED = WAIVERS_FOLDER / "emqx-5.8.toml"
TAGS = {
    **dict.fromkeys(OPERATIONS, "Rules"),
    "GET /banned": "Banned",
    "POST /publish": "Publish",
}
OF_RULES = [Requirement(entry.id, entry.title, entry.level, operations=OPERATIONS) for entry in CATALOGUE[2:]]
GROUPED = Selection([*CATALOGUE[:2], *OF_RULES], OPERATIONS, tags=TAGS)


def inventory(**rules: str | None) -> Inventory:
    """An inventory with those rules, and a client that comes and goes by itself."""
    return Inventory(
        "2026-11-23T03:00:00+00:00",
        collections={
            "rules": Holdings(dict(rules), count=len(rules)),
            "clients": Holdings({"c": ""} if rules else {}, count=1),
        },
    )


def accepted(items: Sequence[ItemResult] | None = None, **fields: Any) -> RunResult:
    """The run of an acceptance, conformant unless ``items`` say otherwise."""
    items = good_items() if items is None else items
    defaults: dict[str, Any] = {
        "suite": HERE, "contract_digest": CONTRACT.digest, "described_version": CONTRACT.version, "waivers": [],
        "profile": "acceptance", "mode": "disposable", "seed": contract_seed(CONTRACT.digest), "more_seeds": [1, 2, 3],
    }  # fmt: skip
    return run_of(items, decide(items, GROUPED), **defaults | fields)


def write_evidence(
    directory: Path,
    run: RunResult | None = None,
    waivers: Sequence[Path] = (),
    before: Inventory | None = None,
    after: Inventory | None = None,
) -> Path:
    """Write everything that `conformance.report.verification` looks at into ``directory``."""
    written = write_reports(run or accepted(), directory)
    assert written.problem is None
    for name, held in ((BEFORE, before or inventory(r="aa")), (AFTER, after or inventory(r="aa"))):
        (directory / name).write_text(held.as_json())
    write_statement(directory, waivers)
    return directory
