"""The sockets of a broker: they listen for clients of each node."""

from __future__ import annotations

import asyncio

from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.listener import Listener
from conformance.reference.node_configuration import ListenerType
from conformance.reference.nodes import FIRST_NODE


class Listeners:
    """The listeners of one broker; ``running`` in the order in which they were started."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.running: list[Listener] = []

    async def start(self, host: str, port: int, node: str = FIRST_NODE, type: ListenerType = "tcp") -> int:
        """Listen for clients of a node; port 0 picks a free one. Returns the port; raises OSError."""
        configuration = next(each for each in self._broker.configuration.listeners if each.type == type)
        listener = Listener(self._broker, configuration, node)
        bound = await listener.start(host, port)
        self.running.append(listener)
        return bound

    async def stop(self) -> None:
        """Close the listeners and every connection; MQTT 5 clients are told 0x8B."""
        for listener in self.running:
            listener.close()
        self._broker.close_connections()
        # One turn of the loop lets the transports flush and report that they are closed.
        await asyncio.sleep(0)
        while self.running:
            await self.running.pop().wait_closed()
