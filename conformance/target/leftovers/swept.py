"""What may be touched while leftovers are swept: exactly the resources that are to be deleted."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.target.journal.resource import Resource


class SweptNames:
    """Stands in for the sandbox: owns the resources to be deleted, and nothing else.

    Whoever makes one has to see to it that each of ``resources`` carries the name of a run.
    """

    prefix: str = "what is swept"
    topic_root: str = "what is swept"

    def __init__(self, resources: Iterable[Resource]) -> None:
        resources = list(resources)
        self._names = {resource.owner for resource in resources} | {resource.id for resource in resources}
        self._topics = {resource.id for resource in resources if resource.kind == "retained"}
        self._subjects = {resource.id.partition("/")[2] for resource in resources if resource.kind == "ban"}
        self._rules = {resource.id for resource in resources if resource.kind == "rule" and resource.name is None}

    def owns_name(self, name: object) -> bool:
        return name in self._names

    def owns_rule(self, identifier: object) -> bool:
        return identifier in self._rules

    def adopt_rule(self, identifier: str) -> None:
        self._rules.add(identifier)

    def owns_topic(self, topic: object) -> bool:
        """True for the topics to be swept, and for those that a filter among them matches."""
        if not isinstance(topic, str):
            return False
        return topic in self._topics or any(
            topic.startswith(known[:-1]) for known in self._topics if known.endswith("/#")
        )

    def owns_network(self, network: object) -> bool:
        return network in self._subjects

    def owns_pattern(self, pattern: object) -> bool:
        return pattern in self._subjects
