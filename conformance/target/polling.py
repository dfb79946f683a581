"""Waiting for what a target does asynchronously, with the default bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from conformance.target import timing

Value = TypeVar("Value")


def eventually(probe: Callable[[], Value], within_s: float = timing.Timing().eventually) -> Value:
    return timing.eventually(probe, within_s)
