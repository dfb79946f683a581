"""GET /subscriptions (behaviour 8)."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from conformance.reference.defects import Defect, Quirk, Traits
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.session import Subscription
from conformance.reference.mqtt.topics import is_topic_filter, matches
from conformance.reference.mqtt.view import subscription_object
from conformance.reference.mqtt_operations.clients import nodes_asked
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, SchemaFilter, handles
from conformance.reference.rest.pagination import envelope


@handles("GET /subscriptions", filter=SchemaFilter.CHECK)
def list_subscriptions(call: Call) -> Reply:
    """A page of all subscriptions, in the order of EMQX's table read backwards."""
    query, traits = call.query, call.deployment.traits
    pattern = query.get("match_topic")
    if pattern is not None:
        _check_pattern(pattern, traits)
    on_disk = call.deployment.settings.configuration.durable_sessions
    asked = _nodes_asked(call, crashes=on_disk and Defect.UNKNOWN_NODE_OF_DURABLE_SUBSCRIPTIONS in traits)
    # Sorting is stable, so among equal filters the youngest session stays first.
    youngest_first = reversed(list(call.deployment.part(Broker).sessions.values()))
    everything = [subscription for session in youngest_first for subscription in session.subscriptions.values()]
    ordered = sorted(everything, key=_table_key, reverse=True)
    found = [item for item in ordered if item.session.peer.node in asked and _wanted(item, query, traits)]
    body = envelope(found, query["page"], query["limit"], traits, countable=pattern is None and not on_disk)
    body["data"] = [subscription_object(item) for item in body["data"]]
    return Reply(200, body)


def _nodes_asked(call: Call, *, crashes: bool) -> Container[str]:
    try:
        return nodes_asked(call)
    except ApiError as error:
        if not crashes:
            raise
        # 5.8.9 takes what it is told of the node for a page, and puts that before one of what is on disk.
        raise Crash("{badmatch,invalid_node}") from error


def _check_pattern(pattern: str, traits: Traits) -> None:
    # 5.8.9 refuses only the share prefixes; a malformed filter matches nothing there.
    if pattern.startswith(("$share/", "$queue/")) or not (
        Quirk.MATCH_TOPIC_UNCHECKED in traits or is_topic_filter(pattern)
    ):
        raise ApiError(400, "INVALID_PARAMETER", "match_topic_invalid")


def _table_key(subscription: Subscription) -> tuple[bool, bytes, bytes]:
    """Erlang's order of the table keys: shared ones (tuples) before plain topics (binaries)."""
    topic_filter = subscription.filter
    group = topic_filter.group
    return group is None, (group or "").encode(), topic_filter.topic.encode()


def _wanted(subscription: Subscription, query: dict[str, Any], traits: Traits) -> bool:
    topic_filter = subscription.filter
    group = query.get("share_group")
    forgotten = "topic" in query and topic_filter.group is not None and Defect.GROUP_FORGOTTEN_OVER_A_TOPIC in traits
    if group is not None and topic_filter.group != group and not forgotten:
        return False
    if "topic" in query and not _has_topic(subscription, query["topic"], group, traits):
        return False
    if "clientid" in query and subscription.session.clientid != query["clientid"]:
        return False
    if "qos" in query and subscription.options.qos != query["qos"]:
        return False
    if query.get("durable") and Quirk.DURABLE_IGNORED not in traits:
        # All sessions live in memory. 5.8.9 ignores the filter while durable sessions are off (erratum D1).
        return False
    return "match_topic" not in query or matches(topic_filter.topic, query["match_topic"])


def _has_topic(subscription: Subscription, topic: str, group: str | None, traits: Traits) -> bool:
    topic_filter = subscription.filter
    if group is not None:
        return topic_filter.topic == topic
    if topic_filter.group is not None and Quirk.SHARED_NOT_FOUND_BY_TOPIC in traits:
        return False
    return str(topic_filter) == topic
