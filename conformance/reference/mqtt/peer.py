"""How a client is connected."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.reference.message import now_ms
from conformance.reference.mqtt.properties import Properties
from conformance.reference.nodes import at_work


@dataclass(slots=True)
class Peer:
    """How a client is connected: addresses, and what its CONNECT said; ``listener`` by its id, ``tcp:default``."""

    host: str
    port: int
    sockname: str
    listener: str
    version: int
    clean_start: bool
    keepalive: int
    receive_maximum: int
    maximum_packet_size: int
    properties: Properties = field(default_factory=dict)
    connected_at: int = field(default_factory=now_ms)
    node: str = field(default_factory=at_work)

    @property
    def name(self) -> str:
        """Address and port, ``127.0.0.1:1883``."""
        return f"{self.host}:{self.port}"

    @property
    def protocol_name(self) -> str:
        return "MQIsdp" if self.version == 3 else "MQTT"
