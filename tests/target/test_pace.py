"""A broker that limits the rate of a client has read what was sent when the client believes it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.rates import Bucket
from conformance.target.deployment_profile import MqttLimits
from conformance.target.errors import Inapplicable
from conformance.target.mqtt import MqttClient
from conformance.target.pace import Pace
from tests.waiting import PATIENCE_S


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def standing_clock() -> Iterator[Clock]:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conformance.target.pace.time", clock)
        yield clock


@given(
    packets_per_s=st.sampled_from([None, 0.5, 3.0, 50.0]),
    bytes_per_s=st.sampled_from([None, 10.0, 1000.0]),
    sizes=st.lists(st.tuples(st.integers(1, 300), st.floats(0, 3)), min_size=1, max_size=20),
)
def test_what_was_waited_for_a_broker_has_read(
    packets_per_s: float | None, bytes_per_s: float | None, sizes: list[tuple[int, float]]
) -> None:
    with standing_clock() as clock:
        broker = Bucket(packets_per_s, clock.monotonic), Bucket(bytes_per_s, clock.monotonic)
        pace = Pace(packets_per_s, bytes_per_s)
        for size, idle_s in sizes:
            clock.sleep(idle_s)
            pace.sent(size)
            read_at = clock.now + max(broker[0].wait_s(1), broker[1].wait_s(size))
            pace.wait()
            assert clock.now >= read_at or read_at - clock.now <= 0.05  # the least pause of a broker


def test_packets_wait_for_those_before_them() -> None:
    with standing_clock() as clock:
        pace = Pace(10.0, None)
        times = []
        for packets in (1, 2, 1):
            pace.sent(1, packets)
            times.append(round(pace.read_at - clock.now, 6))
    assert times == [pytest.approx(each * 0.11) for each in accumulate((1, 2, 1))]


def test_without_limits_nothing_waits() -> None:
    pace = Pace(None, None)
    pace.sent(10**9, 1000)
    assert pace.read_at == 0.0


def test_a_limited_client_gets_what_it_publishes_and_waits_no_longer_than_that() -> None:
    configuration = NodeConfiguration.parse(["tcp.default.messages_rate=40/s", "tcp.default.max_conn_rate=20/s"])
    allowed = MqttLimits(messages_per_s=40.0, connections_per_s=20.0)
    with start_embedded(configuration=configuration) as deployment:
        assert deployment.mqtt is not None
        with MqttClient(deployment.mqtt, "slow", allowed=allowed) as client:
            client.subscribe("slow", 1)
            for number in range(20):
                client.publish("slow", str(number), qos=number % 2)
            # All of it has been read: nobody has to wait for it any more but for its way back.
            received = client.wait_for_messages(20, PATIENCE_S)
        assert [message.payload for message in received] == [str(number).encode() for number in range(20)]


def test_what_takes_too_long_to_be_read_is_not_sent() -> None:
    limits = MqttLimits(bytes_per_s=1000.0)
    limits.check_publish("a", 30_000, 0, retain=False)
    with pytest.raises(Inapplicable, match="1000 bytes a second of an MQTT client"):
        limits.check_publish("a", 30_001, 0, retain=False)
