"""The report of a run that could not start: whoever reads reports learns from them, too, that nothing was decided."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from conformance import __version__
from conformance.catalogue.registry import known
from conformance.contract import Contract, DocumentError, load_contract
from conformance.report.writers import write_reports
from conformance.result import ItemResult, OperationResult, RequirementResult, RunResult, Shard
from conformance.run.planning import choose_seeds
from conformance.target.guard.sandbox import new_run_id
from conformance.target.settings.config import Configuration
from emqx_conformance_extensions import installed

ITEM = "conformance/run/beginning.py::begin"


def report_unstarted(
    reason: str,
    directory: Path,
    configuration: Configuration | None,
    duration_s: float,
    shard: tuple[int, int] | None = None,
) -> None:
    """Write the reports of a run that ended for ``reason``, a sentence, before its first item.

    ``configuration``: None if that is what is wrong. ``shard``: number and count of the parts of which it was one. What
    cannot be written is left out: the reason is told anyway.
    """
    configuration = configuration or Configuration()
    run = _result(reason, configuration, _contract(configuration), duration_s)
    run.shard = Shard(*shard) if shard is not None else None
    write_reports(run, directory)


def _contract(configuration: Configuration) -> Contract:
    try:
        return load_contract(configuration.contract, configuration.emqx_version)
    except DocumentError:  # that is the reason
        return load_contract(configuration.contract)


def _result(reason: str, configuration: Configuration, contract: Contract, duration_s: float) -> RunResult:
    requirements = [
        RequirementResult(entry.id, entry.title, entry.level, "not_run", list(entry.verified_by), reason)
        for entry in known()
    ]
    return RunResult(
        verdict="inconclusive",
        reasons=[f"The run could not start: {reason}"],
        troubles=[f"the run could not start: {reason}"],
        suite=f"emqx-conformance {__version__}",
        run_id=new_run_id(),
        contract_digest=contract.digest,
        contract_variant=contract.variant,
        base_url=configuration.base_url or "",
        target_version=None,
        seed=choose_seeds(configuration, contract)[0],
        profile=configuration.profile,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        items=[ItemResult(ITEM, (), None, "error", reason)],
        requirements=requirements,
        operations=[OperationResult(label, 0, {}, reason=reason) for label in contract.operations],
        failures=[],
        mode=configuration.mode.words,
        extensions=[str(extension) for extension in installed()],
    )
