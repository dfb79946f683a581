"""What a PUT can change: for each kind of resource its fields, each with a way to another value (VAR)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.scenarios.codecs import DRAFT
from conformance.scenarios.factors import Case, Named, pairwise
from conformance.target.resources.bridges import CLOSED_URL
from conformance.target.resources.collection import Collection
from conformance.target.resources.typed import configured
from conformance.target.target import Target

Change = Callable[[Target, Any], Any]
"""Another value for a field, by its value now."""

VOLATILE = frozenset(
    {
        "last_modified_at", "created_at", "status", "status_reason", "node_status", "error", "from", "action_details",
    }
)  # fmt: skip
"""What changes by itself or with something else."""


@dataclass(frozen=True, slots=True)
class Updatable:
    """``fields``: dotted names with the way to another value. ``merges``: what a PUT leaves out stays as it is.

    ``of``: the collection that it is in. ``make``: creates one and returns its id; it is disabled, if it can be, for
    what an update enables by mistake is seen then. ``writable``: of what is read of one what a PUT takes. ``defaults``:
    of fields that a body leaves out where they have that value, for what is left out must not stay as it was.
    """

    name: str
    of: Callable[[Target], Collection]
    make: Callable[[Target], str]
    fields: Mapping[str, Change]
    merges: bool = False
    writable: Callable[[Mapping[str, Any]], dict[str, Any]] = configured
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def body(self, target: Target, shown: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
        """A body for PUT that gives the ``changed`` fields their values and leaves all others as they are."""
        if self.merges:
            return _with({}, changed)
        body = self.writable(_with(shown, changed))
        return {name: value for name, value in body.items() if self.defaults.get(name) != value}


def _toggled(*values: Any) -> Change:
    return lambda _, now: values[1] if now == values[0] else values[0]


def _fresh(template: str = "{}") -> Change:
    return lambda target, _: template.format(target.sandbox.name("changed"))


def _fresh_topic(template: str) -> Change:
    return lambda target, _: template.replace("TOPIC", target.sandbox.topic("changed"))


def _fresh_or_none(target: Target, now: Any) -> str:
    return "" if now else target.sandbox.name("changed")


def _not(_target: Target, now: Any) -> bool:
    return not now


def _other_actions(target: Target, now: Any) -> list[Any]:
    """A republish action that differs in each of its arguments that need no certain value from the one ``now``, if that
    is one: others leave rules with actions of any kind."""
    args_now = now[0].get("args", {}) if now and isinstance(now[0], dict) else {}
    first = args_now.get("qos") != 1
    args: dict[str, Any] = {"topic": target.sandbox.topic("changed"), "mqtt_properties": {}, "qos": 1 if first else 2}
    args |= {"payload": "${payload}" if first else "${topic}", "user_properties": "" if first else "${made}"}
    return [{"function": "republish", "args": {**args, "retain": first, "direct_dispatch": first}}]


def _other_source(_target: Target, now: Any) -> str:
    """Another source of the type that ``now`` is of, for others change what serves all items."""
    if "message" in str(now):
        sources = [f"message {name} {{\n  required int32 value = 1;\n}}\n" for name in _NAMES]
    elif "$schema" in str(now):
        sources = [f'{{{DRAFT},"type":"object","required":["{name}"]}}' for name in _NAMES]
    else:
        sources = [f'{{"type":"record","name":"{name}","fields":[]}}' for name in _NAMES]
    return next(source for source in sources if source != now)


_NAMES = ("second", "third")


_RESOURCE_OPTIONS = {"resource_opts.health_check_interval": _toggled("15s", "20s")}

UPDATABLE = (
    Updatable(
        "rule",
        lambda target: target.rules,
        lambda target: target.rules.create(description="first", enable=False, actions=_other_actions(target, None)),
        {
            "name": _fresh(),
            "description": _fresh(),
            "enable": _not,
            "sql": _fresh_topic('SELECT * FROM "TOPIC"'),
            "actions": _other_actions,
        },
        merges=True,
    ),
    Updatable(
        "schema",
        lambda target: target.schemas,
        lambda target: target.schemas.create(description="first"),
        {"description": _fresh(), "source": _other_source},
        writable=lambda shown: {name: shown[name] for name in ("type", "source", "description")},
    ),
    Updatable(
        "connector",
        lambda target: target.connectors,
        lambda target: target.connectors.create(url=f"{CLOSED_URL}/first", description="first"),
        {
            "url": _toggled(f"{CLOSED_URL}/second", f"{CLOSED_URL}/third"),
            "description": _fresh_or_none,
            "connect_timeout": _toggled("15s", "20s"),
            "pool_type": _toggled("random", "hash"),
            "pool_size": _toggled(1, 2),
            **_RESOURCE_OPTIONS,
        },
        defaults={"description": "", "connect_timeout": "15s", "pool_type": "random"},
    ),
    Updatable(
        "action",
        lambda target: target.actions,
        lambda target: target.actions.create(enable=False, description="first"),
        {
            "parameters.path": _toggled("/second", "/third"),
            "parameters.method": _toggled("post", "put"),
            "parameters.body": _fresh("${{payload}} {}"),
            "description": _fresh_or_none,
            "enable": _not,
            **_RESOURCE_OPTIONS,
        },
        defaults={"description": ""},
    ),
)


def update_cases() -> Iterator[Case]:
    """Sets of fields to change, for each kind of resource; of every two fields one changes without the other."""
    for resource in UPDATABLE:
        for row in pairwise(dict.fromkeys(resource.fields, (True, False)), lambda case: any(case.values.values())):
            changed = [field for field, chosen in row.values.items() if chosen]
            yield Case({"resource": resource, "changed": Named("+".join(changed), changed)})


def leaves(element: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Every value of an element that is no object, by its dotted name; what changes by itself is left out."""
    found: dict[str, Any] = {}
    for name, value in element.items():
        if at == "" and name in VOLATILE:
            continue
        if isinstance(value, Mapping) and value:
            found |= leaves(value, f"{at}{name}.")
        else:
            found[f"{at}{name}"] = value
    return found


def _with(element: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``element`` with other values under dotted names."""
    result = dict(element)
    for dotted, value in values.items():
        name, _, below = dotted.partition(".")
        result[name] = _with(result.get(name, {}), {below: value}) if below else value
    return result
