"""What statements select, seen by an MQTT client (RUL)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.requirements import requirement
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]


def selected(target: Target, statement: str, payload: Any, count: int = 1) -> list[Any]:
    """The rows a statement selects from a message; ``{topic}`` in the statement stands for its topic."""
    source, destination = target.sandbox.topic("from"), target.sandbox.topic("out")
    sql = statement.replace("{topic}", source)
    target.borrow_republishing(source, destination, sql=sql, payload="${.}", qos=1)
    listener = target.listen(destination)
    target.publish(source, json.dumps(payload), qos=1)
    return [json.loads(message.payload) for message in listener.wait_for_messages(count)]


@requirement("RUL-25", "POST /rules")
def test_foreach_acts_on_each_element(target: Target) -> None:
    """A FOREACH statement runs its actions once for each element that its INCASE lets pass."""
    statement = 'FOREACH payload.list AS item DO item.v AS v, clientid INCASE item.v > 1 FROM "{topic}"'

    rows = selected(target, statement, {"list": [{"v": 1}, {"v": 2}, {"v": 3}]}, count=2)

    values = [row["v"] for row in rows]
    assert values == [2, 3], f"2 and 3 are greater than 1, selected were {rows}"


@requirement("RUL-29", "POST /rules", provisional=True)
def test_expressions_are_computed(target: Target) -> None:
    """Fields, nested fields, arithmetic, conditions and the common functions give the values the manual describes."""
    expressions: dict[str, tuple[str, Any]] = {
        "field": ("payload.a.b", 5),
        "element": ("payload.list[1]", 3),
        "last": ("payload.list[-1]", 9),
        "sum": ("payload.a.b + 2", 7),
        "quotient": ("payload.a.b div 2", 2),
        "remainder": ("payload.a.b mod 2", 1),
        "size": ("CASE WHEN payload.a.b > 4 THEN 'big' ELSE 'small' END", "big"),
        "upper_case": ("upper(payload.text)", "AB C"),
        "joined": ("concat(payload.text, '!')", "aB c!"),
        "length": ("strlen(payload.text)", 4),
        "part": ("substr(payload.text, 1, 2)", "B "),
        "words": ("split(payload.text, ' ')", ["aB", "c"]),
        "rounded": ("round(payload.pi)", 3),
        "absolute": ("abs(-4)", 4),
        "number": ("int('12')", 12),
        "encoded": ("base64_encode(payload.text)", "YUIgYw=="),
        "decoded": ("""json_decode('{"k":1}')""", {"k": 1}),
        "hash": ("md5('abc')", "900150983cd24fb0d6963f7d28e17f72"),
        "picked": ("map_get('b', payload.a)", 5),
        "first": ("nth(1, payload.list)", 3),
    }
    columns = ", ".join(f"{expression} AS x_{name}" for name, (expression, _) in expressions.items())
    payload = {"a": {"b": 5}, "list": [3, 9], "text": "aB c", "pi": 3.14}

    rows = selected(target, f'SELECT {columns} FROM "{{topic}}"', payload)

    assert len(rows) == 1, f"one message gave {len(rows)} rows"
    wrong = {name: (expression, rows[0].get(f"x_{name}")) for name, (expression, value) in expressions.items()
             if rows[0].get(f"x_{name}") != value}  # fmt: skip
    assert not wrong, f"computed were {wrong}"
