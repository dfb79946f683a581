"""Connectors may only lead to the suite's own hosts, to names that do not exist, and to a closed port."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from conformance.contract.operations import ResourceKind
from conformance.target.guard.hosts import HOST_FIELDS, NEVER_STARTED, HostPolicy
from conformance.target.guard.readings import lenient_readings
from tests.safety.shared_target import contract

POLICY = HostPolicy(["sink.example:8080", "mqtts://[2001:db8::1]:8883"])


@pytest.mark.parametrize(
    "value",
    [
        "sink.example:8080",
        "http://sink.example:8080/path?q=1#f",
        "HTTP://SINK.EXAMPLE:8080",
        "[2001:db8::1]:8883",
        "x.invalid",
        "http://a.b.invalid:80",
        "x.invalid.",
        "127.0.0.1:9",
        "http://localhost:9/x",
        "[::1]:9",
        "???",
    ],
)
def test_allowed(value: str) -> None:
    assert POLICY.allows(value)


@pytest.mark.parametrize(
    "value",
    [
        "example.com",
        "sink.example",
        "sink.example:80",
        "http://sink.example:8080@example.com",
        "http://example.com\\@sink.example:8080",
        "http://x.invalid#@example.com",
        "http://x.invalid/@example.com",
        "http://example.com/.invalid",
        "http://example.com%2f.invalid",
        "example.com?.invalid",
        "${host}",
        "http://example.com/${path}",
        "http://${host}.invalid",
        "invalid",
        "x.invalid.example.com",
        "xinvalid",
        "e\u2488invalid",
        "example\u3002com",
        "127.0.0.1",
        "127.0.0.1:99",
        "localhost",
        "0.0.0.0:9",
        "127.1:9",
        "2130706433:9",
        "0x7f.1:9",
        "[::ffff:10.0.0.1]:9",
        "[::]:9",
        "::",
        "auto",
        "http:example.com",
        "file:///etc/passwd",
    ],
)
def test_stranger(value: str) -> None:
    assert not POLICY.allows(value)


@pytest.mark.parametrize(
    ("body", "safe"),
    [
        ({"server": "127.0.0.1", "port": 9}, True),
        ({"server": "127.0.0.1", "port": 1883}, False),
        ({"server": "127.0.0.1", "port": "1883"}, False),
        ({"server": "127.0.0.1:9", "port": 1883}, False),
        ({"host": "x.invalid", "port": 80}, True),
        ({"host": "http://x.invalid", "port": 80}, False),
        ({"servers": "a.invalid:1, b.invalid"}, True),
        ({"servers": "a.invalid:1,example.com"}, False),
        ({"servers": ["a.invalid", "example.com"]}, False),
        ({"servers": {"1": "example.com"}}, False),
        ({"servers": [101, "xample.com", 46]}, False),
        ({"server": 2130706433}, False),
        ({"parameters": {"deep": [{"host": "example.com"}]}}, False),
        ({"ssl": {"server_name_indication": "auto"}}, True),
        ({"ssl": {"server_name_indication": "disable"}}, True),
        ({"server": "disable"}, False),
        ({"description": "example.com"}, True),
        ({"proxy": "none"}, True),
        ({"proxy": {"host": "example.com", "port": 9}}, False),
        ({"proxy": {"host": "127.0.0.1", "port": 9}}, True),
        ({"server": None, "url": True, "hosts": {}}, True),
    ],
)
def test_bodies(body: Any, safe: bool) -> None:
    assert (not list(POLICY.findings(body))) is safe


def test_repeated_field_is_judged_value_by_value() -> None:
    (reading,) = lenient_readings(b'{"server":"x.invalid","server":"example.com"}')
    assert list(POLICY.findings(reading))


# Fields of connectors and actions that look like hosts and lead nowhere.
_ONLY_OF_UNSTARTED = "only of types that are never started"
_NO_HOSTS: Mapping[str, str] = {
    "account": _ONLY_OF_UNSTARTED,
    "account_key": _ONLY_OF_UNSTARTED,
    "account_name": _ONLY_OF_UNSTARTED,
    "dsn": _ONLY_OF_UNSTARTED,
    "instance_name": _ONLY_OF_UNSTARTED,
    "service_account_json": _ONLY_OF_UNSTARTED,
    "service_name": _ONLY_OF_UNSTARTED,
    "node": "a node of the target itself",
    "path": "below the URL of the connector, on its connection",
    "region": "part of a signature; the URL is given",
    "sentinel": "the name of a group of servers",
    "server_selection_timeout_ms": "a duration",
    "verify_peer_ext_key_usage": "a purpose of certificates",
    "virtual_host": "a namespace of RabbitMQ",
}
_HOST_WORDS = frozenset(
    {
        "account", "address", "bootstrap", "broker", "brokers", "domain", "dsn", "endpoint", "gateway", "host", "hosts",
        "instance", "listen", "node", "peer", "proxy", "region", "resolve", "sentinel", "server", "servers", "service",
        "uri", "url",
    }
)  # fmt: skip
_SAYS_IT_IS_A_HOST = re.compile(r"\bURL\b|\bhosts?\b|\baddress", re.IGNORECASE)


def _fields(schema: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    schema = contract().resolve(schema)
    for member in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _fields(member, depth + 1)
    if "items" in schema:
        yield from _fields(schema["items"], depth + 1)
    for name, member in schema.get("properties", {}).items():
        resolved = contract().resolve(member)
        yield name, resolved
        if depth < 8:
            yield from _fields(resolved, depth + 1)


def _looks_like_a_host(name: str, field: Mapping[str, Any]) -> bool:
    if field.get("type") not in (None, "string", "array", "object"):
        return False
    says_so = _SAYS_IT_IS_A_HOST.search(str(field.get("description", "")))
    return bool(_HOST_WORDS & set(name.split("_")) or says_so)


def test_every_field_that_looks_like_a_host_is_judged() -> None:
    """Of all types, found from the contract: a new type with a new field fails here until somebody has looked."""
    kinds: tuple[ResourceKind, ...] = ("connectors", "actions")
    suspects: dict[str, set[str]] = {}
    for kind in kinds:
        for resource_type in contract().types(kind):
            schema = contract().body_schema(f"POST /{kind}", resource_type)
            assert schema is not None
            for name, field in _fields(schema):
                if _looks_like_a_host(name, field):
                    suspects.setdefault(name, set()).add(resource_type)
    assert {"server", "servers", "url", "base_url", "bootstrap_hosts", "host", "endpoint"} <= set(suspects)
    assert set(suspects) - HOST_FIELDS == set(_NO_HOSTS)
    for name, reason in _NO_HOSTS.items():
        assert reason != _ONLY_OF_UNSTARTED or suspects[name] <= NEVER_STARTED, name


def test_types_that_are_never_started_exist() -> None:
    assert set(contract().types("connectors")) >= NEVER_STARTED
