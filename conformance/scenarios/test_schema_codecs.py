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
from conformance.target.http.answer import Answer
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt", "schemas")]

DRAFT = '"$schema":"http://json-schema.org/draft-06/schema#"'


@dataclass(frozen=True, slots=True)
class Codec:
    """A type of schema: two sources, and data whose meaning tells them apart.

    ``data`` is what ``old`` decodes to `VALUE`; ``new_data`` is what ``new`` decodes to ``new_value``. ``wrong`` is a
    source that does not compile. ``message`` names what is coded, where the type needs it.
    """

    old: str
    new: str
    wrong: str
    data: bytes
    new_data: bytes
    new_value: Mapping[str, Any]
    message: str = ""


def avro(field: str) -> str:
    return (
        f'{{"type":"record","name":"sample","fields":[{{"name":"{field}","type":"int"}},'
        '{"name":"text","type":"string"},{"name":"ok","type":"boolean"},'
        '{"name":"list","type":{"type":"array","items":"int"}}]}'
    )


def json_schema(kind: str) -> str:
    properties = f'{{"count":{{"type":"{kind}"}},"list":{{"type":"array"}}}}'
    return f'{{{DRAFT},"type":"object","properties":{properties},"required":["count"]}}'


def protobuf(field: str) -> str:
    return (
        f"message Reading {{\n  required int32 {field} = 1;\n  required string text = 2;\n  required bool ok = 3;\n"
        "  repeated int32 list = 4;\n}\n"
    )


# A value with every kind of field.
VALUE = {"count": -3, "text": "ü 'x'", "ok": True, "list": [1, 0, 300]}
_RENAMED = {"level": -3, "text": "ü 'x'", "ok": True, "list": [1, 0, 300]}
_TEXT = b"\xc3\xbc 'x'"
_AVRO = b"\x05\x0c" + _TEXT + b"\x01\x06\x02\x00\xd8\x04\x00"
_PROTOBUF = b"\x08\xfd" + b"\xff" * 8 + b"\x01\x12\x06" + _TEXT + b"\x18\x01\x20\x01\x20\x00\x20\xac\x02"

# Avro and protobuf data carry no names of fields, so the same bytes show which source decoded them.
CODECS = {
    "avro": Codec(
        old=avro("count"),
        new=avro("level"),
        wrong="{}",
        data=_AVRO,
        new_data=_AVRO,
        new_value=_RENAMED,
    ),
    "json": Codec(
        old=json_schema("integer"),
        new=json_schema("string"),
        wrong="[]",
        data=json.dumps(VALUE).encode(),
        new_data=b'{"count":"x"}',
        new_value={"count": "x"},
    ),
    "protobuf": Codec(
        old=protobuf("count"),
        new=protobuf("level"),
        wrong="message {",
        data=_PROTOBUF,
        new_data=_PROTOBUF,
        new_value=_RENAMED,
        message=", 'Reading'",
    ),
}


@dataclass(frozen=True, slots=True)
class Coder:
    """A schema, a rule that uses it, and a listener to what comes of that.

    The rule decodes what is published as ``data`` below ``topic``, encodes and decodes a ``value``, and only encodes
    what is published as ``coded``.
    """

    target: Target
    codec: Codec
    schema: str
    rule: str
    topic: str
    out: str
    listener: MqttClient

    def publish(self, data: bytes, to: str = "data") -> None:
        payload = base64.b64encode(data).decode()
        self.target.publish(f"{self.topic}/{to}", payload, payload_encoding="base64", qos=1)

    def decodes(self, data: bytes, value: Mapping[str, Any]) -> bool:
        """Whether ``data`` is decoded to ``value``, when it is published now or soon."""

        def matches(message: MQTTMessage) -> bool:
            return bool(json.loads(message.payload) == value)

        def decoded() -> bool:
            before = len([message for message in list(self.listener.messages) if matches(message)])
            self.publish(data)
            return len(self.listener.wait_for_messages(before + 1, _BEFORE_ANOTHER_S, matches)) > before

        return self.target.eventually(decoded)

    def settled(self) -> list[Any]:
        """All values decoded so far; a marker on the way to the listener shows that no other is."""
        marker = self.target.sandbox.name("marker")
        self.target.publish(self.out, json.dumps(marker), qos=1)
        arrived = self.listener.wait_for_messages(matching=lambda message: json.loads(message.payload) == marker)
        assert arrived, "the listener does not get what is published on its topic"
        return [json.loads(message.payload) for message in list(self.listener.messages)]


_BEFORE_ANOTHER_S = 0.5


@pytest.fixture
def coder(kind: str, context: Context, target: Target) -> Coder:
    """Schema and rule serve all items of the worker; the schema has the first source of its kind."""
    codec = CODECS[kind]
    schema = _schema_of(kind, context, target)
    topic, out = context.once(f"topics of coder {schema}", lambda: [target.sandbox.topic(hint) for hint in ("a", "b")])
    coded = f"schema_encode('{schema}', json_decode(payload){codec.message})"
    value, data = (f"schema_decode('{schema}', {what}{codec.message})" for what in (coded, "payload"))
    is_value, is_coded = (f"topic = '{topic}/{below}'" for below in ("value", "coded"))
    decoded = f"CASE WHEN {is_value} THEN {value} WHEN {is_coded} THEN 'no' ELSE {data} END AS decoded"
    sql = f"SELECT {decoded}, CASE WHEN {is_coded} THEN {coded} ELSE 'no' END AS coded FROM \"{topic}/+\""
    fields = target.rules.republishing(topic, out, sql=sql, payload="${decoded}", qos=1)
    rule = target.lasting(target.rules, f"coder {schema}", lambda: target.rules.create(**fields))
    return Coder(target, codec, schema, rule, topic, out, target.listen(out))


def _schema_of(kind: str, context: Context, target: Target) -> str:
    old = {"type": kind, "source": CODECS[kind].old}

    def serves(known: str) -> bool:
        read = target.schemas.found(known)
        if not read or known in _spoiled(context):
            return False
        return read.get("source") == old["source"] or target.schemas.put(known, old).ok

    return context.lasting(f"schema of coder {kind}", lambda: target.schemas.create(**old), serves)


def _spoiled(context: Context) -> set[str]:
    """Schemas that no item can use any more."""
    spoiled: set[str] = context.once("spoiled schemas", set)
    return spoiled


@requirement("SCH-06", "POST /schema_registry", "POST /rules")
@pytest.mark.parametrize("kind", CODECS)
def test_decoding_undoes_encoding(coder: Coder) -> None:
    """What a schema encodes it decodes to the same value."""
    coder.publish(json.dumps(VALUE, ensure_ascii=False).encode(), to="value")

    arrived = [json.loads(message.payload) for message in coder.listener.wait_for_messages()]
    counters = coder.target.rules.metrics(coder.rule)
    assert arrived == [VALUE], f"encoded and decoded {VALUE} became {arrived}: {counters}"


@requirement("SCH-06", "POST /schema_registry", "POST /rules/{id}/test")
@pytest.mark.parametrize("kind", ["avro", "protobuf"])
def test_value_of_another_shape_is_not_encoded(target: Target, coder: Coder) -> None:
    """A value that does not fit its schema makes the rule fail."""
    topic = f"{coder.topic}/coded"
    context = {"event_type": "message_publish", "topic": topic, "clientid": "c_emqx", "username": "u_emqx", "qos": 1}
    incomplete = {name: value for name, value in VALUE.items() if name != "count"}

    def test(value: Mapping[str, Any]) -> Answer:
        return target.rules.test(coder.rule, {**context, "payload": json.dumps(value)})

    test(VALUE).expect(200)
    test({**VALUE, "count": "no number"}).expect(400, code="BAD_REQUEST")
    test({**incomplete, "other": -3}).expect(400, code="BAD_REQUEST")


@requirement("SCH-05", "PUT /schema_registry/{name}", level="SHOULD")
@pytest.mark.parametrize("kind", CODECS)
def test_refused_source_leaves_the_schema_usable(context: Context, target: Target, coder: Coder, kind: str) -> None:
    """After a PUT that was refused rules go on using the stored schema."""
    codec = CODECS[kind]
    assert coder.decodes(codec.data, VALUE), f"{codec.data!r} is not decoded at all"

    # On EMQX 5.8 nobody can use it afterwards.
    _spoiled(context).add(coder.schema)
    target.schemas.put(coder.schema, {"type": kind, "source": codec.wrong}).expect(400)
    assert target.schemas.read(coder.schema)["source"] == codec.old, "the refused source was stored"

    usable = coder.decodes(codec.data, VALUE)
    assert usable, "rules cannot use the schema that GET shows since a PUT was refused"
    _spoiled(context).discard(coder.schema)


@requirement("SCH-04", "PUT /schema_registry/{name}")
@pytest.mark.parametrize("kind", CODECS)
def test_changed_schema_is_used(target: Target, coder: Coder, kind: str) -> None:
    """After a PUT rules decode with the new source of a schema, and with the old one no more."""
    codec = CODECS[kind]
    assert coder.decodes(codec.data, VALUE), f"{codec.data!r} is not decoded with the first source"

    target.schemas.put(coder.schema, {"type": kind, "source": codec.new}).expect(200)

    followed = coder.decodes(codec.new_data, codec.new_value)
    assert followed, f"{codec.new_data!r} is not decoded with the second source"
    before = coder.settled().count(VALUE)
    coder.publish(codec.data)
    again = coder.settled().count(VALUE) - before
    assert not again, f"{codec.data!r} is still decoded with the first source"
