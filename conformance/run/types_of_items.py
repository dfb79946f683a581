"""The connector or action type that an item is about."""

from __future__ import annotations

import re
from collections.abc import Collection


class Types:
    """Tells from the id of an item which connector or action type it is about."""

    def __init__(self, types: Collection[str]) -> None:
        names = "|".join(re.escape(name) for name in sorted(types, key=len, reverse=True))
        self._pattern = re.compile(rf"[\[-]({names})(?=-|\]$)") if names else None

    def of(self, node_id: str) -> str | None:
        """The type in ``...[POST /connectors-http]``, None for an item about none."""
        found = self._pattern.findall(node_id.partition("[")[1] + node_id.partition("[")[2]) if self._pattern else []
        return found[-1] if found else None
