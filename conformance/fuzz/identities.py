"""Identities of the sandbox for generated bodies, and what puts them where an operation looks for them.

Generated data decides shapes and free values; whoever a request addresses comes from the sandbox. What cannot be an
identity anyway (null, booleans, lists) stays, so that negative data remains negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.target.guard.sandbox import Sandbox


@dataclass(slots=True)
class Identities:
    """Fresh identities for one request.

    ``path``: its path parameters, ``connector``: name of an existing one, ``resource_type``: the type it is about.
    ``newer``: whether the target is of a later release than its contract describes.
    """

    sandbox: Sandbox
    path: Mapping[str, str] = field(default_factory=dict)
    connector: str = ""
    resource_type: str | None = None
    newer: bool = False

    def name(self) -> str:
        return self.sandbox.name("fuzz")

    def topic(self) -> str:
        return self.sandbox.topic("fuzz")


Adapter = Callable[[dict[str, Any], Identities], None]
"""Changes one object of a body in place."""


def nameable(value: Any) -> bool:
    """Whether a server could take a value for a name."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def put(field: str, value: Callable[[Identities], str]) -> Adapter:
    """Puts an identity into a field, unless it holds one of the sandbox already."""

    def adapt(body: dict[str, Any], identities: Identities) -> None:
        given = body.get(field)
        owned = identities.sandbox.owns_name(given) or identities.sandbox.owns_topic(given)
        if nameable(given) and not owned:
            body[field] = value(identities)

    return adapt


def each(*adapters: Adapter) -> Adapter:
    """Does what several do, one after the other."""

    def adapt(body: dict[str, Any], identities: Identities) -> None:
        for adapter in adapters:
            adapter(body, identities)

    return adapt


NAME = put("name", Identities.name)
TOPIC = put("topic", Identities.topic)
