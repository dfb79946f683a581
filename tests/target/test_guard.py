"""The guard knows all 77 operations and lets nothing foreign through."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract import load_contract
from conformance.target.guard import (
    BODY_CHECKS,
    GLOBAL_OPERATIONS,
    Access,
    Guard,
    Outgoing,
    lenient_readings,
    unclassified,
)
from conformance.target.hosts import HostPolicy
from conformance.target.mode import Mode
from conformance.target.sandbox import Sandbox

CONTRACT = load_contract()
SANDBOX = Sandbox("0abcdef1234", "gw0")
GUARD = Guard(CONTRACT, SANDBOX, HostPolicy(["sink.example:8080"]), Mode.SANDBOXED)
EXCLUSIVE = Guard(CONTRACT, SANDBOX, HostPolicy(), Mode.EXCLUSIVE)
OWN = SANDBOX.name("own")
TOPIC = SANDBOX.topic("own")


def refusal(method: str, path: str, body: Any = None, guard: Guard = GUARD) -> str | None:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return guard.refusal(Outgoing(method, path, content, "application/json"))


def test_every_operation_is_classified() -> None:
    counts = dict.fromkeys(Access, 0)
    for label in CONTRACT.operations:
        counts[GUARD.classify(label)] += 1
    assert sum(counts.values()) == 77
    assert counts[Access.GLOBAL] == len(GLOBAL_OPERATIONS) == 5
    assert list(unclassified(CONTRACT)) == []
    assert set(BODY_CHECKS) <= set(CONTRACT.operations)


@pytest.mark.parametrize("label", sorted(GLOBAL_OPERATIONS))
def test_global_operations_need_exclusive(label: str) -> None:
    method, path = label.split(" ")
    assert "needs --exclusive" in (refusal(method, path) or "")
    assert refusal(method, path, guard=EXCLUSIVE) is None


FOREIGN: list[tuple[str, str, Any]] = [
    ("DELETE", "/rules/theirs", None),
    ("PUT", "/rules/theirs", {"enable": False}),
    ("DELETE", "/connectors/http:theirs", None),
    ("PUT", "/actions/http:theirs/enable/false", None),
    ("POST", "/connectors/http:theirs/start", None),
    ("POST", "/connectors", {"type": "http", "name": "theirs", "url": "http://x.invalid"}),
    ("POST", "/connectors", {"type": "http", "name": OWN, "url": "http://203.0.113.9:80"}),
    ("POST", "/connectors_probe", {"type": "mqtt", "name": OWN, "server": "broker.example.com:1883"}),
    ("POST", "/actions", {"type": "http", "name": OWN, "connector": "theirs"}),
    ("POST", "/rules", {"id": OWN, "sql": 'SELECT * FROM "#"'}),
    ("POST", "/rules", {"id": OWN, "sql": "select * from 'theirs/#'"}),
    ("POST", "/rules", {"sql": f'SELECT * FROM "{TOPIC}"'}),
    ("POST", "/rules", {"id": OWN, "sql": 'SELECT * FROM "$events/client_connected"'}),
    ("POST", "/rules", {"id": OWN, "sql": f'SELECT * FROM "{TOPIC}", "theirs"'}),
    ("PUT", f"/rules/{OWN}", {"actions": [{"function": "republish", "args": {"topic": "theirs"}}]}),
    ("PUT", f"/rules/{OWN}", {"actions": ["http:theirs"]}),
    ("POST", "/schema_registry", {"name": "theirs", "type": "avro", "source": "{}"}),
    ("POST", "/authentication/password_based:built_in_database/users", {"user_id": "theirs", "password": "p"}),
    ("POST", "/authentication/password_based:built_in_database/users", {"user_id": 5, "password": "p"}),
    ("POST", "/authentication/password_based:built_in_database/import_users", [{"user_id": "theirs"}]),
    ("DELETE", "/authentication/password_based:built_in_database/users/%2E%2E", None),
    ("DELETE", "/authentication/password_based:built_in_database/users/..", None),
    ("DELETE", "/authentication/password_based:built_in_database/users/%252E%252E", None),
    ("DELETE", f"/mqtt/retainer/message/{OWN}%2F..%2F..", None),
    ("POST", "/authorization/sources/built_in_database/rules/users", [{"username": "theirs", "rules": []}]),
    ("POST", "/authorization/sources/built_in_database/rules/clients", {"1": {"clientid": "theirs", "rules": []}}),
    ("PUT", "/authorization/sources/built_in_database/rules/users/theirs", {"username": "theirs", "rules": []}),
    ("DELETE", "/clients/theirs", None),
    ("POST", "/clients/kickout/bulk", ["theirs"]),
    ("POST", "/clients/kickout/bulk", [OWN, "theirs"]),
    ("POST", f"/clients/{OWN}/subscribe", {"topic": "#"}),
    ("POST", f"/clients/{OWN}/subscribe", {"topic": "$share/group/#"}),
    ("POST", "/publish", {"topic": "theirs", "payload": ""}),
    ("POST", "/publish", b"{'topic':'theirs','payload':''}"),
    ("POST", "/publish", b'{"topic":"' + TOPIC.encode() + b'","topic":"theirs","payload":""}'),
    ("POST", "/publish", b'\xef\xbb\xbf{"topic":"theirs","payload":"",}'),
    ("POST", "/publish/bulk", [{"topic": TOPIC, "payload": ""}, {"topic": "theirs", "payload": ""}]),
    ("DELETE", "/mqtt/retainer/message/%23", None),
    ("POST", "/banned", {"as": "clientid", "who": "theirs"}),
    ("POST", "/banned", {"as": "clientid_re", "who": ".*"}),
    ("POST", "/banned", {"as": "peerhost_net", "who": "0.0.0.0/0"}),
    ("POST", "/banned", {"as": "peerhost", "who": "127.0.0.1"}),
    ("POST", "/banned", {"as": "username", "who": 7}),
    ("DELETE", "/banned/clientid/theirs", None),
    ("DELETE", "/banned/clientid/%2E%2E", None),
    ("DELETE", "/banned/clientid/", None),
    ("POST", "/nodes/leave", None),
    ("PATCH", "/rules", None),
]


@pytest.mark.parametrize(("method", "path", "body"), FOREIGN, ids=lambda value: str(value)[:60])
def test_foreign_writes_are_refused(method: str, path: str, body: Any) -> None:
    assert refusal(method, path, body) is not None
    assert refusal(method, path, body, EXCLUSIVE) is not None


LEGITIMATE: list[tuple[str, str, Any]] = [
    ("GET", "/rules/theirs", None),
    ("GET", "/clients?like_clientid=%25", None),
    ("DELETE", f"/rules/{OWN}", None),
    ("POST", "/connectors", {"type": "http", "name": OWN, "url": "http://x.invalid:80/path"}),
    ("POST", "/connectors", {"type": "http", "name": OWN, "url": "http://sink.example:8080/hook"}),
    ("POST", "/connectors", {"type": "http", "name": OWN, "url": "http://127.0.0.1:9"}),
    ("POST", "/connectors", {"type": "http", "name": None}),
    ("POST", "/rules", {"id": OWN, "sql": f'SELECT payload.x as y FROM "{TOPIC}/#" WHERE y > 1'}),
    ("POST", "/rules", {"id": OWN, "sql": f"SELECT * FROM \"$events/client_connected\" WHERE clientid =~ '{OWN}'"}),
    ("POST", "/rules", {"id": OWN, "sql": "not a statement"}),
    ("POST", "/publish", {"topic": TOPIC, "payload": ""}),
    ("POST", "/publish", b"\x00\xff"),
    ("POST", "/banned", {"as": "peerhost", "who": "192.0.2.9"}),
    ("POST", "/banned", {"as": "clientid_re", "who": f"^{OWN}.*$"}),
    ("DELETE", f"/mqtt/retainer/message/{quote(TOPIC, safe='')}", None),
    ("POST", "/clients/kickout/bulk", []),
    ("POST", f"/clients/{OWN}/subscribe", {"topic": f"$share/g/{TOPIC}"}),
]


@pytest.mark.parametrize(("method", "path", "body"), LEGITIMATE, ids=lambda value: str(value)[:60])
def test_the_suites_own_writes_pass(method: str, path: str, body: Any) -> None:
    assert refusal(method, path, body) is None


def test_probe_for_405_passes_only_without_credentials() -> None:
    assert GUARD.refusal(Outgoing("DELETE", "/rules", b"", signed=False)) is None
    assert GUARD.refusal(Outgoing("DELETE", "/rules", b"", signed=True)) is not None
    assert GUARD.refusal(Outgoing("DELETE", "/banned", b"", signed=False)) is not None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_every_strict_json_text_is_read_as_it_stands(value: Any) -> None:
    readings = lenient_readings(json.dumps(value).encode())
    assert value in readings or value == ""


@given(st.binary(max_size=60))
def test_guard_never_breaks_on_any_body(body: bytes) -> None:
    for label in BODY_CHECKS:
        method, path = label.split(" ")
        for name in ("id", "name", "username", "clientid"):
            path = path.replace("{" + name + "}", OWN)
        GUARD.refusal(Outgoing(method, path, body, "application/json"))
