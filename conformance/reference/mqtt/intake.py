"""What a connection reads: bytes in, packets out, no faster than its listener allows a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.packets import Packet
from conformance.reference.rates import Bucket

Packets = Iterator[tuple[Packet, int]]


class Intake:
    """Decodes a stream and hands its packets over one by one, each with its size in bytes.

    A packet for which there are no tokens waits for them, and everything behind it; what still waits when the
    connection ends is lost, as in EMQX. ``handle`` returns whether it wants more packets. ``failed`` is told what
    either of the two raised, after which nothing more is handed over.
    """

    def __init__(
        self,
        decoder: Decoder,
        messages_per_s: float | None,
        bytes_per_s: float | None,
        handle: Callable[[Packet, int], bool],
        failed: Callable[[Exception], None],
    ) -> None:
        self._decoder = decoder
        self._handle = handle
        self._failed = failed
        self._buckets: tuple[Bucket, Bucket] | None = None
        if messages_per_s is not None or bytes_per_s is not None:
            now = asyncio.get_running_loop().time
            self._buckets = Bucket(messages_per_s, now), Bucket(bytes_per_s, now)
        self._waiting: asyncio.TimerHandle | None = None
        self._behind = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._waiting is not None:
            self._behind += data
        else:
            self._hand_over(self._decoder.feed(data))

    def close(self) -> None:
        """Forget what waits."""
        if self._waiting is not None:
            self._waiting.cancel()

    def _hand_over(self, packets: Packets) -> None:
        try:
            for packet, size in packets:
                wait_s = self._wait_s(size)
                if wait_s:
                    loop = asyncio.get_running_loop()
                    self._waiting = loop.call_later(wait_s, self._go_on, packet, size, packets)
                    return
                if not self._handle(packet, size):
                    return
        except Exception as error:
            self._failed(error)

    def _wait_s(self, size: int) -> float:
        if self._buckets is None:
            return 0.0
        messages, octets = self._buckets
        return max(messages.wait_s(1), octets.wait_s(size))

    def _go_on(self, packet: Packet, size: int, packets: Packets) -> None:
        self._waiting = None
        try:
            more = self._handle(packet, size)
        except Exception as error:
            self._failed(error)
            return
        if more:
            self._hand_over(packets)
        if more and self._waiting is None and self._behind:
            behind, self._behind = bytes(self._behind), bytearray()
            self._hand_over(self._decoder.feed(behind))
