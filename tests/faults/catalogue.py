"""All seeded faults by name: those of every module beside this one."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path

from tests.faults.seeded import FAULTS

# Requirements whose faults are not seeded yet, as numbers by group. A number leaves with the first fault.
_UNPROVEN: dict[str, Iterable[int]] = {}
UNPROVEN = frozenset(f"{group}-{number:02}" for group, numbers in _UNPROVEN.items() for number in numbers)

_MACHINERY = {"cases", "catalogue", "deployment", "proxy", "refusals", "results", "seeded", "session"}

for _name in sorted(file.stem for file in Path(__file__).parent.glob("*.py")):
    if _name not in _MACHINERY and not _name.startswith("test_"):
        importlib.import_module(f"tests.faults.{_name}")

__all__ = ["FAULTS", "UNPROVEN"]
