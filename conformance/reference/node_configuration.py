"""What a deployment is configured to allow, under the names of EMQX's own configuration (``serve --setting``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from conformance.contract.editions import Edition
from conformance.reference.rates import UNLIMITED, rate_per_s

Permission = Literal["allow", "deny"]
DenyAction = Literal["ignore", "disconnect"]
UserIdType = Literal["username", "clientid"]
Authenticators = Literal["built_in_database", "http", "http,built_in_database", "none"]
HashName = Literal["plain", "md5", "sha", "sha256", "sha512"]
SaltPosition = Literal["disable", "prefix", "suffix"]
ListenerType = Literal["tcp", "ws"]
Sources = Literal["built_in_database", "file,built_in_database", "built_in_database,file", "file", "none"]

NEVER = 0
"""An interval in seconds that never ends, or a limit that is none."""


class SettingError(ValueError):
    """A setting that does not exist, or a value it cannot have; the text is one sentence for the user."""


def _named(name: str, least: int | None = None) -> Mapping[str, Any]:
    return {"name": name, "least": least}


@dataclass(frozen=True, slots=True)
class ListenerConfiguration:
    """The listener ``default`` of a type. Rates are texts such as ``50/s`` and ``100KB/s``.

    ``max_conn_rate`` holds for all connections together, the others for each of them. ``mqtt_path``: where a WebSocket
    listener answers.
    """

    type: ListenerType
    enable: bool
    max_conn_rate: str
    messages_rate: str
    bytes_rate: str
    mqtt_path: str = "/mqtt"

    @property
    def id(self) -> str:
        return f"{self.type}:default"


@dataclass(frozen=True, slots=True)
class NodeConfiguration:
    """Settings of a node. Sizes are bytes, intervals seconds, and a limit of 0 is none.

    A new deployment has the built-in authenticator, disabled, and the built-in authorization source without rules;
    what no rule decides is allowed. ``authenticators`` and ``sources`` are chains, asked in order: ``http`` stands for
    an authenticator outside EMQX that knows none of the users here, ``file`` for an ACL file that allows everything.
    ``durable_sessions``: whether it lists subscriptions as one that keeps sessions on disk; it keeps none there.
    """

    no_match: Permission = field(default="allow", metadata=_named("authorization.no_match"))
    deny_action: DenyAction = field(default="ignore", metadata=_named("authorization.deny_action"))
    sources: Sources = field(default="built_in_database", metadata=_named("authorization.sources"))
    max_rules: int = field(default=100, metadata=_named("authorization.max_rules", 0))
    cache_enable: bool = field(default=True, metadata=_named("authorization.cache.enable"))
    authenticators: Authenticators = field(default="built_in_database", metadata=_named("authentication"))
    authentication_enable: bool = field(default=False, metadata=_named("authentication.enable"))
    user_id_type: UserIdType = field(default="username", metadata=_named("authentication.user_id_type"))
    hash_name: HashName = field(default="sha256", metadata=_named("authentication.password_hash_algorithm.name"))
    salt_position: SaltPosition = field(
        default="suffix", metadata=_named("authentication.password_hash_algorithm.salt_position")
    )
    retainer_enable: bool = field(default=True, metadata=_named("retainer.enable"))
    retainer_max_payload_size: int = field(default=1_048_576, metadata=_named("retainer.max_payload_size", 0))
    max_retained_messages: int = field(default=NEVER, metadata=_named("retainer.max_retained_messages", 0))
    max_packet_size: int = field(default=1_048_576, metadata=_named("mqtt.max_packet_size", 64))
    max_clientid_len: int = field(default=65535, metadata=_named("mqtt.max_clientid_len", 23))
    max_topic_levels: int = field(default=NEVER, metadata=_named("mqtt.max_topic_levels", 0))
    max_topic_alias: int = field(default=65535, metadata=_named("mqtt.max_topic_alias", 0))
    max_qos_allowed: int = field(default=2, metadata=_named("mqtt.max_qos_allowed", 0))
    retain_available: bool = field(default=True, metadata=_named("mqtt.retain_available"))
    wildcard_subscription: bool = field(default=True, metadata=_named("mqtt.wildcard_subscription"))
    shared_subscription: bool = field(default=True, metadata=_named("mqtt.shared_subscription"))
    exclusive_subscription: bool = field(default=True, metadata=_named("mqtt.exclusive_subscription"))
    upgrade_qos: bool = field(default=False, metadata=_named("mqtt.upgrade_qos"))
    ignore_loop_deliver: bool = field(default=False, metadata=_named("mqtt.ignore_loop_deliver"))
    use_username_as_clientid: bool = field(default=False, metadata=_named("mqtt.use_username_as_clientid"))
    server_keepalive: int = field(default=NEVER, metadata=_named("mqtt.server_keepalive", 0))
    session_expiry_interval: int = field(default=7200, metadata=_named("mqtt.session_expiry_interval", 0))
    max_subscriptions: int = field(default=NEVER, metadata=_named("mqtt.max_subscriptions", 0))
    max_inflight: int = field(default=32, metadata=_named("mqtt.max_inflight", 1))
    max_mqueue_len: int = field(default=1000, metadata=_named("mqtt.max_mqueue_len", 0))
    max_awaiting_rel: int = field(default=100, metadata=_named("mqtt.max_awaiting_rel", 0))
    mqueue_store_qos0: bool = field(default=True, metadata=_named("mqtt.mqueue_store_qos0"))
    delayed_enable: bool = field(default=True, metadata=_named("delayed.enable"))
    durable_sessions: bool = field(default=False, metadata=_named("durable_sessions.enable"))
    max_sessions: int = field(default=NEVER, metadata=_named("license.max_sessions", 0))
    edition: Edition = field(default="Enterprise", metadata=_named("edition"))
    tcp_enable: bool = field(default=True, metadata=_named("listeners.tcp.default.enable"))
    tcp_max_conn_rate: str = field(default=UNLIMITED, metadata=_named("listeners.tcp.default.max_conn_rate"))
    tcp_messages_rate: str = field(default=UNLIMITED, metadata=_named("listeners.tcp.default.messages_rate"))
    tcp_bytes_rate: str = field(default=UNLIMITED, metadata=_named("listeners.tcp.default.bytes_rate"))
    ws_enable: bool = field(default=False, metadata=_named("listeners.ws.default.enable"))
    ws_max_conn_rate: str = field(default=UNLIMITED, metadata=_named("listeners.ws.default.max_conn_rate"))
    ws_messages_rate: str = field(default=UNLIMITED, metadata=_named("listeners.ws.default.messages_rate"))
    ws_bytes_rate: str = field(default=UNLIMITED, metadata=_named("listeners.ws.default.bytes_rate"))
    ws_mqtt_path: str = field(default="/mqtt", metadata=_named("listeners.ws.default.websocket.mqtt_path"))

    @classmethod
    def parse(cls, settings: Iterable[str]) -> NodeConfiguration:
        """A configuration from texts like ``authorization.no_match=deny``; the last parts of a name suffice.

        Raises `SettingError`.
        """
        given: dict[str, Any] = {}
        for text in settings:
            name, separator, value = text.partition("=")
            if not separator:
                raise SettingError(f"{text!r} is not NAME=VALUE")
            attribute = _attribute(name)
            if attribute in given:
                raise SettingError(f"{name} is given twice")
            given[attribute] = _value(attribute, name, value)
        return cls(**given)

    @property
    def authenticator_chain(self) -> tuple[str, ...]:
        return _chain(self.authenticators)

    @property
    def source_chain(self) -> tuple[str, ...]:
        return _chain(self.sources)

    @property
    def listeners(self) -> tuple[ListenerConfiguration, ListenerConfiguration]:
        """The listeners for TCP and WebSocket, enabled or not."""
        return (
            ListenerConfiguration(
                "tcp", self.tcp_enable, self.tcp_max_conn_rate, self.tcp_messages_rate, self.tcp_bytes_rate
            ),
            ListenerConfiguration(
                "ws",
                self.ws_enable,
                self.ws_max_conn_rate,
                self.ws_messages_rate,
                self.ws_bytes_rate,
                self.ws_mqtt_path,
            ),
        )

    def changed(self) -> dict[str, Any]:
        """What differs from the defaults, by EMQX's names."""
        return {
            entry.metadata["name"]: value
            for entry in fields(self)
            if (value := getattr(self, entry.name)) != entry.default
        }


SETTINGS: Mapping[str, str] = {entry.metadata["name"]: entry.name for entry in fields(NodeConfiguration)}
"""Names of EMQX -> attributes of a `NodeConfiguration`."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "no_match": get_args(Permission),
    "deny_action": get_args(DenyAction),
    "user_id_type": get_args(UserIdType),
    "hash_name": get_args(HashName),
    "salt_position": get_args(SaltPosition),
    "edition": get_args(Edition),
    "authenticators": get_args(Authenticators),
    "sources": get_args(Sources),
}


def _chain(value: str) -> tuple[str, ...]:
    return () if value == "none" else tuple(value.split(","))


def _attribute(name: str) -> str:
    if name in SETTINGS:
        return SETTINGS[name]
    candidates = [known for known in SETTINGS if name and known.endswith(f".{name}")]
    if len(candidates) > 1:
        raise SettingError(f"{name} may be any of {', '.join(candidates)}")
    if not candidates:
        raise SettingError(f"{name!r} is no setting; there are {', '.join(SETTINGS)}")
    return SETTINGS[candidates[0]]


def _value(attribute: str, name: str, text: str) -> Any:
    entry = next(entry for entry in fields(NodeConfiguration) if entry.name == attribute)
    if attribute in _CHOICES:
        if text not in _CHOICES[attribute]:
            raise SettingError(f"{name} is one of {' | '.join(_CHOICES[attribute])}, not {text!r}")
        return text
    if isinstance(entry.default, bool):
        if text not in ("true", "false"):
            raise SettingError(f"{name} is true or false, not {text!r}")
        return text == "true"
    if attribute.endswith("_rate"):
        try:
            rate_per_s(text)
        except ValueError:
            raise SettingError(f"{name} is a rate like 50/s, 100/10s, 500KB/s or {UNLIMITED}, not {text!r}") from None
        return text
    if attribute == "ws_mqtt_path":
        if not re.fullmatch(r"/[\w./-]*", text, re.ASCII):
            raise SettingError(f"{name} is a path like /mqtt, not {text!r}")
        return text
    least = entry.metadata["least"]
    most = 2 if attribute == "max_qos_allowed" else 2**31
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise SettingError(f"{name} is a whole number from {least} to {most}, not {text!r}")
    return int(text)
