"""The retained messages of a broker."""

from __future__ import annotations

from conformance.reference.message import Message
from conformance.reference.mqtt.queues import expired
from conformance.reference.mqtt.topics import has_wildcard, matches
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.replication import Store

_DEFAULTS = NodeConfiguration()


class RetainedStore:
    """One message per topic, in order of publishing. ``enabled`` False is the retainer switched off."""

    def __init__(self, configuration: NodeConfiguration = _DEFAULTS) -> None:
        self.enabled = configuration.retainer_enable
        self._most_bytes = configuration.retainer_max_payload_size
        self._most_messages = configuration.max_retained_messages
        self._messages: dict[str, Message] = {}

    def store(self, message: Message) -> None:
        """Keep a message, or forget its topic if the payload is empty; without a word if it is over a limit."""
        if not self.enabled or (self._most_bytes and len(message.payload) > self._most_bytes):
            return
        if message.payload and self._is_full and message.topic not in self._messages:
            return
        self._messages.pop(message.topic, None)
        if message.payload:
            self._messages[message.topic] = message

    @property
    def replicated(self) -> Store:
        """What the other nodes of a cluster learn with a delay."""
        return Store(self, "_messages")

    @property
    def _is_full(self) -> bool:
        return bool(self._most_messages) and len(self._messages) >= self._most_messages

    def count(self) -> int:
        """How many messages are stored, expired ones included until somebody looks for them."""
        return len(self._messages) if self.enabled else 0

    def matching(self, topic_filter: str | None = None) -> list[Message]:
        """The live messages for a topic or filter (None: all), oldest first."""
        if not self.enabled:
            return []
        if topic_filter is not None and not has_wildcard(topic_filter):
            found = [self._messages[topic_filter]] if topic_filter in self._messages else []
        else:
            found = [
                message
                for topic, message in self._messages.items()
                if topic_filter is None or matches(topic, topic_filter)
            ]
        for message in [message for message in found if expired(message)]:
            del self._messages[message.topic]
            found.remove(message)
        return found

    def delete(self, topic_filter: str) -> int:
        """Forget all matches of a topic or filter; returns how many there were."""
        found = self.matching(topic_filter)
        for message in found:
            del self._messages[message.topic]
        return len(found)

    def clear(self) -> None:
        """Forget everything, also while switched off."""
        self._messages.clear()
