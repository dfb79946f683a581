"""No text is stored that would make the configuration of a real node unreadable for everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract import load_contract
from conformance.target.guard.guard import Guard, Outgoing
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import Sandbox
from conformance.target.guard.texts import CONFIGURED, damaging_texts, harmless

SANDBOX = Sandbox("0abcdefghij")
HARMLESS = ("", "a", "a\\b", '"', "~", "a\n", "${x}", "\\n", "\u0000")
DAMAGING = ("\\", "a\\", "a\\\\", "a\nb\\", "\u2028", "a\u2029b")


def schema(**fields: Any) -> Outgoing:
    body = {"name": SANDBOX.name(), "type": "avro", "source": "{}", **fields}
    return Outgoing("POST", "/schema_registry", json.dumps(body).encode(), "application/json")


def guard(mode: Mode) -> Guard:
    return Guard(load_contract(), SANDBOX, HostPolicy(), mode)


@pytest.mark.parametrize("text", DAMAGING)
@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: [text], lambda text: {"a": text}, lambda text: {text: 1}]
)
def test_what_a_node_could_never_read_back_needs_a_disposable_target(text, wrap):
    request = schema(description=wrap(text))

    assert "unreadable for good" in (guard(Mode.EXCLUSIVE).refusal(request) or "")
    assert guard(Mode.DISPOSABLE).refusal(request) is None
    assert guard(Mode.SANDBOXED).least_mode(request) is Mode.DISPOSABLE


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_pass(text):
    assert guard(Mode.SANDBOXED).refusal(schema(description=text)) is None


def test_every_operation_that_changes_the_configuration_is_meant():
    known = set(load_contract().operations)
    assert known >= CONFIGURED
    changing = {label for label in known if label.startswith(("POST", "PUT"))}
    stores = ("/connectors", "/actions", "/rules", "/schema_registry")
    bodies = {
        label
        for label in changing
        if label.split()[1].startswith(stores) and load_contract().operation(label).json_body
    }
    assert bodies - CONFIGURED == {"POST /connectors_probe", "POST /actions_probe", "POST /rules/{id}/test"} & bodies


@given(
    st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
)
def test_a_body_is_damaging_only_for_what_it_holds(body):
    spelled = json.dumps(body, ensure_ascii=False)
    if not any(mark in spelled for mark in ("\\", "\u2028", "\u2029")):
        assert list(damaging_texts(body)) == []


JSON = st.recursive(
    st.text("ab\\\u2028\n"), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a\\"), inner)
)


@given(JSON)
def test_a_harmless_copy_holds_nothing_that_damages(body):
    """Texts in lists may spell a longer one, which is judged as well: what ends it counts."""
    copy = harmless(body)
    assert list(damaging_texts(copy)) == []
    if list(damaging_texts(body)) == []:
        assert copy == body or isinstance(body, list | dict)
