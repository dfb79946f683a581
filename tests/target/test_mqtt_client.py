"""The MQTT client of the suite, against the reference deployment."""

from __future__ import annotations

from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.target.mqtt import PROBE, MqttClient, Will, properties_of
from tests.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


@pytest.fixture
def listener(deployment: EmbeddedDeployment) -> str:
    assert deployment.mqtt is not None
    return deployment.mqtt


def test_limits_are_those_of_connack(listener: str) -> None:
    with MqttClient(listener, "limits") as client:
        assert client.limits["MaximumPacketSize"] == 1_048_576
    with MqttClient(listener, "limits", protocol=4) as client:
        assert client.limits == {}


@pytest.mark.parametrize("protocol", [4, 5])
def test_client_is_connected_until_somebody_closes(listener: str, protocol: int) -> None:
    first = MqttClient(listener, "twice", protocol=protocol)
    assert not first.connected
    first.connect()
    assert first.connected

    with MqttClient(listener, "twice", protocol=protocol):
        assert first.wait_closed(PATIENCE_S)
    assert not first.connected
    assert first.disconnect_reason == (0x8E if protocol == 5 else None)


def test_entering_a_connected_client_does_not_connect_again(listener: str) -> None:
    with MqttClient(listener, "once").connect() as client:
        client.subscribe("once")
        client.publish("once", "one")
        assert [message.payload for message in client.wait_for_messages(1, PATIENCE_S)] == [b"one"]


def test_probes_are_no_messages(listener: str) -> None:
    with MqttClient(listener, "probed") as client:
        client.subscribe("probed")
        client.publish("probed", f"{PROBE}1")
        client.publish("probed", "marker")
        assert client.received_before("marker", PATIENCE_S) == []
        assert client.received_probe(f"{PROBE}1")
        assert not client.received_probe(f"{PROBE}2")


def test_what_arrived_before_a_marker(listener: str) -> None:
    with MqttClient(listener, "marked") as client:
        client.subscribe("marked")
        for payload in ("one", "two", "marker", "three"):
            client.publish("marked", payload)
        assert client.received_before("marker", PATIENCE_S) == ["one", "two"]
        with pytest.raises(AssertionError, match=r"did not receive 'four' within 0.1 s, but \['one', 'two'"):
            client.received_before("four", within_s=0.1)


def test_manual_acknowledgement(listener: str) -> None:
    options = {"session_expiry_s": 60, "clean_start": False}
    with MqttClient(listener, "manual", manual_ack=True, **options) as client:  # type: ignore[arg-type]
        client.subscribe("manual")
        client.publish("manual", "acknowledged")
        client.publish("manual", "kept")
        client.acknowledge(client.wait_for_messages(2, PATIENCE_S)[0])
    with MqttClient(listener, "manual", **options) as client:  # type: ignore[arg-type]
        client.wait_for_messages(1, PATIENCE_S)
        assert client.texts == ["kept"]


def test_will_and_properties(listener: str) -> None:
    with MqttClient(listener, "heir") as heir:
        heir.subscribe("will")
        with MqttClient(listener, "testator", will=Will("will", "last"), keepalive_s=5):
            MqttClient(listener, "testator").connect().close()
        messages = heir.wait_for_messages(1, PATIENCE_S)
        assert [message.payload for message in messages] == [b"last"]
        assert properties_of(messages[0]) == {}


def test_topic_aliases_are_resolved(listener: str) -> None:
    with MqttClient(listener, "aliased", topic_aliases=1) as client:
        client.subscribe("aliased/+")
        for topic in ("aliased/a", "aliased/b", "aliased/a"):
            client.publish(topic, topic)
        messages = client.wait_for_messages(3, PATIENCE_S)
    assert [message.topic for message in messages] == ["aliased/a", "aliased/b", "aliased/a"]
    assert "TopicAlias" in properties_of(messages[2])


def test_lost_connection_is_no_disconnection(listener: str) -> None:
    with MqttClient(listener, "heir") as heir:
        heir.subscribe("will")
        client = MqttClient(listener, "lost", will=Will("will", "lost")).connect()
        client.lose()
        assert not client.connected
        assert [message.payload for message in heir.wait_for_messages(1, PATIENCE_S)] == [b"lost"]


def test_nothing_is_waited_for_on_a_closed_connection(listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = MqttClient(listener, "over").connect()
    client.subscribe("over")
    client.publish("over", "before")
    client.wait_for_messages(1, PATIENCE_S)
    client.lose()

    monkeypatch.setattr(client._changed, "wait", lambda _timeout: pytest.fail("nothing comes any more"))
    assert [message.payload for message in client.wait_for_messages(2, PATIENCE_S)] == [b"before"]


def test_client_that_leaves_says_what_becomes_of_will_and_session(listener: str) -> None:
    with MqttClient(listener, "heir") as heir:
        heir.subscribe("will")
        for reason_code in (0x00, 0x04):
            client = MqttClient(listener, "leaving", session_expiry_s=60, will=Will("will", f"{reason_code}"))
            client.connect().leave(reason_code, 0)
        assert [message.payload for message in heir.wait_for_messages(1, PATIENCE_S)] == [b"4"]
    with MqttClient(listener, "leaving", clean_start=False) as client:
        assert not client.session_present


def test_network_thread_may_end_while_it_is_waited_for(listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paho looks for its thread, and waits for what it finds then, which may be None by that time."""

    def loop_stop(self: paho.Client) -> None:
        None.join()  # type: ignore[attr-defined]

    monkeypatch.setattr(paho.Client, "loop_stop", loop_stop)
    with MqttClient(listener, "ends-by-itself") as again:
        again.lose()
