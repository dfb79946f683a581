"""What the configuration of a node lets MQTT clients do, in EMQX's order of checks."""

from __future__ import annotations

from conformance.reference.mqtt.packets import Connect, Publish
from conformance.reference.mqtt.properties import Properties
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.topics import Filter, has_wildcard
from conformance.reference.node_configuration import NodeConfiguration


def granted(configuration: NodeConfiguration, keepalive: int) -> Properties:
    """The properties of a CONNACK: what an MQTT 5 client may do. ``keepalive`` is what it asked for, in seconds."""
    properties: Properties = {
        "receive_maximum": configuration.max_inflight,
        "retain_available": int(configuration.retain_available),
        "maximum_packet_size": configuration.max_packet_size,
        "topic_alias_maximum": configuration.max_topic_alias,
        "wildcard_subscription_available": int(configuration.wildcard_subscription),
        "subscription_identifier_available": 1,
        "shared_subscription_available": int(configuration.shared_subscription),
    }
    if configuration.max_qos_allowed < 2:
        properties["maximum_qos"] = configuration.max_qos_allowed
    if configuration.server_keepalive and configuration.server_keepalive != keepalive:
        properties["server_keep_alive"] = configuration.server_keepalive
    return properties


def judge_connect(configuration: NodeConfiguration, packet: Connect) -> Reason:
    """Whether a CONNECT and its will are within the limits."""
    if len(packet.clientid.encode()) > configuration.max_clientid_len:
        return Reason.CLIENT_IDENTIFIER_NOT_VALID
    if packet.will is not None:
        return _judge_message(configuration, packet.will.qos, packet.will.retain)
    return Reason.SUCCESS


def judge_publish(configuration: NodeConfiguration, packet: Publish) -> Reason:
    """Whether a PUBLISH, its topic alias resolved, is within the limits; otherwise it costs the connection."""
    if _too_deep(configuration, packet.topic):
        return Reason.TOPIC_NAME_INVALID
    return _judge_message(configuration, packet.qos, packet.retain)


def judge_subscription(configuration: NodeConfiguration, topic_filter: Filter) -> Reason:
    """Whether a subscription is within the limits; the code of its SUBACK if not."""
    if _too_deep(configuration, topic_filter.topic):
        return Reason.TOPIC_FILTER_INVALID
    if has_wildcard(topic_filter.topic) and not configuration.wildcard_subscription:
        return Reason.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED
    if topic_filter.group is not None and not configuration.shared_subscription:
        return Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
    if topic_filter.exclusive and not configuration.exclusive_subscription:
        return Reason.TOPIC_FILTER_INVALID
    return Reason.SUCCESS


def _judge_message(configuration: NodeConfiguration, qos: int, retain: bool) -> Reason:
    if qos > configuration.max_qos_allowed:
        return Reason.QOS_NOT_SUPPORTED
    if retain and not configuration.retain_available:
        return Reason.RETAIN_NOT_SUPPORTED
    return Reason.SUCCESS


def _too_deep(configuration: NodeConfiguration, topic: str) -> bool:
    return bool(configuration.max_topic_levels) and topic.count("/") + 1 > configuration.max_topic_levels
