"""Runs the shell lines of a pipeline's files as its runner would, with some commands that the test provides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.plugin.installed import ROOT
from tests.run.command import environment
from tests.waiting import RUN_PATIENCE_S

KIT = ROOT / "ci"

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_NAME = re.compile(r"(?<!')\b(?:inputs|vars|secrets|steps|github)\.[\w.-]+")

_PYTHON = """\
#!/bin/sh
case "$1 $2" in
"-m pip") echo "$@" >> "$LOG" ;;
"-m venv") mkdir -p "$3/bin" && cp "$COMMANDS"/* "$3/bin/" ;;
*) exec {python} "$@" ;;
esac
"""
_PIP = '#!/bin/sh\necho "pip $@" >> "$LOG"\n'
_REAL = 'exec {python} -m conformance.commands.cli "$@"\n'
_CANNED = """\
echo "$@" >> "$LOG"
case "$1" in
wait) exit 0 ;;
run) mkdir -p reports && cp "$CANNED"/*.* reports/ && exit "$CANNED_CODE" ;;
esac
"""


def parsed(file: str) -> Any:
    """A YAML file of the kit; ``on`` is the text that YAML 1.1 takes for true."""
    return yaml.safe_load((KIT / file).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Ended:
    code: int
    output: str


class Runner:
    """A machine with a folder to work in. ``canned``: a report that every run leaves; without it runs are real."""

    def __init__(self, folder: Path, canned: Path | None = None, code: int = 0) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.output = folder / "output"
        self.summary = folder / "summary"
        for file in (self.log, self.output, self.summary):
            file.touch()
        self._canned = canned
        commands = folder / "commands"
        commands.mkdir()
        real = _REAL.format(python=sys.executable)
        scripts = {
            "emqx-conformance": "#!/bin/sh\n" + ("" if canned is None else _CANNED) + real,
            "pip": _PIP,
            **dict.fromkeys(("python", "python3"), _PYTHON.format(python=sys.executable)),
        }
        for name, script in scripts.items():
            (commands / name).write_text(script)
            (commands / name).chmod(0o755)
        self._env = {
            **environment(),
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "LOG": str(self.log),
            "COMMANDS": str(commands),
            "CANNED": str(canned),
            "CANNED_CODE": str(code),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def bash(self, script: str, variables: Mapping[str, str], *, strict: bool = True) -> Ended:
        completed = subprocess.run(
            ["bash", "--noprofile", "--norc", *(["-eo", "pipefail"] if strict else ["-e"]), "-c", script],
            env={**self._env, **variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=RUN_PATIENCE_S,
            check=False,
        )
        return Ended(completed.returncode, completed.stdout + completed.stderr)

    def outputs(self) -> dict[str, str]:
        """What steps said with ``NAME=VALUE`` in GITHUB_OUTPUT."""
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())


def evaluated(text: str, context: Mapping[str, str]) -> str:
    """A text with its expressions replaced; what ``context`` lacks is empty, as for GitHub."""
    return _EXPRESSION.sub(lambda match: context.get(match[1], ""), text)


def holds(condition: str, context: Mapping[str, str]) -> bool:
    """Whether a step runs: conditions of comparisons, ``&&`` and ``always()``."""
    expression = _NAME.sub(lambda match: repr(context.get(match[0], "")), condition)
    expression = expression.replace("&&", "and").replace("always()", "True")
    assert re.fullmatch(r"(?:'[^']*'|[\s!=]|and|True)+", expression), expression
    return bool(eval(expression))


def run_steps(steps: list[dict[str, Any]], runner: Runner, context: dict[str, str]) -> dict[str, Ended]:
    """Run the steps with shell lines, those after a failed one only if they say so; their outputs join ``context``."""
    ended: dict[str, Ended] = {}
    failed = False
    for step in steps:
        condition = step.get("if", "true" if not failed else "")
        wanted = "always()" in condition or not failed
        wanted = wanted and (condition in ("true", "") or holds(condition, context))
        if "run" not in step or not wanted:
            continue
        variables = {name: evaluated(str(value), context) for name, value in step.get("env", {}).items()}
        result = ended[step["name"]] = runner.bash(step["run"], variables)
        failed = failed or result.code != 0
        if "id" in step:
            context[f"steps.{step['id']}.outcome"] = "failure" if result.code else "success"
            context |= {f"steps.{step['id']}.outputs.{name}": value for name, value in runner.outputs().items()}
    return ended
