"""Why an item does not run: decided from its markers and its operation, before anything is sent for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from conformance.catalogue import needs
from conformance.catalogue.profiles import PROFILES, why_missing
from conformance.contract.editions import OPEN_SOURCE_TYPES, types_in
from conformance.requirements import REQUIREMENTS
from conformance.result import Omission
from conformance.run.node_ids import operation_of, requirements_of
from conformance.target.guard.mode import Mode
from conformance.worker.context import Context

DELIVERING_TYPES = ("http", "mqtt")
MORE_SMOKE_TYPES = 3


@dataclass(frozen=True, slots=True)
class Skip:
    """``needed``: the least mode in which the item would run, None if its mode is not what keeps it from running."""

    reason: str
    why: Omission
    needed: Mode | None = None


def why_skipped(item: pytest.Item, context: Context) -> Skip | None:
    """The reason to skip an item, None if it runs."""
    return (
        _by_version(item, context)
        or _by_mode(item, context)
        or _by_edition(item, context)
        or _by_profile(item, context)
        or _by_sample(item, context)
        or _by_capability(item, context)
        or _by_type(item, context)
    )


def left_out_by_options(item: pytest.Item, context: Context) -> bool:
    """Whether an item is skipped for what the options say, whatever the target is."""
    return (_by_mode(item, context) or _by_profile(item, context) or _by_sample(item, context)) is not None


def _by_version(item: pytest.Item, context: Context) -> Skip | None:
    entries = [REQUIREMENTS[identifier] for identifier in requirements_of(item.nodeid)]
    version = context.plan.contract_version
    if entries and not any(entry.applies_to(version) for entry in entries):
        return Skip(f"does not apply to EMQX {version}", "not_demanded")
    return None


def _by_mode(item: pytest.Item, context: Context) -> Skip | None:
    for needed, why in needs.modes(item.iter_markers(), operation_of(item.nodeid)):
        if context.configuration.mode < needed:
            return Skip(why, "chosen", needed)
    return None


def _by_capability(item: pytest.Item, context: Context) -> Skip | None:
    missing = context.capabilities.missing()
    lacking = [capability for capability in needs.capabilities(item.iter_markers()) if capability in missing]
    reasons = [
        Skip(missing[capability], why_missing(capability, context.configuration, context.capabilities))
        for capability in lacking
    ]
    # What the user left out is left out for that, whatever else is missing.
    return min(reasons, key=lambda skip: skip.why != "chosen", default=None)


def _by_type(item: pytest.Item, context: Context) -> Skip | None:
    resource_type = _type_of(item)
    if resource_type is None or _offers(context, resource_type, operation_of(item.nodeid) or ""):
        return None
    why: Omission = "undecided" if resource_type in context.contract.every_type else "not_demanded"
    return Skip(f"the target does not offer the type {resource_type}", why)


def _by_edition(item: pytest.Item, context: Context) -> Skip | None:
    resource_type, edition = _type_of(item), context.capabilities.profile.edition
    if resource_type is None or types_in(edition, [resource_type]) or resource_type not in context.contract.every_type:
        return None
    why: Omission = "undecided" if PROFILES[context.configuration.profile].every_type else "chosen"
    return Skip(f"the open-source edition of EMQX has only the types {', '.join(OPEN_SOURCE_TYPES)}", why)


def _by_profile(item: pytest.Item, context: Context) -> Skip | None:
    profile = context.configuration.profile
    resource_type = _type_of(item)
    if resource_type is not None and not PROFILES[profile].every_type:
        types = context.contract.every_type
        if resource_type not in context.once("smoke types", lambda: smoke_types(sorted(types), context.plan.seed)):
            looks_at = f"some of the {len(types)} connector and action types, chosen by the seed"
            return Skip(f"the profile {profile} looks at {looks_at}", "chosen")
    return None


def _by_sample(item: pytest.Item, context: Context) -> Skip | None:
    if context.sample is None or item.nodeid in context.sample:
        return None
    asks = "some of the items, those that show most for what they cost"
    return Skip(f"the profile {context.configuration.profile} asks {asks}", "chosen")


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
