"""Recorded scripts: one JSON line per observation, in order (format: tests/data/recordings/README.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1] / "data" / "recordings"

OBSERVATIONS = ("request", "burst", "mqtt", "sink", "observation")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a script; ``number`` counts from 1, because step names repeat."""

    number: int
    line: dict[str, Any]

    @property
    def name(self) -> str:
        return self.line["step"]

    @property
    def volatile(self) -> list[str]:
        return self.line.get("volatile", [])

    @property
    def unordered(self) -> list[str]:
        return self.line.get("unordered", [])

    @property
    def compared(self) -> bool:
        """Whether the line says what must be seen, so that it counts as an exchange."""
        if "mqtt" in self.line:
            return "result" in self.line["mqtt"] or self.line["mqtt"]["op"] == "state"
        return any(kind in self.line for kind in OBSERVATIONS)


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    steps: list[Step]


def load_script(name: str) -> Script:
    with (ROOT / f"{name}.jsonl").open() as lines:
        return Script(name, [Step(number, json.loads(line)) for number, line in enumerate(lines, 1)])


def script_names() -> list[str]:
    return sorted(path.stem for path in ROOT.glob("*.jsonl"))
