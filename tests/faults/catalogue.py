"""All seeded faults by name: those of every module beside this one."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.faults.seeded import FAULTS

# Requirements whose faults are not seeded yet. An id leaves the list with its first fault.
UNPROVEN: frozenset[str] = frozenset(
    {f"CLI-{number:02}" for number in range(1, 23)}
    | {f"PUB-{number:02}" for number in range(1, 13) if number != 10}
    | {f"RET-{number:02}" for number in range(1, 10)}
    | {f"SUB-{number:02}" for number in range(1, 5)}
)

_MACHINERY = {"catalogue", "deployment", "proxy", "results", "seeded", "session"}

for _name in sorted(file.stem for file in Path(__file__).parent.glob("*.py")):
    if _name not in _MACHINERY and not _name.startswith("test_"):
        importlib.import_module(f"tests.faults.{_name}")

__all__ = ["FAULTS", "UNPROVEN"]
