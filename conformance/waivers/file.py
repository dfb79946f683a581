"""Files of waivers: TOML with tables ``[[waiver]]``, and ``[[defect]]`` for what several of them are about.

A JSON Schema that ships with the suite checks them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from conformance.contract.versions import VersionRange
from conformance.result import Failure, ItemResult, RunResult, WaiverUse
from conformance.waivers.defect import Defect
from conformance.waivers.waiver import Waiver


class WaiverError(ValueError):
    """A file of waivers is not in order; the text is one sentence with file and entry."""


@dataclass(frozen=True, slots=True)
class WaiverFile:
    """The waivers of one file or several, in their order, and the defects they name.

    The first waiver that covers a failure waives it.
    """

    name: str
    waivers: Sequence[Waiver]
    defects: Sequence[Defect] = ()

    def apply(
        self,
        failures: Iterable[Failure],
        target_version: str | None,
        deployment: Collection[str] = (),
        today: date | None = None,
    ) -> None:
        """Set ``waived_by`` of each failure that a waiver covers; an expired waiver does not waive.

        ``deployment``: sentences that tell how the target is configured. ``today`` defaults to the date in UTC.
        """
        due = today or _today()
        valid = [one for one in self.waivers if one.is_for(target_version, deployment) and not one.expired(due)]
        for failure in failures:
            failure.waived_by = next((waiver.id for waiver in valid if waiver.covers(failure)), None)

    def uses(
        self,
        failures: Collection[Failure],
        target_version: str | None,
        deployment: Collection[str] = (),
        today: date | None = None,
    ) -> list[WaiverUse]:
        """What became of each waiver in a run that found ``failures``, after `apply`.

        ``reproduced``: it waived something; ``expired``: it would no longer, whether it was needed or not;
        ``unobserved``: nothing in this run needed it, which is no proof that the deviation is gone.
        """
        uses = []
        for waiver in self.waivers:
            if waiver.expired(today or _today()):
                meant = waiver.is_for(target_version, deployment)
                count = sum(meant and failure.waived_by is None and waiver.covers(failure) for failure in failures)
            else:
                count = sum(failure.waived_by == waiver.id for failure in failures)
            uses.append(
                WaiverUse(
                    id=waiver.id,
                    state="expired" if waiver.expired(today or _today()) else "reproduced" if count else "unobserved",
                    failures=count,
                    reason=waiver.reason,
                    link=waiver.link,
                    owner=waiver.owner,
                    expires=waiver.expires.isoformat(),
                )
            )
        return uses

    def unneeded(self, run: RunResult, random: Collection[str], today: date | None = None) -> list[str]:
        """Ids of waivers whose deviation is gone: what they waive was checked in ``run``, and nothing failed.

        ``random``: ids of requirements that chance decides; a run that did not reproduce those proves nothing.
        """
        reproduced = {
            use.id for use in self.uses(run.failures, run.target_version, run.deployment, today) if use.failures
        }
        return [
            waiver.id
            for waiver in self.waivers
            if waiver.id not in reproduced
            and waiver.is_for(run.target_version, run.deployment)
            and all(
                part.requirement is not None
                and part.requirement not in random
                and any(_was_decided(item, part) for item in run.items)
                for part in waiver.parts
            )
        ]

    def check_names(self, requirements: Collection[str], operations: Collection[str]) -> None:
        """Raise `WaiverError` if a waiver names a requirement id or operation label that does not exist."""
        for waiver in (part for entry in self.waivers for part in entry.parts):
            if waiver.requirement is not None and waiver.requirement not in requirements:
                raise WaiverError(f"{self.name}: waiver {waiver.id}: there is no requirement {waiver.requirement!r}")
            if waiver.operation is not None and waiver.operation not in operations:
                raise WaiverError(f"{self.name}: waiver {waiver.id}: there is no operation {waiver.operation!r}")


def _was_decided(item: ItemResult, waiver: Waiver) -> bool:
    """Whether an item put to the test what a waiver is about."""
    if waiver.requirement is not None and not item.evidence.get(waiver.requirement):
        return False
    if waiver.check is not None and not any(waiver.check in checks for checks in item.decided.values()):
        return False
    return waiver.operation is None or waiver.operation in item.statuses


def load_waivers(
    *paths: Path,
    requirements: Collection[str] | None = None,
    operations: Collection[str] | None = None,
) -> WaiverFile | None:
    """The waivers of all files together, None without any; raises `WaiverError`, also for an id that two files use.

    With ``requirements`` (ids) and ``operations`` (labels), names that are in neither are errors too.
    """
    files = [_load(path, requirements, operations) for path in dict.fromkeys(paths)]
    origins: dict[str, str] = {}
    for file in files:
        for waiver in file.waivers:
            other = origins.setdefault(waiver.id, file.name)
            if other != file.name:
                raise WaiverError(f"{file.name}: waiver {waiver.id}: {other} uses that id as well")
    if not files:
        return None
    return WaiverFile(
        ", ".join(file.name for file in files),
        [waiver for file in files for waiver in file.waivers],
        [defect for file in files for defect in file.defects],
    )


def _load(path: Path, requirements: Collection[str] | None, operations: Collection[str] | None) -> WaiverFile:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WaiverError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise WaiverError(f"{path}: is not UTF-8 (byte {error.start})") from error
    return parse_waivers(text, str(path), requirements=requirements, operations=operations)


def parse_waivers(
    text: str,
    name: str,
    *,
    requirements: Collection[str] | None = None,
    operations: Collection[str] | None = None,
) -> WaiverFile:
    """As `load_waivers`, from the text of one file called ``name``."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise WaiverError(f"{name}: is not TOML: {error}") from error
    document = _plain(document)
    _validate(document, name)
    defects: dict[str, Defect] = {}
    for entry in document.get("defect", []):
        if entry["name"] in defects:
            raise WaiverError(f"{name}: defect {entry['name']}: the name is used twice")
        defects[entry["name"]] = _defect(entry, name)
    waivers = [_waiver(entry, name, defects) for entry in document.get("waiver", [])]
    seen: set[str] = set()
    for waiver in waivers:
        if waiver.id in seen:
            raise WaiverError(f"{name}: waiver {waiver.id}: the id is used twice")
        seen.add(waiver.id)
    file = WaiverFile(name, tuple(waivers), tuple(defects.values()))
    if requirements is not None or operations is not None:
        file.check_names(
            requirements if requirements is not None else {part.requirement or "" for w in waivers for part in w.parts},
            operations if operations is not None else {part.operation or "" for w in waivers for part in w.parts},
        )
    return file


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file of waivers, dates written as strings."""
    document: dict[str, Any] = json.loads(
        files("conformance.waivers").joinpath("waivers.schema.json").read_text(encoding="utf-8")
    )
    return document


def _validate(document: Any, name: str) -> None:
    from jsonschema import Draft202012Validator  # a run without waivers need not wait for it
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema()).iter_errors(document))
    if error is None:
        return
    path = list(error.absolute_path)
    where = ""
    if len(path) >= 2 and isinstance(path[1], int):
        kind, key = str(path[0]), {"waiver": "id"}.get(str(path[0]), "name")
        entry = document[kind][path[1]]
        identifier = entry.get(key) if isinstance(entry, dict) else None
        where = f"{kind} {identifier if isinstance(identifier, str) else f'number {path[1] + 1}'}: "
        where += f"{path[2]}: " if len(path) > 2 else ""
    explanation = error.schema.get("x-message") if isinstance(error.schema, dict) else None
    if error.validator not in ("pattern", "anyOf", "type", "not"):
        explanation = None
    raise WaiverError(f"{name}: {where}{explanation or error.message[:200]}")


def _defect(entry: dict[str, Any], name: str) -> Defect:
    try:
        VersionRange.parse(entry["versions"])
    except ValueError as error:
        raise WaiverError(f"{name}: defect {entry['name']}: versions: {error}") from None
    lists = {key: tuple(entry[key]) for key in ("seen", "upstream")}
    return Defect(**{"fixed": "", **entry, **lists})


def _waiver(entry: dict[str, Any], name: str, defects: Mapping[str, Defect]) -> Waiver:
    where = f"{name}: waiver {entry['id']}"
    defect = defects.get(entry.get("defect", ""))
    if defect is None and "defect" in entry:
        raise WaiverError(f"{where}: there is no defect {entry['defect']!r}")
    if defect is not None:
        entry = {"versions": defect.versions, "link": defect.section, **entry}
    try:
        versions = VersionRange.parse(entry["versions"])
    except ValueError as error:
        raise WaiverError(f"{where}: versions: {error}") from None
    try:
        expires = date.fromisoformat(entry["expires"])
    except ValueError:
        raise WaiverError(f"{where}: expires: {entry['expires']!r} is no date like 2027-03-31") from None
    try:
        pattern = re.compile(entry["match_regex"]) if "match_regex" in entry else None
    except (re.error, OverflowError, RecursionError) as error:
        raise WaiverError(f"{where}: match_regex: is no regular expression: {error}") from None
    return Waiver(
        id=entry["id"],
        requirement=entry.get("requirement"),
        operation=entry.get("operation"),
        check=entry.get("check"),
        match=entry.get("match"),
        match_regex=pattern,
        versions=versions,
        reason=entry["reason"],
        link=entry["link"],
        within=entry["versions"],
        defect=entry.get("defect"),
        deployment=entry.get("deployment"),
        deviations=tuple((d["requirement"], d.get("operation"), d["check"]) for d in entry.get("deviations", ())),
        owner=entry["owner"],
        expires=expires,
    )


def _plain(value: Any) -> Any:
    """TOML data as JSON data: a local date becomes its ISO string, other dates and times what no pattern accepts."""
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _today() -> date:
    return datetime.now(UTC).date()
