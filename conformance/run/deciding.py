"""The result of a run, from what it has gathered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from conformance import __version__
from conformance.catalogue.chance import decided_by_chance
from conformance.catalogue.coverage import account_values
from conformance.catalogue.registry import catalogue
from conformance.checks.consequences import settle
from conformance.checks.whole_run import inventory_result, waive
from conformance.contract import Contract
from conformance.exit_codes import USAGE_ERROR
from conformance.report.comparison import Comparison
from conformance.report.left_out import of_version
from conformance.report.verdict import Decision, Selection, decide, exit_code
from conformance.requirements import Requirement
from conformance.result import ItemResult, LeftOut, RunResult
from conformance.run.baseline import Baseline, exit_code_since
from conformance.run.choice import tags_of
from conformance.run.gathered import Gathered
from conformance.target.capabilities import Capabilities
from conformance.waivers import WaiverFile, load_waivers
from conformance.worker.plan import Plan
from conformance.worker.stopping import StopFlag
from emqx_conformance_extensions import installed


@dataclass(frozen=True, slots=True)
class Decided:
    """``about_the_run``: items that judge it as a whole. ``since``: how it differs from the baseline, if there is one.
    ``unneeded_waivers``: ids of those that nothing needs, where that is asked."""

    result: RunResult
    about_the_run: Sequence[ItemResult]
    since: Comparison | None
    unneeded_waivers: Sequence[str]

    @property
    def exit_code(self) -> int:
        if self.unneeded_waivers:
            return USAGE_ERROR
        code = exit_code(self.result.verdict, self.result.left_out)
        return code if self.since is None else exit_code_since(code, self.since)


def decide_run(
    plan: Plan,
    contract: Contract,
    gathered: Gathered,
    stop: StopFlag,
    *,
    started: float,
    embedded: bool,
    baseline: Baseline | None,
) -> Decided:
    """The verdict of a run and all that its reports tell; ``started``: when it began, on the monotonic clock."""
    requirements = list(catalogue())
    waivers = load_waivers(*plan.configuration.waivers)
    items = gathered.results(stop.reason())
    settle(items)
    about_the_run = _about_the_run(gathered, waivers, plan.capabilities)
    items += about_the_run
    decision = decide(items, _selection(plan, contract, gathered, requirements), gathered.troubles)
    result = _result(plan, contract, gathered, items, decision, waivers, started=started, embedded=embedded)
    strict = waivers if plan.configuration.strict_waivers else None
    return decided(result, baseline=baseline, strict=strict, about_the_run=about_the_run)


def decided(
    result: RunResult,
    *,
    baseline: Baseline | None,
    strict: WaiverFile | None,
    about_the_run: Sequence[ItemResult] = (),
) -> Decided:
    """What comes of a result, to whose reasons is added what a ``baseline`` gives to say, and ``strict``: waivers each
    of which must be needed."""
    since = None
    if baseline is not None and result.verdict != "inconclusive":
        since = baseline.compare(result)
        result.reasons.append(baseline.sentence(since))
    unneeded = [] if strict is None else strict.unneeded(result, decided_by_chance(result))
    result.reasons += [
        f"Waiver {identifier} is not needed any more: what it waives was checked and nothing failed."
        for identifier in unneeded
    ]
    return Decided(result, about_the_run, since, unneeded)


def version_left_out(plan: Plan, contract: Contract) -> LeftOut | None:
    """What a run leaves out because the contract does not describe the version of the target."""
    return of_version(plan.capabilities.version, plan.configuration.emqx_version, contract.version)


def _about_the_run(gathered: Gathered, waivers: WaiverFile | None, target: Capabilities) -> list[ItemResult]:
    results = [] if gathered.aftermath is None else gathered.aftermath.results()
    if waivers is not None:
        for item in results:
            waive(item, waivers, target)
    return results


def _selection(plan: Plan, contract: Contract, gathered: Gathered, requirements: list[Requirement]) -> Selection:
    left_out = version_left_out(plan, contract)
    if gathered.shard is not None:
        gathered.shard.selection = gathered.whole
    return Selection(
        catalogue=requirements,
        operations=list(contract.operations),
        complete=gathered.selection is None,
        mode=plan.configuration.mode,
        part=gathered.selection.words if gathered.selection is not None else "",
        of_run=[] if left_out is None else [left_out],
        tags=tags_of(contract),
        may_be_empty=gathered.has_nothing_to_do,
    )


def _result(
    plan: Plan,
    contract: Contract,
    gathered: Gathered,
    items: list[ItemResult],
    decision: Decision,
    waivers: WaiverFile | None,
    *,
    started: float,
    embedded: bool,
) -> RunResult:
    version = plan.capabilities.version
    deployment = [*plan.capabilities.profile.sentences(), *plan.configuration.bounds.sentences()]
    failures = [failure for item in items for failure in item.failures]
    return RunResult(
        verdict=decision.verdict,
        reasons=decision.reasons,
        suite=f"emqx-conformance {__version__}",
        run_id=plan.run_id,
        contract_digest=contract.digest,
        contract_variant=contract.variant,
        described_version=contract.version,
        base_url=plan.configuration.base_url or "",
        target_version=version,
        deployment=deployment,
        seed=plan.seed,
        more_seeds=list(plan.more_seeds),
        troubles=list(dict.fromkeys(gathered.troubles)),
        profile=plan.configuration.profile,
        started_at=plan.started_at,
        duration_s=round(time.monotonic() - started, 3),
        items=items,
        requirements=decision.requirements,
        operations=decision.operations,
        failures=failures,
        waivers=waivers.uses(failures, version, deployment) if waivers else [],
        mode=plan.configuration.mode.words,
        selection=gathered.selection,
        left_out=decision.left_out,
        warnings=list(plan.capabilities.warnings),
        inventory=inventory_result(gathered.aftermath) if gathered.aftermath is not None else None,
        extensions=[str(extension) for extension in installed()],
        embedded=embedded,
        values=account_values(contract, items),
        shard=gathered.shard,
        config_cleanup=dict(gathered.config_cleanup),
    )
