"""A PUT changes what it says, and nothing else (VAR)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.factors import Case, covered, parametrized
from conformance.scenarios.updates import leaves, update_cases
from conformance.target.errors import Inapplicable
from conformance.target.resources.access import Rulings
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

RULES = tuple(f"{method} {path}" for path in (paths.RULES_OF_USER, paths.RULES_OF_CLIENT) for method in ("PUT", "GET"))


@requirement(
    "VAR-10", "PUT /rules/{id}", "PUT /schema_registry/{name}", "PUT /connectors/{id}", "PUT /actions/{id}",
)  # fmt: skip
@parametrized(update_cases())
def test_update(target: Target, case: Case) -> None:
    """A PUT that changes some fields of a resource changes exactly these: of any two fields one without the other."""
    resource = case.resource
    if resource.name == "schema" and target.capabilities.no_schemas is not None:
        raise Inapplicable(target.capabilities.no_schemas)
    collection = resource.of(target)
    # One serves all items, whatever the one before made of it: writes of the configuration are costly.
    identifier = target.lasting(collection, "to change", lambda: resource.make(target))
    shown = collection.read(identifier)
    before = leaves(shown)
    changed = {field: resource.fields[field](target, before.get(field)) for field in case.changed.value}

    answer = collection.put(identifier, resource.body(target, shown, changed)).expect(200)
    expected = {**before, **changed}
    for what, element in (("read", collection.read(identifier)), ("answered", answer.json)):
        after = leaves(element)
        names = sorted(name for name in {**after, **expected} if after.get(name) != expected.get(name))
        told = "; ".join(f"{name} is {after.get(name)!r}, expected {expected.get(name)!r}" for name in names)
        assert not names, f"after a PUT that changes {', '.join(changed)}, {told} ({what})"


_RULE: dict[str, tuple[Any, Any]] = {
    "topic": ("", "/other"),
    "permission": ("deny", "allow"),
    "action": ("publish", "subscribe"),
    "qos": ([0, 1, 2], [1]),
    "retain": ("all", True),
}
_BACK: dict[str, tuple[Any, Any]] = {
    "topic": ("/other", ""),
    "permission": ("allow", "deny"),
    "action": ("all", "publish"),
    "qos": ([2], [0, 2]),
    "retain": (False, "all"),
}
"""Values before and after a change: two of each, so that every one is left and every one is reached."""


@requirement("VAR-11", *RULES)
@pytest.mark.needs("authorization")
@pytest.mark.state("authorization")
@covered(
    **dict.fromkeys(_RULE, (False, True)),
    # A rule about subscriptions has no retain flag.
    possible=lambda case: not (case.action and case.retain),
)
def test_update_of_authorization_rules(target: Target, case: Case) -> None:
    """A PUT of authorization rules changes of each rule the fields that differ, and nobody else's rules."""
    for collection in (target.client_rules, target.user_rules):
        _expect_update(target, collection, case, _RULE)
        _expect_update(target, collection, case, _BACK)


def _expect_update(target: Target, collection: Rulings, case: Case, values: Mapping[str, tuple[Any, Any]]) -> None:
    topic, key = target.sandbox.topic("acl"), collection.parameter

    def rule(changed: bool) -> dict[str, Any]:
        fields = {field: each[changed and case.values[field]] for field, each in values.items()}
        return {**fields, "topic": f"{topic}{fields['topic']}"}

    untouched = {"topic": f"{topic}/first", "permission": "allow", "action": "all", "qos": [0, 1, 2], "retain": "all"}
    first, second = (collection.create(rules=[untouched, rule(changed=False)]) for _ in range(2))
    collection.put(first, {key: first, "rules": [untouched, rule(changed=True)]}).expect(204)

    for identifier, changed in ((first, True), (second, False)):
        expected = [untouched, rule(changed)]
        shown = collection.read(identifier)["rules"]
        assert shown == expected, f"the rules by {key} are {shown}, expected {expected}"
