"""The events a rule can select from: their names, columns and examples (GET /rule_events)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reference.defects import Quirk, Traits
from conformance.reference.message import new_message_id, now_ms
from conformance.reference.mqtt.topics import matches
from conformance.reference.nodes import at_work

MESSAGE_PUBLISH = "message_publish"
BRIDGE_MESSAGE = "$bridges/mqtt:*"
_EVENT_PREFIX = "$events/"
_BRIDGE_PREFIX = "$bridges/"

_PUBLISHED = ("clientid", "username", "topic", "qos", "payload")
_DELIVERED = ("from_clientid", "from_username", *_PUBLISHED)
_MESSAGE = "payload peerhost peername topic qos flags publish_received_at pub_props timestamp node"
_CLIENT = "clientid username peername sockname proto_name proto_ver"

_EXAMPLES: Mapping[str, tuple[Any, str]] = {
    "clientid": ("c_emqx", "client id of the client the event is about"),
    "username": ("u_emqx", "user name of that client"),
    "from_clientid": ("c_emqx_1", "client id of the publisher"),
    "from_username": ("u_emqx_1", "user name of the publisher"),
    "topic": ("t/a", "topic, or topic filter of a subscription"),
    "qos": (1, "quality of service: 0, 1 or 2"),
    "payload": ('{"msg": "hello"}', "content of the message"),
    "reason": ("normal", "why it happened"),
    "reason_code": ("success", "outcome by its MQTT name"),
    "peername": ("127.0.0.1:52918", "address and port of the client"),
    "peerhost": ("127.0.0.1", "address of the client"),
    "sockname": ("127.0.0.1:1883", "address and port the client connected to"),
    "action": ("publish", "what was asked for: publish or subscribe"),
    "result": ("allow", "decision: allow or deny"),
    "authz_source": ("built_in_database", "who decided"),
    "is_superuser": (True, "whether the client may do everything"),
    "is_anonymous": (False, "whether the client gave no credentials"),
    "name": ("alarm_name", "name of the alarm"),
    "details": ({"extra": "details"}, "facts about the alarm"),
    "message": ("something is wrong", "text of the alarm"),
    "activated_at": (1736512728666, "when the alarm began, in milliseconds"),
    "deactivated_at": (1736512728999, "when the alarm ended, in milliseconds"),
    "validation": ("myvalidation", "name of the validation"),
    "transformation": ("mytransformation", "name of the transformation"),
    "mountpoint": (None, "prefix of the client's topics"),
    "proto_name": ("MQTT", "protocol name"),
    "proto_ver": (5, "protocol level"),
    "keepalive": (60, "keep-alive interval in seconds"),
    "clean_start": (True, "whether no session was resumed"),
    "expiry_interval": (0, "session expiry in seconds"),
    "is_bridge": (False, "whether the client is a bridge"),
    "server": ("127.0.0.1:1883", "broker the message came from"),
    "dup": (False, "whether the message was sent again"),
    "retain": (False, "whether the message was retained"),
}
_MAPS = ("flags", "client_attrs")


@dataclass(frozen=True)
class Event:
    """One kind of event. ``topic`` stands behind FROM; ``columns`` are what a rule can select."""

    topic: str
    title: tuple[str, str]
    description: tuple[str, str]
    columns: tuple[str, ...]
    test_columns: tuple[str, ...]
    sql_example: str
    reason: str = "normal"
    bare_example: str = ""
    """Test column whose example 5.8.9 shows without its explanation."""

    @property
    def name(self) -> str:
        """The value of the column ``event``: ``client.connected``."""
        return self.topic.removeprefix(_EVENT_PREFIX).removeprefix("sys/").replace("_", ".", 1)

    def is_meant_by(self, source: str) -> bool:
        """Whether a FROM item names this event."""
        if self.topic == BRIDGE_MESSAGE:
            return source.startswith("$bridges/mqtt:")
        return source == self.topic

    def as_object(self, traits: Traits) -> dict[str, Any]:
        """The event as GET /rule_events shows it (erratum A1)."""
        tests: dict[str, Any] = {name: list(self._example(name)) for name in self.test_columns}
        if self.bare_example and Quirk.BARE_EXAMPLES in traits:
            tests[self.bare_example] = tests[self.bare_example][0]
        return {
            "event": self.topic,
            "title": dict(zip(("en", "zh"), self.title, strict=True)),
            "description": dict(zip(("en", "zh"), self.description, strict=True)),
            "columns": list(self.columns),
            "test_columns": tests,
            "sql_example": self.sql_example,
        }

    def _example(self, name: str) -> tuple[Any, str]:
        if name == "reason":
            return self.reason, "why it happened"
        if name == "clientid" and "from_clientid" in self.test_columns:
            return "c_emqx_2", "client id of the receiver"
        if name == "username" and "from_username" in self.test_columns:
            return "u_emqx_2", "user name of the receiver"
        if name == "topic" and "authz_source" in self.columns:
            return "t/1", "topic the client asked for"
        return _EXAMPLES[name]

    def example_context(self) -> dict[str, Any]:
        """A value for every column, for what the context of a rule test leaves out."""
        return {name: self._example_value(name) for name in self.columns}

    def _example_value(self, name: str) -> Any:
        if name == "event":
            return self.name
        if name == "id":
            return new_message_id()
        if name == "node":
            return at_work()
        if name in _MAPS:
            return {}
        if name.endswith("_props"):
            return {"User-Property": {}}
        if name in _EXAMPLES:
            return self._example(name)[0]
        return now_ms()


def is_event_topic(source: str) -> bool:
    """Whether a FROM item names events instead of the topics of messages."""
    return source.startswith((_EVENT_PREFIX, _BRIDGE_PREFIX))


def _event(
    topic: str,
    title: tuple[str, str],
    description: tuple[str, str],
    columns: str,
    test_columns: tuple[str, ...],
    sql_example: str = "",
    **more: str,
) -> Event:
    sql = sql_example or f'SELECT * FROM "{topic}"'
    return Event(topic, title, description, tuple(columns.split()), test_columns, sql, **more)


def _about_topic(topic: str) -> str:
    return f"SELECT * FROM \"{topic}\" WHERE topic =~ 't/#'"


_ALL = (
    _event(
        "$events/message_publish",
        ("message published", "发布消息"),
        ("A client, the API or a rule has published a message", "客户端、接口或规则发布了一条消息"),
        f"event id clientid username {_MESSAGE} client_attrs",
        _PUBLISHED,
        "SELECT payload.msg as msg FROM \"t/#\" WHERE msg = 'hello'",
    ),
    _event(
        "$events/sys/alarm_activated",
        ("alarm raised", "告警产生"),
        ("An alarm has been raised", "产生了一条告警"),
        "event name details message activated_at",
        ("name", "details", "message", "activated_at"),
        'SELECT * FROM "$events/sys/alarm_activated" ',
    ),
    _event(
        "$events/sys/alarm_deactivated",
        ("alarm cleared", "告警解除"),
        ("An alarm is over", "一条告警已经解除"),
        "event name details message activated_at deactivated_at",
        ("name", "details", "message", "activated_at", "deactivated_at"),
        'SELECT * FROM "$events/sys/alarm_deactivated" ',
    ),
    _event(
        "$events/message_delivered",
        ("message handed over", "消息投递"),
        ("A message has been sent to a subscriber", "消息已发送给一个订阅者"),
        f"event id from_clientid from_username clientid username {_MESSAGE}",
        _DELIVERED,
        _about_topic("$events/message_delivered"),
    ),
    _event(
        "$events/message_acked",
        ("message acknowledged", "消息确认"),
        ("A subscriber has acknowledged a message", "订阅者确认了一条消息"),
        f"puback_props event id from_clientid from_username clientid username {_MESSAGE}",
        _DELIVERED,
        _about_topic("$events/message_acked"),
    ),
    _event(
        "$events/message_dropped",
        ("message not routed", "消息未被路由"),
        ("A message was thrown away because nobody subscribes to it", "消息因没有订阅者而被丢弃"),
        f"event id reason clientid username {_MESSAGE}",
        ("reason", *_PUBLISHED),
        _about_topic("$events/message_dropped"),
        reason="no_subscribers",
    ),
    _event(
        "$events/client_connected",
        ("client online", "客户端上线"),
        ("A client has completed its connection", "客户端完成了连接"),
        "event clientid username mountpoint peername sockname proto_name proto_ver keepalive clean_start"
        " expiry_interval is_bridge conn_props connected_at timestamp node client_attrs",
        ("clientid", "username", "peername"),
    ),
    _event(
        "$events/client_disconnected",
        ("client offline", "客户端下线"),
        ("The connection of a client has ended", "客户端的连接已经结束"),
        f"event reason {_CLIENT} disconn_props connected_at disconnected_at timestamp node client_attrs",
        ("clientid", "username", "reason"),
    ),
    _event(
        "$events/client_connack",
        ("connection answered", "连接应答"),
        ("The broker has answered a CONNECT", "服务器应答了一个连接请求"),
        f"event reason_code {_CLIENT} keepalive clean_start expiry_interval connected_at conn_props timestamp node",
        ("clientid", "username", "reason_code"),
    ),
    _event(
        "$events/client_check_authz_complete",
        ("authorization decided", "授权判定"),
        ("It was decided whether a client may publish or subscribe", "已判定客户端能否发布或订阅"),
        "event clientid username peerhost peername topic action authz_source result timestamp node client_attrs",
        ("clientid", "username", "topic", "action", "result"),
    ),
    _event(
        "$events/client_check_authn_complete",
        ("authentication decided", "认证判定"),
        ("It was decided whether a client may connect", "已判定客户端能否连接"),
        "event clientid username peername reason_code is_superuser is_anonymous timestamp node client_attrs",
        ("clientid", "username", "reason_code", "is_superuser", "is_anonymous"),
    ),
    _event(
        "$events/session_subscribed",
        ("subscription made", "订阅建立"),
        ("A session has subscribed to a topic filter", "会话订阅了一个主题过滤器"),
        "sub_props client_attrs event clientid username peerhost peername topic qos timestamp node",
        ("clientid", "username", "topic", "qos"),
        _about_topic("$events/session_subscribed"),
    ),
    _event(
        "$events/session_unsubscribed",
        ("subscription ended", "订阅取消"),
        ("A session has given up a subscription", "会话取消了一个订阅"),
        "unsub_props client_attrs event clientid username peerhost peername topic qos timestamp node",
        ("clientid", "username", "topic", "qos"),
        _about_topic("$events/session_unsubscribed"),
    ),
    _event(
        "$events/delivery_dropped",
        ("message not delivered", "消息未能投递"),
        ("A subscriber did not get a message: its queue may be full", "订阅者没有收到消息：其队列可能已满"),
        "event id reason from_clientid from_username clientid username payload peerhost peername topic qos flags"
        " pub_props publish_received_at timestamp node",
        ("reason", *_DELIVERED),
        _about_topic("$events/delivery_dropped"),
        reason="queue_full",
    ),
    _event(
        BRIDGE_MESSAGE,
        ("message from another broker", "来自其他服务器的消息"),
        ("An MQTT connector has received a message", "MQTT 连接器收到了一条消息"),
        "event id payload server topic qos dup retain pub_props message_received_at timestamp node",
        ("topic", "qos", "payload"),
        _about_topic("$bridges/mqtt:my_mqtt_bridge"),
    ),
    _event(
        "$events/schema_validation_failed",
        ("message invalid", "消息校验未通过"),
        ("A message did not pass a validation", "消息没有通过校验"),
        f"event validation id clientid username {_MESSAGE}",
        ("validation", *_PUBLISHED),
        _about_topic("$events/schema_validation_failed"),
        bare_example="validation",
    ),
    _event(
        "$events/message_transformation_failed",
        ("message not transformed", "消息转换未成功"),
        ("A transformation of a message has failed", "消息转换失败"),
        f"event validation id clientid username {_MESSAGE.replace(' peerhost', '')}",
        ("transformation", *_PUBLISHED),
        _about_topic("$events/message_transformation_failed"),
        bare_example="transformation",
    ),
)


def _event_type(event: Event) -> str:
    return event.topic.removeprefix(_EVENT_PREFIX).removeprefix("sys/")


EVENTS: Mapping[str, Event] = {_event_type(event): event for event in _ALL}
"""By ``event_type`` of a rule test, which is also the name of the broker's hook."""


def concerns(sources: Iterable[str], event: str, topic: str | None) -> bool:
    """Whether an event, or a message published to ``topic``, is behind FROM ``sources``."""
    return any(
        EVENTS[event].is_meant_by(source)
        or (topic is not None and not is_event_topic(source) and matches(topic, source))
        for source in sources
    )
