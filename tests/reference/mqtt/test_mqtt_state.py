"""Parts of a session by themselves: queue, window, decisions, expiry."""

from __future__ import annotations

import pytest

from conformance.reference.message import Message, now_ms
from conformance.reference.mqtt import authorization
from conformance.reference.mqtt.authorization import Access, AuthorizationCache
from conformance.reference.mqtt.queues import CLOCK, Delivery, Inflight, MessageQueue, expired
from conformance.reference.mqtt.retained import RetainedStore


def delivery(payload=b"x"):
    return Delivery(Message("t", payload), 1, False)


def test_full_queue_drops_the_oldest():
    queue = MessageQueue(2)
    items = [delivery(str(number).encode()) for number in range(3)]
    assert [queue.push(item) for item in items] == [None, None, items[0]]
    assert list(queue.items()) == items[1:]
    assert queue.pop() is items[1]


def test_queue_forgets_what_is_not_wanted():
    queue = MessageQueue(3)
    for payload in (b"a", b"b", b"c"):
        queue.push(delivery(payload))
    queue.keep(lambda message: message.payload != b"b")
    assert [item.message.payload for item in queue.items()] == [b"a", b"c"]


def test_positions_never_repeat():
    instants = [CLOCK.next() for _ in range(1000)]
    assert instants == sorted(set(instants))


def test_packet_identifiers_skip_those_in_use():
    window = Inflight(65535)
    first = window.add(delivery())
    for _ in range(65533):
        window.remove(window.add(delivery()))
    assert [window.add(delivery()), window.add(delivery())] == [65535, 2]
    assert first == 1


def test_expiry_counts_from_publishing():
    message = Message("t", b"", properties={"message_expiry_interval": 10})
    assert not expired(message)
    message.timestamp = now_ms() - 10_000
    assert expired(message)
    assert expired(Message("t", b"", properties={"message_expiry_interval": -1}))
    assert not expired(Message("t", b"", timestamp=0))


def test_decisions_last_a_minute_and_the_oldest_leave_first(monkeypatch):
    now = 1_000_000
    monkeypatch.setattr(authorization, "now_ms", lambda: now)
    cache = AuthorizationCache()
    for number in range(33):
        cache.put(Access("publish", f"t/{number}", 0, False), number % 2 == 0)
    assert cache.get(Access("publish", "t/0", 0, False)) is None, "32 entries are remembered"
    assert cache.get(Access("publish", "t/32", 0, False)) is True
    assert cache.get(Access("publish", "t/31", 0, False)) is False
    assert cache.get(Access("publish", "t/32", 1, False)) is None, "QoS is part of the question"
    assert [item.access.topic for item in cache.decisions()][:2] == ["t/32", "t/31"]
    now += 60_000
    assert cache.get(Access("publish", "t/32", 0, False)) is None
    assert cache.decisions() == []


@pytest.mark.parametrize("enabled", [True, False])
def test_switched_off_retainer_stores_and_shows_nothing(enabled):
    store = RetainedStore()
    store.store(Message("t", b"x", retain=True))
    store.enabled = enabled
    store.store(Message("u", b"x", retain=True))
    assert [message.topic for message in store.matching()] == (["t", "u"] if enabled else [])
    assert store.count() == (2 if enabled else 0)
