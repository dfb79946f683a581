"""Events carry exactly the columns that GET /rule_events documents (recording rule_events_live)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from conformance.reference.access import Access
from conformance.reference.defects import NO_TRAITS
from conformance.reference.message import Hooks, Message
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.listeners import Listeners
from conformance.reference.mqtt.packets import (
    Ack,
    Disconnect,
    PacketType,
    Publish,
    Subscribe,
    SubscribeOptions,
    Unsubscribe,
)
from conformance.reference.node_configuration import NodeConfiguration
from tests.reference.mqtt.mqtt_clients import RawClient
from tests.waiting import eventually

ELSEWHERE = ("sys/", "$bridges/", "schema_validation", "message_transformation")
RECORDING = Path(__file__).parents[2] / "data" / "recordings" / "rule_events_live.jsonl"


def documented():
    """Columns by event name, without those that other parts of EMQX emit."""
    lines = (json.loads(line) for line in RECORDING.read_text().splitlines())
    events = next(line["response"]["body"] for line in lines if line["step"] == "rule_events")
    found = {item["event"].removeprefix("$events/"): set(item["columns"]) for item in events}
    return {name: columns for name, columns in found.items() if not name.startswith(ELSEWHERE)}


@pytest.fixture(scope="module")
def emitted():
    """The events of one short life of a client, as pairs of name and context."""
    deployment = SimpleNamespace(
        traits=NO_TRAITS,
        has=NO_TRAITS.__contains__,
        hooks=Hooks(),
        settings=SimpleNamespace(configuration=NodeConfiguration()),
    )
    broker = Broker(deployment, Access(deployment))
    listeners = Listeners(broker)
    seen = []
    deployment.hooks.on("*", lambda event, context: seen.append((event, context)))

    def live(port):
        client = RawClient(port)
        client.connect("c", username="u", properties={"user_property": [("k", "v")]})
        client.send(Subscribe(1, [("t", SubscribeOptions(1, nl=1)), ("t/+", SubscribeOptions(1))]))
        client.read()
        client.send(Publish("t", b"mine"), Publish("t/1", b"x", properties={"content_type": "text/plain"}))
        client.send(Publish("nobody", b"x"), Publish("t/1", b"y", 1, packet_id=1))
        packets = [client.read() for _ in range(3)]
        delivered = next(packet for packet in packets if isinstance(packet, Publish) and packet.qos)
        client.send(Ack(PacketType.PUBACK, delivered.packet_id), Unsubscribe(2, ["t"]), Disconnect())
        eventually(lambda: "client_disconnected" in [event for event, _ in seen])
        client.close()

    async def run():
        port = await listeners.start("127.0.0.1", 0)
        await asyncio.to_thread(live, port)
        await listeners.stop()

    asyncio.run(run())
    return seen


@pytest.mark.parametrize("event", sorted(documented()))
def test_columns_are_the_documented_ones(emitted, event):
    contexts = [context for name, context in emitted if name == event]
    assert contexts, f"{event} was not emitted"
    for context in contexts:
        assert set(context) == documented()[event]
        assert context["event"] == event.replace("_", ".", 1)


def test_values_tell_what_happened(emitted):
    by_event = {}
    for event, context in emitted:
        by_event.setdefault(event, []).append(context)
    assert [item["reason"] for item in by_event["message_dropped"]] == ["no_subscribers"]
    assert [item["reason"] for item in by_event["delivery_dropped"]] == ["no_local"]
    assert [item["reason"] for item in by_event["client_disconnected"]] == ["normal"]
    assert by_event["client_connected"][0]["conn_props"]["User-Property"] == {"k": "v"}
    assert by_event["message_publish"][1]["pub_props"] == {"User-Property": {}, "Content-Type": "text/plain"}
    assert [item["topic"] for item in by_event["session_unsubscribed"]] == ["t"]
    assert by_event["session_unsubscribed"][0]["qos"] == 1
    assert isinstance(by_event["message_publish"][0].message, Message)
