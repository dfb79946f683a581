"""The schema registry: what is stored, changed, refused and deleted (SCH)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from conformance.requirements import requirement
from conformance.scenarios.codecs import CODECS, stored_schema
from conformance.target.http.answer import Deviation
from conformance.target.resources.rules import AVRO_SOURCE
from conformance.target.target import LONGEST, TO_DELETE, Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("schemas")]

LONGEST_NAME = 254

PROTOBUF_SOURCE = "message Reading {\n  required int32 value = 1;\n}\n"
JSON_SOURCE = '{"$schema":"http://json-schema.org/draft-06/schema#","type":"object","required":["value"]}'
UNUSUAL_SOURCE = JSON_SOURCE.replace('"type"', '\r\n  "description": "\\u00fc \\"quoted\\"",\r\n\t"type"')
FOREIGN_SOURCES = {
    "avro": AVRO_SOURCE.replace('"name":"reading"', '"name":"reading","doc":"ü € ✓"'),
    "json": JSON_SOURCE.replace('"type"', '"description":"ü € ✓","type"'),
}
WRONG_SOURCES = {"avro": ("{}", "no JSON"), "json": ("no JSON",), "protobuf": ("message {", "no protobuf")}


def longest_name(target: Target) -> str:
    """A name of 254 characters that nothing has."""
    return target.sandbox.name("schema").ljust(LONGEST_NAME, "x")


@requirement("SCH-01", "POST /schema_registry", "GET /schema_registry/{name}", "GET /schema_registry")
def test_source_is_stored_to_the_letter(context: Context, target: Target) -> None:
    """A schema is read and listed as it was created, its source to the letter, whatever its type."""
    for kind in CODECS:
        stored = stored_schema(kind, context, target)
        sent, created, read = stored.sent, stored.answer.expect(201).json, stored.read.expect(200).json
        if created != sent:
            raise Deviation(f"created was {created}, sent {sent}", stored.answer)
        if read != sent:
            raise Deviation(f"GET shows {read}, not {sent}", stored.read)
        listed = [schema for schema in stored.listing.expect(200).json if schema["name"] == sent["name"]]
        if listed != [sent]:
            raise Deviation(f"listed is {listed}, not {sent}", stored.listing)


@requirement("SCH-01", "POST /schema_registry", "GET /schema_registry/{name}")
@pytest.mark.parametrize("kind", FOREIGN_SOURCES)
def test_source_of_any_characters_is_stored(kind: str, target: Target) -> None:
    """The source of an Avro or JSON schema may hold characters of any language, and is read as it was created."""
    longest = {"name": longest_name(target)} if kind == "avro" else {}
    sent = target.schemas.body(type=kind, source=FOREIGN_SOURCES[kind], **longest)
    target.api.call("POST /schema_registry", json=sent).expect(201)
    source = target.schemas.read(sent["name"])["source"]
    assert source == sent["source"], f"created with {sent['source']!r}, and read is {source!r}"
    target.keep(target.schemas, sent["name"], *((LONGEST, TO_DELETE) if kind == "avro" else ("to change",)))


@requirement("SCH-02", "POST /schema_registry")
def test_taken_name_is_refused(target: Target) -> None:
    """A POST with a name that is taken answers 400 ALREADY_EXISTS and leaves the stored schema as it was."""
    name = target.lasting(target.schemas, "shared")
    before = target.schemas.read(name)

    for second in ({"type": "avro", "source": AVRO_SOURCE}, {"type": "protobuf", "source": PROTOBUF_SOURCE}):
        body = target.schemas.body(name=name, description="the second", **second)
        target.api.call("POST /schema_registry", json=body).expect(400, code="ALREADY_EXISTS")

    assert target.schemas.read(name) == before, "the refused POST changed the schema"


@requirement("SCH-03", "POST /schema_registry", "PUT /schema_registry/{name}")
def test_wrong_source_is_refused(target: Target) -> None:
    """A source that does not compile answers 400: a POST creates no schema, a PUT leaves the stored one as it was."""
    name = target.lasting(target.schemas, "shared")
    before = target.schemas.read(name)
    body = target.schemas.body()

    for kind, sources in WRONG_SOURCES.items():
        for source in sources:
            wrong = {"type": kind, "source": source}
            target.api.call("POST /schema_registry", json={**body, **wrong}).expect(400, code="BAD_REQUEST")
            target.schemas.put(name, wrong).expect(400, code="BAD_REQUEST")

    target.schemas.get(body["name"]).expect(404, code="NOT_FOUND")
    assert target.schemas.read(name) == before, "a refused PUT changed the schema"


@requirement("SCH-03", "POST /schema_registry", "PUT /schema_registry/{name}")
def test_incomplete_schema_is_refused(target: Target) -> None:
    """A body without type or source, or with an unknown type, answers 400, and nothing is stored."""
    name = target.lasting(target.schemas, "shared")
    before = target.schemas.read(name)
    body = target.schemas.body()

    for change in ({"type": None}, {"source": None}, {"type": "xml"}, {"x_unknown": 1}):
        wrong = {key: value for key, value in {**body, **change}.items() if value is not None}
        target.api.call("POST /schema_registry", json=wrong).expect(400, code="BAD_REQUEST")
        del wrong["name"]
        target.schemas.put(name, wrong).expect(400, code="BAD_REQUEST")

    target.schemas.get(body["name"]).expect(404, code="NOT_FOUND")
    assert target.schemas.read(name) == before, "a refused PUT changed the schema"


@requirement("SCH-08", "POST /schema_registry", "GET /schema_registry/{name}")
def test_impossible_name_is_refused(target: Target) -> None:
    """A name with other characters than letters, digits, - and _, or over 254 of them answers 400, and is unknown."""
    name = target.sandbox.name("schema")
    longest = target.lasting(target.schemas, LONGEST, lambda: target.schemas.create(name=longest_name(target)))
    target.schemas.read(longest)
    target.keep(target.schemas, longest, TO_DELETE)

    for wrong in (
        f"{name} b",
        f"{name}.b",
        f"{name}/b",
        f"{name}ü",
        name.ljust(LONGEST_NAME + 1, "x"),
        name.ljust(LONGEST_NAME + 2, "x"),
    ):
        refused = target.api.call("POST /schema_registry", json=target.schemas.body(name=wrong))
        refused.expect(400, code="BAD_REQUEST")
        assert refused.json.get("kind") == "validation_error", f"{wrong[-12:]!r}: kind is {refused.json.get('kind')!r}"
        target.schemas.get(wrong).expect(404, code="NOT_FOUND")


FITS_JSON = '{"value":"text"}'
"""What the JSON schemas of this module take, and no Avro schema, whose value is a number."""

TAKEN_BY = {FITS_JSON: ("json",), '{"value":1}': ("json", "avro")}
"""By payload: the types whose `SOURCES` let a rule encode it that names no message, as protobuf would need."""

SOURCES = {"avro": AVRO_SOURCE, "json": UNUSUAL_SOURCE, "protobuf": PROTOBUF_SOURCE}

EVERY_CHANGE_OF_TYPE: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("protobuf", {}),
    ("avro", {"description": "new"}),
    ("protobuf", {}),
    ("json", {}),
    ("avro", {}),
    ("json", {}),
    ("json", {}),
)
"""Types one after the other, from json on, and the description that goes with them: each follows each other one, and in
the end the same source comes again."""


def encoding(context: Context, target: Target, name: str) -> tuple[str, str]:
    """A rule that encodes by the schema of a name what is published on its topic; the topic serves item after item."""
    topic: str = context.once("topic of what is encoded", lambda: target.sandbox.topic("from"))
    sql = f"SELECT schema_encode('{name}', json_decode(payload)) AS encoded FROM \"{topic}\""
    return target.borrow_rule(sql=sql, actions=[]), topic


def takes(target: Target, rule: str, topic: str, payload: str) -> bool:
    """Whether a rule can make something of a payload."""
    event = {"event_type": "message_publish", "topic": topic, "payload": payload, "qos": 0}
    return target.rules.test(rule, {**event, "clientid": "c", "username": "u"}).expect(200, 400).status == 200


@requirement("SCH-07", "DELETE /schema_registry/{name}", "GET /rules/{id}/metrics")
def test_deleted_schema_is_gone(context: Context, target: Target) -> None:
    """A deleted schema answers 404, is not listed, and rules that use it fail with an exception."""
    name = target.lasting(target.schemas, TO_DELETE)
    rule, topic = encoding(context, target, name)
    target.publish(topic, '{"value":1}')
    assert target.rules.counted(rule, {"passed": 1})["passed"] == 1, "the rule cannot use the schema"
    assert name in target.schemas.ids(), "the schema is not listed"

    target.schemas.delete(name).expect(204)

    target.schemas.get(name).expect(404, code="NOT_FOUND")
    target.schemas.delete(name).expect(404, code="NOT_FOUND")
    target.schemas.put(name, {"type": "avro", "source": AVRO_SOURCE}).expect(404, code="NOT_FOUND")
    assert name not in target.schemas.ids(), "the deleted schema is still listed"
    failed = fails(target, rule, topic)
    assert failed, f"the rule still uses the deleted schema: {target.rules.metrics(rule)}"
    target.publish(topic, '{"value":1}')
    counters = target.rules.counted(rule, {"failed.exception": failed + 1})
    assert counters["failed.exception"] == failed + 1, f"one message made {counters} of {failed} exceptions"

    # A new one of that name has nothing of it.
    anew = {"name": name, "type": "json", "source": JSON_SOURCE, "description": "anew"}
    target.api.call("POST /schema_registry", json=anew).expect(201)
    assert target.schemas.read(name) == anew, f"created anew with {anew}, and read is {target.schemas.read(name)}"
    used = target.eventually(lambda: takes(target, rule, topic, FITS_JSON))
    assert used, f"rules do not use a schema of type json that was created under the name of a deleted one, {name}"


@requirement("SCH-11", "POST /schema_registry", level="SHOULD")
def test_longest_name_suits_protobuf(target: Target) -> None:
    """A schema of type protobuf may have a name as long as one of another type, of 254 characters."""
    body = target.schemas.body(name=longest_name(target), type="protobuf", source=PROTOBUF_SOURCE)
    target.api.call("POST /schema_registry", json=body).expect(201)
    target.schemas.read(body["name"])


@requirement("SCH-09", "PUT /schema_registry/{name}")
def test_put_replaces_type_and_source(context: Context, target: Target) -> None:
    """A PUT replaces type and source, keeps the description if it has none, and takes no name; unknown is 404."""
    name = target.lasting(target.schemas, "to change")
    rule, topic = encoding(context, target, name)

    first = () if target.schemas.read(name)["type"] == "json" else EVERY_CHANGE_OF_TYPE[-1:]
    for kind, description in (*first, *EVERY_CHANGE_OF_TYPE):
        change = {"type": kind, "source": SOURCES[kind], **description}
        before = target.schemas.read(name)
        expected = {**before, **change}
        answered = target.schemas.put(name, change).expect(200).json
        if target.is_newer and answered.get("description") == "":
            # 5.10 has no description any more after a PUT that has none.
            expected = {**expected, "description": change.get("description", "")}
        assert answered == target.schemas.read(name) == expected, f"PUT of {change} made {answered}"
        listed = [schema for schema in target.schemas.listed() if schema["name"] == name]
        assert listed == [expected], f"PUT of {change} made {answered}, listed is {listed}"
        for payload, kinds in TAKEN_BY.items():
            fits = kind in kinds
            used = target.eventually(
                lambda payload=payload, fits=fits: takes(target, rule, topic, payload) is fits  # type: ignore[misc]
            )
            assert used, f"after a PUT made a schema of type {before['type']} one of type {kind}, rules do not treat " \
                f"{payload}, which {'fits' if fits else 'does not fit'} it, as one of type {kind}"  # fmt: skip

    valid = {"type": "json", "source": JSON_SOURCE}
    target.schemas.put(name, {**valid, "name": name}).expect(400, code="BAD_REQUEST")
    target.schemas.put(target.sandbox.name("schema"), valid).expect(404, code="NOT_FOUND")


def fails(target: Target, rule: str, topic: str) -> int:
    """Publish until the rule fails, as a schema is given up a moment after its deletion; returns how often it did."""

    def failed() -> int:
        target.publish(topic, '{"value":1}')
        counters = target.rules.metrics(rule)
        return (
            int(counters["failed.exception"]) if counters["matched"] == counters["passed"] + counters["failed"] else 0
        )

    return target.eventually(failed)
