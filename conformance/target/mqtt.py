"""An MQTT client of the suite: paho-mqtt with deadlines instead of callbacks."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from conformance.target.addresses import split_listener
from conformance.target.deployment_profile import MqttLimits
from conformance.target.errors import Inapplicable
from conformance.target.guard.mqtt import MqttGuard
from conformance.target.guard.sandbox import Owned
from conformance.target.journal.journal import Journal
from conformance.target.journal.resource import Resource
from conformance.target.network_errors import in_words
from conformance.target.pace import Pace
from conformance.target.timing import Timing

MOST_RECEIVED = 64 * 1024 * 1024
"""Bytes of payload and overhead that one client keeps."""

QUOTA_EXCEEDED = 0x97
"""CONNACK where no further session is allowed."""

LATER = (0x88, 0x89)
"""CONNACK of a broker that asks to come again: EMQX does while the last session of the same client id is ending."""

_OVERHEAD = 512
_HEADER = 16
"""Bytes of a packet besides its topic and payload, generously."""

_OVERHEAD_OF_CONNECT = 256
_OTHERS_CONNECTIONS = 20
"""How many connections of others a broker may accept before one of ours, where it limits their rate."""

_NO_LIMITS = MqttLimits()
_TIMING = Timing()
_BETWEEN_ATTEMPTS_S = 0.25
PROBE = "probe of the suite "
"""Messages whose payload begins so only find out whether messages arrive; no item sees them."""


class MqttError(Exception):
    """The broker refused, closed, or did not answer in time; ``reason_code`` where it gave one."""

    def __init__(self, message: str, reason_code: int | None = None) -> None:
        super().__init__(message)
        self.reason_code = reason_code


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes for a client that it loses."""

    topic: str
    payload: str
    qos: int = 1
    retain: bool = False
    delay_s: int | None = None
    """How long an MQTT 5 broker waits with it; the end of the session is the end of waiting."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Those of MQTT 5, as of `MqttClient.publish`."""


def _end_thread(client: paho.Client) -> None:
    """Wait for the network thread of a client; one that ends by itself meanwhile is gone before paho waits for it."""
    with contextlib.suppress(AttributeError):
        client.loop_stop()


class MqttClient:
    """One connection. Reason codes are those of MQTT 5 (or the return codes of 3.1.1).

    ``listener``: as `split_listener` takes it; TLS trusts the CAs of ``ca_bundle`` (default: the system's).
    ``protocol``: 3 (MQTT 3.1), 4 (3.1.1) or 5. With ``manual_ack`` nothing is acknowledged but what `acknowledge` is
    called for. What outlives the connection, its session or a message it retains, is written into ``journal`` first.
    ``topic_aliases``: how many topics an MQTT 5 broker may write as numbers; messages have the topics they stand for.
    ``messages`` are those received, save for probes. ``limits``: what the broker's CONNACK grants, by the names of MQTT
    5 without spaces (``MaximumPacketSize`` in bytes). ``allowed``: what the target is known to allow; asking for more
    raises `Inapplicable`, and nothing is sent faster. ``settle`` is called before anything is sent: it waits until all
    nodes know what was written. ``turn`` waits until a further connection may be opened. ``timing``: how long the
    broker may take.
    ``owned``: what it may be called, and where it may publish and subscribe; anything else raises `SafetyViolation`.
    Use as a context manager, which connects.
    """

    def __init__(
        self,
        listener: str,
        client_id: str,
        *,
        protocol: int = 5,
        username: str | None = None,
        password: str | None = None,
        clean_start: bool = True,
        session_expiry_s: int | None = None,
        ca_bundle: Path | None = None,
        manual_ack: bool = False,
        receive_maximum: int | None = None,
        maximum_packet_size: int | None = None,
        topic_aliases: int = 0,
        keepalive_s: int = 60,
        will: Will | None = None,
        journal: Journal | None = None,
        owned: Owned | None = None,
        allowed: MqttLimits = _NO_LIMITS,
        settle: Callable[[], None] = lambda: None,
        turn: Callable[[], None] = lambda: None,
        timing: Timing = _TIMING,
    ) -> None:
        self._guard = MqttGuard(owned) if owned is not None else None
        if self._guard is not None:
            self._guard.client_id(client_id)
            if will is not None:
                self._guard.publish(will.topic, kept=True)
        allowed.check_client_id(len(client_id.encode()))
        allowed.check_names(client_id, username)
        self._allowed = allowed
        self._settle = settle
        self._turn = turn
        self._filters: set[str] = set()
        self._pace = Pace(allowed.messages_per_s, allowed.bytes_per_s)
        self._timing = timing
        if will is not None:
            allowed.check_publish(will.topic, len(will.payload), will.qos, retain=will.retain)
        self._listener = split_listener(listener)
        self.client_id = client_id
        self.protocol = protocol
        self.username = username
        self.messages: list[paho.MQTTMessage] = []
        self.connack: int | None = None
        self.limits: dict[str, Any] = {}
        self.disconnect_reason: int | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._received = 0
        self._probes: set[bytes] = set()
        self._granted: dict[int, list[int]] = {}
        self._acknowledged: dict[int, int] = {}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=clean_start if protocol < 5 else None,
            protocol=MQTTProtocolVersion(protocol),
            transport="tcp" if self._listener.path is None else "websockets",
            manual_ack=manual_ack,
            reconnect_on_failure=False,
        )
        if username is not None:
            self._client.username_pw_set(username, password)
        if self._listener.path is not None:
            self._client.ws_set_options(self._listener.path, self._handshake_headers)
        if self._listener.tls:
            self._client.tls_set(ca_certs=str(ca_bundle) if ca_bundle else None, cert_reqs=ssl.CERT_REQUIRED)
        if will is not None:
            self._client.will_set(will.topic, will.payload, will.qos, will.retain, _will_properties(will))
        self._manual_ack = manual_ack
        self._journal = journal
        self._leaves = [Resource("retained", will.topic)] if will is not None and will.retain else []
        self._outlives_connection = not clean_start if protocol < 5 else bool(session_expiry_s)
        if self._outlives_connection:
            allowed.check_kept_session()
        self._clean_start = clean_start
        self._keepalive_s = keepalive_s
        self._properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        if session_expiry_s is not None:
            self._properties.SessionExpiryInterval = session_expiry_s
        if receive_maximum is not None:
            self._properties.ReceiveMaximum = receive_maximum
        if maximum_packet_size is not None:
            self._properties.MaximumPacketSize = maximum_packet_size
        if topic_aliases:
            self._properties.TopicAliasMaximum = topic_aliases
        self._aliases: dict[int, str] = {}
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_unsubscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self.session_present = False

    def __enter__(self) -> MqttClient:
        return self if self.connected else self.connect()

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> MqttClient:
        """Connect and wait for CONNACK; raises `MqttError` if the broker refuses or stays silent.

        A broker that is busy is asked again. Where the license allows few sessions, it waits for one to end; if none
        does, it raises `Inapplicable`.
        """
        end = time.monotonic() + self._patience_to_connect()
        while True:
            try:
                return self._connect_once()
            except MqttError as error:
                no_session = error.reason_code == QUOTA_EXCEEDED and self._allowed.sessions is not None
                if not no_session and (error.reason_code not in LATER or time.monotonic() >= end):
                    raise
                if time.monotonic() >= end:
                    raise Inapplicable(
                        f"the target allows {self._allowed.sessions} sessions, and all are in use (license)"
                    ) from None
            time.sleep(_BETWEEN_ATTEMPTS_S)
            self.connack, self._closed = None, False

    def _connect_once(self) -> MqttClient:
        self._settle()
        options: dict[str, Any] = {}
        if self.protocol == 5:
            options = {"clean_start": self._clean_start, "properties": self._properties}
        lasting = [*self._leaves, *([Resource("client", self.client_id)] if self._outlives_connection else [])]
        if self._journal is not None and lasting:
            self._journal.record(lasting)
        self._turn()
        self._pace.sent(len(self.client_id) + _OVERHEAD_OF_CONNECT)
        try:
            self._client.connect(self._listener.host, self._listener.port, self._keepalive_s, **options)
        except (OSError, ValueError, LookupError, paho.WebsocketConnectionError) as error:
            told = in_words(error, str(error)) if isinstance(error, OSError) else str(error)
            raise MqttError(f"cannot connect to {self._listener}: {told}") from error
        self._client.loop_start()
        self._wait(lambda: self.connack is not None or self._closed, self._patience_to_connect())
        if self.connack is None:
            self.close()
            raise MqttError("the broker closed the connection or did not answer CONNECT")
        if self.connack != 0:
            self.close()
            raise MqttError(f"CONNECT refused with reason code 0x{self.connack:02X}", self.connack)
        return self

    def subscribe(self, topic_filter: str, qos: int = 1, **options: Any) -> int:
        """Subscribe and return the granted QoS or the reason code of the SUBACK.

        ``options`` of MQTT 5: ``noLocal``, ``retainAsPublished``, ``retainHandling``.
        """
        if self._guard is not None:
            self._guard.subscribe(topic_filter)
        self._allowed.check_subscription(topic_filter, qos, len(self._filters | {topic_filter}))
        self._settle()
        if self.protocol == 5:
            _, mid = self._client.subscribe(topic_filter, options=SubscribeOptions(qos=qos, **options))
        else:
            _, mid = self._client.subscribe(topic_filter, qos)
        self._pace.sent(len(topic_filter) + _HEADER)
        granted = self._granted_for(mid)
        if granted <= 2:
            self._filters.add(topic_filter)
        return granted

    def unsubscribe(self, topic_filter: str) -> int:
        self._filters.discard(topic_filter)
        _, mid = self._client.unsubscribe(topic_filter)
        self._pace.sent(len(topic_filter) + _HEADER)
        return self._granted_for(mid)

    def publish(
        self, topic: str, payload: bytes | str = b"", qos: int = 1, *, retain: bool = False, **properties: Any
    ) -> int:
        """Publish and return the reason code of the acknowledgement (0 for QoS 0).

        ``properties`` of MQTT 5 are called as by `properties_of`, ``UserProperty`` is one pair, or several.
        """
        if self._guard is not None:
            self._guard.publish(topic, kept=retain)
        self._allowed.check_publish(topic, len(payload), qos, retain=retain)
        self._settle()
        if self._journal is not None and retain:
            self._journal.record([Resource("retained", topic)])
        information = self._client.publish(topic, payload, qos, retain, _properties(PacketTypes.PUBLISH, properties))
        self._pace.sent(len(topic) + len(payload) + _HEADER, max(qos, 1))
        if qos == 0:
            self._pace.wait()
            return 0
        if not self._wait(lambda: information.mid in self._acknowledged or self._closed, self._timing.acknowledged):
            raise MqttError(f"no acknowledgement for a publish to {topic}")
        return self._acknowledged.get(information.mid, 0x80)

    def acknowledge(self, message: paho.MQTTMessage) -> None:
        """Acknowledge a received message, which only ``manual_ack`` leaves to the caller."""
        self._client.ack(message.mid, message.qos)
        self._pace.sent(message.qos * _HEADER, message.qos)

    @property
    def connected(self) -> bool:
        """Whether the connection was made and nobody has closed it yet."""
        return self.connack == 0 and not self._closed

    def wait_for_messages(
        self,
        count: int = 1,
        within_s: float | None = None,
        matching: Callable[[paho.MQTTMessage], bool] = lambda _: True,
    ) -> list[paho.MQTTMessage]:
        """The messages that match, as soon as there are ``count``, the connection is closed or the time is over.

        ``within_s``: seconds, by default what a conformant target may take to deliver a message.
        """
        self._wait(
            lambda: self._closed or len([message for message in self.messages if matching(message)]) >= count, within_s
        )
        return [message for message in self.messages if matching(message)]

    def received_before(self, payload: str, within_s: float | None = None) -> list[str]:
        """Payloads of all messages that arrived before the one with ``payload``, in order of arrival.

        What a marker message proves: the others had their chance. Raises AssertionError if the marker does not arrive.
        """
        within_s = self._timing.received if within_s is None else within_s
        marker = self.wait_for_messages(1, within_s, lambda message: message.payload == payload.encode())
        assert marker, f"{self.client_id} did not receive {payload!r} within {within_s:g} s, but {self.texts}"
        texts = self.texts
        return texts[: texts.index(payload)]

    def received_probe(self, payload: str) -> bool:
        """Whether the probe with that payload has arrived."""
        return payload.encode() in self._probes

    def wait_for_probe(self, payload: str, within_s: float | None = None) -> bool:
        """Whether the probe with that payload arrives in time."""
        return self._wait(lambda: self.received_probe(payload), within_s)

    def wait_closed(self, within_s: float | None = None) -> bool:
        """Whether the connection is closed by the broker in time."""
        return self._wait(lambda: self._closed, within_s)

    def close(self) -> None:
        self._until_a_disconnect_is_read()
        self._client.disconnect()
        _end_thread(self._client)

    def leave(self, reason_code: int, session_expiry_s: int | None = None) -> None:
        """Send an MQTT 5 DISCONNECT with a reason code, and with another end of the session where one is given."""
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        if session_expiry_s is not None:
            properties.SessionExpiryInterval = session_expiry_s
        self._until_a_disconnect_is_read()
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=reason_code), properties)
        _end_thread(self._client)

    def lose(self) -> None:
        """End the connection without a DISCONNECT, as a client does that crashes or loses its network."""
        connection = self._client.socket()
        if connection is not None:
            # Of a WebSocket this is no socket, but it has the descriptor of one.
            with socket.socket(fileno=os.dup(connection.fileno())) as below:
                below.shutdown(socket.SHUT_RDWR)
        self.wait_closed()
        _end_thread(self._client)

    @property
    def texts(self) -> list[str]:
        """The payloads of the messages received, as text."""
        return [message.payload.decode(errors="backslashreplace") for message in self.messages]

    def _until_a_disconnect_is_read(self) -> None:
        """Wait until the broker reads it at once: unread when the connection ends it is none, and the will is due."""
        if self.connected:
            self._pace.sent(_HEADER)
            self._pace.wait()

    def _handshake_headers(self, headers: dict[str, str]) -> dict[str, str]:
        """Without the Origin, which browsers send and brokers may check; with the brackets that an IPv6 host needs."""
        default = 443 if self._listener.tls else 80
        host = self._listener.address
        host = host.removesuffix(f":{default}") if self._listener.port == default else host
        return {name: value for name, value in headers.items() if name != "Origin"} | {"Host": host}

    def _granted_for(self, mid: int | None) -> int:
        if mid is None or not self._wait(lambda: mid in self._granted or self._closed, self._timing.acknowledged):
            raise MqttError("no SUBACK or UNSUBACK in time")
        return self._granted.get(mid, [0x80])[0]

    def _patience_to_connect(self) -> float:
        """Seconds in which CONNECT is answered, where the broker has accepted the connections of others as well."""
        rate = self._allowed.connections_per_s
        return self._timing.acknowledged + (0.0 if rate is None else _OTHERS_CONNECTIONS / rate)

    def _wait(self, condition: Callable[[], bool], within_s: float | None) -> bool:
        """Whether something happens within so many seconds of when the broker has read everything."""
        started = time.monotonic()
        patience_s = self._timing.received if within_s is None else within_s
        with self._changed:
            while True:
                if self._received > MOST_RECEIVED:  # first, as it closes the connection, for which many wait as well
                    raise MqttError(f"the broker sent more than {MOST_RECEIVED // 1024 // 1024} MiB of messages")
                if condition():
                    return True
                remaining = max(started, self._pace.read_at) + patience_s - time.monotonic()
                if remaining <= 0:
                    return False
                self._changed.wait(remaining)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._changed:
            self.connack = reason.value
            self.limits = _by_name(properties)
            self.session_present = flags.session_present
            self._changed.notify_all()

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        with self._changed:
            self._closed = True
            if flags.is_disconnect_packet_from_server:
                self.disconnect_reason = reason.value
            self._changed.notify_all()

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self._resolve_alias(message)
            self._received += len(message.payload) + _OVERHEAD
            if not self._manual_ack:
                self._pace.sent(message.qos * _HEADER, message.qos)
            if self._received > MOST_RECEIVED:
                self._client.disconnect()
            elif message.payload.startswith(PROBE.encode()):
                self._probes.add(bytes(message.payload))
                if self._manual_ack and message.qos:
                    self.acknowledge(message)
            else:
                self.messages.append(message)
            self._changed.notify_all()

    def _resolve_alias(self, message: paho.MQTTMessage) -> None:
        alias = getattr(message.properties, "TopicAlias", None)
        if alias is None:
            return
        if message.topic:
            self._aliases[alias] = message.topic
        else:
            message.topic = self._aliases.get(alias, "").encode()

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        with self._changed:
            self._granted[mid] = [reason.value for reason in reasons] or [0]
            self._changed.notify_all()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._changed:
            self._acknowledged[mid] = reason.value
            self._changed.notify_all()


def properties_of(message: paho.MQTTMessage) -> Mapping[str, Any]:
    """The MQTT 5 properties of a received message by the names of MQTT 5 without spaces.

    ``UserProperty`` is a list of pairs, ``CorrelationData`` bytes.
    """
    return _by_name(message.properties)


def _will_properties(will: Will) -> Properties | None:
    delay = {} if will.delay_s is None else {"WillDelayInterval": will.delay_s}
    return _properties(PacketTypes.WILLMESSAGE, {**delay, **will.properties})


def _properties(packet_type: int, values: Mapping[str, Any]) -> Properties | None:
    if not values:
        return None
    properties = Properties(packet_type)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _by_name(properties: Properties | None) -> dict[str, Any]:
    names = [] if properties is None else [name.replace(" ", "") for name in properties.names]
    return {name: getattr(properties, name) for name in names if hasattr(properties, name)}
