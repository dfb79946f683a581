"""The same script against this broker and against mosquitto, where that is installed: same observations."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.reference.mqtt.mqtt_clients import PahoClient
from tests.waiting import PATIENCE_S, eventually

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    """The port of a mosquitto on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = Path(tmp_path_factory.mktemp("mosquitto")) / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([MOSQUITTO, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
    yield port
    process.terminate()
    process.wait(PATIENCE_S)


def observations(port, version):
    """What clients see in one script."""
    seen = []
    options = {"SessionExpiryInterval": 60} if version == 5 else {}
    subscriber = PahoClient(port, "sub", version, clean=version == 5, **options)
    publisher = PahoClient(port, "pub", version)
    seen.append(("granted", [subscriber.subscribe(f"d/{qos}/+", qos) for qos in (0, 1, 2)]))
    for subscribed in (0, 1, 2):
        for published in (0, 1, 2):
            publisher.publish(f"d/{subscribed}/x", f"{published}", published)
            message = subscriber.receive()
            seen.append((message.topic, message.payload, message.qos, message.retain, message.dup))
    publisher.publish("d/1/kept", "kept", 1, retain=True)
    seen.append(subscriber.receive().retain)
    late = PahoClient(port, "late", version)
    late.subscribe("d/+/kept", 2)
    message = late.receive()
    seen.append((message.payload, message.qos, message.retain))
    publisher.publish("d/1/kept", "", 1, retain=True)
    seen.append((late.receive().payload, subscriber.receive().payload))
    subscriber.close()
    for number in range(3):
        publisher.publish("d/1/offline", str(number), 1)
    subscriber = PahoClient(port, "sub", version, clean=False, **options)
    seen.append((subscriber.session_present, subscriber.payloads(3)))
    if version == 5:
        publisher.subscribe("d/own", noLocal=True)
        seen.append(publisher.publish("d/nobody", qos=1))
        publisher.publish("d/own", "mine", 1)  # before the other one subscribes
        subscriber.subscribe("d/own", identifier=9, retainAsPublished=True)
        publisher.publish("d/own", "x", 1, UserProperty=[("a", "b")], ContentType="t")
        message = subscriber.receive()
        seen.append((message.properties.UserProperty, message.properties.ContentType))
        seen.append((message.properties.SubscriptionIdentifier, publisher.nothing_more()))
    for client in (subscriber, publisher, late):
        client.close()
    return seen


def test_both_brokers_show_the_same(target, mosquitto, version):
    assert observations(target.port, version) == observations(mosquitto, version)
