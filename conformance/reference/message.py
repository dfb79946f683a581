"""A message on its way through the broker, and the hooks that see it."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def new_message_id() -> str:
    """32 upper-case hex digits, as EMQX prints message ids."""
    return secrets.token_hex(16).upper()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Message:
    """An application message.

    ``properties``: MQTT 5 properties by the names the REST API uses (``payload_format_indicator``,
    ``message_expiry_interval`` in seconds, ``response_topic``, ``correlation_data`` bytes, ``content_type``).
    ``headers``: facts for rules and loops that never go on the wire (``republish_by``, ``peerhost``, ``username``).
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    from_clientid: str = ""
    from_username: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    user_properties: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_message_id)
    timestamp: int = field(default_factory=now_ms)


EventListener = Callable[[str, Mapping[str, Any]], None]


class Hooks:
    """Events of the broker, by the ``event_type`` names of GET /rule_events (``message_publish``...).

    The context of an event is the mapping of columns a rule sees; listeners run synchronously, in order.
    """

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[EventListener]] = defaultdict(list)

    def on(self, event: str, listener: EventListener) -> None:
        """Call ``listener(event, context)`` for ``event``, or for every event with ``"*"``."""
        self._listeners[event].append(listener)

    def off(self, event: str, listener: EventListener) -> None:
        """Stop what `on` with the same arguments started."""
        self._listeners[event].remove(listener)

    def wanted(self, event: str) -> bool:
        """Whether building a context for ``event`` is worth it."""
        return bool(self._listeners.get(event) or self._listeners.get("*"))

    def emit(self, event: str, context: Mapping[str, Any]) -> None:
        for listener in (*self._listeners.get(event, ()), *self._listeners.get("*", ())):
            listener(event, context)
