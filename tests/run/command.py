"""Run the real command line in a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from conformance.reference.embedded import EmbeddedDeployment


def environment(target: EmbeddedDeployment | None = None, **variables: str) -> dict[str, str]:
    """A process environment without settings of the caller, with those of ``target``."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("EMQX_CONFORMANCE", "PYTEST"))}
    if target is not None:
        clean |= {
            "EMQX_CONFORMANCE_BASE_URL": target.base_url,
            "EMQX_CONFORMANCE_API_KEY": target.api_key,
            "EMQX_CONFORMANCE_API_SECRET": target.api_secret,
        }
    return clean | {f"EMQX_CONFORMANCE_{name}": value for name, value in variables.items()}


def run(*arguments: str, env: dict[str, str], cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance.cli", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report
