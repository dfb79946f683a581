"""The guard on the MQTT side: a client of the suite must not take over a session, nor reach anybody's topics."""

from __future__ import annotations

from conformance.target.errors import SafetyViolation
from conformance.target.guard.sandbox import Owned, goal, is_prefixed


class MqttGuard:
    """What an MQTT client may be and do. Every method raises `SafetyViolation` for what lies outside ``owned``."""

    def __init__(self, owned: Owned) -> None:
        self._owned = owned

    def client_id(self, client_id: str) -> None:
        """A client id in use would end the session behind it. The empty one makes the broker choose a free one."""
        if client_id and not self._owned.owns_name(client_id):
            raise SafetyViolation(
                f"refused to connect as {client_id!r}, which is outside the sandbox {self._owned.prefix} and could "
                "take over somebody's session"
            )

    def publish(self, topic: str, *, kept: bool) -> None:
        """Where a message or a will goes: at once, or a few seconds later (``$delayed/1/...``).

        What may be ``kept`` must go at once: it could be stored when the run has cleaned up and is over.
        """
        if not kept:
            topic = goal(topic)
        if is_prefixed(topic) or not self._owned.owns_topic(topic):
            raise SafetyViolation(
                f"refused to publish to {topic!r}, which is outside the sandbox {self._owned.topic_root}"
            )

    def subscribe(self, topic_filter: str) -> None:
        """A filter outside sees messages of others, and a shared one would keep them from those they are for."""
        if not self._owned.owns_topic(topic_filter):
            raise SafetyViolation(
                f"refused to subscribe to {topic_filter!r}, which is outside the sandbox {self._owned.topic_root}"
            )
