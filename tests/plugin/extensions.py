"""Packages of requirements, installed as pip would leave them, without pip."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path


def install(project: Path, site: Path) -> Path:
    """Lay the package of the folder ``project`` out in the folder ``site``, with its metadata; returns ``site``."""
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for groups in settings["entry-points"].values():
        for package in groups.values():
            shutil.copytree(project / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    lines = [
        line
        for group, entries in settings["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {package}" for name, package in entries.items()), "")
    ]
    metadata = site / f"{settings['name'].replace('-', '_')}-{settings['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {settings['name']}\nVersion: {settings['version']}\n"
    )
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return site
