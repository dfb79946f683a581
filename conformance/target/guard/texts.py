"""Texts that EMQX 5.8 writes into its configuration file and can never read back.

One that ends with a backslash, or holds a line or paragraph separator, makes the whole file unreadable: from then on
the node refuses every change of its configuration, deletions too, and does not start again (seen on 5.8.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.target.guard.readings import as_text

CONFIGURED = frozenset(
    f"{method} {path}"
    for method, path in (
        ("POST", "/connectors"),
        ("PUT", "/connectors/{id}"),
        ("POST", "/actions"),
        ("PUT", "/actions/{id}"),
        ("POST", "/rules"),
        ("PUT", "/rules/{id}"),
        ("POST", "/schema_registry"),
        ("PUT", "/schema_registry/{name}"),
    )
)
"""Labels of the operations that write a node's configuration file."""

_UNREADABLE = re.compile("\\\\\\Z|[\u2028\u2029]")


def damaging_texts(body: Any) -> Iterator[str]:
    """A sentence for each text in a body, names of members included, that no configuration file may hold."""
    pending = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending += [*node, *node.values()]
            continue
        if isinstance(node, list):
            pending += node
        text = as_text(node)
        if text is not None and _UNREADABLE.search(text):
            yield (
                f"the text {text[-40:]!r} could make the configuration of EMQX 5.8 unreadable for good: it needs "
                "--disposable"
            )


def harmless(body: Any) -> Any:
    """A copy of a body with other texts in place of those that no configuration file may hold."""
    if isinstance(body, str):
        return _UNREADABLE.sub("_", body)
    if isinstance(body, list):
        return [harmless(element) for element in body]
    if isinstance(body, dict):
        return {harmless(name): harmless(value) for name, value in body.items()}
    return body
