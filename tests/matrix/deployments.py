"""Deployments as other people configure them; each is healthy, so none may be called non-conformant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allpairspy import AllPairs


@dataclass(frozen=True, slots=True)
class Configured:
    """A deployment by its settings (``serve --setting``).

    ``what`` tells people, ``missing`` is a part of the reason for what cannot be decided on it, "" where everything
    can. ``items``: what it concerns besides the items that nearly every setting does.
    """

    name: str
    settings: tuple[str, ...]
    what: str
    missing: str = ""
    items: tuple[str, ...] = ()


DEPLOYMENTS = (
    Configured("default", (), "everybody may connect and do everything"),
    Configured("users", ("authentication.enable=true",), "MQTT clients need a user"),
    Configured("deny", ("authorization.no_match=deny",), "what no rule allows is denied"),
    Configured(
        "users-deny",
        ("authentication.enable=true", "authorization.no_match=deny"),
        "MQTT clients need a user and rules",
    ),
    Configured(
        "clientid",
        ("authentication.enable=true", "authentication.user_id_type=clientid"),
        "users are known by their client id",
        "the target chooses that of a connector",
    ),
    Configured(
        "disconnect",
        ("authorization.no_match=deny", "authorization.deny_action=disconnect"),
        "a client that is refused something is disconnected",
        "disconnects a client that it refuses something",
    ),
    Configured("no-retainer", ("retainer.enable=false",), "the retainer is off", "the retainer is switched off"),
    Configured(
        "bare",
        ("authentication=none", "authorization.sources=none"),
        "neither authenticator nor authorization source",
        "authorization source is not configured",
    ),
    Configured(
        "acl-file",
        ("authorization.sources=file,built_in_database",),
        "an ACL file decides before the built-in source",
        "another source decides before it",
    ),
    Configured(
        "foreign-users",
        ("authentication=http,built_in_database", "authentication.enable=true"),
        "another authenticator refuses the suite's users",
        "refuses anonymous clients and users of the suite",
    ),
    Configured("qos-1", ("mqtt.max_qos_allowed=1",), "QoS 2 is not allowed", "mqtt.max_qos_allowed"),
    Configured("qos-0", ("mqtt.max_qos_allowed=0",), "only QoS 0 is allowed", "mqtt.max_qos_allowed"),
    Configured(
        "no-retain", ("mqtt.retain_available=false",), "clients may not retain messages", "mqtt.retain_available"
    ),
    Configured(
        "no-wildcards", ("mqtt.wildcard_subscription=false",), "no wildcard subscriptions", "mqtt.wildcard_subscription"
    ),
    Configured("no-shares", ("mqtt.shared_subscription=false",), "no shared subscriptions"),
    Configured("no-exclusive", ("mqtt.exclusive_subscription=false",), "no exclusive subscriptions"),
    Configured("flat-topics", ("mqtt.max_topic_levels=2",), "topics of two levels", "mqtt.max_topic_levels"),
    Configured(
        "short-client-ids",
        ("mqtt.max_clientid_len=60",),
        "client ids of 60 bytes",
        "mqtt.max_clientid_len",
        ("conformance/scenarios/test_action_deliveries.py",),
    ),
    Configured(
        "user-names-as-ids",
        ("authentication.enable=true", "mqtt.use_username_as_clientid=true"),
        "a user name is the client id",
        "mqtt.use_username_as_clientid",
    ),
    Configured(
        "hashes",
        (
            "authentication.enable=true",
            "authentication.password_hash_algorithm.name=sha512",
            "authentication.password_hash_algorithm.salt_position=disable",
        ),
        "passwords are hashed with SHA-512 without a salt",
        items=("conformance/scenarios/test_authentication.py", "conformance/scenarios/test_batches.py"),
    ),
    Configured("higher-qos", ("mqtt.upgrade_qos=true",), "a message comes with the higher QoS"),
    Configured(
        "no-decision-cache", ("authorization.cache.enable=false",), "no decisions are cached", "authorization.cache"
    ),
    Configured(
        "small-retained",
        ("retainer.max_payload_size=1024", "retainer.max_retained_messages=100"),
        "100 retained messages of 1,024 bytes",
        "retainer.max_payload_size",
    ),
    Configured("small-packets", ("mqtt.max_packet_size=2000",), "packets of 2,000 bytes", "mqtt.max_packet_size"),
    Configured("keep-alive", ("mqtt.server_keepalive=30",), "the server sets the keep-alive"),
    Configured("no-echo", ("mqtt.ignore_loop_deliver=true",), "MQTT 3.1.1 clients do not get their own messages"),
    Configured("few-sessions", ("license.max_sessions=6",), "a license for six sessions"),
    Configured(
        "websocket",
        ("listeners.tcp.default.enable=false", "listeners.ws.default.enable=true"),
        "MQTT over WebSocket alone",
    ),
    Configured("connection-rate", ("listeners.tcp.default.max_conn_rate=10/s",), "ten connections a second"),
    Configured("message-rate", ("listeners.tcp.default.messages_rate=50/s",), "50 messages a second of each client"),
    Configured("byte-rate", ("listeners.tcp.default.bytes_rate=20KB/s",), "20 KB a second of each client"),
    Configured(
        "open-source",
        ("edition=Opensource",),
        "the open-source edition",
        "has only the types http, mqtt",
        ("conformance/scenarios/test_types.py", "conformance/scenarios/test_schema_registry.py"),
    ),
    Configured("one-at-once", ("mqtt.max_inflight=1",), "clients are sent one message at once", "mqtt.max_inflight"),
    Configured(
        "few-subscriptions", ("mqtt.max_subscriptions=2",), "two subscriptions of a client", "mqtt.max_subscriptions"
    ),
    Configured("short-queues", ("mqtt.max_mqueue_len=5",), "five messages wait for a client"),
    Configured("no-qos-0-queue", ("mqtt.mqueue_store_qos0=false",), "QoS 0 is not queued"),
    Configured(
        "no-delays",
        ("delayed.enable=false",),
        "no messages are delayed",
        "delayed.enable",
        ("conformance/scenarios/test_publish.py",),
    ),
    Configured(
        "durable-sessions", ("durable_sessions.enable=true",), "sessions are kept on disk", "durable_sessions.enable"
    ),
)

_FACTORS: tuple[tuple[str, ...], ...] = (
    ("authorization.no_match=deny",),
    ("authentication.enable=true",),
    ("authentication.user_id_type=clientid",),
    ("authorization.deny_action=disconnect",),
    ("retainer.enable=false",),
    ("mqtt.max_qos_allowed=1",),
    ("mqtt.retain_available=false",),
    ("mqtt.wildcard_subscription=false",),
    ("mqtt.shared_subscription=false",),
    ("mqtt.server_keepalive=30",),
    ("mqtt.ignore_loop_deliver=true",),
    ("license.max_sessions=8",),
    ("listeners.tcp.default.enable=false", "listeners.ws.default.enable=true"),
    ("listeners.tcp.default.messages_rate=50/s", "listeners.ws.default.messages_rate=50/s"),
)
"""What may be set together with anything else here."""


def pairwise() -> Iterator[tuple[str, ...]]:
    """Settings such that any two factors are met together, either without the other, and both absent."""
    for values in AllPairs([[(), factor] for factor in _FACTORS]):
        yield tuple(setting for value in values for setting in value)


def _combined() -> Iterator[Configured]:
    for number, settings in enumerate(filter(None, pairwise()), start=1):
        yield Configured(f"pairs-{number}", settings, "several settings at once")


ALL = (*DEPLOYMENTS, *_combined())
"""Each setting alone, and combinations of them in which any two meet."""
