"""Users of the built-in database over REST."""

from __future__ import annotations

import json

import pytest

from tests.fidelity.http_exchange import RestClient
from tests.fidelity.live import authorization_headers

USERS = "/authentication/password_based:built_in_database/users"


def _add(world, user_id, **fields):
    return world.call("POST", USERS, {"user_id": user_id, "password": "secret-word", **fields})


def test_user_lives_from_create_to_delete(world):
    created = _add(world, "alice", is_superuser=True)
    assert (created.status_code, created.json()) == (201, {"user_id": "alice", "is_superuser": True})
    assert world.call("GET", f"{USERS}/alice").json() == created.json()

    assert world.status("DELETE", f"{USERS}/alice") == 204
    assert world.status("DELETE", f"{USERS}/alice") == 404
    assert world.status("GET", f"{USERS}/alice") == 404


def test_duplicate_is_refused(world):
    _add(world, "alice")
    answer = _add(world, "alice", is_superuser=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_EXISTS")
    assert world.call("GET", f"{USERS}/alice").json()["is_superuser"] is False


def test_update_keeps_the_flag_unless_it_is_sent(world):
    _add(world, "alice", is_superuser=True)
    assert world.call("PUT", f"{USERS}/alice", {"password": "q"}).json()["is_superuser"] is True
    assert world.call("PUT", f"{USERS}/alice", {"password": "q", "is_superuser": False}).json()["is_superuser"] is False


def test_no_answer_shows_the_password(world):
    shown = [
        _add(world, "alice").text,
        world.call("PUT", f"{USERS}/alice", {"password": "secret-word"}).text,
        world.call("GET", USERS).text,
        world.call("POST", USERS, {"user_id": "", "password": "secret-word"}).text,
    ]
    assert not any("secret-word" in text for text in shown)


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "a"},
        {"password": "p"},
        {"user_id": "", "password": "p"},
        {"user_id": 5, "password": "p"},
        {"user_id": "a", "password": 5},
        {"user_id": "a", "password": "p", "is_superuser": "true"},
        {"user_id": "a", "password": "p", "is_superuser": "false"},
        {"user_id": "a", "password": "p", "is_superuser": None},
        {"user_id": "a", "password": "p", "extra": 1},
        [],
        "a",
    ],
)
def test_bad_user_is_refused_and_not_stored(world, body):
    answer = world.call("POST", USERS, body)
    assert answer.status_code == (415 if isinstance(body, str) else 400)
    assert world.call("GET", USERS).json()["meta"]["count"] == 0


@pytest.mark.parametrize("user_id", ["a b", "a/b", "%", "+", "?", "#", "ü€", "..", ".", '"', "x" * 300])
def test_every_id_that_can_be_created_can_be_read_and_deleted(world, user_id):
    assert _add(world, user_id).status_code == 201
    encoded = "".join(f"%{byte:02X}" for byte in user_id.encode())
    target = f"/api/v5{USERS}/{encoded}".replace("password_based:", "password_based%3A")
    # requests would remove dot segments, so the path goes out as it is.
    rest = RestClient(world.deployment.rest, authorization_headers())
    request = {"path": target, "headers": {"authorization": "basic-valid"}}
    assert rest.send({**request, "method": "GET"}).shown["body"]["user_id"] == user_id
    assert rest.send({**request, "method": "DELETE"}).shown["status"] == 204


def test_filters_and_pages(world):
    for number in range(4):
        _add(world, f"user_{number}", is_superuser=number % 2 == 0)
    everybody = world.call("GET", USERS).json()
    assert everybody["meta"] == {"page": 1, "limit": 100, "hasnext": False, "count": 4}

    supers = world.call("GET", USERS, params={"is_superuser": "true"}).json()
    others = world.call("GET", USERS, params={"is_superuser": "false"}).json()
    assert supers["meta"]["count"] == others["meta"]["count"] == 2
    assert {user["user_id"] for user in supers["data"] + others["data"]} == {f"user_{n}" for n in range(4)}

    literal = world.call("GET", USERS, params={"like_user_id": "r_3"}).json()
    assert [user["user_id"] for user in literal["data"]] == ["user_3"]
    assert "count" not in literal["meta"]
    assert world.call("GET", USERS, params={"like_user_id": "%"}).json()["data"] == []

    pages = [world.call("GET", USERS, params={"limit": 2, "page": page}).json() for page in (1, 2, 3)]
    assert [page["meta"]["hasnext"] for page in pages] == [True, False, False]
    assert [user for page in pages for user in page["data"]] == everybody["data"]


def test_without_authenticator_everything_is_404(world):
    assert world.status("DELETE", "/authentication/password_based:built_in_database") == 204
    assert world.status("GET", USERS) == 404
    assert _add(world, "a").status_code == 404
    rows = [{"user_id": "a", "password": "p"}]
    assert world.status("POST", USERS.replace("/users", "/import_users"), rows, params={"type": "plain"}) == 404


def test_recorded_defects_of_the_recorded_server(recorded_world):
    assert _add(recorded_world, "flag", is_superuser="false").json()["is_superuser"] == "false"
    assert _add(recorded_world, 5).json()["user_id"] == 5
    assert recorded_world.status("DELETE", f"{USERS}/5") == 404
    assert recorded_world.status("GET", USERS, params={"like_user_id": "a"}) == 400
    for flag in ("true", "false"):
        found = recorded_world.call("GET", USERS, params={"is_superuser": flag}).json()["data"]
        assert "flag" not in json.dumps(found)
