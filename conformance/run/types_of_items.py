"""The connector or action type that an item is about."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection

from conformance.run.node_ids import function_of


class Types:
    """Tells from the id of an item which connector or action type it is about."""

    def __init__(self, types: Collection[str]) -> None:
        names = "|".join(re.escape(name) for name in sorted(types, key=len, reverse=True))
        self._pattern = re.compile(rf"[\[-]({names})(?=-|\]$)") if names else None

    def of(self, node_id: str) -> str | None:
        """The type in ``...[POST /connectors-http]``, or with which its test is marked; None for an item about none."""
        found = self._pattern.findall(node_id.partition("[")[1] + node_id.partition("[")[2]) if self._pattern else []
        return found[-1] if found else _marked(function_of(node_id))


def _marked(function: str) -> str | None:
    """The type that a test is marked with, as far as its module is imported."""
    path, _, name = function.partition("::")
    test = getattr(sys.modules.get(path.removesuffix(".py").replace("/", ".")), name, None)
    return next((mark.args[0] for mark in getattr(test, "pytestmark", ()) if mark.name == "resource_type"), None)
