"""What a fleet of runs found, as data: targets, requirements, and both together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from conformance.exit_codes import FINE, FOUND, INCONCLUSIVE
from conformance.report.errors import ReportError
from conformance.report.files import read_json
from conformance.report.schemas import misfit
from conformance.result import Level, Outcome, Verdict

FILE_NAME = "fleet.json"
SCHEMA_VERSION = 1
MOST_CAUSES = 20

_WORST_FIRST: Sequence[Outcome] = ("failed", "error", "not_run", "waived", "skipped", "not_selected", "passed")


@dataclass(slots=True)
class TargetRun:
    """The run against one target of a fleet.

    ``verdict``: None if it came to no report, ``reason`` then says why. ``exit_code``: that of the run, None if it did
    not begin. ``attempts``: how often it was begun, more than once where a worker died; ``swept``: whether what an
    earlier attempt had left was deleted. ``requirements``: id -> outcome, ``causes``: what fails, the gravest first.
    """

    name: str
    base_url: str
    verdict: Verdict | None = None
    reason: str = ""
    exit_code: int | None = None
    complete: bool = False
    version: str | None = None
    suite: str = ""
    requests: int = 0
    duration_s: float = 0.0
    attempts: int = 0
    swept: bool = False
    worker: str = ""
    report: str = ""
    requirements: dict[str, Outcome] = field(default_factory=dict)
    causes: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The verdict, or that there is none."""
        return self.verdict or "not_run"


@dataclass(slots=True)
class FleetRun:
    """A fleet once it is over: each target once, in the order of its file.

    ``scheduler``: address of the scheduler, or ``local``; ``titles``: id of a requirement -> level and sentence.
    """

    id: str
    suite: str
    scheduler: str
    workers: int
    started_at: str
    duration_s: float
    targets: list[TargetRun]
    titles: Mapping[str, tuple[Level, str]] = field(default_factory=dict)
    interrupted: bool = False

    def totals(self) -> dict[str, int]:
        """Number of targets by verdict."""
        counts = Counter(target.state for target in self.targets)
        names = ("conformant", "conformant_with_waivers", "partial", "non_conformant", "inconclusive", "not_run")
        return {"targets": len(self.targets), **{name: counts[name] for name in names}}

    def exit_code(self) -> int:
        """1 if a target deviates; otherwise 3 if one is undecided or was not run; otherwise 0."""
        codes = {target.exit_code for target in self.targets if target.verdict is not None}
        if FOUND in codes or any(target.verdict == "non_conformant" for target in self.targets):
            return FOUND
        undecided = self.interrupted or any(target.verdict is None for target in self.targets)
        return INCONCLUSIVE if undecided or codes - {FINE} else FINE


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """A requirement over all targets: ``outcomes``: outcome -> names of the targets, in their order."""

    id: str
    level: Level
    title: str
    outcomes: Mapping[Outcome, list[str]]

    @property
    def worst(self) -> Outcome:
        return next(outcome for outcome in _WORST_FIRST if outcome in self.outcomes)


def requirement_rows(fleet: FleetRun) -> list[RequirementRow]:
    """All requirements that any target tells of, those that fail anywhere first, then by id."""
    found: dict[str, dict[Outcome, list[str]]] = {}
    for target in fleet.targets:
        for identifier, outcome in target.requirements.items():
            found.setdefault(identifier, {}).setdefault(outcome, []).append(target.name)
    rows = [RequirementRow(name, *fleet.titles.get(name, ("MUST", "")), outcomes) for name, outcomes in found.items()]
    return sorted(rows, key=lambda row: (_WORST_FIRST.index(row.worst), -len(row.outcomes[row.worst]), row.id))


def common_causes(targets: Iterable[TargetRun]) -> list[tuple[str, list[str]]]:
    """What fails, with the names of the targets on which it does, the commonest first."""
    found: dict[str, list[str]] = {}
    for target in targets:
        for cause in target.causes:
            found.setdefault(cause, []).append(target.name)
    return sorted(found.items(), key=lambda entry: -len(entry[1]))


def build_fleet_report(fleet: FleetRun) -> dict[str, Any]:
    """The content of ``fleet.json``; raises `ReportError` if it does not fit the schema."""
    report = {
        "schema_version": SCHEMA_VERSION,
        "id": fleet.id,
        "suite": fleet.suite,
        "scheduler": fleet.scheduler,
        "workers": fleet.workers,
        "started_at": fleet.started_at,
        "duration_s": fleet.duration_s,
        "interrupted": fleet.interrupted,
        "totals": fleet.totals(),
        "targets": [_target(target) for target in fleet.targets],
        "requirements": [
            {
                "id": row.id,
                "level": row.level,
                "title": row.title,
                "outcomes": {outcome: len(names) for outcome, names in row.outcomes.items()},
                "failed_on": row.outcomes.get("failed", []),
            }
            for row in requirement_rows(fleet)
        ],
    }
    why = misfit(report, FILE_NAME)
    if why is not None:
        raise ReportError(f"{FILE_NAME} is no valid report: {why}")
    return report


def render_fleet_json(fleet: FleetRun) -> str:
    """``fleet.json`` as text; raises `ReportError`."""
    return json.dumps(build_fleet_report(fleet), indent=2, allow_nan=False) + "\n"


def read_durations(directory: Path) -> dict[str, float]:
    """Name of a target -> seconds of its run, of the fleet that reported into a directory before; none without one."""
    try:
        report = read_json(directory / FILE_NAME)
    except ReportError:
        return {}
    if misfit(report, FILE_NAME) is not None:
        return {}
    return {target["name"]: target["duration_s"] for target in report["targets"] if target["verdict"] is not None}


def _target(target: TargetRun) -> dict[str, Any]:
    return asdict(target)
