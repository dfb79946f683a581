"""Which enabled rules an event concerns, without asking each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from conformance.reference.mqtt.topics import has_wildcard, matches
from conformance.reference.rules.events import EVENTS, MESSAGE_PUBLISH, is_event_topic
from conformance.reference.rules.rule import Rule


class RuleIndex:
    """Built anew whenever a rule changes. ``events`` are those that a rule is about."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._by_event: defaultdict[str, list[Rule]] = defaultdict(list)
        self._by_topic: defaultdict[str, list[Rule]] = defaultdict(list)
        self._by_filter: list[tuple[str, Rule]] = []
        self._position: dict[str, int] = {}
        for rule in rules:
            self._position[rule.id] = len(self._position)
            for source in rule.sources:
                self._add(source, rule)
        self.events = {event for event, concerned in self._by_event.items() if concerned}
        if self._by_topic or self._by_filter:
            self.events.add(MESSAGE_PUBLISH)

    def _add(self, source: str, rule: Rule) -> None:
        if is_event_topic(source):
            for name, event in EVENTS.items():
                if event.is_meant_by(source):
                    self._by_event[name].append(rule)
        elif has_wildcard(source):
            self._by_filter.append((source, rule))
        else:
            self._by_topic[source].append(rule)

    def find(self, event: str, topic: str | None) -> list[Rule]:
        """The rules an event, or a message published to ``topic``, concerns, each once and oldest first."""
        found = {rule.id: rule for rule in self._by_event.get(event, ())}
        if topic is not None:
            found |= {rule.id: rule for rule in self._by_topic.get(topic, ())}
            found |= {rule.id: rule for source, rule in self._by_filter if matches(topic, source)}
        return sorted(found.values(), key=lambda rule: self._position[rule.id]) if len(found) > 1 else [*found.values()]
