"""Authorization rules of the built-in database: their normal form, their store, and the decision (behaviour 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from conformance.reference.mqtt.topics import matches

SOURCE_TYPE = "built_in_database"
MAX_RULES = 100

Action = Literal["publish", "subscribe"]

_LITERAL_PREFIX = "eq "
_NO_NAME = "undefined"
"""What EMQX 5.8.9 fills in for a client without a user name."""
_VARIABLE = re.compile(r"\$\{([a-z_.A-Z0-9]+)\}")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants to do; ``retain`` is False for a subscription."""

    clientid: str
    username: str | None
    action: Action
    topic: str
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; ``retain`` None stands for "all"."""

    topic: str
    action: str
    permission: str
    qos: tuple[int, ...] = (0, 1, 2)
    retain: bool | None = None

    @classmethod
    def parse(cls, item: Mapping[str, Any]) -> Rule:
        """The rule of a checked JSON object. ``retain`` says nothing about subscriptions, so it is dropped there."""
        retain = item.get("retain", "all")
        if item["action"] == "subscribe" or retain == "all":
            retain = None
        return cls(item["topic"], item["action"], item["permission"], tuple(item.get("qos", (0, 1, 2))), retain)

    def shown(self) -> dict[str, Any]:
        """The rule as REST answers show it, defaults filled."""
        return {
            "topic": self.topic,
            "action": self.action,
            "qos": list(self.qos),
            "retain": "all" if self.retain is None else self.retain,
            "permission": self.permission,
        }

    def applies(self, request: Request) -> bool:
        """Whether the rule decides about ``request``."""
        if self.action not in ("all", request.action) or request.qos not in self.qos:
            return False
        if request.action == "publish" and self.retain not in (None, request.retain):
            return False
        if self.topic.startswith(_LITERAL_PREFIX):
            return self.topic.removeprefix(_LITERAL_PREFIX) == request.topic
        topic = _rendered(self.topic, request)
        return topic is not None and matches(request.topic, topic)


def _rendered(template: str, request: Request) -> str | None:
    """``template`` with its placeholders filled, None if one has no value: such a rule matches nothing."""
    if "${" not in template:
        return template
    values = {
        "clientid": request.clientid,
        "username": _NO_NAME if request.username is None else request.username,
        "zone": "default",
        "cert_common_name": None,  # the listeners know no certificates
    }
    names = _VARIABLE.findall(template)
    if any(name.startswith("client_attrs.") or (name in values and values[name] is None) for name in names):
        return None

    def value_of(variable: re.Match[str]) -> str:
        value = values.get(variable[1])
        return variable[0] if value is None else value

    return _VARIABLE.sub(value_of, template)


@dataclass(slots=True)
class Source:
    """The authorization source ``built_in_database``: its switch and its rules.

    ``users`` and ``clients`` map an id to its rules in order; `Defect.NUMBERS_FOR_TEXTS` lets integers be ids.
    """

    enabled: bool = True
    max_rules: int = MAX_RULES
    everyone: list[Rule] = field(default_factory=list)
    users: dict[str | int, list[Rule]] = field(default_factory=dict)
    clients: dict[str | int, list[Rule]] = field(default_factory=dict)

    def purge(self) -> None:
        """Forget every rule."""
        self.everyone.clear()
        self.users.clear()
        self.clients.clear()

    def decide(self, request: Request) -> bool | None:
        """Whether ``request`` is allowed; None if no rule applies. clientid rules, username rules, then all."""
        for rule in self._candidates(request):
            if rule.applies(request):
                return rule.permission == "allow"
        return None

    def _candidates(self, request: Request) -> Iterable[Rule]:
        yield from self.clients.get(request.clientid, ())
        if request.username is not None:
            yield from self.users.get(request.username, ())
        yield from self.everyone
