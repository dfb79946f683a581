"""A listener of a node: accepts connections, no faster than it is configured to."""

from __future__ import annotations

import asyncio
from typing import cast

from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.node_configuration import ListenerConfiguration
from conformance.reference.rates import Bucket, rate_per_s


class Listener:
    """``address``: host and port it really listens on, once it is started. ``current_connections``: how many it has."""

    def __init__(self, broker: Broker, configuration: ListenerConfiguration, node: str) -> None:
        self.configuration = configuration
        self.node = node
        self.address = ("", 0)
        self.current_connections = 0
        self._broker = broker
        self._server: asyncio.Server | None = None
        self._accepting = Bucket(rate_per_s(configuration.max_conn_rate), asyncio.get_running_loop().time)

    async def start(self, host: str, port: int) -> int:
        """Listen; port 0 picks a free one. Returns the port; raises OSError."""
        self._server = await asyncio.get_running_loop().create_server(self._protocol, host, port)
        self.address = host, int(self._server.sockets[0].getsockname()[1])
        return self.address[1]

    def close(self) -> None:
        """Accept nobody any more."""
        if self._server is not None:
            self._server.close()

    async def wait_closed(self) -> None:
        if self._server is not None:
            await self._server.wait_closed()

    def accept(self, transport: asyncio.BaseTransport) -> float:
        """Leave a new connection unread until it is its turn; returns the seconds until then."""
        self.current_connections += 1
        wait_s = self._accepting.wait_s(1)
        if wait_s:
            reading = cast("asyncio.ReadTransport", transport)
            reading.pause_reading()
            asyncio.get_running_loop().call_later(wait_s, reading.resume_reading)
        return wait_s

    def left(self) -> None:
        """One of the connections has ended."""
        self.current_connections -= 1

    def _protocol(self) -> asyncio.Protocol:
        connection = Connection(self._broker, self.node, self)
        if self.configuration.type == "tcp":
            return connection
        # Few deployments have such a listener, and its library takes a moment to load.
        from conformance.reference.mqtt.websocket import WebSocketProtocol

        return WebSocketProtocol(connection, self.configuration.mqtt_path)
