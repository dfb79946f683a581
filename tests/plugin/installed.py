"""The suite as a wheel lays it out in an environment, and pytest beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.run.command import environment
from tests.waiting import RUN_PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]


def install(site: Path) -> Path:
    """Lay the suite out in the folder ``site`` as its wheel does; returns ``site``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in [*((name, name) for name in wheel["only-include"]), *wheel["force-include"].items()]:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, site / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, site / target)
    metadata = site / "emqx_conformance-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: emqx-conformance\nVersion: 0\n")
    entries = project["project"]["entry-points"]["pytest11"]
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    return site


def pytest_beside(
    site: Path, *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest in ``cwd`` where the suite of ``site`` is installed, with no setting of a checkout."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        env={**(env or environment()), "PYTHONPATH": str(site)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=RUN_PATIENCE_S,
        check=False,
    )
