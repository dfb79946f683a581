"""Packages of one's own requirements, found by the entry points of their distributions, none of them imported.

Outside of the package, as `emqx_conformance_pytest`, which needs to know them before anything of the suite is imported.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

GROUP = "emqx_conformance.scenarios"


@dataclass(frozen=True, slots=True)
class Extension:
    """A package that adds requirements: ``name`` of its entry point, dotted name of the ``package`` it stands for, and
    the ``distribution`` that brings it, with its ``version``."""

    name: str
    package: str
    distribution: str
    version: str

    @property
    def root(self) -> Path | None:
        """The folder in which Python finds the package, None if it does not."""
        outermost = self.package.partition(".")[0]
        try:
            spec = importlib.util.find_spec(outermost)
        except (ImportError, ValueError):
            return None
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        return Path(places[0]).resolve().parent if places else None

    @property
    def folder(self) -> Path | None:
        """The folder of the package, None if there is none."""
        folder = self.root.joinpath(*self.package.split(".")) if self.root is not None else None
        return folder if folder is not None and folder.is_dir() else None

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


@cache
def installed() -> tuple[Extension, ...]:
    """Those of this environment, by name."""
    found = (
        Extension(
            entry.name,
            entry.value.partition(":")[0].strip(),
            entry.dist.name if entry.dist is not None else "unknown",
            entry.dist.version if entry.dist is not None else "0",
        )
        for entry in entry_points(group=GROUP)
    )
    return tuple(sorted(found, key=lambda extension: extension.name))


def folders() -> tuple[Path, ...]:
    """Where their items are."""
    return tuple(folder for extension in installed() if (folder := extension.folder) is not None)
