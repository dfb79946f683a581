"""The suite as its wheel, installed in a folder, and pytest beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.run.command import environment
from tests.waiting import RUN_PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]


def build(kind: str, folder: Path) -> Path:
    """Build the distribution of a ``kind`` (wheel, sdist) into ``folder``; returns its file."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        timeout=RUN_PATIENCE_S,
        check=True,
    )
    (file,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return file


def install(site: Path) -> Path:
    """Install the suite as pip installs its wheel, without what it depends on, in the folder ``site``; returns it."""
    with zipfile.ZipFile(build("wheel", site)) as wheel:
        wheel.extractall(site)
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
