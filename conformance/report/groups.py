"""The verdict on a run and on each group of the contract, counted again from what ``report.json`` lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conformance.report.verdict import verdict_of
from conformance.result import PROVISIONAL, Verdict

Report = Mapping[str, Any]
GroupVerdict = Verdict | Literal["not_looked_at"]
"""``not_looked_at``: nothing of the group was, which is never green."""

GENERAL = "General"
"""What is of no group: checked on every answer, or about the run as a whole."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its verdict: how many ``requirements`` there are and how many ``passed``, and the same of its
    operations (``operations``, ``answered``).
    """

    name: str
    verdict: GroupVerdict
    requirements: int
    passed: int
    operations: int
    answered: int


def verdict_of_report(report: Report) -> Verdict:
    """The verdict that follows from what a report lists; raises KeyError for one of before version 0.1.0."""
    totals = report["totals"]
    outcomes = [entry["outcome"] for entry in (*report["requirements"], *report["operations"])]
    return verdict_of(
        failing=any(map(_counts, report["failures"])) or totals["failed"] > 0 or "failed" in outcomes,
        undecided=not (totals["passed"] + totals["waived"] or _may_be_empty(report))
        or bool(report["troubles"])
        or totals["errors"] + report["not_run"] > 0
        or not {"error", "not_run"}.isdisjoint(outcomes),
        missing=any(entry["why"] != "not_demanded" for entry in report["left_out"]),
        waived=any(map(_is_waived, report["failures"])),
    )


def _may_be_empty(report: Report) -> bool:
    """Whether other shards have all the items."""
    shard = report.get("shard")
    return shard is not None and shard["items"] > 0 and shard["own"] == 0


def groups_of_report(report: Report) -> list[Group]:
    """Every group in the order of the contract, and last what is of none; raises as `verdict_of_report`."""
    names = list(dict.fromkeys(entry["group"] for entry in report["operations"] if entry["group"]))
    return [_group(report, name) for name in (*names, GENERAL)]


def _group(report: Report, name: str) -> Group:
    requirements = list(_requirements(report, name))
    operations = [entry["outcome"] for entry in report["operations"] if entry["group"] == name]
    failures = list(_failures(report, name))
    outcomes = {*(outcome for _, outcome in requirements), *operations}
    waived = {entry["requirement"] for entry in report["failures"] if _is_waived(entry)}
    failing = any(map(_counts, failures)) or "failed" in outcomes
    undecided = bool(report["troubles"]) or not {"error", "not_run"}.isdisjoint(outcomes)
    verdict: GroupVerdict = "not_looked_at"
    if failing or undecided or not {"passed", "waived"}.isdisjoint(outcomes):
        verdict = verdict_of(
            failing=failing,
            undecided=undecided,
            missing=any(_concerns(entry, name, report) for entry in report["left_out"]),
            waived=any(map(_is_waived, failures))
            or any(outcome == "waived" and identifier in waived for identifier, outcome in requirements),
        )
    passed = [outcome for _, outcome in requirements if outcome == "passed"]
    return Group(name, verdict, len(requirements), len(passed), len(operations), operations.count("passed"))


def _requirements(report: Report, name: str) -> Iterator[tuple[str, str]]:
    """Id and outcome of the requirements of a group."""
    for entry in report["requirements"]:
        if name in entry["groups"]:
            yield entry["id"], entry["groups"][name]
        elif name == GENERAL and not entry["groups"]:
            yield entry["id"], entry["outcome"]


def _failures(report: Report, name: str) -> Iterator[Mapping[str, Any]]:
    """Those on an operation of the group; of none, those that no operation and no requirement puts into one."""
    groups = {entry["operation"]: entry["group"] for entry in report["operations"]}
    grouped = {entry["id"] for entry in report["requirements"] if entry["groups"]}
    for failure in report["failures"]:
        group = groups.get(failure["operation"]) or None
        if group == name or (name == GENERAL and group is None and failure["requirement"] not in grouped):
            yield failure


def _concerns(entry: Mapping[str, Any], name: str, report: Report) -> bool:
    """Whether what was left out is missing in a group."""
    if entry["why"] == "not_demanded":
        return False
    named = entry["items"] or entry["requirements"] or entry["partly"] or entry["operations"]
    if not named or name in entry["groups"]:
        return True
    if name != GENERAL:
        return False
    general = {one["id"] for one in report["requirements"] if not one["groups"]}
    return not general.isdisjoint((*entry["requirements"], *entry["partly"]))


def _counts(failure: Mapping[str, Any]) -> bool:
    return failure["waived_by"] is None and failure.get("consequence_of") is None


def _is_waived(failure: Mapping[str, Any]) -> bool:
    return failure["waived_by"] not in (None, PROVISIONAL) and failure.get("consequence_of") is None
