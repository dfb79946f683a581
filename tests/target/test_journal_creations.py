"""What a request may create is recognised in every form a server could read it in."""

from __future__ import annotations

import json

import pytest

from conformance.contract import load_contract, paths
from conformance.target.creations import creations, deletions
from conformance.target.guard import Outgoing
from conformance.target.resource import ITEMS, KINDS, Resource, in_deletion_order

JSON = "application/json"


def created(label: str, body: object, content_type: str = JSON, **parameters: str) -> list[tuple[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    method, path = label.split(" ", 1)
    return [
        (resource.kind, resource.id)
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
        ("POST /rules", {"id": None, "name": "n", "sql": "s"}, [("named_rule", "n")]),
        (f"POST {paths.USERS}", {"user_id": "u"}, [("user", "u")]),
        (f"POST {paths.USERS}", {"user_id": 5}, [("user", "5")]),
        (f"POST {paths.USERS}", {"user_id": True}, []),
        (f"POST {paths.IMPORT_USERS}", [{"user_id": "u"}, {"user_id": "v"}], [("user", "u"), ("user", "v")]),
        (f"POST {paths.USER_RULES}", [{"username": "u"}], [("user_rules", "u")]),
        (f"POST {paths.USER_RULES}", {"0": {"username": "u"}}, [("user_rules", "u")]),
        (f"POST {paths.CLIENT_RULES}", [{"clientid": "c"}], [("client_rules", "c")]),
        ("POST /banned", {"as": "peerhost", "who": "192.0.2.1"}, [("ban", "peerhost/192.0.2.1")]),
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
    for kind, path in ITEMS.items():
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
    ordered = in_deletion_order([Resource(kind, str(number)) for kind in reversed(KINDS) for number in range(2)])
    assert [resource.kind for resource in ordered] == [kind for kind in KINDS for _ in range(2)]
    assert [resource.id for resource in ordered[:2]] == ["1", "0"], "the youngest of a kind first"
    assert KINDS.index("rule") < KINDS.index("action") < KINDS.index("connector")
    assert KINDS.index("rule") < KINDS.index("retained")
