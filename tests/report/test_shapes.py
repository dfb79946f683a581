"""What is the same of a request or an answer from run to run, and what is not."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.report.shapes import Shape, neutral, neutral_body, shape_of, unlike
from conformance.target.guard.sandbox import Sandbox, new_run_id

KINDS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/~", max_size=3), inner, max_size=3),
    max_leaves=10,
)


def shape(value: Any) -> Shape:
    return shape_of(value, lambda text: "cft-own" in text)


def differences(one: Any, other: Any) -> list[tuple[str, str, str]]:
    return list(unlike(shape(one), shape(other)))


def test_two_runs_send_the_same() -> None:
    told: set[str] = set()
    for worker in ("main", "gw0", "gw11"):
        sandbox = Sandbox(new_run_id(), worker)
        for _ in range(random.Random(worker).randrange(3, 2000)):
            sandbox.name()
        text = f"/rules/{sandbox.name('rule')}?topic={sandbox.topic('acl')}/a&{sandbox.name('user-rule')}x"
        told.add(neutral(f"{text} {sandbox.address()} http://127.0.0.1:{len(told) + 4000}/x"))
    assert told == {"/rules/cft-rule?topic=cft/acl/a&cft-user-rulex ADDRESS http://ADDRESS/x"}


@pytest.mark.parametrize(("text", "expected"), [
    ("emqx@172.17.0.2", "NODE"),
    ("emqx@core-1.local", "NODE"),
    ("2026-11-28T01:07:58.934+00:00", "TIME"),
    ("until=2026-11-28T01%3A07%3A58Z", "until=TIME"),
    ("1795827922869", "NUMBER"),
    ("2001:db8::12", "ADDRESS"),
    ("6f1c1c52-8a6e-4f21-9b7f-1c1c528a6e4f", "HEX"),
    ("limit=1000 page=2 5.8.9", "limit=1000 page=2 5.8.9"),
    ("nobody@example.org", "nobody@example.org"),
])  # fmt: skip
def test_what_a_node_or_a_moment_puts_into_a_text(text: str, expected: str) -> None:
    assert neutral(text) == expected


def test_order_of_keys_is_nothing() -> None:
    assert neutral_body(b'{"a": 1, "b": [2]}') == neutral_body(b'{"b":[2],"a":1}')
    assert neutral_body(b'{"a": 1}') != neutral_body(b'{"a": "1"}')
    assert neutral_body(b"\xff{") == "\\xff{"
    assert neutral_body(b"[" * 100_000)


@pytest.mark.parametrize("unit", ["x", "1", "f", "cft-a", "a.", "emqx@", "2026-", "cft-cft-aaaaaaaaaaa-gw"])
def test_large_texts_take_no_time(unit: str) -> None:
    """What is not linear here never ends, and its run with it."""
    assert neutral(unit * 50_000) is not None
    assert len(neutral_body(unit.encode() * 50_000)) <= 64 * 1024


@given(VALUES)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert differences(value, json.loads(json.dumps(value))) == []


@given(VALUES, VALUES)
def test_differences_are_the_same_both_ways(one: Any, other: Any) -> None:
    assert differences(one, other) == [(at, before, after) for at, after, before in differences(other, one)]


@pytest.mark.parametrize(("one", "other", "expected"), [
    ({"a": 1}, {"a": 2.5}, []),
    ({"a": 1}, {"a": "1"}, [("/a", "number", "string")]),
    ({"a": 1}, {"a": None}, [("/a", "number", "null")]),
    ({"a": 1}, {}, [("/a", "number", "nothing")]),
    ({"a": {"b": 1}}, {}, [("/a", "object", "nothing")]),
    ({"a": [{"b": 1}]}, {"a": []}, []),
    ({"a": [{"b": 1}, {}]}, {"a": [{"b": 2}]}, []),
    ({"a": [1]}, {"a": {}}, [("/a", "array", "object")]),
    ({"emqx@10.0.0.1": 1}, {"emqx@10.0.0.2": 1}, []),
    ({"emqx@10.0.0.1": 1}, {"emqx@10.0.0.2": "1"}, [("/{}", "number", "string")]),
    ([{"type": "http", "url": ""}], [{"type": "mqtt", "server": ""}], []),
    ([{"type": "http", "url": ""}], [{"type": "http", "server": ""}],
     [("/*[http]/server", "nothing", "string"), ("/*[http]/url", "string", "nothing")]),
    ([{"id": "cft-own-1", "a": 1}], [{"id": "cft-own-2", "a": 1}, {"id": "somebody", "b": None}], []),
    ([{"node": "emqx@10.0.0.1", "a": 1}], [{"node": "emqx@10.0.0.2"}], [("/*/a", "number", "nothing")]),
    (1, "1", [("", "number", "string")]),
])  # fmt: skip
def test_what_differs(one: Any, other: Any, expected: list[tuple[str, str, str]]) -> None:
    assert differences(one, other) == expected
