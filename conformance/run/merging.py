"""One run from its shards: what each decided is put together, and what only the whole can decide is decided here.

The merged run is what one run over all items would have been: the same closed accounting decides, so that whatever no
shard looked at is undecided. Consequences are those that a shard found: clocks of two machines tell no order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from conformance.catalogue.coverage import account_values
from conformance.catalogue.registry import catalogue
from conformance.contract import Contract, Variant, load_contract
from conformance.report.errors import ReportError
from conformance.report.text import counted
from conformance.report.verdict import Selection, decide
from conformance.result import ItemResult, LeftOut, MergedShard, RunResult, WaiverState, WaiverUse
from conformance.run.choice import tags_of
from conformance.run.merged_parts import merged_inventory, merged_item, renamed, summed
from conformance.run.node_ids import operation_of, requirements_of
from conformance.run.shard_checks import Part, check_together
from conformance.target.guard.mode import Mode

_STATES: Sequence[WaiverState] = ("expired", "reproduced", "unobserved")


def merge(parts: Sequence[Part]) -> RunResult:
    """One run of all shards; raises `ReportError` if they do not belong together.

    A shard that is missing, or could not start, makes it ``inconclusive``, and its items did not run.
    """
    check_together(parts)
    parts = sorted(parts, key=lambda part: part.shard.index)
    first = next((part for part in parts if part.started), parts[0])
    requirements = list(catalogue())
    contract = _contract(first.run)
    absent = dict(_absent(parts))
    troubles = [f"{part.shard.words}: {trouble}" for part in parts for trouble in part.run.troubles if part.started]
    items = list(_items(parts, first.shard.items, "; ".join(absent.values())))
    whole = first.shard.selection
    selection = Selection(
        catalogue=requirements,
        operations=list(contract.operations),
        complete=whole is None,
        mode=next(mode for mode in Mode if mode.words == first.run.mode),
        part=whole.words if whole is not None else "",
        of_run=_of_run(first.run),
        tags=tags_of(contract),
    )
    decision = decide(items, selection, [*absent.values(), *troubles])
    return replace(
        first.run,
        verdict=decision.verdict,
        reasons=decision.reasons,
        run_id=", ".join(part.run.run_id for part in parts),
        deployment=list(dict.fromkeys(sentence for part in parts for sentence in part.run.deployment)),
        started_at=min(parts, key=lambda part: _began(part.run)).run.started_at,
        duration_s=round(max(map(_ended, parts)) - min(_began(part.run) for part in parts), 3),
        items=items,
        requirements=decision.requirements,
        operations=decision.operations,
        failures=[failure for item in items for failure in item.failures],
        waivers=_waivers(parts),
        selection=whole,
        left_out=decision.left_out,
        warnings=list(dict.fromkeys(warning for part in parts for warning in part.run.warnings)),
        inventory=merged_inventory([part.run for part in parts], partly=len(parts) < first.shard.count),
        values=account_values(contract, items),
        config_cleanup=summed(part.run.config_cleanup for part in parts),
        troubles=[*absent.values(), *troubles],
        shard=None,
        shards=[
            MergedShard(
                part.shard.index,
                part.run.run_id,
                part.run.verdict,
                part.run.base_url,
                part.run.started_at,
                part.run.duration_s,
            )
            for part in parts
        ],
    )


def _contract(run: RunResult) -> Contract:
    contract = load_contract(_variant(run), run.described_version or None)
    if contract.digest != run.contract_digest:
        raise ReportError(f"the shards were checked against a contract that this suite has not ({run.contract_digest})")
    return contract


def _variant(run: RunResult) -> Variant:
    return "published" if run.contract_variant == "published" else "corrected"


def _absent(parts: Sequence[Part]) -> Iterator[tuple[int, str]]:
    """Index of each shard that looked at nothing, and a sentence on why."""
    count = parts[0].shard.count
    present = {part.shard.index: part for part in parts}
    missing = [index for index in range(1, count + 1) if index not in present]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        number = f"{counted(len(missing), 'shard')} of {count}"
        yield missing[0], f"{number} {'is' if len(missing) == 1 else 'are'} missing: number {shown}"
    for index, part in present.items():
        if not part.started:
            yield index, f"{part.shard.words}: {next(iter(part.run.troubles), 'it came to no item')}"


def _items(parts: Sequence[Part], order: Sequence[str], absent: str) -> Iterator[ItemResult]:
    """Every item of the whole once, then what judges runs as a whole."""
    own: dict[str, ItemResult] = {}
    of_runs: dict[str, list[ItemResult]] = {}
    for part in parts:
        for item in part.run.items:
            copy = renamed(item, part.shard.index)
            if "::test_" in item.id:
                own[item.id] = copy
            else:
                of_runs.setdefault(item.id, []).append(copy)
    why = absent or "no shard tells of it"
    for identifier in order:
        known = own.pop(identifier, None)
        if known is None:
            known = ItemResult(identifier, requirements_of(identifier), operation_of(identifier), "not_run", why)
        yield known
    yield from own.values()
    for several in of_runs.values():
        # What a shard left that nobody knows of is not known either.
        unknown = [replace(several[0], outcome="not_run", reason=absent, failures=[], evidence={})] if absent else []
        yield merged_item([*several, *unknown])


def _of_run(run: RunResult) -> list[LeftOut]:
    """What was left out of the run as a whole, apart from what other shards have."""
    of_selection = f"not selected ({run.selection.words})" if run.selection is not None else ""
    return [
        entry
        for entry in run.left_out
        if not (entry.items or entry.requirements or entry.partly or entry.operations) and entry.reason != of_selection
    ]


def _waivers(parts: Sequence[Part]) -> list[WaiverUse]:
    uses: dict[str, list[WaiverUse]] = {}
    for part in parts:
        for use in part.run.waivers:
            uses.setdefault(use.id, []).append(use)
    return [_waiver(several) for several in uses.values()]


def _waiver(uses: Sequence[WaiverUse]) -> WaiverUse:
    telling = min(uses, key=lambda use: _STATES.index(use.state))
    return replace(telling, failures=sum(use.failures for use in uses))


def _began(run: RunResult) -> float:
    return datetime.fromisoformat(run.started_at).timestamp()


def _ended(part: Part) -> float:
    return _began(part.run) + part.run.duration_s
