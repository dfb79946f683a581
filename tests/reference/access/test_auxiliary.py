"""Operations outside the contract that set-up and health checks use."""

from __future__ import annotations

import pytest
import requests

from tests.waiting import PATIENCE_S

AUTHENTICATOR = "/authentication/password_based:built_in_database"
CONFIG = {"mechanism": "password_based", "backend": "built_in_database"}
SOURCE = {"type": "built_in_database"}


def test_status_needs_no_credentials(world):
    text = world.call("GET", "/status", auth=("", "wrong"))
    assert text.status_code == 200
    assert text.text.startswith("Node emqx@127.0.0.1 is started")
    assert world.call("GET", "/status", params={"format": "json"}).json()["rel_vsn"] == "e5.8.9"


def test_nodes_show_the_version(start):
    (node,) = start(version="5.8.1").call("GET", "/nodes").json()
    assert (node["node"], node["version"], node["node_status"]) == ("emqx@127.0.0.1", "5.8.1", "running")


def test_nodes_count_connections(world):
    world.connect("c")
    (node,) = world.call("GET", "/nodes").json()
    assert node["live_connections"] == 1


def test_login_gives_a_token_that_works(world):
    answer = world.call("POST", "/login", {"username": "admin", "password": "public"})
    assert answer.status_code == 200

    def bearer(request):
        request.headers["authorization"] = f"Bearer {answer.json()['token']}"
        return request

    assert world.status("GET", "/nodes", auth=bearer) == 200


def test_login_with_a_wrong_password(world):
    answer = world.call("POST", "/login", {"username": "admin", "password": "no"})
    assert (answer.status_code, answer.json()["code"]) == (401, "BAD_USERNAME_OR_PWD")
    assert world.status("POST", "/login", {"username": "admin"}) == 400


def test_live_document_is_the_contract(world):
    host, port = world.deployment.rest
    document = requests.get(f"http://{host}:{port}/api-docs/swagger.json", timeout=PATIENCE_S).json()
    assert sum(len(item) for item in document["paths"].values()) >= 77


def test_authenticator_can_be_removed_and_added(world):
    assert [item["enable"] for item in world.call("GET", "/authentication").json()] == [False]
    assert world.status("POST", "/authentication", CONFIG) == 409
    world.status("POST", f"{AUTHENTICATOR}/users", {"user_id": "a", "password": "p"})

    assert world.status("DELETE", AUTHENTICATOR) == 204
    assert world.call("GET", "/authentication").json() == []
    assert world.status("GET", AUTHENTICATOR) == 404

    assert world.call("POST", "/authentication", CONFIG).json()["enable"] is True
    assert world.call("GET", f"{AUTHENTICATOR}/users").json()["data"] == []


def test_updating_the_authenticator_keeps_its_users(world):
    world.status("POST", f"{AUTHENTICATOR}/users", {"user_id": "a", "password": "p"})
    shown = world.call("GET", AUTHENTICATOR).json()
    assert world.status("PUT", AUTHENTICATOR, {**shown, "enable": True}) == 204
    assert world.call("GET", AUTHENTICATOR).json() == {**shown, "enable": True}
    assert world.status("GET", f"{AUTHENTICATOR}/users/a") == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mechanism": "jwt", "backend": "built_in_database"},
        {**CONFIG, "enable": "yes"},
        {**CONFIG, "user_id_type": "mail"},
        {**CONFIG, "password_hash_algorithm": {"name": "rot13"}},
        {**CONFIG, "surprise": 1},
        [],
    ],
)
def test_bad_authenticator(world, body):
    answer = world.call("PUT", AUTHENTICATOR, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_users_of_another_authenticator(world):
    users = "/authentication/password_based:mysql/users"
    assert world.status("GET", users) == 400
    assert world.status("POST", users.replace("users", "import_users"), []) == 404
    world.status("DELETE", AUTHENTICATOR)
    assert world.status("GET", users) == 404


def test_source_can_be_removed_and_added(world):
    path = "/authorization/sources/built_in_database"
    assert world.call("GET", path).json() == {"type": "built_in_database", "enable": True, "max_rules": 100}
    assert world.status("POST", "/authorization/sources", SOURCE) == 400
    assert world.status("DELETE", path) == 204
    assert world.call("GET", "/authorization/sources").json() == {"sources": []}
    assert world.status("POST", "/authorization/sources", {**SOURCE, "max_rules": 1}) == 204
    too_many = {"rules": [{"topic": "t", "permission": "deny", "action": "all"}] * 2}
    assert world.status("POST", f"{path}/rules/all", too_many) == 400
    assert world.status("POST", "/authorization/sources", {"type": "mysql"}) == 400


def test_retainer_can_be_switched_off(world):
    def retain(topic):
        world.call("POST", "/publish", {"topic": topic, "payload": "x", "retain": True})
        return world.status("GET", f"/mqtt/retainer/message/{topic}")

    assert retain("on") == 200
    assert world.call("PUT", "/mqtt/retainer", {"enable": False}).json()["enable"] is False
    assert retain("off") == 404
    assert world.call("GET", "/mqtt/retainer").json()["enable"] is False
    assert world.status("PUT", "/mqtt/retainer", {"enable": "no"}) == 400
