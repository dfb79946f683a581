"""Connectors: create, change, delete, status, secrets and what refers to them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

READ_ONLY = ("type", "name", "status", "status_reason", "node_status", "actions", "sources")
NOBODY = "http://127.0.0.1:1"
PGSQL = {"type": "pgsql", "name": "p", "server": "127.0.0.1:1", "database": "d", "username": "u", "password": "hunter2"}


def writable(connector):
    return {name: value for name, value in connector.items() if name not in READ_ONLY}


def test_created_connector_is_returned_with_defaults_and_listed(world, target):
    created = world.http_connector(target, pool_size=1)
    assert (created["type"], created["name"], created["status"]) == ("http", "c", "connected")
    assert (created["pool_size"], created["pool_type"], created["enable"]) == (1, "random", True)
    assert created["resource_opts"]["health_check_interval"] == "15s"
    assert world.ok("GET", "/connectors/http:c") == created
    assert world.ok("GET", "/connectors/connector:http:c") == created
    assert world.ok("GET", "/connectors") == [created]


def test_unreachable_target_is_created_and_says_so(world):
    created = world.ok("POST", "/connectors", {"type": "http", "name": "c", "url": NOBODY})
    assert (created["status"], created["status_reason"]) == ("disconnected", "Connection refused")
    assert created["node_status"][0]["status_reason"] == "Connection refused"


def test_nothing_beyond_loopback_is_contacted(world):
    for host in ("192.0.2.1", "example.invalid"):
        created = world.ok("POST", "/connectors", {"type": "http", "name": host[:3], "url": f"http://{host}:80"})
        assert created["status"] == "disconnected"
        assert "beyond loopback" in created["status_reason"]


def test_duplicate_is_refused_per_type_and_case(world, target):
    first = world.http_connector(target)
    body = {"type": "http", "name": "c", "url": NOBODY}
    assert world.refused("POST", "/connectors", body) == (400, "ALREADY_EXISTS")
    assert world.ok("GET", "/connectors/http:c") == first
    world.http_connector(target, "C")
    world.ok("POST", "/connectors", {"type": "mqtt", "name": "c", "server": "127.0.0.1:1", "enable": False})


@pytest.mark.parametrize(
    ("statics", "told"),
    [
        ([("n1", ["a"]), ("n2", ["b", {"clientid": "c"}])], None),
        ([("n1", ["a"]), ("n1", ["b"])], "nodes must be unique; duplicated nodes: n1"),
        ([("n1", ["a"]), ("n2", [{"clientid": "a"}])], "clientids must be unique; duplicated clientids: a"),
        ([("n1", [])], "must specify at least one static clientid"),
    ],
)
def test_fixed_client_ids_are_one_list_per_node(world, statics, told):
    """As a real 5.8.9 answers."""
    body = {"type": "mqtt", "name": "c", "server": "127.0.0.1:1", "enable": False,
            "static_clientids": [{"node": node, "ids": ids} for node, ids in statics]}  # fmt: skip
    answer = world.call("POST", "/connectors", body)
    assert answer.status_code == (201 if told is None else 400), answer.text
    assert told is None or json.loads(answer.json()["message"])["reason"] == told


def test_deprecated_fields_may_hold_anything(world):
    """As a real 5.8.9 answers."""
    answer = world.call("POST", "/connectors", {**PGSQL, "enable": False, "auto_reconnect": "no boolean"})
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ({"enable": False, "certfile": "missing.pem"}, None),
        ({"certfile": "missing.pem"}, "bad_ssl_config: the certfile cannot be opened"),
        ({"enable": True, "cacertfile": "missing.pem"}, "bad_ssl_config: the cacertfile cannot be opened"),
        ({"certfile": "-----BEGIN CERTIFICATE-----"}, None),
        ({"verify": "verify_none"}, None),
    ],
)
def test_tls_files_of_what_is_stored_are_opened(world, tls, told):
    """As a real 5.8.9 answers; of what is not there only the values are looked at."""
    world.ok("POST", "/connectors", {**PGSQL, "enable": False})
    update = {name: value for name, value in PGSQL.items() if name not in ("type", "name")}
    answer = world.call("PUT", "/connectors/pgsql:p", {**update, "enable": False, "ssl": tls})
    assert answer.status_code == (200 if told is None else 400), answer.text
    assert told is None or json.loads(answer.json()["message"])["reason"] == told
    assert world.call("PUT", "/connectors/pgsql:other", {**update, "ssl": tls}).status_code == 404


def test_of_concurrent_creates_one_succeeds(world):
    body = {"type": "http", "name": "c", "url": NOBODY}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.call("POST", "/connectors", body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7


@pytest.mark.parametrize("name", ["", " ", "a b", "_a", "-a", "ä", "a.b", "a:b", "a\n", "x" * 255])
def test_bad_names(world, name):
    answer = world.call("POST", "/connectors", {"type": "http", "name": name, "url": NOBODY})
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert json.loads(answer.json()["message"])["kind"] == "validation_error"
    assert world.ok("GET", "/connectors") == []


@pytest.mark.parametrize("identifier", ["c", "http:a:b", "nosuchtype:c", "http:a%20b", "http:none", "error:c"])
@pytest.mark.parametrize("operation", ["GET", "PUT", "DELETE", "POST start", "PUT enable/true"])
def test_unknown_and_malformed_ids(world, identifier, operation):
    method, _, rest = operation.partition(" ")
    body = {"url": NOBODY} if operation == "PUT" else None
    assert world.refused(method, f"/connectors/{identifier}/{rest}", body) == (404, "NOT_FOUND")


@pytest.mark.parametrize("identifier", ["http:", "http:" + "x" * 255])
def test_empty_and_overlong_names_in_ids(world, recorded_world, identifier):
    assert world.refused("GET", f"/connectors/{identifier}") == (404, "NOT_FOUND")
    assert recorded_world.refused("GET", f"/connectors/{identifier}") == (500, "INTERNAL_ERROR")
    put = recorded_world.call("PUT", f"/connectors/{identifier}", {"url": NOBODY})
    assert (put.status_code, put.content) == (500, b"")


def test_put_replaces_the_whole_and_its_own_output_is_a_fixed_point(world, target):
    created = world.http_connector(target, pool_size=2, description="d", headers={"x-a": "1"})
    assert world.ok("PUT", "/connectors/http:c", writable(created)) == created
    replaced = world.ok("PUT", "/connectors/http:c", {"url": target.url})
    assert (replaced["pool_size"], replaced["description"]) == (8, "")
    assert "x-a" not in replaced["headers"]
    assert world.refused("PUT", "/connectors/http:c", created) == (400, "BAD_REQUEST")
    assert world.refused("PUT", "/connectors/http:c", {"description": "no url"}) == (400, "BAD_REQUEST")
    assert world.ok("GET", "/connectors/http:c") == replaced


def test_text_for_a_number_is_converted_but_kept_on_the_recorded_server(world, recorded_world, target):
    assert world.http_connector(target, pool_size="2")["pool_size"] == 2
    assert recorded_world.http_connector(target, pool_size="2")["pool_size"] == "2"


@pytest.mark.parametrize("url", ["notaurl", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999"])
def test_bad_url(world, url):
    body = {"type": "http", "name": "c", "url": url}
    assert world.refused("POST", "/connectors", body) == (400, "BAD_REQUEST")
    assert world.refused("POST", "/connectors_probe", body) == (400, "TEST_FAILED")
    assert world.ok("GET", "/connectors") == []


def test_failed_put_leaves_the_old_connector_working(world, target):
    before = world.http_connector(target)
    assert world.refused("PUT", "/connectors/http:c", {"url": "notaurl"}) == (400, "BAD_REQUEST")
    assert world.ok("GET", "/connectors/http:c") == before
    assert world.ok("POST", "/connectors/http:c/start") is None


# Secrets


def test_secrets_are_hidden_everywhere(world):
    answers = [world.call("POST", "/connectors", PGSQL)]
    shown = answers[0].json()
    assert shown["password"] == "******"
    answers.append(world.call("PUT", "/connectors/pgsql:p", writable(shown)))
    answers.append(world.call("GET", "/connectors/pgsql:p"))
    answers.append(world.call("GET", "/connectors"))
    answers.append(world.call("POST", "/connectors_probe", PGSQL))
    answers.append(world.call("POST", "/connectors", PGSQL | {"x_unknown": 1, "name": "q"}))
    answers.append(world.call("POST", "/connectors", PGSQL | {"password": ["hunter2"], "name": "q"}))
    for answer in answers:
        assert "hunter2" not in answer.text


def test_stars_keep_the_stored_secret(world):
    def stored(name):
        return world.live.call(lambda deployment: deployment.bridges.connectors["pgsql:p"].settings.get(name))

    shown = world.ok("POST", "/connectors", PGSQL)
    world.ok("PUT", "/connectors/pgsql:p", writable(shown) | {"database": "other"})
    assert (stored("password"), stored("database")) == ("hunter2", "other")
    world.ok("PUT", "/connectors/pgsql:p", writable(shown) | {"password": "new"})
    assert stored("password") == "new"
    without = {name: value for name, value in writable(shown).items() if name != "password"}
    world.ok("PUT", "/connectors/pgsql:p", without)
    assert stored("password") is None
    assert "password" not in world.ok("PUT", "/connectors/pgsql:p", without | {"password": "******"})


def test_authorization_header_is_hidden_in_any_case_and_still_sent(world, target):
    shown = world.http_connector(target, headers={"Authorization": "Basic hunter2", "x-a": "1"})
    assert shown["headers"] == {"Authorization": "******", "x-a": "1"}
    world.ok("PUT", "/connectors/http:c", writable(shown))
    world.http_action(local_topic="t")
    world.publish("t")
    assert target.received(1)[0]["headers"]["authorization"] == "Basic hunter2"


def test_probe_uses_the_stored_secret(world, monkeypatch):
    world.ok("POST", "/connectors", PGSQL)
    seen = []
    real = world.live.call(lambda deployment: deployment.bridges.make_connector)

    def make(resource_type, name, config, settings):
        seen.append(settings["password"])
        return real(resource_type, name, config, settings)

    monkeypatch.setattr(world.live.call(lambda deployment: deployment.bridges), "make_connector", make)
    assert world.refused("POST", "/connectors_probe", PGSQL | {"password": "******"}) == (400, "TEST_FAILED")
    assert seen == ["hunter2"]


def test_a_numeric_secret_poisons_the_list_on_the_recorded_server_only(world, recorded_world):
    body = PGSQL | {"password": 0}
    assert world.refused("POST", "/connectors", body) == (400, "BAD_REQUEST")
    assert recorded_world.refused("POST", "/connectors", body) == (500, "INTERNAL_ERROR")
    assert recorded_world.refused("GET", "/connectors") == (500, "INTERNAL_ERROR")
    assert recorded_world.ok("DELETE", "/connectors/pgsql:p") is None
    assert recorded_world.ok("GET", "/connectors") == []


# Life


def test_disabling_stops_and_is_idempotent(world, target):
    world.http_connector(target)
    for enable, status in (("false", "stopped"), ("false", "stopped"), ("true", "connected"), ("true", "connected")):
        assert world.call("PUT", f"/connectors/http:c/enable/{enable}").status_code == 204
        shown = world.ok("GET", "/connectors/http:c")
        assert (shown["status"], shown["enable"]) == (status, enable == "true")
        assert "status_reason" not in shown
    assert world.refused("PUT", "/connectors/http:c/enable/maybe") == (400, "BAD_REQUEST")


def test_start(world, target):
    world.http_connector(target)
    assert world.call("POST", "/connectors/http:c/start").status_code == 204
    assert world.refused("POST", "/connectors/http:c/restart") == (400, "BAD_REQUEST")
    world.ok("PUT", "/connectors/http:c/enable/false")
    answer = world.call("POST", "/connectors/http:c/start")
    assert (answer.status_code, answer.json()["message"]) == (400, "Forbidden operation, connector not enabled")
    world.ok("POST", "/connectors", {"type": "http", "name": "d", "url": NOBODY})
    answer = world.call("POST", "/connectors/http:d/start")
    assert (answer.status_code, answer.json()["message"]) == (400, "Connection refused")


def test_start_notices_that_the_target_went_and_came_back(world, start_target):
    gone = start_target()
    world.http_connector(gone)
    gone.close()
    assert world.refused("POST", "/connectors/http:c/start") == (400, "BAD_REQUEST")
    assert world.ok("GET", "/connectors/http:c")["status"] == "disconnected"
    start_target(port=gone.port)
    assert world.call("POST", "/connectors/http:c/start").status_code == 204
    assert world.ok("GET", "/connectors/http:c")["status"] == "connected"


def test_probe_creates_nothing(world, target):
    body = {"type": "http", "name": "c", "url": target.url}
    assert world.call("POST", "/connectors_probe", body).status_code == 204
    assert world.refused("POST", "/connectors_probe", body | {"url": NOBODY}) == (400, "TEST_FAILED")
    assert world.refused("POST", "/connectors_probe", {"type": "zzz", "name": "c"}) == (400, "BAD_REQUEST")
    assert world.refused("POST", "/connectors_probe", {"type": "http", "name": "c"}) == (400, "BAD_REQUEST")
    assert world.ok("GET", "/connectors") == []


def test_connector_with_actions_cannot_be_deleted(world, target):
    world.http_connector(target)
    world.http_action("b")
    world.http_action("a", enable=False)
    assert world.ok("GET", "/connectors/http:c")["actions"] == ["a", "b"]
    assert world.refused("DELETE", "/connectors/http:c") == (400, "BAD_REQUEST")
    world.ok("DELETE", "/actions/http:b")
    assert world.refused("DELETE", "/connectors/http:c") == (400, "BAD_REQUEST")
    world.ok("DELETE", "/actions/http:a")
    assert world.call("DELETE", "/connectors/http:c").status_code == 204
    assert world.refused("GET", "/connectors/http:c") == (404, "NOT_FOUND")
    assert world.refused("DELETE", "/connectors/http:c") == (404, "NOT_FOUND")


def test_other_types_tell_whether_something_listens(world, target):
    body = PGSQL | {"server": f"127.0.0.1:{target.port}"}
    assert world.ok("POST", "/connectors", body)["status"] == "connected"
    assert (
        world.ok("PUT", "/connectors/pgsql:p", {"server": "127.0.0.1:1", "database": "d", "username": "u"})[
            "status_reason"
        ]
        == "Connection refused"
    )
