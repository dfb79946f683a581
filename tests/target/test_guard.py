"""The guard knows all operations, lets nothing foreign through, and what the suite needs it does."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.contract import paths
from conformance.target.guard.bodies import SECRET_FIELDS
from conformance.target.guard.guard import Guard, Outgoing
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.guard.table import TABLE, Access
from tests.safety.foreign_writes import (
    APPLIED,
    APPLIED_BY_LENIENT_SERVERS,
    SUSPECT,
    http_action,
    http_connector,
    imported,
    own_rule,
    republish,
    write,
)
from tests.safety.legitimate_writes import LEGITIMATE
from tests.safety.network import CONFIGURED_HOSTS
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX, contract

HOSTS = HostPolicy(CONFIGURED_HOSTS)
GUARDS = {mode: Guard(contract(), SANDBOX, HOSTS, mode) for mode in Mode}
GLOBAL = [label for label, touch in TABLE.items() if touch.access is Access.GLOBAL]


def refused(request: Outgoing, mode: Mode = Mode.SANDBOXED) -> str:
    return GUARDS[mode].refusal(request) or ""


def described(value: object) -> str | None:
    if isinstance(value, Outgoing):
        return f"{value.method} {value.path[-60:]} {value.body.decode('utf-8', 'replace')[:90]}"
    return None


def test_table_knows_exactly_the_operations_of_the_contract() -> None:
    assert set(TABLE) == set(contract().operations)
    for label, operation in contract().operations.items():
        touch = TABLE[label]
        assert (touch.access is Access.READ) == (operation.method == "GET")
        takes_body = bool(operation.request_bodies) and touch.access is Access.SANDBOXED
        assert takes_body == (touch.body is not None or touch.upload is not None), label


def test_every_parameter_of_a_path_is_looked_at() -> None:
    """An operation whose path addresses something foreign is refused, whatever its body."""
    free = {"operation": "start", "enable": "false"}
    for label, operation in contract().operations.items():
        if TABLE[label].access is not Access.SANDBOXED or "{" not in operation.path:
            continue
        path = operation.path
        for parameter in operation.parameters_in("path"):
            path = path.replace(f"{{{parameter.name}}}", free.get(parameter.name, "theirs"))
        assert "outside the sandbox" in refused(write(operation.method, path)), label


def test_operation_that_nobody_classified_is_refused() -> None:
    assert "no such operation" in refused(write("POST", "/nodes/leave"), Mode.DISPOSABLE)
    with pytest.raises(KeyError):
        GUARDS[Mode.DISPOSABLE].classify("POST /nodes/leave")


@pytest.mark.parametrize("request_", [*APPLIED, *APPLIED_BY_LENIENT_SERVERS, *SUSPECT], ids=described)
def test_foreign_write_is_refused(request_: Outgoing) -> None:
    assert refused(request_)
    assert refused(request_, Mode.READ_ONLY)


@pytest.mark.parametrize("request_", LEGITIMATE, ids=described)
def test_what_the_suite_needs_passes(request_: Outgoing) -> None:
    assert not refused(request_)


@pytest.mark.parametrize("label", GLOBAL)
def test_global_operation_needs_exclusive(label: str) -> None:
    request = write(*label.split(" "))
    assert "needs --exclusive" in refused(request)
    assert not refused(request, Mode.EXCLUSIVE)


def test_read_only_refuses_every_write() -> None:
    for request in LEGITIMATE:
        is_read = request.method in ("GET", "HEAD")
        assert bool(refused(request, Mode.READ_ONLY)) != is_read


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/banned/clientid/%2E%2E", True),
        (f"{paths.USER_RULES}/..", True),
        (f"{paths.CLIENT_RULES}/%2e%2E", True),
        ("/banned/%2e", True),
        (f"{paths.USERS}/%2E%2E", False),
        ("/banned/clientid/%2E", False),
        (f"{paths.RULES_OF_ALL}/x/../../users/theirs", False),
        (f"/rules/{OWN}/../../banned", True),
        ("/mqtt/retainer/message/%2E%2E", False),
        ("/banned/clientid/%252E%252E", False),
        ("/banned/clientid/x%2F..%2F..", False),
    ],
)
def test_dot_segments_may_only_stand_for_what_an_exclusive_run_may_wipe(path: str, allowed: bool) -> None:
    request = write("DELETE", path)
    assert refused(request)
    assert bool(refused(request, Mode.EXCLUSIVE)) is not allowed
    assert bool(refused(request, Mode.DISPOSABLE)) is not allowed


# What no path carries, or not to every server alike: whatever is stored under it stays.
UNREACHABLE: list[Any] = [
    5, 1.5, True, None, {}, {"a": 1}, {"user_id": OWN}, [], [OWN], list(OWN.encode()), "", ".", "..", f"{OWN}\0",
    f"{OWN}\x1f", f"{OWN}\x85", f"{OWN}\ud800", f"{OWN}\ufffd", f"{OWN}\uffff", f"{OWN}/../x", f"{OWN}/.",
    f"{OWN}%2F..%2Fx", OWN + "x" * 4000, OWN + "ü" * 700,
]  # fmt: skip


def storing(value: Any) -> list[Outgoing]:
    """A request for every way to store something under an id."""
    text = json.dumps(value)
    return [
        write("POST", paths.USERS, {"user_id": value, "password": "p"}),
        write("POST", paths.IMPORT_USERS, [{"user_id": OWN, "password": "p"}, {"user_id": value, "password": "p"}]),
        write("POST", paths.IMPORT_USERS, {"1": {"user_id": value, "password": "p"}}),
        imported("u.json", f'[{{"user_id":{text},"password":"p"}}]'),
        imported("u.csv", f'[{{"user_id":{text},"password":"p"}}]'),
        write("POST", paths.USERS, f'{{"user_id":"{OWN}","user_id":{text},"password":"p"}}'.encode()),
        write("POST", paths.USERS, f"{{'user_id':{text},'password':'p',}}".encode(), "text/plain"),
        write("PUT", f"{paths.USERS}/{OWN}", {"user_id": value, "password": "p"}),
        write("POST", paths.USER_RULES, [{"username": value, "rules": []}]),
        write("POST", paths.CLIENT_RULES, [{"clientid": OWN, "rules": []}, {"clientid": value, "rules": []}]),
        write("PUT", f"{paths.USER_RULES}/{OWN}", {"username": value, "rules": []}),
        write("POST", "/rules", {**own_rule(_SQL), "id": value}),
        write("PUT", f"/rules/{OWN}", {"id": value}),
        write("POST", "/schema_registry", {"name": value, "type": "avro", "source": "{}"}),
        write("POST", "/connectors", http_connector("http://127.0.0.1:9") | {"name": value}),
        write("POST", "/actions", http_action(name=value)),
        write("POST", "/banned", {"as": "clientid", "who": value}),
    ]


_SQL = f'SELECT * FROM "{OWN_TOPIC}"'


@pytest.mark.parametrize("value", UNREACHABLE, ids=lambda value: ascii(value)[:60])
def test_what_cannot_be_deleted_again_needs_disposable(value: Any) -> None:
    for request in storing(value):
        assert refused(request), request
        assert "needs --disposable" in refused(request, Mode.EXCLUSIVE), request
        assert not refused(request, Mode.DISPOSABLE), request
        assert GUARDS[Mode.SANDBOXED].least_mode(request) is Mode.DISPOSABLE


def test_ordinary_id_needs_no_mode() -> None:
    for value in (OWN, f"{OWN} /%+?#ü\n", OWN + "x" * 300):
        for request in storing(value):
            assert not refused(request), request
            assert GUARDS[Mode.DISPOSABLE].least_mode(request) is Mode.SANDBOXED


@pytest.mark.parametrize(
    "request_",
    [
        write("POST", "/banned", {"as": {"a": 1}, "who": OWN}),
        write("POST", "/banned", {"as": None, "who": OWN}),
        imported("u.csv", f"user_id,password\n{OWN}\x01,p\n"),
        imported("u.csv", "password,user_id\np,\n"),
        write("POST", "/publish", {"topic": "", "payload": "", "retain": True}),
        write("POST", "/publish", {"topic": {"a": 1}, "payload": "", "retain": "true"}),
        write("POST", "/publish", {"topic": f"{OWN_TOPIC}/../x", "payload": "", "retain": True}),
        write("POST", "/publish/bulk", [{"topic": f"{OWN_TOPIC}/{'t' * 5000}", "payload": "", "retain": 1}]),
        write("POST", "/publish", b'{"topic":"' + OWN_TOPIC.encode() + b'\\u0001","retain":false,"retain":true}'),
        write("POST", "/rules", own_rule(_SQL, republish(f"{OWN_TOPIC}/../x"))),
    ],
    ids=described,
)
def test_other_ids_out_of_reach_need_disposable(request_: Outgoing) -> None:
    assert "needs --disposable" in refused(request_, Mode.EXCLUSIVE)
    assert not refused(request_, Mode.DISPOSABLE)


def test_foreign_request_is_safe_in_no_mode() -> None:
    assert GUARDS[Mode.DISPOSABLE].least_mode(write("DELETE", "/rules/theirs")) is None
    assert GUARDS[Mode.READ_ONLY].least_mode(write("GET", "/rules/theirs")) is Mode.READ_ONLY
    assert GUARDS[Mode.SANDBOXED].least_mode(write("DELETE", "/banned")) is Mode.EXCLUSIVE


@pytest.mark.parametrize("who", ["", ".", "..", 5, ".*"])
def test_pattern_that_hits_everybody_is_never_allowed(who: Any) -> None:
    assert refused(write("POST", "/banned", {"as": "clientid_re", "who": who}), Mode.DISPOSABLE)


def test_number_as_secret_needs_exclusive() -> None:
    for path, body in (
        ("/connectors", {"type": "pgsql", "name": OWN, "password": 0}),
        ("/connectors", {"type": "elasticsearch", "name": OWN, "authentication": {"password": 1.5}}),
        ("/connectors", {**http_connector("http://127.0.0.1:9"), "headers": {"Authorization": 7}}),
    ):
        assert "needs --exclusive" in refused(write("POST", path, body))
        assert not refused(write("POST", path, body), Mode.EXCLUSIVE)
        assert not refused(write("POST", f"{path}_probe", body)), "a probe stores nothing"


def test_every_secret_of_the_contract_is_known_as_one() -> None:
    pending: list[tuple[str, Any]] = [("", contract().document)]
    secrets = set()
    while pending:
        name, node = pending.pop()
        if isinstance(node, dict):
            if node.get("format") == "password":
                secrets.add(name)
            pending.extend(node.items())
        elif isinstance(node, list):
            pending.extend((name, item) for item in node)
    assert secrets
    assert secrets <= SECRET_FIELDS


def test_probe_for_405_passes_only_without_credentials() -> None:
    assert not refused(Outgoing("DELETE", "/rules", b"", signed=False))
    assert refused(Outgoing("DELETE", "/rules", b"", signed=True))
    assert refused(Outgoing("DELETE", "/nodes", b"", signed=False))
    assert refused(Outgoing("DELETE", "/banned", b"", signed=False))
    assert refused(Outgoing("DELETE", "/rules/theirs", b"", signed=False))


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"content-length": "2"}, "the rest would be a request"),
        ({"transfer-encoding": "chunked"}, "more than one request"),
        ({"content-encoding": "gzip"}, "cannot be judged"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_body_cannot_hide_a_second_request(method: str, headers: dict[str, str], why: str) -> None:
    body = b"{}DELETE /api/v5/banned HTTP/1.1\r\n\r\n"
    assert why in refused(Outgoing(method, "/publish", body, "application/json", headers=headers))
    assert not refused(Outgoing(method, "/publish", b"{}", headers={"content-length": "2", "accept": "*/*"}))


def test_session_of_others_is_not_taken_over_through_a_connector() -> None:
    back = {"type": "mqtt", "name": OWN, "server": "broker.example:1883"}
    static = {"static_clientids": [{"node": "emqx@n", "ids": [{"clientid": "theirs"}]}]}
    own = {"clientid_prefix": OWN}
    assert "clientid_prefix" in refused(write("POST", "/connectors", back))
    assert "not ['theirs']" in refused(write("POST", "/connectors", back | {"clientid_prefix": "theirs"}))
    assert "static clientid 'theirs'" in refused(write("PUT", f"/connectors/mqtt:{OWN}", back | own | static))
    assert not refused(write("POST", "/connectors", back | own))
    assert not refused(write("POST", "/connectors", back | static | {"server": "127.0.0.1:9"}))


def test_refusal_names_what_is_foreign_and_why() -> None:
    assert refused(write("DELETE", "/rules/theirs")) == f"rule id 'theirs' is outside the sandbox {SANDBOX.prefix}"
    assert "'theirs/#'" in refused(write("POST", "/publish", {"topic": "theirs/#"}))
    long = refused(write("POST", "/publish", {"topic": "x" * 5000}))
    assert len(long) < 400


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_guard_never_breaks_on_any_body(body: bytes) -> None:
    for label, touch in TABLE.items():
        if touch.body is None and touch.upload is None:
            continue
        method, path = label.split(" ")
        for parameter in contract().operation(label).parameters_in("path"):
            path = path.replace(f"{{{parameter.name}}}", OWN)
        for content_type in ("application/json", "multipart/form-data; boundary=b"):
            GUARDS[Mode.SANDBOXED].refusal(Outgoing(method, path, body, content_type))


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=40))
def test_guard_never_breaks_on_any_path(path: str) -> None:
    for method in ("DELETE", "PUT", "POST", "GET", "PATCH"):
        GUARDS[Mode.DISPOSABLE].refusal(Outgoing(method, f"/{path}", b""))


def test_deep_and_long_bodies_are_judged_all_the_same() -> None:
    deep = b'{"topic":"' + OWN_TOPIC.encode() + b'","deep":' + b'{"a":[' * 20_000 + b'{"topic":"theirs/a"}'
    assert "'theirs/a'" in refused(Outgoing("POST", "/publish", deep, "application/json"))
    many = json.dumps([{"topic": OWN_TOPIC, "payload": "x" * 50}] * 2000).encode()
    assert not refused(Outgoing("POST", "/publish/bulk", many, "application/json"))
