"""Primitive types of MQTT (chapter 1.5 of the standard): reading with checks, writing fast."""

from __future__ import annotations

from conformance.reference.mqtt.reasons import Reason

MAX_VARINT = 268_435_455


class ProtocolError(Exception):
    """What the peer sent is no MQTT; ``reason`` is the code for the DISCONNECT or CONNACK."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def malformed(text: str) -> ProtocolError:
    """A packet that cannot be parsed (0x81)."""
    return ProtocolError(Reason.MALFORMED_PACKET, text)


class Reader:
    """A cursor over the bytes of one packet; every read beyond the end is a malformed packet."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    def __bool__(self) -> bool:
        return self.position < self.end

    def _take(self, length: int) -> int:
        start = self.position
        if start + length > self.end:
            raise malformed("packet ends too early")
        self.position = start + length
        return start

    def byte(self) -> int:
        return self.data[self._take(1)]

    def two(self) -> int:
        start = self._take(2)
        return self.data[start] << 8 | self.data[start + 1]

    def four(self) -> int:
        start = self._take(4)
        return int.from_bytes(self.data[start : start + 4], "big")

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                # 1.5.5: the encoding must use the minimum number of bytes.
                if byte == 0 and shift:
                    raise malformed("variable byte integer is longer than needed")
                return value
            shift += 7
            if shift > 21:
                raise malformed("variable byte integer has more than four bytes")

    def binary(self) -> bytes:
        length = self.two()
        start = self._take(length)
        return self.data[start : start + length]

    def string(self) -> str:
        try:
            text = self.binary().decode()
        except UnicodeDecodeError:
            raise malformed("string is not UTF-8") from None
        if "\0" in text:
            raise malformed("string contains U+0000")
        return text

    def rest(self) -> bytes:
        start, self.position = self.position, self.end
        return self.data[start : self.end]

    def finished(self) -> None:
        """Refuse bytes that nothing has read."""
        if self.position != self.end:
            raise malformed("bytes after the end of the packet")


def varint(value: int) -> bytes:
    """A variable byte integer; ValueError above 268435455."""
    if value < 0x80:
        if value < 0:
            raise ValueError("negative length")
        return bytes((value,))
    if value > MAX_VARINT:
        raise ValueError(f"{value} does not fit a variable byte integer")
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        if not value:
            out.append(low)
            return bytes(out)
        out.append(low | 0x80)


def binary(value: bytes) -> bytes:
    """Bytes behind a two-byte length; OverflowError above 65535."""
    return len(value).to_bytes(2, "big") + value


def string(value: str) -> bytes:
    """UTF-8 text behind a two-byte length; AttributeError for anything that is no text."""
    return binary(value.encode())
