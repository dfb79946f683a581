"""The real command line against a sick target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from conformance.report.json_report import read_report
from conformance.target.timing import Timing
from tests import forked
from tests.waiting import RUN_PATIENCE_S


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    code: int
    output: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        return read_report(self.folder / "reports")

    @property
    def outcomes(self) -> dict[str, str]:
        """Item -> its outcome in ``junit.xml``, with the reason of a skip or the message of a failure."""
        suite = ElementTree.parse(self.folder / "reports" / "junit.xml").getroot()
        told = {}
        for case in suite.iter("testcase"):
            children = [child for child in case if child.tag in ("failure", "error", "skipped")]
            told[case.attrib["name"]] = " ".join(f"{child.tag}: {child.attrib['message']}" for child in children)
        return told


class Running:
    """A run that goes on."""

    def __init__(self, arguments: tuple[str, ...], env: Mapping[str, str], folder: Path, bounds: Mapping[str, Any]):
        self._folder = folder
        self._secret = env["EMQX_CONFORMANCE_API_SECRET"]
        self._process = forked.start(arguments, env=env, folder=folder, output=folder / "output", bounds=bounds)

    def end(self, within_s: float = RUN_PATIENCE_S) -> Ended:
        """Wait for the end; no run of a sick target may hang, or show a traceback, or tell a secret."""
        self._process.join(within_s)
        hangs = self._process.is_alive()
        if hangs:
            self._process.kill()
        output = (self._folder / "output").read_text(encoding="utf-8", errors="replace")
        assert not hangs, f"still running: {output}"
        assert "Traceback" not in output, output
        assert self._secret not in output
        assert self._process.exitcode is not None
        return Ended(self._process.exitcode, output, self._folder)


def start(
    *arguments: str,
    env: Mapping[str, str],
    folder: Path,
    bounds: Mapping[str, Any] | None = None,
    timing: Timing | None = None,
) -> Running:
    """Start ``emqx-conformance run`` in one process.

    ``bounds``: constants it shall have, by their dotted names. ``timing``: what it shall find in ``targets.toml``.
    """
    if timing is not None:
        settings = [f"{name} = {value}" for name, value in timing.changes().items()]
        (folder / "targets.toml").write_text("\n".join(["[targets.sick.timing]", *settings]), encoding="utf-8")
        arguments = ("--target", "sick", *arguments)
    return Running(("run", "-n", "0", *arguments), env, folder, bounds or {})
