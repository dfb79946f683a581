"""Clients, subscriptions and retained messages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.contract import kinds
from conformance.contract.in_motion import without_what_moves
from conformance.target.guard.sandbox import bare_topic
from conformance.target.guard.topics import matches
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection, arranged
from conformance.target.timing import eventually


def payload_of(message: Mapping[str, Any]) -> bytes:
    """The payload of a message that the API shows in base64; raises AssertionError if it shows something else."""
    shown = message.get("payload")
    try:
        return base64.b64decode(str(shown).encode(), validate=True)
    except binascii.Error as error:
        raise AssertionError(f"the payload {shown!r} is no base64: {error}") from None


class Clients(Collection):
    """``/clients``: sessions of MQTT clients, which come into being by connecting (`Target.connect`)."""

    kind = kinds.CLIENT

    def subscribe(self, clientid: str, topic: str, **options: Any) -> Answer:
        return self.api.call(
            "POST /clients/{clientid}/subscribe", path={"clientid": clientid}, json={"topic": topic, **options}
        )

    def subscribe_all(self, clientid: str, items: Sequence[Mapping[str, Any]]) -> Answer:
        """Answer of the bulk form; ``items`` are bodies of `subscribe`."""
        return self.api.call("POST /clients/{clientid}/subscribe/bulk", path={"clientid": clientid}, json=list(items))

    def unsubscribe(self, clientid: str, topic: str) -> Answer:
        return self.api.call("POST /clients/{clientid}/unsubscribe", path={"clientid": clientid}, json={"topic": topic})

    def unsubscribe_all(self, clientid: str, topics: Sequence[str]) -> Answer:
        items = [{"topic": topic} for topic in topics]
        return self.api.call("POST /clients/{clientid}/unsubscribe/bulk", path={"clientid": clientid}, json=items)

    def subscriptions(self, clientid: str) -> list[dict[str, Any]]:
        """The client's subscriptions, once they are made; an answer other than 200 fails the item."""
        label = "GET /clients/{clientid}/subscriptions"
        answer = self.api.call(label, path={"clientid": clientid}).expect(200)
        listed: list[dict[str, Any]] = without_what_moves(label, answer.json)
        return listed

    def filters(self, clientid: str) -> set[str]:
        """The filters of the sandbox that the client is subscribed to, as it wrote them."""
        return set(self.qos_by_filter(clientid))

    def qos_by_filter(self, clientid: str) -> dict[str, int]:
        """The same with the QoS of each; a target may subscribe clients to topics of its own (auto_subscribe)."""
        subscriptions = self.subscriptions(clientid)
        return {each["topic"]: each["qos"] for each in subscriptions if self.sandbox.owns_topic(each["topic"])}

    def queued(self, clientid: str, **query: Any) -> Answer:
        """A page of the messages that wait for the client."""
        return self.api.call("GET /clients/{clientid}/mqueue_messages", path={"clientid": clientid}, query=query)

    def unacknowledged(self, clientid: str, **query: Any) -> Answer:
        """A page of the messages that were sent to the client and not acknowledged yet."""
        return self.api.call("GET /clients/{clientid}/inflight_messages", path={"clientid": clientid}, query=query)

    def kick(self, clientids: Sequence[str]) -> Answer:
        return self.api.call("POST /clients/kickout/bulk", json=list(clientids))


class Subscriptions(Collection):
    """``/subscriptions``: read only; an element is named ``clientid topic``.

    A target may subscribe clients by itself: owned are the subscriptions of our clients to topics of the sandbox.
    """

    kind = kinds.SUBSCRIPTION

    def owns(self, identifier: str) -> bool:
        clientid, _, topic = identifier.partition(" ")
        return self.sandbox.owns_name(clientid) and self.sandbox.owns_topic(topic)

    def covering(self, topic: str) -> list[str]:
        """The subscriptions, of whomever, that a message on ``topic`` goes to."""
        everything = self.listed()
        return [self.identify(entry) for entry in everything if matches(topic, bare_topic(entry["topic"]))]


class Retained(Collection):
    """Retained messages, named by their topics."""

    kind = kinds.RETAINED

    def create(self, **fields: Any) -> str:
        """Retain a message; returns its topic once it is readable (the write is asynchronous)."""
        body = {"topic": self.sandbox.topic("retained"), "payload": "kept", "retain": True, **fields}
        arranged(self.api.call("POST /publish", json=body), 202, 200)
        topic = str(body["topic"])
        eventually(lambda: self.get(topic).ok, self.api.timing.eventually)
        return topic

    def owns(self, identifier: str) -> bool:
        return self.sandbox.owns_topic(identifier)
