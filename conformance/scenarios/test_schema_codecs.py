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
from conformance.scenarios.codecs import CODECS, LABELLED, MISFITS, VALUE, Codec, Schemas, schema_of
from conformance.target.http.answer import Answer
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt", "schemas")]


@dataclass(frozen=True, slots=True)
class Coder:
    """A schema, a rule that uses it and those of the other types, and a listener to what comes of that.

    The rule decodes what is published as ``data`` below ``topic``, encodes and decodes a ``value``, only encodes what
    is published as ``coded``, and tells of what is published as ``checked`` whether it fits. With a protobuf schema it
    encodes and decodes what is ``labelled``.
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
    """Schema and rule serve item after item; the schema has the first source of its kind."""
    schema = schema_of(kind, context, target)
    topic, out = context.once("topics of coders", lambda: [target.sandbox.topic(hint) for hint in ("a", "b")])
    names = Schemas.of(context).names
    sql = f'SELECT topic, {decoded(topic, names)}, {encoded(topic, names)} FROM "{topic}/+/+"'
    fields = target.rules.republishing(topic, f"{out}/${{topic}}", sql=sql, payload="${decoded}", qos=1)
    rule = target.borrow_rule(**fields)
    own = f"{topic}/{kind}"
    return Coder(target, CODECS[kind], schema, rule, own, f"{out}/{own}/marker", target.listen(f"{out}/{own}/+"))


def encode(kind: str, name: str) -> str:
    return f"schema_encode('{name}', json_decode(payload){CODECS[kind].message})"


def decode(kind: str, name: str, data: str) -> str:
    return f"schema_decode('{name}', {data}{CODECS[kind].message})"


def check(kind: str, name: str) -> str:
    return f"schema_check('{name}', json_decode(payload){CODECS[kind].message})"


def decoded(topic: str, names: Mapping[str, str]) -> str:
    """A column with what is decoded of any type: ``data`` or a ``value``; of what is ``checked`` whether it fits."""
    branches = []
    for kind, name in names.items():
        branches.append(f"WHEN topic = '{topic}/{kind}/value' THEN {decode(kind, name, encode(kind, name))}")
        branches.append(f"WHEN topic = '{topic}/{kind}/data' THEN {decode(kind, name, 'payload')}")
        branches.append(f"WHEN topic = '{topic}/{kind}/checked' THEN {check(kind, name)}")
    labelled = f"schema_encode('{names['protobuf']}', json_decode(payload), 'Labelled')"
    labelled = f"schema_decode('{names['protobuf']}', {labelled}, 'Labelled')"
    branches.append(f"WHEN topic = '{topic}/protobuf/labelled' THEN {labelled}")
    return f"CASE {' '.join(branches)} ELSE 'no' END AS decoded"


def encoded(topic: str, names: Mapping[str, str]) -> str:
    """A column with what is only encoded, of any type."""
    branches = (f"WHEN topic = '{topic}/{kind}/coded' THEN {encode(kind, name)}" for kind, name in names.items())
    return f"CASE {' '.join(branches)} ELSE 'no' END AS coded"


@requirement("SCH-06", "POST /schema_registry", "POST /rules")
@pytest.mark.parametrize("kind", CODECS)
def test_decoding_undoes_encoding(coder: Coder) -> None:
    """What a schema encodes it decodes to the same value."""
    coder.publish(json.dumps(VALUE, ensure_ascii=False).encode(), to="value")

    arrived = [json.loads(message.payload) for message in coder.listener.wait_for_messages()]
    counters = coder.target.rules.metrics(coder.rule)
    assert arrived == [VALUE], f"encoded and decoded {VALUE} became {arrived}: {counters}"


@requirement("SCH-12", "POST /schema_registry", "POST /rules", level="SHOULD")
@pytest.mark.parametrize("kind", ["protobuf"])
def test_map_of_texts(coder: Coder) -> None:
    """A protobuf message with a map of texts is encoded, and decoded to the same value."""
    coder.publish(json.dumps(LABELLED, ensure_ascii=False).encode(), to="labelled")

    arrived = coder.settled()
    counters = coder.target.rules.metrics(coder.rule)
    assert arrived[:-1] == [LABELLED], f"encoded and decoded {LABELLED} became {arrived[:-1]}: {counters}"


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


@requirement("SCH-10", "POST /schema_registry", "POST /rules")
@pytest.mark.parametrize("kind", CODECS)
def test_check_tells_what_fits(coder: Coder, kind: str) -> None:
    """A check by a schema is true for a value that fits it, and false for one that does not, which is no failure."""
    misfits = ({**VALUE, "count": "no number"}, *MISFITS.get(kind, ()))
    for value, fits in ((VALUE, True), *((misfit, False) for misfit in misfits)):
        coder.publish(json.dumps(value).encode(), to="checked")
        told = [json.loads(message.payload) for message in coder.listener.wait_for_messages()]
        assert told == [fits], f"of {value} schema_check says {told}: {coder.target.rules.metrics(coder.rule)}"
        coder.listener.messages.clear()


@requirement("SCH-05", "PUT /schema_registry/{name}", level="SHOULD")
@pytest.mark.parametrize("kind", CODECS)
def test_refused_source_leaves_the_schema_usable(context: Context, target: Target, coder: Coder, kind: str) -> None:
    """After a PUT that was refused rules go on using the stored schema."""
    codec = CODECS[kind]
    assert coder.decodes(codec.data, VALUE), f"{codec.data!r} is not decoded at all"

    # On EMQX 5.8 nobody can use it afterwards.
    spoiled = Schemas.of(context).spoiled
    spoiled.add(coder.schema)
    target.schemas.put(coder.schema, {"type": kind, "source": codec.wrong}).expect(400)
    assert target.schemas.read(coder.schema)["source"] == codec.old, "the refused source was stored"

    usable = coder.decodes(codec.data, VALUE)
    assert usable, "rules cannot use the schema that GET shows since a PUT was refused"
    spoiled.discard(coder.schema)


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
