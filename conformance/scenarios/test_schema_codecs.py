"""What schemas encode and decode in rules, seen by an MQTT client (SCH)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from conformance.requirements import requirement
from conformance.target.mqtt import MqttClient
from conformance.target.resources.collection import arranged
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt", "schemas")]

DRAFT = '"$schema":"http://json-schema.org/draft-06/schema#"'


@dataclass(frozen=True, slots=True)
class Codec:
    """A type of schema: two sources, and data whose meaning tells them apart.

    ``data`` is what ``old`` decodes to ``value``; ``new_data`` is what ``new`` decodes to ``new_value``. ``wrong`` is a
    source that does not compile. ``message`` names what is coded, where the type needs it.
    """

    old: str
    new: str
    wrong: str
    data: bytes
    value: Mapping[str, Any]
    new_data: bytes
    new_value: Mapping[str, Any]
    message: str = ""


def avro(field: str) -> str:
    return f'{{"type":"record","name":"reading","fields":[{{"name":"{field}","type":"int"}}]}}'


def json_schema(kind: str) -> str:
    return f'{{{DRAFT},"type":"object","properties":{{"value":{{"type":"{kind}"}}}},"required":["value"]}}'


def protobuf(field: str) -> str:
    return f"message Reading {{\n  required int32 {field} = 1;\n}}\n"


# Avro and protobuf data carry no names of fields, so the same bytes show which source decoded them.
CODECS = {
    "avro": Codec(
        old=avro("value"),
        new=avro("level"),
        wrong="{}",
        data=b"\x0e",
        value={"value": 7},
        new_data=b"\x0e",
        new_value={"level": 7},
    ),
    "json": Codec(
        old=json_schema("integer"),
        new=json_schema("string"),
        wrong="[]",
        data=b'{"value":7}',
        value={"value": 7},
        new_data=b'{"value":"x"}',
        new_value={"value": "x"},
    ),
    "protobuf": Codec(
        old=protobuf("value"),
        new=protobuf("level"),
        wrong="message {",
        data=b"\x08\x07",
        value={"value": 7},
        new_data=b"\x08\x07",
        new_value={"level": 7},
        message=", 'Reading'",
    ),
}

# Values with every kind of field, and sources for them.
RICH = {
    "avro": (
        '{"type":"record","name":"sample","fields":[{"name":"count","type":"int"},{"name":"text","type":"string"},'
        '{"name":"ok","type":"boolean"},{"name":"list","type":{"type":"array","items":"int"}}]}'
    ),
    "json": f'{{{DRAFT},"type":"object","properties":{{"count":{{"type":"integer"}},"list":{{"type":"array"}}}}}}',
    "protobuf": (
        "message Reading {\n  required int32 count = 1;\n  required string text = 2;\n  required bool ok = 3;\n"
        "  repeated int32 list = 4;\n}\n"
    ),
}
VALUE = {"count": -3, "text": "ü 'x'", "ok": True, "list": [1, 0, 300]}


@dataclass(frozen=True, slots=True)
class Decoder:
    """A schema, a rule that decodes with it what is published on ``topic``, and a listener to the values."""

    target: Target
    schema: str
    topic: str
    out: str
    listener: MqttClient

    def publish(self, data: bytes) -> None:
        payload = base64.b64encode(data).decode()
        self.target.publish(self.topic, payload, payload_encoding="base64", qos=1)

    def decodes(self, data: bytes, value: Mapping[str, Any], within_s: float | None = None) -> bool:
        """Whether ``data`` is decoded to ``value`` when it is published now."""

        def matches(message: MQTTMessage) -> bool:
            return bool(json.loads(message.payload) == value)

        before = len([message for message in list(self.listener.messages) if matches(message)])
        self.publish(data)
        return len(self.listener.wait_for_messages(before + 1, within_s, matches)) > before

    def settled(self) -> list[Any]:
        """All values decoded so far; a marker on the way to the listener shows that no other is."""
        marker = self.target.sandbox.name("marker")
        self.target.publish(self.out, json.dumps(marker), qos=1)
        arrived = self.listener.wait_for_messages(matching=lambda message: json.loads(message.payload) == marker)
        assert arrived, "the listener does not get what is published on its topic"
        return [json.loads(message.payload) for message in list(self.listener.messages)]


def schema_of(target: Target, kind: str) -> str:
    """A schema with the first source of its kind that serves all items, put right if an item left it changed."""
    old = {"type": kind, "source": CODECS[kind].old}
    schema = target.lasting(target.schemas, kind, lambda: target.schemas.create(**old))
    if target.schemas.read(schema)["source"] != old["source"]:
        arranged(target.schemas.put(schema, old), 200)
    return schema


def decoder(target: Target, kind: str, schema: str) -> Decoder:
    topic, out = target.sandbox.topic("from"), target.sandbox.topic("out")
    sql = f"SELECT schema_decode('{schema}', payload{CODECS[kind].message}) AS decoded FROM \"{topic}\""
    target.rules.republish(topic, out, sql=sql, payload="${decoded}", qos=1)
    return Decoder(target, schema, topic, out, target.listen(out))


@requirement("SCH-04", "PUT /schema_registry/{name}")
@pytest.mark.parametrize("kind", CODECS)
def test_changed_schema_is_used(target: Target, kind: str) -> None:
    """After a PUT rules decode with the new source of a schema, and with the old one no more."""
    codec, rule = CODECS[kind], decoder(target, kind, schema_of(target, kind))
    assert rule.decodes(codec.data, codec.value), f"{codec.data!r} is not decoded with the first source"

    target.schemas.put(rule.schema, {"type": kind, "source": codec.new}).expect(200)

    followed = target.eventually(lambda: rule.decodes(codec.new_data, codec.new_value, within_s=0.5))
    assert followed, f"{codec.new_data!r} is not decoded with the second source"
    before = rule.settled().count(codec.value)
    rule.publish(codec.data)
    again = rule.settled().count(codec.value) - before
    assert not again, f"{codec.data!r} is still decoded with the first source"


@requirement("SCH-05", "PUT /schema_registry/{name}", level="SHOULD")
@pytest.mark.parametrize("kind", CODECS)
def test_refused_source_leaves_the_schema_usable(target: Target, kind: str) -> None:
    """After a PUT that was refused rules go on using the stored schema."""
    codec = CODECS[kind]
    # Of its own: on EMQX 5.8 nobody can use it afterwards.
    rule = decoder(target, kind, target.schemas.create(type=kind, source=codec.old))
    assert rule.decodes(codec.data, codec.value), f"{codec.data!r} is not decoded at all"

    target.schemas.put(rule.schema, {"type": kind, "source": codec.wrong}).expect(400)
    assert target.schemas.read(rule.schema)["source"] == codec.old, "the refused source was stored"

    usable = target.eventually(lambda: rule.decodes(codec.data, codec.value, within_s=0.5))
    assert usable, "rules cannot use the schema that GET shows since a PUT was refused"


@requirement("SCH-06", "POST /schema_registry", "POST /rules")
@pytest.mark.parametrize("kind", RICH)
def test_decoding_undoes_encoding(target: Target, kind: str) -> None:
    """What a schema encodes it decodes to the same value."""
    message = CODECS[kind].message
    schema = target.schemas.create(type=kind, source=RICH[kind])
    source, out = target.sandbox.topic("from"), target.sandbox.topic("out")
    encoded = f"schema_encode('{schema}', json_decode(payload){message})"
    sql = f"SELECT schema_decode('{schema}', {encoded}{message}) AS decoded FROM \"{source}\""
    rule = target.rules.republish(source, out, sql=sql, payload="${decoded}", qos=1)
    listener = target.listen(out)

    target.publish(source, json.dumps(VALUE, ensure_ascii=False), qos=1)

    arrived = [json.loads(message.payload) for message in listener.wait_for_messages()]
    assert arrived == [VALUE], f"encoded and decoded {VALUE} became {arrived}: {target.rules.metrics(rule)}"


@requirement("SCH-06", "POST /schema_registry", "POST /rules/{id}/test")
@pytest.mark.parametrize("kind", ["avro", "protobuf"])
def test_value_of_another_shape_is_not_encoded(target: Target, kind: str) -> None:
    """A value that does not fit its schema makes the rule fail."""
    codec = CODECS[kind]
    schema, topic = schema_of(target, kind), target.sandbox.topic("from")
    sql = f"SELECT schema_encode('{schema}', json_decode(payload){codec.message}) AS encoded FROM \"{topic}\""
    rule = target.rules.create(sql=sql, actions=[])

    context = {"event_type": "message_publish", "topic": topic, "clientid": "c_emqx", "username": "u_emqx", "qos": 1}
    target.rules.test(rule, {**context, "payload": '{"value":7}'}).expect(200)
    target.rules.test(rule, {**context, "payload": '{"value":"no number"}'}).expect(400, code="BAD_REQUEST")
    target.rules.test(rule, {**context, "payload": '{"other":7}'}).expect(400, code="BAD_REQUEST")
