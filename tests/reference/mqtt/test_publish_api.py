"""POST /publish and /publish/bulk, seen from REST and from subscribers (PUB-01 to PUB-09)."""

from __future__ import annotations

import base64
import re

import pytest


def publish(target, **body):
    return target.api("POST", "/publish", body)


def test_message_arrives_and_its_id_is_returned(target, name, version):
    client = target.client(name, version)
    client.subscribe(name, 2)
    answer = publish(target, topic=name, payload="hello ü", qos=1)
    assert answer.status_code == 200
    assert re.fullmatch("[0-9A-F]{32}", answer.json()["id"])
    message = client.receive()
    assert (message.payload.decode(), message.qos, message.retain) == ("hello ü", 1, False)


def test_nobody_there_is_202_and_retained_is_stored(target, name):
    answer = publish(target, topic=name, payload="kept", retain=True)
    assert (answer.status_code, answer.json()) == (202, {"reason_code": 16, "message": "no_matching_subscribers"})
    assert target.api("GET", f"/mqtt/retainer/message/{name}").status_code == 200


def test_base64_and_properties_reach_the_subscriber(timed_target, name):
    client = timed_target.client(name)
    client.subscribe(name, 1)
    properties = {
        "payload_format_indicator": 1,
        "message_expiry_interval": 100,
        "response_topic": "answer",
        "correlation_data": "cd",
        "content_type": "text/plain",
        "user_properties": {"b": "2", "a": "1"},
    }
    body = {"topic": name, "payload": base64.b64encode(b"\0\xff").decode(), "payload_encoding": "base64"}
    assert publish(timed_target, **body, properties=properties).status_code == 200
    message = client.receive()
    got = message.properties
    assert message.payload == b"\0\xff"
    assert (got.PayloadFormatIndicator, got.ResponseTopic, got.ContentType) == (1, "answer", "text/plain")
    assert (got.CorrelationData, got.UserProperty) == (b"cd", [("a", "1"), ("b", "2")])
    assert got.MessageExpiryInterval == 100


# body, reason code
REFUSED = [
    ({"topic": "", "payload": "x"}, 144),
    ({"topic": "a/#", "payload": "x"}, 144),
    ({"topic": "a/+", "payload": "x"}, 144),
    ({"topic": "t" * 65536, "payload": "x"}, 144),
    ({"topic": "t", "payload": "%%%", "payload_encoding": "base64"}, 131),
    ({"topic": "t", "payload": "x" * 1048576}, 151),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_what_cannot_be_published_is_refused_with_a_reason_code(target, body, code):
    for answer in (publish(target, **body), target.api("POST", "/publish/bulk", [body])):
        assert answer.status_code == 400
        assert set(answer.json()) == {"reason_code", "message"}
        assert answer.json()["reason_code"] == code


@pytest.mark.parametrize(
    "body",
    [
        {"payload": "x"},
        {"topic": "t"},
        {"topic": "t", "payload": "x", "qos": 3},
        {"topic": "t", "payload": "x", "zzz": 1},
        {"topic": "t", "payload": "x", "properties": {"payload_format_indicator": 2}},
        {"topic": "a\0b", "payload": "x"},
        {"topic": "t", "payload": "x", "properties": {"content_type": "c" * 65536}},
        {"topic": "t", "payload": "x", "properties": {"user_properties": {"a\0": "b"}}},
    ],
)
def test_schema_errors_have_a_code(target, body):
    answer = publish(target, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_bulk_answers_in_order(target, name):
    client = target.client(name)
    client.subscribe(f"{name}/yes")
    bodies = [{"topic": f"{name}/{kind}", "payload": kind} for kind in ("yes", "no", "yes")]
    answer = target.api("POST", "/publish/bulk", bodies)
    assert answer.status_code == 202
    assert ["id" in item for item in answer.json()] == [True, False, True]
    assert target.api("POST", "/publish/bulk", bodies[:1]).status_code == 200
    assert client.payloads(3) == [b"yes"] * 3


def test_one_bad_message_refuses_the_batch(target, name):
    client = target.client(name)
    client.subscribe(name)
    bodies = [{"topic": name, "payload": "x"}, {"topic": "#", "payload": "x"}]
    assert target.api("POST", "/publish/bulk", bodies).status_code == 400
    assert client.nothing_more()


def test_empty_bulk_is_refused(target, recorded_target):
    assert target.api("POST", "/publish/bulk", []).status_code == 400
    assert recorded_target.api("POST", "/publish/bulk", []).status_code == 500


@pytest.mark.parametrize("value", [1, True, None, ["x"], {"b": "c"}])
def test_user_properties_that_are_no_strings(target, recorded_target, name, value):
    """PUB-08: refused; 5.8.9 answers 200 and loses every MQTT 5 subscriber instead."""
    body = {"topic": name, "payload": "x", "qos": 1, "properties": {"user_properties": {"a": value}}}
    client = target.client(name)
    client.subscribe(name, 1)
    assert publish(target, **body).status_code == 400
    assert client.nothing_more()
    old, new = recorded_target.client(f"{name}-4", 4), recorded_target.client(name)
    for subscriber in (old, new):
        subscriber.subscribe(name, 1)
    assert publish(recorded_target, **body).status_code == 200
    assert old.receive().payload == b"x"
    from_server, _ = new.disconnection()
    assert not from_server, "the connection ends without DISCONNECT"
    assert recorded_target.api("GET", f"/clients/{name}").status_code == 404
