"""Bodies of connectors and actions of a type that nobody knows: made such that the guard lets them pass.

A server refuses them for their type alone, so they stay valid in everything else as far as that names no host.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from conformance.contract import load_contract
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.sandbox import Sandbox
from conformance.target.guard.types import KnownTypes, stated_types


@cache
def _known() -> KnownTypes:
    """The types of the contract that decides which items exist."""
    return KnownTypes(load_contract())


def is_of_unknown_type(body: Any) -> bool:
    """Whether a body states a type that the contract lacks."""
    return bool(stated_types(body, {}) - _known().names)


def keep_harmless(body: dict[str, Any], sandbox: Sandbox) -> None:
    """Replace texts of ``body`` that a server could take for a host by names of the sandbox, and drop what else may."""
    hosts = HostPolicy()
    for name, value in [*body.items()]:
        if name == "type" or _known().is_harmless(name, value, hosts, sandbox):
            continue
        if isinstance(value, dict):
            keep_harmless(value, sandbox)
        elif isinstance(value, str):
            body[name] = sandbox.name("text")
        if not _known().is_harmless(name, body[name], hosts, sandbox):
            del body[name]
