"""Of a connector or action type that the contract lacks nothing passes that could name a host."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.contract.operations import ResourceKind
from conformance.fuzz.unknown_types import is_of_unknown_type, keep_harmless
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.types import KnownTypes, stated_types
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX, contract

KNOWN = KnownTypes(contract())
HOSTS = HostPolicy(["sink.example:8080"])
KINDS: tuple[ResourceKind, ...] = ("connectors", "actions")


def objections(body: Any, **path: str) -> list[str]:
    return list(KNOWN.findings(body, path, HOSTS, SANDBOX))


def test_every_type_of_the_contract_is_known() -> None:
    for kind in KINDS:
        for resource_type in contract().types(kind):
            assert objections({"type": resource_type, "anything": "db.example.com"}) == []
            assert objections({"anything": "db.example.com"}, id=f"{resource_type}:{OWN}") == []


@pytest.mark.parametrize("resource_type", ["doris", "s3tables", "disk_log", "no-such-member", "mqtt2", "\u017fql"])
def test_other_types_are_not(resource_type: str) -> None:
    assert objections({"type": resource_type, "fe_nodes": "db.example.com:9030"})
    assert objections({"fe_nodes": "db.example.com:9030"}, id=f"{resource_type}:{OWN}")
    assert objections({"type": ["http", resource_type], "fe_nodes": "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", OWN),
        ("local_topic", OWN_TOPIC),
        ("description", "x.invalid"),
        ("description", "http://sink.example:8080/path"),
        ("description", ""),
        ("body", "${.}"),
        ("enable", False),
        ("description", None),
        ("pool_size", 8),
        ("resource_opts", {"health_check_interval": "15s", "query_mode": "async", "max_buffer_bytes": "64MB"}),
        ("parameters", {"method": "post", "path": "/a/b"}),
        ("tags", []),
        ("tags", [OWN, OWN]),
        ("server", "judged as in every body"),
    ],
)
def test_what_names_no_host_passes(name: str, value: Any) -> None:
    assert objections({"type": "doris", name: value}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fe_nodes", 1),
        ("description", "db"),
        ("description", "db.example.com"),
        ("description", "post"),
        ("description", "2130706433"),
        ("description", "//db.example.com"),
        ("description", "/db.example.com"),
        ("description", f"{OWN}.example.com"[1:]),
        ("pool_size", 2130706433),
        ("pool_size", 1.5e9),
        ("method", "15s.example"),
        ("parameters", {"db.example.com": 1}),
        ("parameters", {"deep": {"host": OWN}}),
        ("parameters", {"path": ["a", ["b"]]}),
        ("tags", [100, 98]),
        ("tags", ["d", "b"]),
        ("tags", [OWN, "db"]),
    ],
)
def test_what_could_name_one_does_not(name: str, value: Any) -> None:
    assert objections({"type": "doris", name: value})


def test_what_could_be_a_type_may_not_be_started() -> None:
    assert KNOWN.never_started({"type": "doris"}, {}) == {"doris"}
    assert KNOWN.never_started({}, {"id": f"doris:{OWN}"}) == {"doris"}
    assert KNOWN.never_started({"type": "kinesis"}, {}) == {"kinesis"}
    for nobodys in ("no-such-member", "http", "0", "x y", ""):
        assert KNOWN.never_started({"type": nobodys}, {}) == set()


def test_only_texts_state_a_type() -> None:
    assert stated_types({"type": " HTTP "}, {}) == {"http"}
    assert stated_types({"type": list(b"doris")}, {}) == {"doris"}
    assert stated_types([{"type": "a"}, {"1": {"type": "b"}}], {}) == {"a", "b"}
    for value in (5, None, True, {"a": 1}, ""):
        assert stated_types({"type": value}, {}) == set()


texts = st.text(max_size=8) | st.sampled_from(["db.example.com", "post", "127.0.0.1", "15s", OWN, "/a"])
names = st.sampled_from(["name", "parameters", "server", "fe_nodes", "method", "pool_size", "resource_opts"])
bodies = st.dictionaries(
    names,
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=3),
        max_leaves=6,
    ),
)


@settings(deadline=None, derandomize=True)
@given(bodies)
def test_whatever_a_body_of_an_unknown_type_holds_it_is_made_harmless(body: dict[str, Any]) -> None:
    body["type"] = "no-such-member"
    assert is_of_unknown_type(body)
    keep_harmless(body, SANDBOX)
    assert objections(body) == []
    assert body["type"] == "no-such-member"
