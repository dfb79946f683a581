"""Is a report directory what its statement says? Checked offline, sentence by sentence, from the files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.contract import contract_seed
from conformance.report import json_report, storage
from conformance.report.errors import ReportError
from conformance.report.files import read_json
from conformance.report.findings import Finding, judged
from conformance.report.groups import groups_of_report, verdict_of_report
from conformance.report.holdings import inventory_evidence
from conformance.report.installed import elsewhere, extension_findings, same_suite, suite_findings, waiver_findings
from conformance.report.json_report import build_report, validate_report
from conformance.report.statement import (
    FILE_NAME,
    SUBJECTS,
    problem,
    read_statement,
    render_statement,
    subjects,
    told_by_report,
)
from conformance.report.storage import read_run
from conformance.report.text import visible, words

SIGNATURES: Mapping[str, str] = {
    f"{FILE_NAME}.minisig": f"minisign -V -p KEY.pub -m {FILE_NAME}",
    f"{FILE_NAME}.sigstore.json": f"cosign verify-blob --key KEY.pub --bundle {FILE_NAME}.sigstore.json {FILE_NAME}",
    f"{FILE_NAME}.sig": f"cosign verify-blob --key KEY.pub --signature {FILE_NAME}.sig {FILE_NAME}",
}
"""Signatures that other tools put beside a statement -> how to check them, in the folder."""


def verify(directory: Path, waivers: Sequence[Path] = ()) -> list[Finding]:
    """Everything that can be said of a report directory without a target.

    ``waivers``: files of the user's own, to be compared with those that the run used. Raises `ReportError` if there is
    no folder, no statement or no report in it, or one of them is not JSON.
    """
    statement, text = read_statement(directory)
    report = read_json(directory / json_report.FILE_NAME)
    if (wrong := problem(statement)) is not None:
        return [Finding("fails", f"{FILE_NAME} is no statement of this suite ({wrong}); nothing else was looked at.")]
    try:
        return list(_Verification(directory, statement, text, report, waivers).findings())
    except OSError as error:
        raise ReportError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, ReportError):
            raise
        raise ReportError(f"{directory} holds what the suite never writes: {error}") from error


class _Verification:
    def __init__(
        self, directory: Path, statement: Mapping[str, Any], text: str, report: Any, waivers: Sequence[Path]
    ) -> None:
        self.directory = directory
        self.statement = statement
        self.text = text
        self.predicate: Mapping[str, Any] = statement["predicate"]
        self.report = report
        self.waivers = waivers

    def findings(self) -> Iterator[Finding]:
        yield judged(
            self.text == render_statement(self.statement),
            f"{FILE_NAME} is an in-toto Statement v1, written as the suite writes it.",
            f"{FILE_NAME} is not written as the suite writes it: somebody changed the file.",
        )
        yield from self._files()
        yield from self._report()
        yield from self._inventory()
        yield from suite_findings(self.predicate)
        yield from extension_findings(self.predicate)
        told = isinstance(self.report, dict) and bool(self.report.get("waivers"))
        yield from waiver_findings(self.predicate, told, self.waivers)
        yield from self._signature()

    def _files(self) -> Iterator[Finding]:
        there = {entry["name"]: entry["digest"] for entry in subjects(self.directory)}
        said = {entry["name"]: entry["digest"] for entry in self.statement["subject"]}
        if [entry["name"] for entry in self.statement["subject"]] != [name for name in SUBJECTS if name in said]:
            yield Finding("fails", "The files are not stated once each, in the order of the suite.")
        for name in SUBJECTS:
            if name not in said:
                yield judged(name not in there, f"There is no {name}, as stated.", f"{name} is not in the statement.")
            elif name not in there:
                yield Finding("fails", f"{name} is missing.")
            else:
                yield judged(
                    there[name] == said[name],
                    f"{name} has the digest that is stated.",
                    f"{name} is another file than the one that is stated: its SHA-256 is {there[name]['sha256']}.",
                )

    def _report(self) -> Iterator[Finding]:
        try:
            validate_report(self.report, json_report.FILE_NAME)
        except ReportError as error:
            yield Finding("fails", f"{error}; its content was not looked at.")
            return
        yield Finding("holds", "report.json is valid by its JSON Schema.")
        try:
            told, verdict = told_by_report(self.report), verdict_of_report(self.report)
            groups = {group.name: group.verdict for group in groups_of_report(self.report)}
        except KeyError as error:
            yield Finding("fails", f"report.json does not tell {error}, without which no verdict follows from it.")
            return
        yield judged(
            self.report["verdict"] == verdict,
            f"The verdict of the report, {words(verdict)}, follows from what it lists.",
            f"The report says {words(self.report['verdict'])}; from what it lists follows {words(verdict)}.",
        )
        said = {entry["name"]: entry["verdict"] for entry in self.predicate["groups"]}
        yield from self._groups(said, dict(groups))
        names = {"complete": "whether it is complete", "run": "profile, mode, seeds, selection and time of the run"}
        for key in ("verdict", "complete", "target", "run", "contract", "suite"):
            name = names.get(key, f"the {key}")
            yield judged(
                self.predicate[key] == told[key],
                f"Statement and report agree on {name}.",
                f"Statement and report do not agree on {name}.",
            )
        yield judged(
            [entry["name"] for entry in self.predicate["extensions"]] == self.report.get("extensions"),
            "Statement and report agree on the extensions.",
            "Statement and report do not agree on the extensions.",
        )
        yield from self._stored()
        yield from self._seeds()

    def _groups(self, said: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Finding]:
        if list(said.items()) == list(found.items()) and len(said) == len(self.predicate["groups"]):
            yield Finding("holds", f"The verdicts on {len(found)} groups follow from the report.")
            return
        for name in dict.fromkeys((*said, *found)):
            if said.get(name) != found.get(name):
                one, other = (words(verdicts.get(name, "nothing")) for verdicts in (said, found))
                yield Finding("fails", f"The statement says {one} of {name}; from the report follows {other}.")
        if dict(said) == dict(found):
            yield Finding("fails", "The groups of the statement are not in the order of the report.")

    def _stored(self) -> Iterator[Finding]:
        """What `run.json` gives, which only the version that wrote it can read."""
        if not same_suite(self.predicate):
            yield elsewhere(self.predicate, f"Whether {storage.FILE_NAME} gives the same report")
            return
        try:
            built = build_report(read_run(self.directory))
        except ReportError as error:
            yield Finding("fails", f"{error}.")
            return
        yield judged(
            built == self.report,
            f"{storage.FILE_NAME}, the complete result, gives this report.",
            f"{storage.FILE_NAME}, the complete result, gives another report than report.json.",
        )

    def _seeds(self) -> Iterator[Finding]:
        first, *more = self.predicate["run"]["seeds"]
        own = first == contract_seed(f"sha256:{self.predicate['contract']['digest']['sha256']}")
        if self.predicate["run"]["profile"] == "acceptance":
            yield judged(
                own and len(more) >= 3,
                f"Data was drawn with the seed of the contract and {len(more)} others.",
                "An acceptance draws with the seed of the contract and three others, and this run did not.",
            )
        elif not own:
            yield Finding("note", f"The seed {first} is not the one that the contract decides.")

    def _inventory(self) -> Iterator[Finding]:
        said = self.predicate["inventory"]
        try:
            found = inventory_evidence(self.directory)
        except ReportError as error:
            yield Finding("fails", f"{error}.")
            return
        if found != said:
            yield Finding("fails", "What the statement says of the inventories does not follow from their files.")
            return
        held = {
            True: "before and after the run the target held the same, but for what comes and goes by itself",
            False: f"after the run the target held something else: {', '.join(said['differing'])}",
            None: "whether the target held the same before and after is not known"
            + (f": {', '.join(said['unknown'])} could not be compared" if said["unknown"] else ""),
        }[said["equal"]]
        yield Finding("holds", f"The inventories are those of the statement: {visible(held)}.")

    def _signature(self) -> Iterator[Finding]:
        found = [name for name in SIGNATURES if (self.directory / name).is_file()]
        for name in found:
            yield Finding("note", f"{name} is a signature that is not checked here: {SIGNATURES[name]}")
        if not found:
            yield Finding("note", f"{FILE_NAME} is not signed: whoever can change these files can change all of them.")
