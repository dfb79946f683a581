"""Statements as a whole: what refers to what in SELECT and FOREACH, and what their templates print (RUL)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.scenarios.test_rule_sql import selected
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]


@requirement("RUL-34", "POST /rules")
def test_foreach_clauses_refer_to_each_other(target: Target) -> None:
    """In FOREACH, DO reads the element, the columns before it and the event; INCASE reads the element; all in order."""
    statement = (
        "FOREACH payload.factor AS factor, payload.rows AS row "
        "DO row.v AS v, v * factor AS product, product + 1 AS next, row.tags[-1] AS last, payload.unit AS unit, "
        "CASE WHEN row.v > 2 THEN 'big' ELSE 'small' END AS size "
        'INCASE row.v > 0 AND row.v <> 4 FROM "{topic}" WHERE payload.run = true'
    )
    rows = [{"v": 3, "tags": ["a", "b"]}, {"v": 0, "tags": []}, {"v": 1, "tags": [[7]]}, {"v": 4, "tags": ["x"]}]

    found = selected(target, statement, {"run": True, "factor": 10, "unit": "°C", "rows": rows}, count=2)

    expected = [
        {"v": 3, "product": 30, "next": 31, "last": "b", "unit": "°C", "size": "big"},
        {"v": 1, "product": 10, "next": 11, "last": [7], "unit": "°C", "size": "small"},
    ]
    assert found == expected, f"expected were the rows {expected}, selected were {found}"


@requirement("RUL-35", "POST /rules", "GET /rules/{id}/metrics")
def test_foreach_without_do_keeps_the_event(target: Target) -> None:
    """Without DO and alias FOREACH gives the event with the element as `item`, and no row for what is no array."""
    source, destination = target.sandbox.topic("from"), target.sandbox.topic("out")
    sql = f'FOREACH payload.rows FROM "{source}"'
    rule = target.borrow_republishing(source, destination, sql=sql, payload="${.}")
    listener = target.subscriber(destination, qos=0)

    for rows in ([], "text", 5, None, {"a": 1}, [[1, 2], {"k": "v"}, "text"]):
        target.publish(source, json.dumps({"rows": rows}), qos=1)

    messages = listener.wait_for_messages(3, target.timing.delivered)
    events: list[dict[str, Any]] = [json.loads(message.payload) for message in messages]
    for message in messages:
        twice = columns_told_twice(bytes(message.payload))
        assert not twice, f"the row {message.payload!r} tells {', '.join(twice)} twice"
    items = [event.get("item") for event in events]
    assert items == [[1, 2], {"k": "v"}, "text"], (
        f"the elements of the only array with elements are selected as {items}"
    )
    topics = {event.get("topic") for event in events}
    assert topics == {source}, f"the event's topic {source} is selected as {topics}"
    counted = target.rules.counted(rule, {"matched": 6, "passed": 1, "failed.no_result": 5, "failed.exception": 0})
    fates = [counted[name] for name in ("matched", "passed", "failed.no_result", "failed.exception")]
    assert fates == [6, 1, 5, 0], f"of 6 messages one has elements; matched, passed, no result, exceptions: {fates}"


def columns_told_twice(row: bytes) -> list[str]:
    """Keys of an object in JSON that stand there more than once, which readers resolve in different ways."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(name for name in set(names) if names.count(name) > 1)
        return dict(pairs)

    json.loads(row, object_pairs_hook=note)
    return sorted(repeated)


SELECTION = (
    "SELECT *, payload.v AS v, v + 1 AS next, 1 AS deep.one, 2 AS deep.two, 1.5 AS half, payload.v > 1 AS yes, "
    "payload.text AS text, payload.list AS list, payload.map AS map, payload.text AS username "
    "FROM \"{topic}\" WHERE next = 6 AND topic =~ '{topic}' AND username = 'Grüße'"
)
"""What is selected under the name of a column is what the condition and the actions see."""

PAYLOAD = {"v": 5, "text": "Grüße", "list": ["a", 1, [2]], "map": {"k": {"x.y": 1}}, "a": {"b": "deep"}}
TEMPLATES = {
    "plain": "plain",
    "<${text}>": "<Grüße>",
    "${text}${v}${text}": "Grüße5Grüße",
    "${next}": "6",
    "${half}": "1.5",
    "${yes}": "true",
    "${deep.one} and ${deep.two}": "1 and 2",
    "${payload.a.b}": "deep",
    "${payload.v}": "5",
    "${list}": '["a",1,[2]]',
    "${map}": '{"k":{"x.y":1}}',
    "${map.k}": '{"x.y":1}',
    "${missing}": "undefined",
    "${map.missing} ${payload.a.missing}": "undefined undefined",
    "$text {text} $ {text} ${": "$text {text} $ {text} ${",
    '{"v": ${v}, "t": "${text}"}': '{"v": 5, "t": "Grüße"}',
}
WHOLE = ("", "${.}")


@requirement("RUL-36", "POST /rules")
def test_templates_print_what_is_selected(context: Context, target: Target) -> None:
    """Templates print texts as they are, maps and arrays as JSON, what is missing as `undefined`, and keep the rest."""
    printed = {number: payload.decode() for number, payload in rendered(context, target)}
    wrong = [
        f"{template!r} gave {printed.get(number)!r}, expected {expected!r}"
        for number, (template, expected) in enumerate(TEMPLATES.items())
        if printed.get(number) != expected
    ]
    assert not wrong, "; ".join(wrong)


@requirement("RUL-37", "POST /rules")
def test_an_empty_template_is_the_whole_row(context: Context, target: Target) -> None:
    """`*` selects every column of the event beside the others; an empty payload template and `${.}` print all of it."""
    messages = [(number, payload) for number, payload in rendered(context, target) if number >= len(TEMPLATES)]
    assert len(messages) == len(WHOLE), f"{len(WHOLE)} templates of the whole row gave {len(messages)} messages"
    for number, printed in messages:
        twice = columns_told_twice(printed)
        assert not twice, f"the row {printed!r} tells {', '.join(twice)} twice"
        template = WHOLE[number - len(TEMPLATES)]
        row = json.loads(printed)
        expected = {"v": 5, "next": 6, "deep": {"one": 1, "two": 2}, "half": 1.5, "yes": True, "qos": 1}
        expected["username"] = PAYLOAD["text"]
        expected |= {name: PAYLOAD[name] for name in ("text", "list", "map")}
        got = {name: row.get(name) for name in expected}
        assert got == expected, f"the template {template!r} printed {got}, selected are {expected}"
        payload = json.loads(row["payload"])
        assert payload == PAYLOAD, f"the template {template!r} printed the payload {row['payload']!r}"


def rendered(context: Context, target: Target) -> list[tuple[int, bytes]]:
    """Number of each template and what a rule printed with it for `PAYLOAD`; one rule serves both requirements."""
    source, destination = context.once(
        "topics of templates", lambda: (target.sandbox.topic("from"), target.sandbox.topic("out"))
    )
    actions = [
        {"function": "republish", "args": {"topic": f"{destination}/{number}", "payload": template, "qos": 1}}
        for number, template in enumerate((*TEMPLATES, *WHOLE))
    ]
    target.borrow_rule(sql=SELECTION.replace("{topic}", source), actions=actions)
    listener = target.subscriber(f"{destination}/#", qos=1)
    target.publish(source, json.dumps(PAYLOAD), qos=1)
    messages = listener.wait_for_messages(len(actions), target.timing.delivered)
    assert messages, f"a rule {SELECTION!r} republishes nothing of the payload {PAYLOAD}, which passes its condition"
    return [(int(message.topic.rpartition("/")[2]), bytes(message.payload)) for message in messages]
