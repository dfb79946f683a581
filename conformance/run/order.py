"""The order of the items of a run."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def by_type(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Items about no connector or action type as they are, then those about types, all of one type together.

    They share what one of them creates (`conformance.fuzz.story`), but only within a worker: neighbours stay together
    when items are dealt out.
    """
    groups: dict[str, list[pytest.Item]] = {"": []}
    for item in items:
        marker = item.get_closest_marker("resource_type")
        groups.setdefault("" if marker is None else marker.args[0], []).append(item)
    return [item for group in groups.values() for item in group]
