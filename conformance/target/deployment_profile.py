"""How the deployment under test is configured: what is not a defect, because somebody wanted it so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from conformance.target.addresses import ListenerType
from conformance.target.errors import Inapplicable
from conformance.target.guard.sandbox import bare_topic
from conformance.target.passwords import PasswordHashing

Identity = Literal["anonymous", "username", "clientid"]

BUILT_IN = "built_in_database"
"""The backend of authenticators and authorization sources that is part of the contract."""


@dataclass(frozen=True, slots=True)
class MqttLimits:
    """What the broker lets MQTT clients do. Sizes are bytes, intervals seconds; None where there is no limit.

    ``client_id_bytes``: how long a client id may be. ``ids_are_user_names``: whether a client that has a user name gets
    that as its client id. ``sessions``: how many the license allows.
    ``expiry_of_old_clients_s``: how long a session of an MQTT 3.1.1 client lives without its connection, None where
    that is not known. ``queues_qos_0``: whether a client that is away gets messages of QoS 0 later.
    ``echoes_to_old_clients``: whether an MQTT 3.1.1 client gets what it publishes itself.
    ``connections_per_s``: how many connections the listener accepts in all; ``messages_per_s`` and ``bytes_per_s``:
    what it reads of one client. ``mountpoint``: what it puts before the topics of its clients. ``zone``: that of
    the listener, if it is another one than ``default``: the API does not tell its settings. ``raises_qos``:
    whether a message comes with the QoS of the subscription where that is higher. ``retained_bytes``: how large the
    payload of a retained message may be. ``durable_sessions``: whether sessions that outlive their connection are kept
    on disk. ``queue``: how many messages wait for a client that is away, None where that is more than the suite needs;
    ``told_queue``: the same as the target says it, however many, None where it does not.
    """

    max_qos: int = 2
    retain: bool = True
    wildcards: bool = True
    shared: bool = True
    packet_size: int | None = None
    retained_bytes: int | None = None
    topic_levels: int | None = None
    client_id_bytes: int | None = None
    ids_are_user_names: bool = False
    raises_qos: bool = False
    durable_sessions: bool = False
    keepalive_s: int | None = None
    sessions: int | None = None
    subscriptions: int | None = None
    queue: int | None = None
    told_queue: int | None = None
    expiry_of_old_clients_s: int | None = None
    queues_qos_0: bool = True
    echoes_to_old_clients: bool = True
    connections_per_s: float | None = None
    messages_per_s: float | None = None
    bytes_per_s: float | None = None
    mountpoint: str | None = None
    zone: str | None = None

    def check_client_id(self, length: int) -> None:
        """Raise `Inapplicable` if the target takes no client id of ``length`` bytes."""
        if self.client_id_bytes is not None and length > self.client_id_bytes:
            raise Inapplicable(
                f"the target takes client ids of {self.client_id_bytes} bytes at most (mqtt.max_clientid_len)"
            )

    def check_names(self, client_id: str, username: str | None) -> None:
        """Raise `Inapplicable` if a client with these names would get another client id."""
        if self.ids_are_user_names and username and username != client_id:
            raise Inapplicable(
                "the target takes the user name of a client as its client id (mqtt.use_username_as_clientid)"
            )

    def check_kept_session(self) -> None:
        """Raise `Inapplicable` if sessions that outlive their connection are others than the suite knows."""
        if self.durable_sessions:
            raise Inapplicable("the target keeps sessions on disk (durable_sessions.enable)")
        self.check_queue()

    def check_queue(self) -> None:
        """Raise `Inapplicable` if too few messages may wait for a client."""
        if self.queue is not None:
            raise Inapplicable(f"the target keeps {self.queue} messages for a client (mqtt.max_mqueue_len)")

    def check_exact_pages(self) -> None:
        """Raise `Inapplicable` if subscriptions are listed from two sources, without a count and in short pages."""
        if self.durable_sessions:
            raise Inapplicable("the target lists subscriptions in short pages (durable_sessions.enable)")

    def check_publish(self, topic: str, size: int, qos: int, *, retain: bool) -> None:
        """Raise `Inapplicable` if the target allows no such message of a client; ``size`` of its payload."""
        self._check_levels(topic)
        if qos > self.max_qos:
            raise Inapplicable(f"the target allows MQTT clients QoS {self.max_qos} at most (mqtt.max_qos_allowed)")
        if retain and not self.retain:
            raise Inapplicable("the target lets MQTT clients retain no messages (mqtt.retain_available)")
        self.check_size(topic, size, retain=retain)
        if self.bytes_per_s is not None and size > self.bytes_per_s * _LONGEST_PACKET_S:
            raise Inapplicable(f"the target reads {self.bytes_per_s:g} bytes a second of an MQTT client (bytes_rate)")

    def check_size(self, topic: str, size: int, *, retain: bool) -> None:
        """Raise `Inapplicable` if no message with a payload of ``size`` may be published, by clients or the API."""
        if self.packet_size is not None and len(topic.encode()) + size + _OVERHEAD > self.packet_size:
            raise Inapplicable(f"the target takes packets of {self.packet_size} bytes at most (mqtt.max_packet_size)")
        if retain and self.retained_bytes is not None and size > self.retained_bytes:
            raise Inapplicable(
                f"the target retains no payload beyond {self.retained_bytes} bytes (retainer.max_payload_size)"
            )

    def check_subscription(self, topic_filter: str, qos: int, count: int = 1) -> None:
        """Raise `Inapplicable` if the target allows no such subscription; ``count``: how many a client has with it."""
        self._check_levels(bare_topic(topic_filter))
        self.check_subscriptions(count)
        if qos > self.max_qos:
            raise Inapplicable(f"the target grants subscriptions QoS {self.max_qos} at most (mqtt.max_qos_allowed)")
        if not self.wildcards and ("#" in topic_filter or "+" in topic_filter):
            raise Inapplicable("the target allows no subscriptions with wildcards (mqtt.wildcard_subscription)")
        if not self.shared and topic_filter.startswith(("$share/", "$queue/")):
            raise Inapplicable("the target allows no shared subscriptions (mqtt.shared_subscription)")

    def check_subscriptions(self, count: int) -> None:
        """Raise `Inapplicable` if a client may not have ``count`` subscriptions, whoever makes them."""
        if self.subscriptions is not None and count > self.subscriptions:
            raise Inapplicable(
                f"the target allows a client {self.subscriptions} subscriptions (mqtt.max_subscriptions)"
            )

    def delivered_qos(self, published: int, subscribed: int) -> int:
        """The QoS with which a message comes: the lower one, or with mqtt.upgrade_qos the higher one."""
        return max(published, subscribed) if self.raises_qos else min(published, subscribed)

    def subscribing(self, most: int) -> int:
        """The QoS of a subscription whose messages come as they were published, with QoS up to ``most``."""
        return 0 if self.raises_qos else most

    def _check_levels(self, topic: str) -> None:
        most = self.topic_levels
        if most is not None and topic.count("/") + 1 > most:
            raise Inapplicable(f"the target allows topics of {most} levels at most (mqtt.max_topic_levels)")

    def sentences(self) -> Iterator[str]:
        """What is unusual, for the head of a report."""
        if self.max_qos < 2:
            yield f"QoS up to {self.max_qos}"
        for allowed, what in (
            (self.retain, "no retained messages of clients"),
            (self.wildcards, "no wildcard subscriptions"),
            (self.shared, "no shared subscriptions"),
            (self.queues_qos_0, "QoS 0 is not queued"),
            (self.echoes_to_old_clients, "no echo to MQTT 3.1.1 clients"),
            (not self.ids_are_user_names, "a user name is the client id"),
            (not self.raises_qos, "messages come with the higher QoS"),
            (not self.durable_sessions, "sessions are kept on disk"),
        ):
            if not allowed:
                yield what
        for limit, what in (
            (self.packet_size, "packets up to {} bytes"),
            (self.retained_bytes, "retained payloads up to {} bytes"),
            (self.topic_levels, "topics up to {} levels"),
            (self.client_id_bytes, "client ids up to {} bytes"),
            (self.keepalive_s, "keep-alive of {} s set by the server"),
            (self.sessions, "up to {} sessions"),
            (self.subscriptions, "up to {} subscriptions of a client"),
            (self.queue, "up to {} messages wait for a client"),
            (self.connections_per_s, "{:g} connections a second"),
            (self.messages_per_s, "{:g} messages a second of a client"),
            (self.bytes_per_s, "{:g} bytes a second of a client"),
            (self.mountpoint, "{} before the topics of clients"),
            (self.zone, "settings of the zone {}, which were tried out"),
        ):
            if limit is not None:
                yield what.format(limit)


_LONGEST_PACKET_S = 30.0
"""An item does not wait longer for a packet to be read."""

_OVERHEAD = 32
"""Fixed header, topic length, packet identifier and the properties that the suite's clients send, generously."""


@dataclass(frozen=True, slots=True)
class DeploymentProfile:
    """A deployment as its owners configured it; what could not be found out has its default.

    ``identity``: by what the broker knows a client; "anonymous": it lets in whoever comes. ``no_match``: what an MQTT
    client may do that no authorization rule speaks of. ``authenticators`` and ``sources``: the chains by backend, in
    the order in which they are asked, None where they could not be read. ``told_identity``: by what the target says
    that it knows a client, None where it does not say or others are asked as well; ``has_users``: whether it says that
    it asks the built-in database of users. ``ruled``: whether the suite's own clients
    need rules to use their own topics. ``caches_decisions``: whether the decisions about a client are kept as an item
    needs it that reads them. ``listener``: the type of the MQTT listener that they use. ``nodes``: how many
    the cluster has, ``answering``: how many of them answer under the base URL. ``lag_s``: seconds by which reads may
    lag behind writes. ``delays_messages``: whether messages are published later that shall be, None where it does not
    say, or says that it does so with a number of them only.
    """

    identity: Identity = "anonymous"
    no_match: Literal["allow", "deny"] | None = None
    deny_action: Literal["ignore", "disconnect"] | None = None
    authenticators: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    told_identity: Identity | None = None
    has_users: bool = False
    ruled: bool = False
    caches_decisions: bool = True
    delays_messages: bool | None = None
    listener: ListenerType = "tcp"
    edition: str | None = None
    nodes: int = 1
    answering: int = 1
    lag_s: float = 0.0
    hashing: PasswordHashing = field(default_factory=PasswordHashing)
    limits: MqttLimits = field(default_factory=MqttLimits)

    @property
    def demands_users(self) -> bool:
        """Whether MQTT clients need a user of their own."""
        return self.identity != "anonymous"

    @property
    def has_rules(self) -> bool:
        """Whether the target says that it asks the built-in database of authorization rules."""
        return BUILT_IN in (self.sources or ())

    @property
    def asks_rules_first(self) -> bool:
        """Whether it says that it asks no other source before."""
        return self.sources is not None and self.sources[:1] == (BUILT_IN,)

    @property
    def one_name(self) -> bool:
        """Whether a user's name and the id of its client have to be the same."""
        return self.identity == "clientid" or self.limits.ids_are_user_names

    def check_cache(self) -> None:
        """Raise `Inapplicable` if decisions about a client are not kept."""
        if not self.caches_decisions:
            raise Inapplicable("the target caches few or no decisions (authorization.cache)")

    def check_delays(self) -> None:
        """Raise `Inapplicable` if the target says that it delays no messages."""
        if self.delays_messages is False:
            raise Inapplicable("the target delays no messages (delayed.enable)")

    def sentences(self) -> list[str]:
        """The profile for people: one short sentence per fact."""
        told = []
        if self.edition is not None:
            told.append(f"edition {self.edition}, {self.nodes} node{'' if self.nodes == 1 else 's'}")
        if self.answering > 1 or self.lag_s:
            told.append(f"several nodes answer, reads may lag behind writes by {self.lag_s:g} s (--replication-lag)")
        told.append(
            "MQTT clients connect without a user"
            if not self.demands_users
            else f"MQTT clients need a user, known by its {_WORDS[self.identity]}"
        )
        if self.listener != "tcp":
            told.append(f"they use {_SPOKEN[self.listener]}")
        if self.authenticators is not None:
            told.append(f"authenticators: {', '.join(self.authenticators) or 'none'}")
        if self.hashing.name != PasswordHashing().name:
            told.append(f"passwords are hashed with {self.hashing.name}")
        if self.sources is not None:
            told.append(f"authorization sources: {', '.join(self.sources) or 'none'}")
        if self.no_match is not None:
            refusal = " and a refusal ends the connection" if self.deny_action == "disconnect" else ""
            told.append(f"what no rule decides is {_PERMITTED[self.no_match]}{refusal}")
        if not self.caches_decisions:
            told.append("few or no decisions are cached")
        if self.delays_messages is False:
            told.append("no messages are delayed")
        limits = ", ".join(self.limits.sentences())
        told.append(f"MQTT: {limits}" if limits else "MQTT: no unusual limits")
        return told

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> DeploymentProfile:
        chains = {name: value[name] and tuple(value[name]) for name in ("authenticators", "sources")}
        parts = {"hashing": PasswordHashing(**value["hashing"]), "limits": MqttLimits(**value["limits"])}
        return cls(**{**value, **chains, **parts})


_SPOKEN = {"ssl": "MQTT over TLS", "ws": "MQTT over WebSocket", "wss": "MQTT over WebSocket and TLS"}
_WORDS = {"username": "user name", "clientid": "client id"}
_PERMITTED = {"allow": "allowed", "deny": "denied"}
