"""Other values for the fields of what is put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.contract.fields import Path, value_at
from conformance.fuzz.other_values import with_other_values
from conformance.target.guard.hosts import HostPolicy
from conformance.target.resources.typed import TypedBodies, configured, differing
from tests.fuzz.test_stored_values import ACTION, CONNECTOR, CONTRACT, EVERY, replacement_of, rows_of


def others(label: str, resource_type: str, body: Mapping[str, Any], **instead: Any) -> dict[str, Any]:
    schema = CONTRACT.body_schema(label, resource_type)
    assert schema is not None

    def is_fine(candidate: Mapping[str, Any]) -> bool:
        return not CONTRACT.validate_request(label, candidate, resource_type)

    return with_other_values(CONTRACT, schema, body, **{"may_change": lambda path: True, "is_fine": is_fine, **instead})


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_of_every_type_fields_change_and_the_body_stays_valid_safe_and_as_secret(
    label: str, resource_type: str
) -> None:
    body = configured(rows_of(replacement_of(label, resource_type))[0])
    bodies = TypedBodies(CONTRACT, f"POST /{label.split('/')[1]}", resource_type)

    result = others(label, resource_type, body)

    assert CONTRACT.validate_request(label, result, resource_type) == []
    changed = set(differing(body, result))
    assert len(changed) >= 2
    assert all(value_at(result, path) is not None for path in changed), "nothing is taken away"
    assert not any(bodies.is_secret(path) or bodies.is_ignored(path) for path in changed)
    assert not changed & {("enable",), ("connector",), ("ssl", "enable")}
    hosts = HostPolicy()
    assert [*hosts.findings(result)] == [*hosts.findings(body)]


@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("pool_size", 8, 9),
        ("clean_start", True, False),
        ("keepalive", "300s", "301s"),
        ("username", "bridge", "bridge2"),
        ("server", "127.0.0.1:9", "nobody.invalid:9"),
        ("server", "broker.invalid:1883", "broker.invalid:1883"),
        ("proto_ver", "v4", "v4"),
        ("password", "secret", "secret"),
        ("tags", ["a"], ["a", "other"]),
    ],
)
def test_a_field_gets_another_value_of_its_kind(field: str, value: Any, other: Any) -> None:
    body = {"enable": False, "server": "broker.invalid:1883", field: value}
    assert others(CONNECTOR, "mqtt", body)[field] == other


def test_texts_with_a_grammar_of_their_own_stay() -> None:
    parameters = {"path": "/a/${clientid}", "method": "post", "body": "${.}", "max_retries": 2}
    body = {"enable": False, "connector": "c", "parameters": parameters}
    assert others(ACTION, "http", body) == {**body, "parameters": {**parameters, "max_retries": 3}}


def test_a_field_that_may_not_change_stays() -> None:
    body = {"server": "127.0.0.1:9", "pool_size": 1, "username": "u"}

    def may_change(path: Path) -> bool:
        return path == ("username",)

    assert others(CONNECTOR, "mqtt", body, may_change=may_change) == {**body, "username": "u2"}


def test_what_makes_a_body_impossible_is_left_out() -> None:
    body = {"server": "127.0.0.1:9", "pool_size": 1, "username": "u"}
    few = others(CONNECTOR, "mqtt", body, is_fine=lambda candidate: candidate["pool_size"] < 2)
    assert few == {"server": "nobody.invalid:9", "pool_size": 1, "username": "u2"}
