"""A target far away: a relay to a reference deployment that holds back every byte, over HTTP and MQTT alike."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_CHUNK = 65536


class _Relay:
    """Relays connections to ``host:port``; ``delay_s``: how long it holds back what comes, in each direction."""

    def __init__(self, address: tuple[str, int], delay_s: float) -> None:
        self._address = address
        self._delay_s = delay_s

    async def start(self) -> int:
        """Listen on a free port of loopback, which is returned."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self._delay_s)  # the handshake
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._address)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, each part the delay after it came, and the end of it likewise."""
        loop = asyncio.get_running_loop()
        parts: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def send() -> None:
            while True:
                due, part = await parts.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not part:
                    writer.close()
                    return
                writer.write(part)

        sending = asyncio.create_task(send())
        with contextlib.suppress(OSError):
            while part := await reader.read(_CHUNK):
                parts.put_nowait((loop.time() + self._delay_s, part))
        parts.put_nowait((loop.time() + self._delay_s, b""))
        with contextlib.suppress(OSError):
            await sending


@contextlib.contextmanager
def far_away(addresses: list[str], round_trip_s: float) -> Iterator[list[str]]:
    """Addresses (``host:port``) under which those given are ``round_trip_s`` seconds away."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def relay(address: str) -> str:
        host, _, port = address.rpartition(":")
        started = asyncio.run_coroutine_threadsafe(_Relay((host, int(port)), round_trip_s / 2).start(), loop)
        return f"127.0.0.1:{started.result()}"

    try:
        yield [relay(address) for address in addresses]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
