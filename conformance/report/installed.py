"""What a statement names of the suite, its contract, extensions and waivers, held against what is installed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.contract import DocumentError, load_contract
from conformance.report import evidence
from conformance.report.findings import Finding, judged
from conformance.report.text import visible
from conformance.target.settings.config import WAIVERS_FOLDER

HERE = f"emqx-conformance {__version__}"

Predicate = Mapping[str, Any]


def same_suite(predicate: Predicate) -> bool:
    """Whether the version that made a report is the one that is installed."""
    return bool(predicate["suite"] == HERE)


def elsewhere(predicate: Predicate, what: str) -> Finding:
    """That another version would be needed to tell."""
    made = visible(predicate["suite"])
    return Finding("unchecked", f"{what} cannot be checked here: {made} made the report, {HERE} is installed.")


def suite_findings(predicate: Predicate) -> Iterator[Finding]:
    """On the code of the suite, the contract and its overlays."""
    contract = predicate["contract"]
    variant, version = contract["variant"], contract["described_version"]
    checks: Sequence[tuple[str, Any, Callable[[], Any]]] = (
        ("The code of the suite", predicate["code"], evidence.suite_digest),
        (
            f"The {variant} contract of EMQX {visible(version)}",
            f"sha256:{contract['digest']['sha256']}",
            lambda: load_contract(variant, version).digest,
        ),
        ("Each overlay", predicate["overlays"], lambda: evidence.overlay_digests(variant, version)),
    )
    for what, said, digest in checks:
        if not same_suite(predicate):
            yield elsewhere(predicate, what)
            continue
        try:
            found = digest()
        except (OSError, DocumentError) as error:
            yield Finding("unchecked", f"{what} cannot be checked here: {error}.")
            continue
        good, bad = (f"{what} is {word}the one of {HERE} that is installed here." for word in ("", "not "))
        yield judged(found == said, good, bad)


def extension_findings(predicate: Predicate) -> Iterator[Finding]:
    """On each extension that added requirements."""
    installed = {entry["name"]: entry["digest"] for entry in evidence.extension_digests()}
    for entry in predicate["extensions"]:
        what, digest = f"The extension {visible(entry['name'])}", installed.get(entry["name"])
        if digest is None or entry["digest"] is None:
            yield Finding("unchecked", f"{what} cannot be checked here: its files are not installed.")
            continue
        good, bad = (f"{what} is {word}the one that is installed here." for word in ("", "not "))
        yield judged(digest == entry["digest"], good, bad)


def waiver_findings(predicate: Predicate, told: bool, files: Sequence[Path]) -> Iterator[Finding]:
    """On each file of waivers. ``told``: whether the report tells of waivers, ``files``: those of the user's own."""
    used = predicate["waivers"]
    if not used:
        yield judged(not told, "No waivers were used.", "The report tells of waivers, and the statement of none.")
    if any(used.count(entry) > 1 for entry in used):
        yield Finding("fails", "A file of waivers is stated twice.")
    given = {file.name: file for file in files}
    shipped = [entry["digest"] for entry in evidence.waiver_digests(WAIVERS_FOLDER.glob("*.toml"))]
    for entry in used:
        what, file = f"The file of waivers {visible(entry['name'])}", given.get(entry["name"])
        if same_suite(predicate) and not entry["shipped"] and entry["digest"] in shipped:
            yield Finding("fails", f"{what} ships with the suite, and is stated as another.")
            continue
        if file is None and entry["shipped"]:
            if not same_suite(predicate):
                yield elsewhere(predicate, what)
                continue
            file = WAIVERS_FOLDER / Path(entry["name"]).name
        if file is None:
            yield Finding("unchecked", f"{what} cannot be checked here; --waivers names it.")
            continue
        same = file.is_file() and evidence.digest_of(file.read_bytes()) == entry["digest"]
        yield judged(same, f"The waivers are those of {file}.", f"The waivers are not those of {file}.")
