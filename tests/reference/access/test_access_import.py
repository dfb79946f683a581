"""Import of users: rows in JSON, files in forms, plain and hashed passwords."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

import pytest

from conformance.reference.access.import_rows import BadImport, rows_of_file, rows_of_form, users_of_rows
from conformance.reference.access.passwords import Algorithm, PasswordHash

USERS = "/authentication/password_based:built_in_database/users"
IMPORT = "/authentication/password_based:built_in_database/import_users"

CSV = b"user_id,password,is_superuser\r\ncsv_a,pa,true\r\n\r\ncsv_b,pb,\r\n"


def _import(world, rows, password_type="plain", **options):
    return world.call("POST", IMPORT, rows, params={"type": password_type}, **options)


def test_rows_become_users_who_can_connect(world):
    world.require_users()
    rows = [{"user_id": "a", "password": "pa", "is_superuser": True}, {"user_id": "b", "password": "pb"}]
    answer = _import(world, rows)
    assert answer.json() == {"total": 2, "success": 2, "override": 0, "skipped": 0, "failed": 0}
    assert world.call("GET", f"{USERS}/a").json()["is_superuser"] is True
    assert world.connect("one", username="b", password="pb") == 0
    assert world.connect("two", username="b", password="pa") == 0x86


@pytest.mark.parametrize("written", [str.lower, str.upper])
def test_hashed_rows_become_users_who_can_connect(world, written):
    world.require_users()
    digest = hashlib.sha256(b"word" + b"salt").hexdigest()
    rows = [{"user_id": "h", "password_hash": written(digest), "salt": "salt"}]
    assert _import(world, rows, "hash").json()["success"] == 1
    assert world.connect("one", username="h", password="word") == 0
    assert world.connect("two", username="h", password="wordsalt") == 0x86


def test_existing_users_are_overwritten_and_equal_ones_skipped(world):
    rows = [{"user_id": "h", "password_hash": "00"}]
    _import(world, rows, "hash")
    assert _import(world, rows, "hash").json()["skipped"] == 1
    hashes = (("h", "11"), ("n", "1"), ("n", "2"))
    changed = [{"user_id": user_id, "password_hash": digest} for user_id, digest in hashes]
    counts = _import(world, changed, "hash").json()
    assert counts == {"total": 3, "success": 1, "override": 2, "skipped": 0, "failed": 0}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        {},
        "x",
        [5],
        [{"user_id": "good", "password": "p"}, {"password": "p"}],
        [{"user_id": "good", "password": "p"}, {"user_id": "b"}],
        [{"user_id": "good", "password": "p"}, {"user_id": "", "password": "p"}],
        [{"user_id": "good", "password": "p"}, {"user_id": 5, "password": "p"}],
        [{"user_id": "good", "password": "p"}, {"user_id": "b", "password": 5}],
    ],
)
def test_one_bad_row_refuses_all(world, rows):
    answer = _import(world, rows)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert world.call("GET", USERS).json()["data"] == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("users.csv", CSV, {"csv_a": True, "csv_b": False}),
        ("users.json", json.dumps([{"user_id": "j", "password": "p"}]).encode(), {"j": False}),
    ],
)
def test_files(world, name, content, expected):
    answer = _import(world, None, files={"filename": (name, content)})
    assert answer.json()["success"] == len(expected)
    assert {user["user_id"]: user["is_superuser"] for user in world.call("GET", USERS).json()["data"]} == expected


@pytest.mark.parametrize(
    "files",
    [
        {"filename": ("users.txt", CSV)},
        {"filename": ("users", CSV)},
        {"filename": ("users.json", b"{")},
        {"filename": ("users.json", b"{}")},
        {"filename": ("users.csv", b"user_id,password\na\n")},
        {"filename": ("users.csv", b"\xff\xfe")},
        {"other": ("users.csv", CSV)},
    ],
)
def test_bad_files(world, files):
    answer = _import(world, None, files=files)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_body_that_is_neither_json_nor_form(world):
    assert _import(world, None, data=b"x", headers={"content-type": "text/plain"}).status_code == 400


@pytest.mark.parametrize("password_type", ["", "PLAIN", "bcrypt"])
def test_type_must_be_a_documented_one(world, recorded_world, password_type):
    rows = [{"user_id": "a", "password_hash": "00"}]
    assert _import(world, rows, password_type).status_code == 400
    assert _import(recorded_world, rows, password_type).status_code == 200


def test_counters_came_after_5_8_1(start):
    old = start(version="5.8.1")
    answer = _import(old, [{"user_id": "a", "password": "p"}])
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("version", ["5.8.2", "5.8.9-rc.1", "5.8.9-g1234"])
def test_counters_are_there_since_5_8_2(start, version):
    answer = _import(start(version=version), [{"user_id": "a", "password": "p"}])
    assert (answer.status_code, answer.json()["success"]) == (200, 1)


def test_form_that_is_broken_is_refused():
    with pytest.raises(BadImport):
        rows_of_form("multipart/form-data", b"--X\r\n\r\n--X--")


def test_empty_csv_cells_are_absent():
    assert rows_of_file("f.csv", b"user_id,salt\na,\n") == [{"user_id": "a"}]


@pytest.mark.parametrize(
    ("config", "joined"),
    [
        ({"name": "sha256", "salt_position": "suffix"}, b"words"),
        ({"name": "sha256", "salt_position": "prefix"}, b"sword"),
        ({"name": "md5", "salt_position": "disable"}, b"word"),
    ],
)
def test_salt_positions(config, joined):
    algorithm = Algorithm.parse(config)
    digest = hashlib.new(config["name"], joined).hexdigest()
    assert algorithm.verify(PasswordHash(digest, "s"), b"word")
    assert not algorithm.verify(PasswordHash(digest, "s"), b"other")
    assert algorithm.verify(algorithm.hash("word"), b"word")


def test_fresh_salts_differ():
    one, other = (Algorithm().hash("word") for _ in range(2))
    assert one.salt != other.salt
    assert one.digest != other.digest


def test_only_true_raises_privileges():
    flags = (True, "true", 1, "1", "yes", None)
    rows = [{"user_id": str(flag), "password": "p", "is_superuser": flag} for flag in flags]
    users = users_of_rows(rows, hashed=False, algorithm=Algorithm())
    assert [user.is_superuser for user in users] == [True, True, False, False, False, False]


@pytest.mark.parametrize("user_id", [{}, {"a": {"b": [1]}}, [], ["a"], [{"a": 1}], 6], ids=str)
@pytest.mark.parametrize("password_type", ["plain", "hash"])
def test_recorded_server_stores_ids_that_no_path_leads_to(world, recorded_world, user_id, password_type):
    rows = [{"user_id": user_id, "password": "p", "password_hash": "00"}]
    assert _import(world, rows, password_type).status_code == 400
    assert world.call("GET", USERS).json()["data"] == []

    assert _import(recorded_world, rows, password_type).json()["success"] == 1
    assert _import(recorded_world, rows, password_type).json()["success"] == 0, "it is there already"
    listed = recorded_world.call("GET", USERS).json()["data"]
    assert listed == [{"user_id": user_id, "is_superuser": False}]
    for text in (json.dumps(user_id), json.dumps(user_id, separators=(",", ":")), str(user_id)):
        path = f"{USERS}/{quote(text, safe='')}"
        assert [recorded_world.status(method, path) for method in ("GET", "DELETE")] == [404, 404]
    assert recorded_world.call("GET", USERS).json()["data"] == listed
    assert recorded_world.status("GET", USERS, params={"like_user_id": "a"}) == 400


def test_recorded_server_lists_ids_in_the_order_of_terms(recorded_world):
    ids = ["a", 5, {"a": 1}, "b", [1], 6]
    _import(recorded_world, [{"user_id": user_id, "password": "p"} for user_id in ids])
    listed = [user["user_id"] for user in recorded_world.call("GET", USERS).json()["data"]]
    assert listed == ["b", "a", [1], {"a": 1}, 6, 5]


@pytest.mark.parametrize("user_id", [None, True, 1.5, ""], ids=str)
def test_other_ids_are_refused_on_the_recorded_server_as_well(recorded_world, user_id):
    assert _import(recorded_world, [{"user_id": user_id, "password": "p"}]).status_code == 400
