"""What only the deployment with the recorded defects does, operation by operation."""

from __future__ import annotations

import json

import pytest

IMPORT = "/authentication/password_based:built_in_database/import_users?type=plain"
USERS = "/authentication/password_based:built_in_database/users"
OTHER_CASE = "Application/JSON;Charset=UTF-8"
HTTP = {"type": "http", "name": "h", "url": "http://127.0.0.1:9"}
TLS_TYPE = {
    "type": "confluent_producer",
    "bootstrap_hosts": "127.0.0.1:9",
    "authentication": {"mechanism": "plain", "username": "u", "password": "p"},
    "enable": False,
}


def rule(identifier: str, **fields: object) -> dict[str, object]:
    return {"id": identifier, "sql": 'SELECT * FROM "t"', **fields}


def test_rules_know_the_media_type_in_small_letters_only(api, recorded_api):
    for client, statuses in ((api, [201, 200, 200]), (recorded_api, [415, 415, 415])):
        client("POST", "/rules", rule("cased"))
        context = {"event_type": "message_publish", "topic": "t", "payload": "x", "qos": 0, "clientid": "c"}
        requests = (
            ("POST", "/rules", rule("other")),
            ("PUT", "/rules/cased", {"description": "new"}),
            ("POST", "/rules/cased/test", {"context": context}),
        )
        answers = [client(method, path, body, content_type=OTHER_CASE) for method, path, body in requests]
        assert [answer.status for answer in answers] == statuses
        assert client("POST", "/publish", {"topic": "t", "payload": ""}, content_type=OTHER_CASE).status == 202
        assert client("PUT", "/rules/cased", {"description": "x"}, content_type="application/json;x").status == 200


def test_an_import_knows_the_media_type_in_small_letters_only(api, recorded_api):
    rows = [{"user_id": "imported", "password": "p"}]
    assert api("POST", IMPORT, rows, content_type=OTHER_CASE).status == 200
    refused = recorded_api("POST", IMPORT, rows, content_type=OTHER_CASE)
    assert (refused.status, refused.json["message"]) == (400, "Missing required parameter: filename")


@pytest.mark.parametrize("body", [b"true", b"{}", b"5"])
def test_what_is_no_import_matches_no_clause(api, recorded_api, body):
    recorded = recorded_api("POST", IMPORT, body, content_type="application/json")
    assert (recorded.status, recorded.json["message"]) == (400, "function_clause")
    default = api("POST", IMPORT, body, content_type="application/json")
    assert (default.status, default.json["message"]) == (400, "the body must be an array of users")


def test_an_empty_filter_of_users_prints_a_trace(api, recorded_api):
    for client, status in ((api, 200), (recorded_api, 400)):
        client("POST", USERS, {"user_id": "u", "password": "p"})
        assert client("GET", f"{USERS}?like_user_id=").status == status
    assert "{emqx_authn_mnesia,run_fuzzy_filter,2," in recorded_api("GET", f"{USERS}?like_user_id=").json["message"]


@pytest.mark.parametrize("metadata", ["text", ["array"], 5, True, None])
def test_metadata_of_rules_are_not_looked_at(api, recorded_api, metadata):
    identifier = f"meta{type(metadata).__name__}"
    assert api("POST", "/rules", rule(identifier, metadata=metadata)).status == 400
    assert recorded_api("POST", "/rules", rule(identifier, metadata=metadata)).status == 201
    assert recorded_api("PUT", f"/rules/{identifier}", {"metadata": metadata}).status == 200
    assert "metadata" not in recorded_api("GET", f"/rules/{identifier}").json


@pytest.mark.parametrize("ciphers", [{"a": 1}, True, 5])
def test_ciphers_that_are_no_list_crash_their_conversion(api, recorded_api, ciphers):
    body = {"type": "http", "name": "c", "url": "http://127.0.0.1:9", "ssl": {"ciphers": ciphers}}
    recorded, default = recorded_api("POST", "/connectors", body), api("POST", "/connectors", body)
    assert (recorded.status, default.status) == (400, 400)
    problem = json.loads(recorded.json["message"])
    assert (problem["reason"], problem["exception"]) == ("converter_crashed", "{error,function_clause}")
    assert problem["path"] == "root.ssl.ciphers"
    assert "crashed" not in default.json["message"]


SNOWFLAKE = {"type": "snowflake", "name": "s", "server": "a.invalid", "dsn": "d", "username": "u", "password": "p"}


@pytest.mark.parametrize("value", [{"a": 1}, True, 1.5])
@pytest.mark.parametrize(("path", "body", "reason"), [
    ("/connectors_probe", {**SNOWFLAKE, "account": ...}, "{emqx_bridge_snowflake_connector_schema,"),
    ("/connectors_probe", {**HTTP, "resource_opts": {"health_check_interval": ...}}, "{emqx_resource_schema,"),
    ("/connectors_probe", {"type": "mqtt", "name": "m", "server": "127.0.0.1:9", "static_clientids": ...},
     "converter_crashed"),
])  # fmt: skip
def test_crashed_checks_are_told(api, recorded_api, path, body, reason, value):
    def placed(node):
        return value if node is ... else {k: placed(v) for k, v in node.items()} if isinstance(node, dict) else node

    recorded, default = recorded_api("POST", path, placed(body)), api("POST", path, placed(body))
    assert (recorded.status, recorded.code, default.status) == (400, "BAD_REQUEST", 400)
    assert reason in recorded.json["message"]
    assert reason not in default.json["message"]


@pytest.mark.parametrize("statement", [{"a": 1}, True, 1.5])
def test_a_statement_that_is_no_text_crashes_the_parser(api, recorded_api, statement):
    for client, told in ((recorded_api, True), (api, False)):
        client("POST", "/rules", rule("spoilt"))
        refused = client("PUT", "/rules/spoilt", {"sql": statement})
        assert (refused.status, "{rulesql,sql_clean," in refused.json["message"]) == (400, told)


def test_a_probe_of_cassandra_tells_a_trace(api, recorded_api):
    body = {"type": "cassandra", "name": "c", "servers": "127.0.0.1:9", "keyspace": "k"}
    for client, told in ((recorded_api, True), (api, False)):
        refused = client("POST", "/connectors_probe", body)
        assert (refused.code, '[{file,"gen.erl"}' in refused.json["message"]) == ("TEST_FAILED", told)


def test_paths_secrets_and_queries_of_rules_and_what_is_not_printable(api, recorded_api):
    secret = {"type": "mysql", "name": "m", "server": "127.0.0.1:9", "database": "d", "username": "u", "password": "\a"}
    assert recorded_api("POST", "/connectors_probe", secret).code == "TEST_FAILED"
    assert api("POST", "/connectors_probe", secret).code == "BAD_REQUEST"
    for client in (api, recorded_api):
        assert client("GET", f"{USERS}/a%01b").code == "BAD_REQUEST"
        assert client("GET", "/rules/a%01b").code == "NOT_FOUND"
        assert client("GET", "/rules?like_id=%01").status == 200


def test_tls_of_confluent_is_hidden_beside_other_options(api, recorded_api):
    for client, shown in ((api, True), (recorded_api, None)):
        given = client("POST", "/connectors", {**TLS_TYPE, "name": "given", "ssl": {"depth": 5}})
        assert (given.status, given.json["ssl"].get("enable")) == (201, shown)
        absent = client("POST", "/connectors", {**TLS_TYPE, "name": "absent"})
        assert (absent.status, absent.json["ssl"]["enable"]) == (201, True)


@pytest.mark.parametrize(("kind", "character", "reason"), [
    ("avro", "\u20ac", "badarg"), ("json", "\u20ac", "badarg"), ("json", "\u00fc", "Invalid JSON string"),
    ("avro", "\\u20ac", None), ("protobuf", "\u20ac", None),
])  # fmt: skip
def test_characters_beyond_ascii_in_json_sources(api, recorded_api, kind, character, reason):
    source = {
        "avro": f'{{"type":"record","name":"r","doc":"{character}","fields":[]}}',
        "json": f'{{"description":"{character}"}}',
        "protobuf": f"// {character}\nmessage R {{ required int32 v = 1; }}",
    }[kind]
    body = {"name": f"wide-{kind}-{ord(character[0])}", "type": kind, "source": source}
    assert api("POST", "/schema_registry", body).status == 201
    answer = recorded_api("POST", "/schema_registry", body)
    assert answer.status == (400 if reason else 201)
    assert reason is None or json.loads(answer.json["message"])["reason"] == reason
