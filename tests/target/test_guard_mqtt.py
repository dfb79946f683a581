"""An MQTT client of the suite stays inside its sandbox; what lies outside is refused before anything is sent."""

import pytest

from conformance.target.errors import SafetyViolation
from conformance.target.mqtt import MqttClient, Will
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX

LISTENER = "127.0.0.1:9"  # nothing listens there, and nothing connects


@pytest.mark.parametrize("client_id", ["theirs", SANDBOX.prefix[:-1], f" {OWN}"])
def test_client_id_of_others_is_refused(client_id: str) -> None:
    with pytest.raises(SafetyViolation, match="take over somebody's session"):
        MqttClient(LISTENER, client_id, owned=SANDBOX)


@pytest.mark.parametrize(
    "topic", ["theirs", "#", f"$share/g/{OWN_TOPIC}", "$delayed/1/theirs", f"$delayed/60/{OWN_TOPIC}", "$SYS/a", ""]
)
def test_publishing_outside_is_refused(topic: str) -> None:
    client = MqttClient(LISTENER, OWN, owned=SANDBOX)
    with pytest.raises(SafetyViolation, match="publish to"):
        client.publish(topic)


def test_what_is_kept_is_not_delayed() -> None:
    client, delayed = MqttClient(LISTENER, OWN, owned=SANDBOX), f"$delayed/1/{OWN_TOPIC}"
    assert client.publish(delayed, qos=0) == 0
    with pytest.raises(SafetyViolation, match="publish to"):
        client.publish(delayed, qos=0, retain=True)
    with pytest.raises(SafetyViolation, match="publish to"):
        MqttClient(LISTENER, OWN, owned=SANDBOX, will=Will(delayed, "will"))


@pytest.mark.parametrize("topic_filter", ["#", "+/own", "+/#", "$share/g/#", "$share/g/theirs", "$SYS/#", ""])
def test_subscribing_outside_is_refused(topic_filter: str) -> None:
    client = MqttClient(LISTENER, OWN, owned=SANDBOX)
    with pytest.raises(SafetyViolation, match="subscribe to"):
        client.subscribe(topic_filter)


def test_what_is_inside_passes() -> None:
    client = MqttClient(LISTENER, "", owned=SANDBOX)
    assert client.publish(OWN_TOPIC, qos=0) == 0
    assert client.publish(f"${OWN_TOPIC}", qos=0) == 0
