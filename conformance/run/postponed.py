"""The last requests of a run: what a defective target cannot undo, and may suffer from, comes when all items are done.

EMQX 5.8, for one, imports a user whose id is an object. Nobody can delete it, and from then on the list of users cannot
be filtered: had an item sent that while others ran, they would fail for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from conformance.checks.refusals import expect_refused
from conformance.result import ItemResult
from conformance.run.item_life import NOT_YET, unwaived
from conformance.target.capabilities import Capabilities
from conformance.target.errors import RunStopped, SafetyViolation, TargetLost
from conformance.target.http.session import NoAnswer
from conformance.target.journal.journal import JournalError
from conformance.target.leftovers.cleanup import Left
from conformance.waivers import WaiverFile
from conformance.worker.context import Context
from conformance.worker.plan import Plan


def send_postponed(
    plan: Plan, items: Iterable[ItemResult], waivers: WaiverFile | None
) -> tuple[list[Left], list[str], Mapping[str, int]]:
    """Send what items postponed, once no worker runs any more, and count what comes of it as theirs.

    Returns what could not be deleted afterwards, sentences on what kept it from being sent or deleted, and the
    configuration writes of the deletions, by operation.
    """
    left: list[Left] = []
    cleanup: Counter[str] = Counter()
    by_worker: dict[str, list[ItemResult]] = {}
    for item in items:
        if item.postponed:
            by_worker.setdefault(item.worker, []).append(item)
    try:
        for worker, waiting in by_worker.items():
            with Context(plan, worker) as context:
                for item in waiting:
                    _count(item, _sent(context, item), waivers, plan.capabilities)
                left += context.clean_up()
                cleanup.update(context.adapter.writes.since().counts)
    except (TargetLost, RunStopped, SafetyViolation, JournalError) as error:
        return left, [f"what comes last could not be sent: {error}"], cleanup
    return left, [], cleanup


def _sent(context: Context, item: ItemResult) -> ItemResult:
    """What the postponed requests of an item showed."""
    recorder = context.recorder
    recorder.begin(item.id, item.requirements, item.operation)
    for request in item.postponed:
        try:
            answer = context.api.call(
                request.operation,
                path=request.path,
                query=request.query,
                content=request.body.encode("latin-1"),
                content_type="application/json",
            )
        except NoAnswer as error:
            recorder.failed("GEN-31", "answered", str(error), error.sent, operation=error.operation)
            continue
        # What a path addresses was deleted with its item, so that 404 says nothing there.
        if answer.status != 404 or not request.path:
            expect_refused(recorder, answer, request.what, request.requirement)
    result, taken = recorder.result(), context.adapter.writes.since()
    result.config_writes, result.config_write_s = dict(taken.counts), taken.seconds
    return result


def _count(item: ItemResult, more: ItemResult, waivers: WaiverFile | None, target: Capabilities) -> None:
    """Add what an item's postponed requests showed to its result."""
    item.postponed = []
    item.failures += more.failures
    item.evidence = _sum([item.evidence, more.evidence])
    item.statuses = _sums(item.statuses, more.statuses)
    item.decided = _sums(item.decided, more.decided)
    item.config_writes = _sum([item.config_writes, more.config_writes])
    item.config_write_s += more.config_write_s
    if failures := unwaived(more.failures, waivers, target):
        item.outcome, item.reason = "failed", failures[0].message
    elif item.outcome == "failed":
        return
    elif more.failures:
        item.outcome, item.reason = "waived", f"waived by {more.failures[0].waived_by}"
    elif item.reason == NOT_YET:
        decided = all(item.evidence.get(identifier) for identifier in item.requirements)
        item.outcome, item.reason = ("passed", "") if decided else ("not_run", "no answer to its requests decided it")


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _sums(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {name: _sum([one.get(name, {}), other.get(name, {})]) for name in {**one, **other}}
