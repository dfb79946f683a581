"""The broker: routes messages to sessions, keeps subscriptions and retained messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.message import Message
from conformance.reference.mqtt.authorization import Access
from conformance.reference.mqtt.events import Events
from conformance.reference.mqtt.gatekeeper import Gatekeeper
from conformance.reference.mqtt.packets import SubscribeOptions
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.retained import RetainedStore
from conformance.reference.mqtt.session import Session, Subscription
from conformance.reference.mqtt.sessions import Sessions
from conformance.reference.mqtt.table import ExclusiveError, SubscriptionTable
from conformance.reference.mqtt.topics import Filter

_DELAYED = re.compile(r"\$delayed/(?P<seconds>[0-9]{1,7})/(?P<topic>.+)", re.DOTALL)


def is_delayed(topic: str) -> bool:
    """Whether a message to the topic is published only after a while."""
    return _DELAYED.fullmatch(topic) is not None


class Closable(Protocol):
    """What the broker asks of a connection."""

    def close(self, reason: str, code: Reason | None = None, publish_will: bool = True) -> None:
        """End the connection for ``reason`` (as rules see it), telling an MQTT 5 client ``code``."""


class Broker:
    """The MQTT side of a deployment. Everything here runs in the thread of the deployment's loop."""

    def __init__(self, deployment: Deployment, gatekeeper: Gatekeeper) -> None:
        self.deployment = deployment
        self.gatekeeper = gatekeeper
        self.events = Events(deployment.hooks, deployment.traits)
        self.sessions = Sessions(self)
        self.configuration = deployment.settings.configuration
        self.retained = RetainedStore(self.configuration)
        self.connections: set[Closable] = set()
        self._table = SubscriptionTable()

    def close_connections(self) -> None:
        """Close every connection, telling MQTT 5 clients 0x8B, and forget the sessions without a word."""
        for link in list(self.connections):
            link.close("server_shutting_down", Reason.SERVER_SHUTTING_DOWN, publish_will=False)
        self.sessions.clear()

    # Messages

    def publish(self, message: Message) -> int:
        """Run the rules, keep the message if it is retained, hand it to subscribers; returns how many there are.

        A message to ``$delayed/<seconds>/<topic>`` does all that later, and is as good as delivered; with
        ``delayed.enable = false`` it is one like any other.
        """
        delayed = _DELAYED.fullmatch(message.topic)
        if delayed is not None and self.configuration.delayed_enable:
            later = replace(message, topic=delayed["topic"])
            asyncio.get_running_loop().call_later(int(delayed["seconds"]), self.publish, later)
            return 1
        self.events.message_publish(message)
        if message.retain and not message.headers.get("direct_dispatch"):
            self.retained.store(message)
        receivers = self._table.receivers(message.topic)
        if not receivers:
            self.events.message_dropped(message, "no_subscribers")
        for subscription in receivers:
            subscription.session.deliver(message, subscription)
        return len(receivers)

    def redispatch(self, shared: Filter, message: Message) -> None:
        """Hand a message that a member of a group had, and did not acknowledge, to the next member, if there is one."""
        subscription = self._table.member(shared)
        if subscription is not None:
            subscription.session.deliver(message, subscription)

    def send_retained(self, subscription: Subscription) -> None:
        """Deliver retained messages to a subscription as its retain handling says; never to a shared one."""
        handling = subscription.options.rh
        if subscription.filter.group is not None or not (handling == 0 or (handling == 1 and subscription.is_new)):
            return
        for message in filter(self.is_wanted, self.retained.matching(subscription.filter.topic)):
            subscription.session.deliver(message, subscription, retained=True)

    def is_wanted(self, message: Message) -> bool:
        """Whether a message that was kept is delivered later: not one of a client whose id is banned by now."""
        is_of_client = "username" in message.headers
        return not (is_of_client and self.gatekeeper.is_banned_client(message.from_clientid))

    def not_encodable(self, session: Session) -> None:
        """A message cannot be written for this client.

        EMQX 5.8.9 loses the whole client process over it (recording publish_user_properties_nonstring), with
        `Defect.USER_PROPERTIES_UNCHECKED` so do we; otherwise only the message is lost.
        """
        if session.connection is not None and self.deployment.has(Defect.USER_PROPERTIES_UNCHECKED):
            session.connection.abort()
            session.connection = None
            session.will = None
            self.sessions.end(session)

    # Access

    def authorize(self, session: Session, access: Access) -> bool:
        """The decision of the deployment, remembered per client for a minute unless the cache is off."""
        cache = session.authorization_cache
        allowed = cache.get(access)
        source = "cache"
        if allowed is None:
            source = "superuser" if session.is_superuser else "built_in_database"
            allowed = self.gatekeeper.authorize(
                clientid=session.clientid,
                username=session.username,
                is_superuser=session.is_superuser,
                action=access.action,
                topic=access.topic,
                qos=access.qos,
                retain=bool(access.retain),
            )
            if self.configuration.cache_enable:
                cache.put(access, allowed)
        self.events.client_check_authz_complete(session, access, allowed, source)
        return allowed

    def kick(self, clientid: str, reason_code: int = Reason.ADMINISTRATIVE_ACTION) -> bool:
        """Disconnect a client and destroy its session; its will is due. False if there is none."""
        session = self.sessions.get(clientid)
        if session is None:
            return False
        self.sessions.end(session, "kicked", Reason(reason_code))
        return True

    # Subscriptions

    def subscribe(
        self,
        session: Session,
        topic_filter: Filter,
        options: SubscribeOptions,
        identifier: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """Subscribe a session; raises ExclusiveError if another client holds an exclusive topic.

        The caller follows up with `send_retained`, because a SUBACK comes first.
        """
        if topic_filter.exclusive:
            holder = self._table.exclusive_holder(topic_filter.topic)
            if holder is not None and holder != session.clientid:
                raise ExclusiveError(f"{topic_filter} is subscribed by another client")
        key = str(topic_filter)
        subscription = Subscription(session, topic_filter, options, identifier, key not in session.subscriptions)
        session.subscriptions[key] = subscription
        self._table.add(subscription)
        self.events.session_subscribed(subscription, properties or {})
        return subscription

    def has_too_many(self, session: Session, topic_filter: Filter) -> bool:
        """Whether a session has as many subscriptions as it may have, not counting one to the same filter."""
        most = self.configuration.max_subscriptions
        others = len(session.subscriptions) - (str(topic_filter) in session.subscriptions)
        return bool(most) and others >= most

    def unsubscribe(self, session: Session, topic_filter: Filter, properties: Mapping[str, Any] | None = None) -> bool:
        """Remove a subscription; False if there was none."""
        subscription = session.subscriptions.pop(str(topic_filter), None)
        if subscription is None:
            return False
        self._table.discard(subscription.filter, session.clientid)
        self.events.session_unsubscribed(subscription, properties or {})
        return True

    def unsubscribe_all(self, session: Session) -> None:
        """Remove the subscriptions of a session that has ended."""
        for subscription in session.subscriptions.values():
            self._table.discard(subscription.filter, session.clientid)
        session.subscriptions.clear()
