"""What a node id says: the requirements its test verifies and the operation it is about."""

from __future__ import annotations

import re
from pathlib import Path

from conformance.requirements import REQUIREMENTS

PACKAGE = Path(__file__).resolve().parent

_OPERATION = re.compile(r"\[((?:GET|PUT|POST|DELETE|PATCH) /[^\s\]]*?)(?:-[^\]/]*)?\]$")


def operation_of(node_id: str) -> str | None:
    """``...::test_positive[POST /connectors-http]`` -> ``POST /connectors``; None for an item about several."""
    match = _OPERATION.search(node_id)
    return match[1] if match else None


def requirements_of(node_id: str) -> tuple[str, ...]:
    """Ids of the requirements an item verifies, from the registry: it needs no collected item."""
    path, _, rest = node_id.partition("::")
    module = path.removesuffix(".py").replace("/", ".")
    function = f"{module}.{rest.partition('[')[0].replace('::', '.')}"
    return tuple(
        requirement.id
        for requirement in REQUIREMENTS.values()
        if any(function.endswith(name) for name in requirement.verified_by)
    )


def is_conformance_path(path: Path) -> bool:
    """Whether collecting ``path`` would collect items of the suite."""
    resolved = path.resolve()
    return resolved.is_relative_to(PACKAGE) or PACKAGE.is_relative_to(resolved)
