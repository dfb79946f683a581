"""Messages a session holds for its client: the queue, and the window of unacknowledged ones.

Both are inspectable over REST in order of insertion; the key is the insertion instant in nanoseconds.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from conformance.reference.message import Message, now_ms
from conformance.reference.mqtt.topics import Filter

_NEVER = 0


class _Clock:
    """Nanoseconds since the epoch that never repeat, because they identify queued messages."""

    def __init__(self) -> None:
        self._last = _NEVER

    def next(self) -> int:
        self._last = max(self._last + 1, time.time_ns())
        return self._last


CLOCK = _Clock()


def expired(message: Message) -> bool:
    """Whether the message's expiry interval (seconds since it was published) has passed."""
    interval = message.properties.get("message_expiry_interval")
    return interval is not None and now_ms() - message.timestamp >= interval * 1000


@dataclass(slots=True)
class Delivery:
    """A message for one subscriber, with the QoS and retain flag it is sent with."""

    message: Message
    qos: int
    retain: bool
    identifier: int | None = None
    shared: Filter | None = None
    """The shared subscription that it is for, if it is for one."""
    inserted_at: int = field(default_factory=CLOCK.next)
    released: bool = False
    """Whether PUBREC came: only PUBREL and PUBCOMP are left of the QoS 2 exchange."""


class MessageQueue:
    """The mqueue: bounded, oldest out first. ``priority`` is what EMQX shows without a priority table."""

    priority = 0

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._items: deque[Delivery] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def push(self, delivery: Delivery) -> Delivery | None:
        """Append; returns the oldest delivery if it had to make room."""
        dropped = self._items.popleft() if len(self._items) >= self.limit else None
        delivery.inserted_at = CLOCK.next()
        self._items.append(delivery)
        return dropped

    def pop(self) -> Delivery:
        return self._items.popleft()

    def keep(self, wanted: Callable[[Message], bool]) -> None:
        """Forget, without a word, the messages that are not wanted."""
        self._items = deque(delivery for delivery in self._items if wanted(delivery.message))

    def items(self) -> Iterable[Delivery]:
        return self._items


class Inflight:
    """Deliveries by packet identifier that the client has not acknowledged, in order of sending."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._items: dict[int, Delivery] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        return len(self._items) >= self.limit

    def add(self, delivery: Delivery) -> int:
        """Take a delivery in and return its fresh packet identifier."""
        identifier = self._last_id
        while True:
            identifier = identifier % 65535 + 1
            if identifier not in self._items:
                break
        self._last_id = identifier
        delivery.inserted_at = CLOCK.next()
        self._items[identifier] = delivery
        return identifier

    def get(self, packet_id: int) -> Delivery | None:
        return self._items.get(packet_id)

    def remove(self, packet_id: int) -> Delivery | None:
        return self._items.pop(packet_id, None)

    def by_packet_id(self) -> list[tuple[int, Delivery]]:
        return list(self._items.items())

    def items(self) -> Iterable[Delivery]:
        return self._items.values()
