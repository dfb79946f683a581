"""Subscriptions: made and ended over MQTT or the API, one by one or in bulk, seen in both lists alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from conformance.models.machine import Model, initialize, invariant, rule
from conformance.requirements import requirement
from conformance.target.mqtt import MqttClient

pytestmark = [pytest.mark.model, pytest.mark.needs("mqtt")]

CLIENTS = st.sampled_from([0, 1])
LEVELS = st.sampled_from(["a", "+/b/#", "c ü"])
QOS = st.integers(0, 2)


class Subscriptions(Model):
    """``subscribed``: for each of two clients topic filter -> QoS."""

    def __init__(self) -> None:
        super().__init__()
        self.target.capabilities.profile.limits.check_subscriptions(3)
        self.root = self.target.sandbox.topic("mdl")
        self.clients: tuple[MqttClient, ...] = ()
        self.subscribed: tuple[dict[str, int], dict[str, int]] = ({}, {})

    @initialize()
    def connect(self) -> None:
        self.clients = tuple(self.target.connect(self.name(f"c{number}")) for number in range(2))

    @rule(client=CLIENTS, level=LEVELS, qos=QOS)
    def subscribe_by_api(self, client: int, level: str, qos: int) -> None:
        answer = self.target.clients.subscribe(self._id(client), f"{self.root}/{level}", qos=qos)
        assert answer.expect(200).json["qos"] == qos, f"the answer says qos {answer.json['qos']}, asked was {qos}"
        self.subscribed[client][f"{self.root}/{level}"] = qos

    @rule(client=CLIENTS, levels=st.lists(LEVELS, min_size=1, max_size=3, unique=True), qos=QOS)
    def subscribe_in_bulk(self, client: int, levels: list[str], qos: int) -> None:
        body = [{"topic": f"{self.root}/{level}", "qos": qos} for level in levels]
        path = {"clientid": self._id(client)}
        self.target.api.call("POST /clients/{clientid}/subscribe/bulk", path=path, json=body).expect(200)
        self.subscribed[client].update({f"{self.root}/{level}": qos for level in levels})

    @rule(client=CLIENTS, level=LEVELS, qos=QOS)
    def subscribe_by_mqtt(self, client: int, level: str, qos: int) -> None:
        self._settle()  # what the API asked for may still be on its way
        granted = self.clients[client].subscribe(f"{self.root}/{level}", qos)
        assert granted == qos, f"SUBACK grants {granted}, asked was {qos}"
        self.subscribed[client][f"{self.root}/{level}"] = qos

    @rule(client=CLIENTS, level=LEVELS)
    def unsubscribe_by_api(self, client: int, level: str) -> None:
        self.target.clients.unsubscribe(self._id(client), f"{self.root}/{level}").expect(204)
        self.subscribed[client].pop(f"{self.root}/{level}", None)

    @rule(client=CLIENTS, levels=st.lists(LEVELS, min_size=1, max_size=3, unique=True))
    def unsubscribe_in_bulk(self, client: int, levels: list[str]) -> None:
        body = [{"topic": f"{self.root}/{level}"} for level in levels]
        path = {"clientid": self._id(client)}
        self.target.api.call("POST /clients/{clientid}/unsubscribe/bulk", path=path, json=body).expect(204)
        for level in levels:
            self.subscribed[client].pop(f"{self.root}/{level}", None)

    @rule(client=CLIENTS, level=LEVELS)
    def unsubscribe_by_mqtt(self, client: int, level: str) -> None:
        self._settle()
        self.clients[client].unsubscribe(f"{self.root}/{level}")
        self.subscribed[client].pop(f"{self.root}/{level}", None)

    @invariant()
    def lists_are_the_model(self) -> None:
        """The client's own list and the filtered list of all subscriptions agree with the model (eventually)."""
        self._settle()
        for client, expected in zip(self.clients, self.subscribed, strict=False):
            own = self._own(client)
            assert own == expected, f"the client's list has {own}, the model {expected}"
            listed = self.target.subscriptions.listed(clientid=client.client_id)
            owned = (entry for entry in listed if self.target.sandbox.owns_topic(entry["topic"]))
            found = {entry["topic"]: entry["qos"] for entry in owned}
            assert found == expected, f"GET /subscriptions has {found}, the model {expected}"

    def _settle(self) -> None:
        """Wait until the lists agree with the model: subscribing through the API is asynchronous."""
        for client, expected in zip(self.clients, self.subscribed, strict=False):
            self.target.eventually(lambda client=client, expected=expected: self._own(client) == expected)  # type: ignore[misc]

    def _own(self, client: MqttClient) -> dict[str, int]:
        return self.target.clients.qos_by_filter(client.client_id)

    def _id(self, client: int) -> str:
        return self.clients[client].client_id


@requirement(
    "MDL-05",
    "GET /subscriptions",
    "GET /clients/{clientid}/subscriptions",
    *(f"POST /clients/{{clientid}}/{verb}{bulk}" for verb in ("subscribe", "unsubscribe") for bulk in ("", "/bulk")),
)
def test_subscriptions(explore: Callable[[type[Model]], None]) -> None:
    """However subscriptions are made and ended, each client has exactly those of the model, in both lists."""
    explore(Subscriptions)
