"""Actions: create, change, delete, status, and what ties them to connectors and rules."""

from __future__ import annotations

import pytest

from conformance.reference.defects import NO_TRAITS
from tests.reference.bridges.conftest import World

READ_ONLY = (
    "type", "name", "status", "status_reason", "error", "node_status", "rules", "created_at", "last_modified_at",
)  # fmt: skip
BODY = {"type": "http", "name": "a", "connector": "c", "parameters": {"method": "post", "path": "/hook"}}
S3 = {
    "type": "s3",
    "name": "a",
    "connector": "s",
    "parameters": {"mode": "direct", "bucket": "b", "key": "${topic}", "content": "${payload}"},
}


def writable(action):
    return {name: value for name, value in action.items() if name not in READ_ONLY}


@pytest.fixture
def connector(world, target):
    return world.http_connector(target)


@pytest.fixture
def recorded_connector(recorded_world, target):
    return recorded_world.http_connector(target)


def test_types(world):
    types = world.ok("GET", "/action_types")
    assert len(types) == len(set(types)) == 35
    assert {"http", "mqtt", "tablestore"} <= set(types)


@pytest.mark.parametrize(
    ("version", "with_times"),
    [("5.8.1", False), ("5.8.2-rc.1", True), ("5.8.9-g1234", True), ("e5.8.9-alpha.1+gabc", True), ("5.10.3", True)],
)
def test_times_came_after_5_8_1_however_a_version_is_spelt(version, with_times, target):
    world = World(traits=NO_TRAITS, version=version)
    try:
        world.http_connector(target)
        assert ("created_at" in world.http_action()) is with_times
    finally:
        world.close()


def test_created_action_is_returned_with_defaults_and_listed(world, connector):
    created = world.ok("POST", "/actions", BODY)
    assert (created["status"], created["status_reason"], created["error"]) == ("connected", "", "")
    assert (created["enable"], created["rules"]) == (True, [])
    assert created["resource_opts"]["request_ttl"] == "45s"
    assert created["parameters"]["max_retries"] == 2
    assert created["created_at"] == created["last_modified_at"]
    assert world.ok("GET", "/actions/http:a") == world.ok("GET", "/actions/bridge:http:a") == created
    assert world.ok("GET", "/actions") == [created]
    assert world.refused("POST", "/actions", BODY) == (400, "ALREADY_EXISTS")
    assert world.refused("GET", "/actions/action:http:a") == (404, "NOT_FOUND")


def test_connector_must_exist_and_be_of_the_same_type(world):
    assert world.refused("POST", "/actions", BODY) == (400, "BAD_REQUEST")
    world.ok("POST", "/connectors", {"type": "mqtt", "name": "c", "server": "127.0.0.1:1", "enable": False})
    answer = world.call("POST", "/actions", BODY)
    assert "connector_not_found_or_wrong_type" in answer.json()["message"]
    assert world.ok("GET", "/actions") == []


def test_put_is_a_fixed_point_and_replaces(world, connector):
    created = world.ok("POST", "/actions", BODY | {"description": "d", "tags": ["t"]})
    same = world.ok("PUT", "/actions/http:a", writable(created))
    assert writable(same) == writable(created)
    replaced = world.ok("PUT", "/actions/http:a", {"connector": "c", "parameters": {"method": "get"}})
    assert (replaced["description"], "tags" in replaced) == ("", False)
    assert replaced["created_at"] == created["created_at"] <= replaced["last_modified_at"]
    for body in ({"connector": "none", "parameters": {"method": "get"}}, {"parameters": {}}, created):
        assert world.refused("PUT", "/actions/http:a", body) == (400, "BAD_REQUEST")
    assert world.ok("GET", "/actions/http:a") == replaced


def test_time_of_creation_is_the_clients_word_on_the_recorded_server_only(
    world, recorded_world, connector, recorded_connector
):
    assert recorded_world.ok("POST", "/actions", BODY | {"created_at": 5})["created_at"] == 5
    put = recorded_world.ok("PUT", "/actions/http:a", {"connector": "c", "parameters": {"method": "get"}})
    assert put["created_at"] == put["last_modified_at"] > 5
    answer = world.call("POST", "/actions", BODY | {"created_at": 5})
    assert answer.status_code == 400 or answer.json()["created_at"] > 5


@pytest.mark.parametrize("identifier", ["a", "http:a:b", "nosuchtype:a", "http:a%20b", "http:none", "error:a"])
@pytest.mark.parametrize(
    "operation", ["GET", "PUT", "DELETE", "POST start", "PUT enable/true", "GET metrics", "PUT metrics/reset"]
)
def test_unknown_and_malformed_ids(world, identifier, operation):
    method, _, rest = operation.partition(" ")
    body = {"connector": "c", "parameters": {"method": "get"}} if operation == "PUT" else None
    assert world.refused(method, f"/actions/{identifier}/{rest}", body) == (404, "NOT_FOUND")


def test_metrics_of_an_unknown_action_on_the_recorded_server(recorded_world):
    zeros = recorded_world.ok("GET", "/actions/http:none/metrics")["metrics"]
    assert set(zeros.values()) == {0}
    assert recorded_world.refused("PUT", "/actions/http:none/metrics/reset") == (500, "INTERNAL_ERROR")


def test_status_follows_action_and_connector(world, connector):
    def state():
        shown = world.ok("GET", "/actions/http:a")
        return shown["status"], shown["status_reason"]

    world.ok("POST", "/actions", BODY | {"enable": False})
    assert state() == ("disconnected", "Not installed")
    world.ok("PUT", "/actions/http:a/enable/true")
    assert state() == ("connected", "")
    world.ok("PUT", "/connectors/http:c/enable/false")
    assert state() == ("disconnected", "Not installed")
    world.ok("POST", "/actions", BODY | {"name": "b"})
    assert world.ok("GET", "/actions/http:b")["status"] == "connecting"
    world.ok("PUT", "/connectors/http:c", {"url": "http://127.0.0.1:1"})
    assert state() == ("disconnected", "Resource not operational")


def test_start(world, connector):
    world.ok("POST", "/actions", BODY)
    assert world.call("POST", "/actions/http:a/start").status_code == 204
    assert world.refused("POST", "/actions/http:a/restart") == (400, "BAD_REQUEST")
    for switch in ("/actions/http:a", "/connectors/http:c"):
        world.ok("PUT", f"{switch}/enable/false")
        answer = world.call("POST", "/actions/http:a/start")
        assert (answer.status_code, answer.json()["message"]) == (400, "Forbidden operation, bridge not enabled")
        world.ok("PUT", f"{switch}/enable/true")
    world.ok("PUT", "/connectors/http:c", {"url": "http://127.0.0.1:1"})
    assert world.refused("POST", "/actions/http:a/start") == (400, "BAD_REQUEST")


def test_probe(world, connector):
    assert world.call("POST", "/actions_probe", BODY).status_code == 204
    assert world.refused("POST", "/actions_probe", BODY | {"connector": "none"}) == (400, "TEST_FAILED")
    assert world.refused("POST", "/actions_probe", BODY | {"type": "zzz"}) == (400, "BAD_REQUEST")
    world.ok("PUT", "/connectors/http:c/enable/false")
    assert world.call("POST", "/actions_probe", BODY).status_code == 204
    world.ok("PUT", "/connectors/http:c", {"url": "http://127.0.0.1:1"})
    assert world.refused("POST", "/actions_probe", BODY) == (400, "TEST_FAILED")
    assert world.ok("GET", "/actions") == []


def test_action_names_the_rules_that_use_it_and_they_protect_it(world, connector):
    for name in ("a", "b"):
        world.ok("POST", "/actions", BODY | {"name": name})
    for rule, actions in (("r2", ["http:a"]), ("r1", ["http:b", "http:a", {"function": "console"}]), ("r3", [])):
        world.ok("POST", "/rules", {"id": rule, "name": rule, "sql": 'SELECT * FROM "t"', "actions": actions})
    assert world.ok("GET", "/actions/http:a")["rules"] == ["r1", "r2"]
    for query in ({}, {"also_delete_dep_actions": "false"}):
        answer = world.call("DELETE", "/actions/http:a", **query)
        assert (answer.status_code, answer.json()["code"], answer.json()["rules"]) == (400, "BAD_REQUEST", ["r1", "r2"])
    assert world.refused("DELETE", "/actions/http:a", also_delete_dep_actions="maybe") == (400, "BAD_REQUEST")
    assert world.call("DELETE", "/actions/http:a", also_delete_dep_actions="true").status_code == 204
    assert world.refused("GET", "/actions/http:a") == (404, "NOT_FOUND")
    assert world.ok("GET", "/rules/r1")["actions"] == ["http:b", {"function": "console"}]
    assert world.ok("GET", "/rules/r2")["actions"] == []
    assert world.ok("GET", "/actions/http:b")["rules"] == ["r1"]


def test_s3_without_resource_opts_breaks_the_recorded_server_only(world, recorded_world):
    connector = {"type": "s3", "name": "s", "host": "127.0.0.1", "port": 1, "enable": False}
    for one in (world, recorded_world):
        one.ok("POST", "/connectors", connector)
    assert recorded_world.refused("POST", "/actions", S3) == (500, "INTERNAL_ERROR")
    assert recorded_world.ok("GET", "/actions") == []
    assert world.ok("POST", "/actions", S3)["resource_opts"]["batch_size"] == 1


def test_an_integer_name_is_400_but_breaks_the_recorded_server(world, recorded_world, connector, recorded_connector):
    assert world.refused("POST", "/actions", BODY | {"name": 5}) == (400, "BAD_REQUEST")
    assert recorded_world.refused("POST", "/actions", BODY | {"name": 5}) == (500, "INTERNAL_ERROR")
    assert recorded_world.ok("GET", "/actions") == []
