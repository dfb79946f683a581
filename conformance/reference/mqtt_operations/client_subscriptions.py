"""Subscribing and unsubscribing a client over REST (behaviour 7)."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects import Defect
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.packets import SubscribeOptions
from conformance.reference.mqtt.session import Session, Subscription
from conformance.reference.mqtt.table import ExclusiveError
from conformance.reference.mqtt.topics import Filter, FilterError, is_topic_filter, parse_filter
from conformance.reference.mqtt.view import subscription_object
from conformance.reference.mqtt_operations.clients import session_of
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, handles


@handles("GET /clients/{clientid}/subscriptions")
def list_of_client(call: Call) -> Reply:
    """All subscriptions of a client."""
    return Reply(200, [subscription_object(item) for item in session_of(call).subscriptions.values()])


@handles("POST /clients/{clientid}/subscribe")
def subscribe(call: Call) -> Reply:
    """Subscribe a client without asking it or the authorization rules."""
    topic_filter = _filter(call, call.body)
    return Reply(200, _subscribe(call, session_of(call), topic_filter, call.body))


@handles("POST /clients/{clientid}/subscribe/bulk")
def subscribe_bulk(call: Call) -> Reply:
    """Subscribe to several filters; ``{succeed, failed}`` if some cannot be had (erratum A17)."""
    session = session_of(call)
    succeed: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for item in call.body:
        try:
            succeed.append(_subscribe(call, session, _filter(call, item), item))
        except ApiError as error:
            options = {name: item[name] for name in ("qos", "nl", "rap", "rh")}
            failed.append({"data": [session.clientid, item["topic"], options], "reason": error.message})
    return Reply(200, {"succeed": succeed, "failed": failed} if failed else succeed)


@handles("POST /clients/{clientid}/unsubscribe")
def unsubscribe(call: Call) -> Reply:
    """Remove a subscription, if there is one."""
    if "topic" not in call.body:
        if call.deployment.has(Defect.UNSUBSCRIBE_WITHOUT_TOPIC):
            raise Crash('{badkey,<<"topic">>}')
        raise ApiError(400, "BAD_REQUEST", "topic is required")
    topic_filter = _unsubscribed(call, call.body["topic"])
    call.deployment.part(Broker).unsubscribe(session_of(call), topic_filter)
    return Reply(204)


@handles("POST /clients/{clientid}/unsubscribe/bulk")
def unsubscribe_bulk(call: Call) -> Reply:
    """Remove subscriptions; items without a topic are skipped."""
    session = session_of(call)
    filters = [_unsubscribed(call, item["topic"]) for item in call.body if "topic" in item]
    for topic_filter in filters:
        call.deployment.part(Broker).unsubscribe(session, topic_filter)
    return Reply(204)


def _filter(call: Call, item: dict[str, Any]) -> Filter:
    """The filter to subscribe to; raises 400, or what 5.8.9 answers: it checks nothing but the prefixes."""
    text = item["topic"]
    unchecked = call.deployment.has(Defect.SUBSCRIBED_FILTER_UNCHECKED)
    try:
        topic_filter = parse_filter(text)
    except FilterError as error:
        if unchecked:
            raise ApiError(500, "UNKNOWN_ERROR", f'{{invalid_topic_filter,<<"{text}">>}}') from None
        raise ApiError(400, "INVALID_PARAMETER", str(error)) from None
    if topic_filter.group is not None and item["nl"] == 1:
        raise ApiError(400, "INVALID_PARAMETER", "no_local is not allowed for a shared subscription")
    if not unchecked and not is_topic_filter(topic_filter.topic):
        raise ApiError(400, "INVALID_PARAMETER", f"{text!r} is not a topic filter")
    return topic_filter


def _subscribe(call: Call, session: Session, topic_filter: Filter, item: dict[str, Any]) -> dict[str, Any]:
    broker = call.deployment.part(Broker)
    options = SubscribeOptions(item["qos"], item["nl"], item["rap"], item["rh"])
    if broker.has_too_many(session, topic_filter):
        # What is asked of a client 5.8.9 answers before the client does it, or finds that it may not.
        return subscription_object(Subscription(session, topic_filter, options), durable=False)
    try:
        subscription = broker.subscribe(session, topic_filter, options)
    except ExclusiveError as error:
        raise ApiError(400, "INVALID_PARAMETER", str(error)) from None
    broker.send_retained(subscription)
    return subscription_object(subscription, durable=False)


def _unsubscribed(call: Call, text: str) -> Filter:
    try:
        return parse_filter(text)
    except FilterError as error:
        if call.deployment.has(Defect.SUBSCRIBED_FILTER_UNCHECKED):
            raise Crash(f'{{invalid_topic_filter,<<"{text}">>}}') from None
        raise ApiError(400, "INVALID_PARAMETER", str(error)) from None
