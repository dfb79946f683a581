"""What later releases take otherwise: they are sent what they take, and need not refuse what they may."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.later import as_later, brief, completed
from conformance.contract.leniency import Leniency

CONTRACT = load_contract()
LENIENCY = Leniency(CONTRACT)
TYPES = ("iotdb", "kafka_consumer", "tdengine")


@pytest.mark.parametrize("resource_type", TYPES)
def test_what_later_releases_take_is_valid(resource_type: str) -> None:
    for example in CONTRACT.body_examples("POST /connectors", resource_type).values():
        body = dict(example)
        as_later(body, resource_type)
        assert body == dict(example), "an example is no body for later releases"
        body |= {"token": "t"} if resource_type == "tdengine" else {}
        as_later(body, resource_type)
        assert CONTRACT.validate_request("POST /connectors", body, resource_type) == []


@pytest.mark.parametrize(
    ("resource_type", "body", "expected"),
    [
        ("tdengine", {"token": "t"}, {"username": "writer", "password": "not-a-real-password"}),
        ("tdengine", {"username": "u", "password": "p", "token": "t"}, {"username": "u", "password": "p"}),
        ("iotdb", {"iotdb_version": "v1.1.x"}, {"iotdb_version": "v1.3.x"}),
        ("iotdb", {"protocol_version": "protocol_v1"}, {"protocol_version": "protocol_v3"}),
        ("kafka_consumer", {"health_check_topic": "t", "enable": False}, {"enable": False}),
        ("http", {"token": "t", "iotdb_version": "v1.1.x"}, {"token": "t", "iotdb_version": "v1.1.x"}),
    ],
)
def test_body_for_later_releases(resource_type: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    as_later(body, resource_type)
    assert body == expected


@pytest.mark.parametrize(
    ("label", "resource_type", "missing"),
    [
        ("POST /connectors", "snowflake", ("username",)),
        ("POST /connectors", "snowflake", ("password",)),
        ("POST /actions", "rabbitmq", ("parameters", "exchange")),
    ],
)
def test_what_later_releases_do_not_require_may_be_missing(
    label: str, resource_type: str, missing: tuple[str, ...]
) -> None:
    body = _without(next(iter(CONTRACT.body_examples(label, resource_type).values())), missing)
    assert LENIENCY.certainly_invalid(label, body, resource_type)
    assert not LENIENCY.certainly_invalid(label, completed(body, resource_type), resource_type)


def test_what_they_ignore_may_be_anything() -> None:
    example = next(iter(CONTRACT.body_examples("POST /connectors", "kafka_consumer").values()))
    body = {**example, "health_check_topic": {}}
    assert LENIENCY.certainly_invalid("POST /connectors", body, "kafka_consumer")
    assert not LENIENCY.certainly_invalid("POST /connectors", completed(body, "kafka_consumer"), "kafka_consumer")


@pytest.mark.parametrize("body", ["text", 5, None, [], {"parameters": "text"}, {"parameters": None}, {}])
@pytest.mark.parametrize("resource_type", ["rabbitmq", "snowflake", "kafka_consumer", None])
def test_other_faults_stay(body: Any, resource_type: str | None) -> None:
    assert LENIENCY.certainly_invalid("POST /connectors", completed(body, resource_type), resource_type or "http")


def _without(body: Any, path: tuple[str, ...]) -> Any:
    first, *rest = path
    if rest:
        return {**body, first: _without(body[first], tuple(rest))}
    return {name: value for name, value in body.items() if name != first}


@pytest.mark.parametrize("resource_type", CONTRACT.types("connectors"))
def test_every_type_can_be_brief(resource_type: str) -> None:
    body = dict(next(iter(CONTRACT.body_examples("POST /connectors", resource_type).values())))
    brief(body)
    assert CONTRACT.validate_request("POST /connectors", body, resource_type) == []
    assert body["resource_opts"]["start_timeout"] == "1ms"
    body["resource_opts"] = "none"
    brief(body)
    assert body["resource_opts"] == "none"
