"""What a request may create is recognised in every form a server could read it in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.contract import load_contract, paths
from conformance.target.guard.guard import Outgoing
from conformance.target.journal.creations import creations, deletions
from conformance.target.journal.resource import KINDS, RECORDS, Resource, dependents_first

JSON = "application/json"


def created(label: str, body: object, content_type: str = JSON, **parameters: str) -> list[tuple[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    method, path = label.split(" ", 1)
    return [
        (resource.kind, resource.shown)
        for resource in creations(label, parameters, Outgoing(method, path, content, content_type))
    ]


@pytest.mark.parametrize(
    ("label", "body", "expected"),
    [
        ("POST /connectors", {"type": "http", "name": "a"}, [("connector", "http:a")]),
        ("POST /actions", {"type": "http", "name": "a"}, [("action", "http:a")]),
        ("POST /schema_registry", {"name": "a"}, [("schema", "a")]),
        ("POST /rules", {"id": "r", "name": "n", "sql": "s"}, [("rule", "r")]),
        ("POST /rules", {"name": "n", "sql": "s"}, [("named_rule", "n")]),
        ("POST /rules", {"id": None, "name": "n", "sql": "s"}, [("rule", "null (no text)"), ("named_rule", "n")]),
        ("POST /rules", {"id": {"b": 1, "a": [2]}, "sql": "s"}, [("rule", '{"a":[2],"b":1} (no text)')]),
        (f"POST {paths.USERS}", {"user_id": "u"}, [("user", "u")]),
        (f"POST {paths.USERS}", {"user_id": 5}, [("user", "5 (no text)")]),
        (f"POST {paths.USERS}", {"user_id": "5"}, [("user", "5")]),
        (f"POST {paths.USERS}", {"user_id": True}, [("user", "true (no text)")]),
        (f"POST {paths.USERS}", {"user_id": ""}, [("user", "")]),
        (f"POST {paths.USERS}", {"password": "p"}, []),
        (
            f"POST {paths.IMPORT_USERS}",
            [{"user_id": ["ü"]}, {"user_id": {}}],
            [("user", '["ü"] (no text)'), ("user", "{} (no text)")],
        ),
        (f"POST {paths.IMPORT_USERS}", [{"user_id": "u"}, {"user_id": "v"}], [("user", "u"), ("user", "v")]),
        (f"POST {paths.USER_RULES}", [{"username": "u"}], [("user_rules", "u")]),
        (f"POST {paths.USER_RULES}", {"0": {"username": "u"}}, [("user_rules", "u")]),
        (f"POST {paths.CLIENT_RULES}", [{"clientid": "c"}], [("client_rules", "c")]),
        ("POST /banned", {"as": "peerhost", "who": "192.0.2.1"}, [("ban", "peerhost/192.0.2.1")]),
        ("POST /banned", {"as": "clientid", "who": 5}, [("ban", "clientid/5 (no text)")]),
        ("POST /connectors", {"type": "http", "name": {"a": 1}}, [("connector", 'http:{"a":1} (no text)')]),
        ("POST /publish", {"topic": "t", "retain": True}, [("retained", "t")]),
        ("POST /publish", {"topic": "t", "retain": "true"}, [("retained", "t")]),
        ("POST /publish", {"topic": "t", "retain": False}, []),
        ("POST /publish", {"topic": "t"}, []),
        ("POST /publish/bulk", [{"topic": "t", "retain": True}, {"topic": "u"}], [("retained", "t")]),
        ("POST /connectors", [{"type": "http", "name": "theirs"}], []),
        ("POST /connectors", {"type": "http", "ssl": {"type": "http", "name": "theirs"}}, []),
        ("POST /rules/{id}/test", {"context": {}}, []),
        ("POST /clients/{clientid}/subscribe", {"topic": "t"}, []),
    ],
)
def test_body_names_what_it_creates(label: str, body: object, expected: list[tuple[str, str]]) -> None:
    assert created(label, body) == expected


def test_query_may_name_what_a_request_creates() -> None:
    request = Outgoing("POST", f"{paths.USERS}?user_id=u&user_id=v", b'{"user_id":"w"}', JSON)
    found = creations(f"POST {paths.USERS}", {}, request)
    assert found == [Resource("user", name) for name in ("u", "v", "w")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, "5"),
        ({"b": "ü", "a": None}, '{"a":null,"b":"ü"}'),
        ([["a"]], '[["a"]]'),
        ("x" * 300, "x" * 300),
    ],
)
def test_equal_ids_are_spelled_alike(value: Any, shown: str) -> None:
    assert Resource.identified("user", value).id == shown
    assert Resource.identified("user", value).no_text is not isinstance(value, str)


def test_long_and_deep_ids_are_spelled_all_the_same() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert Resource.identified("user", deep).id == "(nested too deeply)"
    long = Resource.identified("user", ["x" * 300])
    assert long == Resource.identified("user", ["x" * 300]) != Resource.identified("user", ["x" * 301])
    assert len(long.id) < 100


def test_ids_without_a_name_are_told_from_others() -> None:
    nameless = [
        Resource.identified("user", 5), Resource("user", ""), Resource("user", ".."), Resource("ban", "clientid/"),
        Resource("connector", "http:"), Resource.identified("ban", {}, "clientid/"),
    ]  # fmt: skip
    named = [Resource("user", "5"), Resource("ban", "peerhost/192.0.2.1"), Resource("rules_of_all", "[]")]
    assert [resource.nameless for resource in (*nameless, *named)] == [True] * 6 + [False] * 3


def test_upserts_create_what_their_paths_name() -> None:
    assert created("PUT /rules/{id}", {}, id="r") == [("rule", "r")]
    assert created(f"PUT {paths.RULES_OF_USER}", {"username": "v"}, username="u") == [
        ("user_rules", "u"), ("user_rules", "v"),
    ]  # fmt: skip
    assert created(f"PUT {paths.RULES_OF_CLIENT}", {}, clientid="c") == [("client_rules", "c")]


@pytest.mark.parametrize(
    "body",
    [
        b"{'type':'http','name':'a',}",
        b'\xef\xbb\xbf{"type":"http","name":"a"}',
        b'{"type":"http","name":"a"} trailing',
        b'{"type":"http","name":"b","name":"a"}',
    ],
)
def test_sloppy_json_is_read_like_a_sloppy_server(body: bytes) -> None:
    assert ("connector", "http:a") in created("POST /connectors", body)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (b'[{"user_id":"u","password":"p"},{"user_id":"v","password":"p"}]', "users.json"),
        (b"user_id,password\r\nu,p\r\nv,p\r\n", "users.csv"),
        (b"password, user_id\np, u\np, v", "users.csv"),
    ],
)
def test_uploaded_users_are_read_from_the_file(file: bytes, name: str) -> None:
    body = (
        b"--limit\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nnone\r\n"
        b"--limit\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"" + name.encode() + b"\"\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n" + file + b"\r\n--limit--\r\n"
    )  # fmt: skip
    found = created(f"POST {paths.IMPORT_USERS}", body, "multipart/form-data; boundary=limit")
    assert found == [("user", "u"), ("user", "v")]


def test_republished_messages_may_be_retained() -> None:
    def rule(**args: object) -> list[tuple[str, str]]:
        action = {"function": "republish", "args": args}
        return created("POST /rules", {"id": "r", "sql": "s", "actions": [{"function": "console"}, action]})

    assert rule(topic="a/b") == [("rule", "r"), ("retained", "a/b")]
    assert rule(topic="a/b", retain=True) == [("rule", "r"), ("retained", "a/b")]
    assert rule(topic="a/${clientid}/c") == [("rule", "r"), ("retained", "a/#")]
    assert rule(topic="a/b", retain=False) == [("rule", "r")]


def test_every_deletion_names_what_it_deletes() -> None:
    contract = load_contract()
    assert deletions("DELETE /banned/{as}/{who}", {"as": "clientid", "who": "c"}) == [Resource("ban", "clientid/c")]
    assert deletions("DELETE /rules/{id}", {"id": "r"}) == [Resource("rule", "r")]
    assert deletions("GET /rules/{id}", {"id": "r"}) == []
    for kind, record in RECORDS.items():
        path = record.item
        assert f"DELETE {path}" in contract.operations
        parameters = {name[1:-1]: "x" for name in path.split("/") if name.startswith("{")}
        expected = {"named_rule": ["rule"], "rules_of_all": []}.get(kind, [kind])
        assert [resource.kind for resource in deletions(f"DELETE {path}", parameters)] == expected


def test_paths_are_encoded_segment_by_segment() -> None:
    assert Resource("rule", "a/b ?").path == "/rules/a%2Fb%20%3F"
    assert Resource("ban", "peerhost_net/192.0.2.0/24").path == "/banned/peerhost_net/192.0.2.0%2F24"
    assert Resource("ban", "clientid/a/b").path == "/banned/clientid/a%2Fb"
    assert Resource("retained", "a/b").path == "/mqtt/retainer/message/a%2Fb"


def test_dependents_are_deleted_first() -> None:
    ordered = dependents_first([Resource(kind, str(number)) for kind in reversed(KINDS) for number in range(2)])
    assert [resource.kind for resource in ordered] == [kind for kind in KINDS for _ in range(2)]
    assert [resource.id for resource in ordered[:2]] == ["1", "0"], "the youngest of a kind first"
    assert KINDS.index("rule") < KINDS.index("action") < KINDS.index("connector")
    assert KINDS.index("rule") < KINDS.index("retained")
