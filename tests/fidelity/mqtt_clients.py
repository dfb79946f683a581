"""MQTT clients by the names a script gives them, and what they see."""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.waiting import PATIENCE_S, eventually

# How long nothing more must arrive after the last expected message. More than expected is noticed at the latest by
# whoever receives next; where nothing is expected, a round trip proves that nothing came.
QUIET_SECONDS = 0.1

# Where nobody is subscribed.
_NOWHERE = "nowhere/at/all"

# paho translates the return codes of MQTT 3.1.1 into reason codes of MQTT 5.
_V3_RETURN_CODES = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
_V5 = paho.MQTTv5


class MqttClients:
    """Runs the ``mqtt`` steps of one script; `run` returns what a recorded ``result`` holds."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._clients: dict[str, _Client] = {}

    def run(self, step: dict[str, Any], within_s: float = PATIENCE_S) -> dict[str, Any] | None:
        """Do one step; None for an operation without a result. ``within_s``: how long to wait for what shall happen."""
        if step["op"] == "connect":
            client = self._clients[step["client"]] = _Client(step)
            return client.connect(self._address, step)
        client = self._clients[step["client"]]
        if step["op"] in ("subscribe", "unsubscribe", "publish") and not client.connected:
            raise ConnectionError(f"the client {step['client']} is not connected")
        match step["op"]:
            case "subscribe":
                return client.subscribe(step)
            case "unsubscribe":
                return client.unsubscribe(step["topic"])
            case "publish":
                return client.publish(step)
            case "receive":
                wanted = len(step["result"]["messages"])
                return {"messages": client.receive(wanted, within_s)}
            case "expect_connected":
                return {"connected": client.connection(step["result"]["connected"], within_s)}
            case "expect_disconnect":
                return client.disconnection(within_s)
            case "state":
                return client.state(step, within_s)
            case "disconnect":
                client.close()
                return None
        raise ValueError(f"unknown MQTT operation {step['op']!r}")

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


class _Client:
    """One paho client whose callbacks become queue entries."""

    def __init__(self, step: dict[str, Any]) -> None:
        self.version = step["protocol"]
        self._connacks: queue.Queue[dict[str, Any]] = queue.Queue()
        self._acks: queue.Queue[list[int]] = queue.Queue()
        self._published: queue.Queue[dict[str, Any]] = queue.Queue()
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._gone = threading.Event()
        self._end: dict[str, Any] = {}
        options = {} if self.version == _V5 else {"clean_session": step["clean_start"]}
        self._paho = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=step["clientid"],
            protocol=self.version,
            reconnect_on_failure=False,
            **options,
        )
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_message = self._on_message
        self._paho.on_subscribe = self._on_acknowledged
        self._paho.on_unsubscribe = self._on_acknowledged
        self._paho.on_publish = self._on_publish

    @property
    def connected(self) -> bool:
        return not self._gone.is_set() and self._paho.is_connected()

    def connect(self, address: tuple[str, int], step: dict[str, Any]) -> dict[str, Any]:
        if "username" in step or "password" in step:
            self._paho.username_pw_set(step.get("username"), step.get("password"))
        if "will" in step:
            will = step["will"]
            self._paho.will_set(will["topic"], will["payload"], will.get("qos", 0), will.get("retain", False))
        options: dict[str, Any] = {}
        if self.version == _V5:
            options = {"clean_start": step["clean_start"], "properties": _properties(step, PacketTypes.CONNECT)}
        self._paho.connect(*address, keepalive=step["keepalive"], **options)
        self._paho.loop_start()
        return self._connacks.get(timeout=PATIENCE_S)

    def subscribe(self, step: dict[str, Any]) -> dict[str, Any]:
        if self.version == _V5:
            options = SubscribeOptions(
                qos=step["qos"],
                noLocal=step.get("nl", False),
                retainAsPublished=step.get("rap", False),
                retainHandling=step.get("rh", 0),
            )
            self._paho.subscribe(step["topic"], options=options, properties=_properties(step, PacketTypes.SUBSCRIBE))
        else:
            self._paho.subscribe(step["topic"], step["qos"])
        return {"reason_codes": self._acks.get(timeout=PATIENCE_S)}

    def unsubscribe(self, topic: str) -> dict[str, Any]:
        self._paho.unsubscribe(topic)
        return {"reason_codes": self._acks.get(timeout=PATIENCE_S)}

    def publish(self, step: dict[str, Any]) -> dict[str, Any]:
        properties = _properties(step, PacketTypes.PUBLISH) if self.version == _V5 else None
        self._paho.publish(step["topic"], step["payload"], step["qos"], step["retain"], properties)
        answer = self._published.get(timeout=PATIENCE_S)
        return answer if step["qos"] else {}

    def receive(self, wanted: int, seconds: float) -> list[dict[str, Any]]:
        """The next ``wanted`` messages, and any that follow at once."""
        if not wanted:
            self.answers()
        deadline = time.monotonic() + seconds
        quiet = QUIET_SECONDS if wanted else 0.0
        found: list[dict[str, Any]] = []
        while True:
            left = deadline - time.monotonic() if len(found) < wanted else quiet
            try:
                found.append(self._messages.get(timeout=max(0.0, left)))
            except queue.Empty:
                return found

    def answers(self) -> bool:
        """Whether the server still answers on this connection; by then all that it sent before has been taken."""
        if self.connected:
            self._paho.unsubscribe(_NOWHERE)
            if eventually(lambda: self._gone.is_set() or not self._acks.empty()) and not self._acks.empty():
                self._acks.get()
        return self.connected

    def connection(self, expected: bool, within_s: float) -> bool:
        """Whether the connection lives; one that was lost in the recording gets time to be lost."""
        if expected:
            return self.answers()
        return not self._gone.wait(within_s)

    def disconnection(self, seconds: float) -> dict[str, Any]:
        if not self._gone.wait(seconds):
            return {"connected": True}
        return self._end

    def state(self, step: dict[str, Any], within_s: float) -> dict[str, Any]:
        """Connected or not and how many messages arrived, once that is as recorded or time is up."""
        if step["connected"]:
            messages = self.receive(step["messages"], within_s)
            connected = self.answers()
        else:
            connected = self.connection(False, within_s)
            messages = self.receive(step["messages"], 0)
        seen: dict[str, Any] = {"connected": connected, "messages": len(messages)}
        if "properties" in step:
            seen["properties"] = [message["properties"] for message in messages]
        return seen

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        code = reason.value
        if self.version != _V5:
            code = _V3_RETURN_CODES.get(code, code)
        if code:
            self._gone.set()
        shown = _shown_properties(properties)
        self._connacks.put({"reason_code": code, "session_present": flags.session_present, "properties": shown})

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        by_packet = flags.is_disconnect_packet_from_server
        self._end = {"from_server_packet": by_packet, "reason_code": reason.value if by_packet else None}
        self._gone.set()

    def _on_acknowledged(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        self._acks.put([reason.value for reason in reasons])

    def _on_publish(self, _client: Any, _data: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self._published.put({"reason_code": reason.value})

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        shown = {
            "topic": message.topic,
            **_payload(bytes(message.payload)),
            "qos": message.qos,
            "retain": message.retain,
            "dup": message.dup,
            "properties": _shown_properties(getattr(message, "properties", None)),
        }
        self._messages.put(shown)


def _properties(step: dict[str, Any], packet_type: int) -> Properties | None:
    if not step.get("properties"):
        return None
    properties = Properties(packet_type)
    for name, value in step["properties"].items():
        if name == "UserProperty":
            for pair in value:
                properties.UserProperty = tuple(pair)
        else:
            setattr(properties, name, bytes.fromhex(value) if name == "CorrelationData" else value)
    return properties


def _payload(payload: bytes) -> dict[str, str]:
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload_b64": base64.b64encode(payload).decode()}


def _shown_properties(properties: Properties | None) -> dict[str, Any]:
    return {} if properties is None else json.loads(json.dumps(properties.json()))
