"""Why an item does not run: decided from its markers and its operation, before anything is sent for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from conformance.items import operation_of, requirements_of
from conformance.requirements import REQUIREMENTS
from conformance.run import Context
from conformance.target.guard_table import Access
from conformance.target.mode import Mode

DELIVERING_TYPES = ("http", "mqtt")
MORE_SMOKE_TYPES = 6


@dataclass(frozen=True, slots=True)
class Skip:
    """``needed``: the least mode in which the item would run, None if its mode is not what keeps it from running."""

    reason: str
    needed: Mode | None = None


def why_skipped(item: pytest.Item, context: Context) -> Skip | None:
    """The reason to skip an item, None if it runs."""
    return (
        _by_version(item, context)
        or _by_mode(item, context)
        or _by_capability(item, context)
        or _by_profile(item, context)
    )


def _by_version(item: pytest.Item, context: Context) -> Skip | None:
    entries = [REQUIREMENTS[identifier] for identifier in requirements_of(item.nodeid)]
    version = context.capabilities.version
    if entries and not any(entry.applies_to(version) for entry in entries):
        return Skip(f"does not apply to EMQX {version}")
    return None


def _by_mode(item: pytest.Item, context: Context) -> Skip | None:
    mode = context.configuration.mode
    operation = operation_of(item.nodeid)
    writes = operation is not None and not operation.startswith("GET ")
    if mode is Mode.READ_ONLY and (writes or item.get_closest_marker("reads") is None):
        return Skip(f"{'it' if writes else 'its set-up'} writes: not with --read-only", Mode.SANDBOXED)
    labels = [label for marker in item.iter_markers("writes") for label in marker.args]
    for label in (*labels, *([operation] if operation is not None else [])):
        if mode < Mode.EXCLUSIVE and context.guard.classify(label) is Access.GLOBAL:
            return Skip(f"{label} touches global state and needs --exclusive", Mode.EXCLUSIVE)
    for marker in item.iter_markers("mode"):
        needed, why = marker.args
        if mode < needed:
            return Skip(f"{why}: needs --{needed.words}", needed)
    return None


def _by_capability(item: pytest.Item, context: Context) -> Skip | None:
    missing = context.capabilities.missing()
    for marker in item.iter_markers("needs"):
        for capability in marker.args:
            if capability in missing:
                return Skip(missing[capability])
    resource_type = _type_of(item)
    if resource_type is None or _offers(context, resource_type, operation_of(item.nodeid) or ""):
        return None
    return Skip(f"the target does not offer the type {resource_type}")


def _by_profile(item: pytest.Item, context: Context) -> Skip | None:
    resource_type = _type_of(item)
    if resource_type is None or context.configuration.profile != "smoke":
        return None
    types = sorted({*context.contract.types("connectors"), *context.contract.types("actions")})
    if resource_type in smoke_types(types, context.plan.seed):
        return None
    return Skip(f"the profile smoke looks at some of the {len(types)} connector and action types, chosen by the seed")


def smoke_types(types: Sequence[str], seed: int) -> set[str]:
    """The types a quick run looks at: those that deliver to the suite itself, and a few others by chance.

    Configuration writes are what a run costs a real server, and nearly all of them are spent on types.
    """
    others = [resource_type for resource_type in types if resource_type not in DELIVERING_TYPES]
    return {*DELIVERING_TYPES, *random.Random(seed).sample(others, min(MORE_SMOKE_TYPES, len(others)))}


def _type_of(item: pytest.Item) -> str | None:
    """The connector or action type that an item is about."""
    return next((marker.args[0] for marker in item.iter_markers("resource_type")), None)


def _offers(context: Context, resource_type: str, operation: str) -> bool:
    """Whether connectors or actions of a type can be; a target lists only its action types."""
    if resource_type in context.capabilities.action_types:
        return True
    only_connectors = set(context.contract.types("connectors")) - set(context.contract.types("actions"))
    return "/connectors" in operation and resource_type in only_connectors
