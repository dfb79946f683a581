"""Clients, subscriptions and retained messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.contract import paths
from conformance.target.answer import Answer
from conformance.target.polling import eventually
from conformance.target.resources.collection import Collection, arranged


class Clients(Collection):
    """``/clients``: sessions of MQTT clients, which come into being by connecting (`Target.connect`)."""

    path = "/clients"
    item = "/clients/{clientid}"
    parameter = "clientid"

    def identify(self, body: Mapping[str, Any]) -> str:
        return str(body["clientid"])

    def subscribe(self, clientid: str, topic: str, **options: Any) -> Answer:
        return self.api.call(
            "POST /clients/{clientid}/subscribe", path={"clientid": clientid}, json={"topic": topic, **options}
        )

    def unsubscribe(self, clientid: str, topic: str) -> Answer:
        return self.api.call("POST /clients/{clientid}/unsubscribe", path={"clientid": clientid}, json={"topic": topic})

    def subscriptions(self, clientid: str) -> list[dict[str, Any]]:
        """The client's subscriptions; an answer other than 200 fails the item."""
        answer = self.api.call("GET /clients/{clientid}/subscriptions", path={"clientid": clientid}).expect(200)
        listed: list[dict[str, Any]] = answer.json
        return listed

    def kick(self, clientids: Sequence[str]) -> Answer:
        return self.api.call("POST /clients/kickout/bulk", json=list(clientids))


class Subscriptions(Collection):
    """``/subscriptions``: read only; an element is named ``clientid topic``."""

    path = "/subscriptions"

    def identify(self, body: Mapping[str, Any]) -> str:
        return f"{body['clientid']} {body['topic']}"


class Retained(Collection):
    """Retained messages, named by their topics."""

    path = paths.RETAINED_MESSAGES
    item = paths.RETAINED_MESSAGE
    parameter = "topic"

    def create(self, **fields: Any) -> str:
        """Retain a message; returns its topic once it is readable (the write is asynchronous)."""
        body = {"topic": self.sandbox.topic("retained"), "payload": "kept", "retain": True, **fields}
        arranged(self.api.call("POST /publish", json=body), 202, 200)
        topic = str(body["topic"])
        eventually(lambda: self.get(topic).ok)
        return topic

    def identify(self, body: Mapping[str, Any]) -> str:
        return str(body["topic"])

    def owns(self, identifier: str) -> bool:
        return self.sandbox.owns_topic(identifier)
