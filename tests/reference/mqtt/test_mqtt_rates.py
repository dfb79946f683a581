"""What comes faster than a listener allows waits, and what waits when a connection ends is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from conformance.reference.assembly import AssembledDeployment
from conformance.reference.deployment import Settings
from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.intake import Intake
from conformance.reference.mqtt.listener import Listener
from conformance.reference.mqtt.packets import Packet, Pingreq, Publish
from conformance.reference.mqtt.wire import ProtocolError
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.nodes import FIRST_NODE

Advance = Callable[[float], Awaitable[None]]


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time stands still until it is told to pass."""

    now = 100.0

    def time(self) -> float:
        return self.now


def in_time(scenario: Callable[[Advance], Awaitable[None]]) -> None:
    """Run ``scenario`` with a function that lets seconds pass."""
    loop = Loop()

    async def advance(seconds: float) -> None:
        loop.now += seconds
        for _ in range(3):
            await asyncio.sleep(0)

    loop.run_until_complete(scenario(advance))
    loop.close()


class Taken:
    """What an intake hands over; ``enough`` is the number of packets after which it wants no more."""

    def __init__(self, messages_per_s: float | None, bytes_per_s: float | None = None, enough: int = 99) -> None:
        self.topics: list[str] = []
        self.errors: list[Exception] = []
        self._enough = enough
        self.intake = Intake(Decoder(version=5), messages_per_s, bytes_per_s, self._handle, self.errors.append)

    def _handle(self, packet: Packet, _size: int) -> bool:
        self.topics.append(packet.topic if isinstance(packet, Publish) else "")
        return len(self.topics) < self._enough


def messages(*topics: str) -> bytes:
    return b"".join(encode(Publish(topic, b""), 5) for topic in topics)


@pytest.mark.parametrize(("messages_per_s", "bytes_per_s"), [(0.1, None), (None, 0.5), (0.1, 0.5)])
def test_packets_are_handed_over_at_the_rate(messages_per_s, bytes_per_s):
    async def scenario(advance: Advance) -> None:
        taken = Taken(messages_per_s, bytes_per_s)
        taken.intake.feed(messages("a", "b"))  # 6 bytes each
        taken.intake.feed(messages("c"))
        assert taken.topics == []
        for topics in (["a"], ["a", "b"], ["a", "b", "c"]):
            await advance(13.0)
            assert taken.topics == topics
        await advance(100.0)
        taken.intake.feed(messages("d", "e"))
        assert taken.topics == ["a", "b", "c", *(["d"] if bytes_per_s is None else [])]

    in_time(scenario)


def test_what_waits_at_the_end_is_lost():
    async def scenario(advance: Advance) -> None:
        taken = Taken(1.0)
        taken.intake.feed(messages("a", "b"))
        await advance(1.0)
        taken.intake.close()
        await advance(10.0)
        assert taken.topics == ["a"]

    in_time(scenario)


def test_nothing_is_handed_over_to_whoever_has_enough():
    async def scenario(advance: Advance) -> None:
        taken = Taken(1.0, enough=2)
        taken.intake.feed(messages("a", "b", "c"))
        taken.intake.feed(messages("d"))
        for _ in range(5):
            await advance(1.0)
        assert taken.topics == ["a", "b"]

    in_time(scenario)


def test_what_is_no_packet_fails_in_its_turn():
    async def scenario(advance: Advance) -> None:
        taken = Taken(1.0)
        taken.intake.feed(messages("a") + b"\xff\xff\xff\xff\xff")
        assert (taken.topics, taken.errors) == ([], [])
        await advance(1.0)
        assert taken.topics == ["a"]
        assert isinstance(taken.errors[0], ProtocolError)

    in_time(scenario)


class Transport(asyncio.Transport):
    """Remembers whether it may be read."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def test_connections_are_read_at_the_rate():
    async def scenario(advance: Advance) -> None:
        configuration = NodeConfiguration.parse(["tcp.default.max_conn_rate=1/10s"])
        broker = AssembledDeployment(Settings("k", "s", configuration=configuration)).broker
        listener = Listener(broker, configuration.listeners[0], FIRST_NODE)
        transports = [Transport() for _ in range(3)]
        assert [listener.accept(transport) for transport in transports] == [10.0, 20.0, 30.0]
        for number in range(4):
            assert sum(transport.reading for transport in transports) == number
            await advance(10.5)

    in_time(scenario)


def test_without_a_limit_everything_is_handed_over_at_once():
    async def scenario(_advance: Advance) -> None:
        taken = Taken(None)
        taken.intake.feed(messages("a", "b") + encode(Pingreq(), 5))
        assert taken.topics == ["a", "b", ""]

    in_time(scenario)
