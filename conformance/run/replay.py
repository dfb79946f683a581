"""Repeat one failure of a stored run: its requests and MQTT steps, by the item that found it and with its seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from conformance.report.causes import causes
from conformance.report.errors import ReportError
from conformance.report.storage import read_run
from conformance.result import Failure, ItemResult, RunResult
from conformance.target.errors import ConfigurationError
from conformance.target.settings.options import OPTIONS

FOLDER = "replay"
"""Where in the directory of the report a replay reports, unless told otherwise."""

MODES: Mapping[str, str] = {"exclusive": "exclusive", "disposable": "disposable", "read-only": "read_only"}
"""Mode of a run -> the option that allows it."""

Still = Literal["still there", "gone", "undecided"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a replay found: ``failure`` as it shows now, if it is still there; ``why`` in one sentence."""

    still: Still
    why: str
    failure: Failure | None = None


def stored_failure(directory: Path, name: str) -> tuple[RunResult, Failure]:
    """The run in ``directory``, and its failure with the id ``name``, or the most telling one of the cause of that id.

    Raises `ConfigurationError` if there is none.
    """
    try:
        run = read_run(directory)
    except ReportError as error:
        raise ConfigurationError(f"--replay: {error}") from None
    failure = next((failure for failure in run.failures if name and failure.id == name), None)
    if failure is None:
        failure = next((cause.lead for cause in causes(run) if cause.id == name), None)
    if failure is None:
        raise ConfigurationError(f"--replay: the run in {directory} has no failure {name!r}")
    return run, failure


def options_of(
    run: RunResult, given: Mapping[str, Any], directory: Path, environment: Mapping[str, str]
) -> dict[str, Any]:
    """The options that repeat ``run``: its target, seed, profile, mode and contract, where none is ``given``.

    Neither as an option nor in the ``environment``, save for the directory of reports: what is in ``directory``, that
    of the run, stays. Credentials and the listener are told by no report.
    """
    told = {name for name, value in given.items() if value}
    told |= {option.field for option in OPTIONS if option.variable in environment and option.field != "report_dir"}
    known: dict[str, Any] = {
        "seed": ",".join(map(str, run.seeds)),
        "profile": run.profile,
        "contract": run.contract_variant,
        "report_dir": str(directory / FOLDER),
    }
    if not run.embedded and "target" not in told:
        known["base_url"] = run.base_url
    if run.mode in MODES and not run.embedded and told.isdisjoint(MODES.values()):
        known[MODES[run.mode]] = True
    return {**given, **{name: value for name, value in known.items() if name not in told}}


def judge(failure: Failure, items: Mapping[str, ItemResult]) -> Finding:
    """Whether ``failure`` is there again, gone, or could not be decided, from the items of the replay."""
    item = items.get(failure.item)
    if item is None:
        return Finding("undecided", "the item that found it did not run")
    again = [one for one in item.failures if _key(one) == _key(failure)]
    if again:
        found = next((one for one in again if one.message == failure.message), again[0])
        return Finding("still there", found.message, found)
    if item.outcome in ("not_run", "skipped", "error"):
        return Finding("undecided", item.reason or "the item that found it did not run")
    decided = item.decided.get(failure.operation or "(unknown path)", {}).get(failure.check, 0)
    if decided:
        times = "once" if decided == 1 else f"{decided} times"
        return Finding("gone", f"the same was checked {times}, and nothing failed")
    if item.outcome == "passed" and item.evidence.get(failure.requirement):
        return Finding("gone", "the item that found it passed")
    return Finding("undecided", "the item that found it did not come to what failed")


def _key(failure: Failure) -> tuple[str, str | None, str]:
    return failure.requirement, failure.operation, failure.check
