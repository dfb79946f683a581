"""The sockets of a broker: they listen for clients of each node."""

from __future__ import annotations

import asyncio

from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.nodes import FIRST_NODE


class Listeners:
    """The listeners of one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._servers: list[asyncio.Server] = []

    async def start(self, host: str, port: int, node: str = FIRST_NODE) -> int:
        """Listen for clients of a node; port 0 picks a free one. Returns the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self._broker, node), host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listeners and every connection; MQTT 5 clients are told 0x8B."""
        for server in self._servers:
            server.close()
        self._broker.close_connections()
        # One turn of the loop lets the transports flush and report that they are closed.
        await asyncio.sleep(0)
        while self._servers:
            await self._servers.pop().wait_closed()
