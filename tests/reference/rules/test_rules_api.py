"""Creating, reading, changing and deleting rules."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from conformance.reference.defects import Defect

SQL = 'SELECT * FROM "t/#"'


def error(answer, status, code="BAD_REQUEST"):
    assert (answer.status, answer.body.get("code")) == (status, code), answer
    assert isinstance(answer.body["message"], str)
    return True


def test_a_rule_is_answered_as_it_is_read(api):
    actions = ["http:a", {"function": "console"}, {"function": "republish", "args": {"topic": "o", "qos": 1}}]
    sent = {"id": "r-1_x", "name": "n", "sql": 'SELECT * FROM "b", "a/#"', "actions": actions, "description": "ü"}
    created = api("POST", "/rules", sent)
    assert created.status == 201
    rule = created.body
    assert rule["from"] == ["b", "a/#"]
    assert rule["enable"] is True
    assert rule["created_at"] == rule["last_modified_at"]
    assert rule["actions"][2]["args"] == {
        "topic": "o",
        "qos": 1,
        "retain": "${retain}",
        "payload": "${payload}",
        "mqtt_properties": {},
        "user_properties": "${user_properties}",
        "direct_dispatch": False,
    }
    assert rule["actions"][:2] == actions[:2]
    assert api("GET", "/rules/r-1_x").body == rule
    assert api("GET", "/rules").body["data"] == [rule]


def test_defaults(api):
    body = api("POST", "/rules", {"sql": SQL}).body
    assert (body["name"], body["description"], body["actions"], body["enable"]) == ("", "", [], True)


def test_made_up_ids_are_unique(api):
    ids = {api("POST", "/rules", {"sql": SQL}).body["id"] for _ in range(100)}
    assert len(ids) == 100
    assert all(ids)


@pytest.mark.parametrize("rule_id", ["", None, 5, True, [], "a b", "_a", "-a", "a.b", "a/b", "ü", "a\n", "x" * 256])
def test_bad_ids(api, rule_id):
    assert error(api("POST", "/rules", {"id": rule_id, "sql": SQL}), 400)
    assert api("GET", "/rules").body["data"] == []


def test_a_page_far_beyond_the_end_is_empty(api, recorded_api):
    for deployment in (api, recorded_api):
        deployment.rule(SQL)
        assert deployment("GET", f"/rules?page=1{'0' * 30}").body["data"] == []


def test_a_final_newline_passes_only_on_the_recorded_server(recorded_api):
    assert recorded_api("POST", "/rules", {"id": "a\n", "sql": SQL}).status == 201


def test_a_long_id_is_an_id(api):
    assert api("POST", "/rules", {"id": "x" * 255, "sql": SQL}).status == 201


def test_a_duplicate_changes_nothing(api):
    api.rule(SQL)
    before = api("GET", "/rules/r").body
    assert error(api("POST", "/rules", {"id": "r", "sql": 'SELECT * FROM "other"'}), 400)
    assert api("GET", "/rules/r").body == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sql": "SELECT"},
        {"sql": 5},
        {"sql": None},
        {"sql": SQL, "x_unknown": 1},
        {"sql": SQL, "from": ["t"]},
        {"sql": SQL, "enable": "maybe"},
        {"sql": SQL, "name": {}},
        {"sql": SQL, "actions": "http:a"},
        {"sql": SQL, "actions": [5]},
        {"sql": SQL, "actions": [{}]},
        {"sql": SQL, "actions": ["nocolon"]},
        {"sql": SQL, "actions": ["nosuchtype:a"]},
        {"sql": SQL, "actions": ["http:a b"]},
        {"sql": SQL, "actions": ["http:"]},
        {"sql": SQL, "actions": [{"function": "lists:map"}]},
        {"sql": SQL, "actions": [{"function": "console", "x": 1}]},
        {"sql": SQL, "actions": [{"function": "republish"}]},
        {"sql": SQL, "actions": [{"function": "republish", "args": {}}]},
        {"sql": SQL, "actions": [{"function": "republish", "args": {"topic": "a", "x": 1}}]},
        {"sql": SQL, "actions": [{"function": "republish", "args": {"topic": "a", "mqtt_properties": {"X": "1"}}}]},
    ],
)
def test_bad_rules_are_refused_by_post_and_put(api, body):
    assert error(api("POST", "/rules", {"id": "r", **body}), 400)
    assert error(api("PUT", "/rules/r", body), 400)
    assert api("GET", "/rules/r").status == 404


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"5", b"null"])
def test_bodies_that_are_no_object(api, recorded_api, raw):
    for method, path in (("POST", "/rules"), ("PUT", "/rules/r")):
        assert error(api(method, path, raw=raw), 400)
        assert error(recorded_api(method, path, raw=raw), 500, "INTERNAL_ERROR")


def test_null_and_integers_pass_only_on_the_recorded_server(api, recorded_api):
    body = {"id": "r", "sql": SQL, "name": 5, "actions": None}
    assert error(api("POST", "/rules", body), 400)
    answer = recorded_api("POST", "/rules", body)
    assert (answer.status, answer.body["name"], answer.body["actions"]) == (201, "5", [])


def test_put_merges(api):
    api.rule(SQL, {"function": "console"}, name="n", description="d")
    before = api("GET", "/rules/r").body
    after = api("PUT", "/rules/r", {"enable": False}).body
    assert after == {**before, "enable": False, "last_modified_at": after["last_modified_at"]}
    assert after["last_modified_at"] > before["last_modified_at"]
    assert api("PUT", "/rules/r", {"sql": 'SELECT * FROM "new"', "id": "ignored"}).body["from"] == ["new"]
    assert api("PUT", "/rules/r", {}).status == 200
    assert api("GET", "/rules/r").body["description"] == "d"


def test_put_of_an_unknown_id_creates(api):
    assert error(api("PUT", "/rules/new", {"description": "x"}), 400)
    assert api("PUT", "/rules/new", {"sql": SQL}).status == 200
    assert api("GET", "/rules/new").body["name"] == ""


def test_a_refused_put_leaves_the_rule_working(api):
    api.rule(SQL, {"function": "republish", "args": {"topic": "o"}})
    assert error(api("PUT", "/rules/r", {"sql": "SELECT"}), 400)
    api.publish("t/1", "x")
    assert len(api.sent_to("o")) == 1


def test_delete_once(api):
    api.rule(SQL)
    assert api("DELETE", "/rules/r") == (204, None)
    for method, path in (("DELETE", ""), ("GET", ""), ("GET", "/metrics"), ("PUT", "/metrics/reset")):
        assert error(api(method, f"/rules/r{path}"), 404, "NOT_FOUND")


@pytest.fixture(params=[False, True], ids=["default", "recorded"])
def listed(request, api, recorded_api):
    api = recorded_api if request.param else api
    for number in range(6):
        api.rule(
            f'SELECT * FROM "f/{number}", "all"',
            *(["http:a"] if number < 2 else []),
            id=f"r{number}",
            enable=number % 2 == 0,
            description=f"d{number} %_",
        )
    return api


def ids(answer):
    assert answer.status == 200, answer
    return "".join(rule["id"].removeprefix("r") for rule in answer.body["data"])


@pytest.mark.parametrize(
    ("query", "expected", "counted"),
    [
        ("", "543210", True),
        ("enable=true", "420", True),
        ("from=f/1", "1", False),
        ("from=f", "", False),
        ("like_id=r3", "3", False),
        ("like_id=%25", "", False),
        ("like_from=/4", "4", False),
        ("like_description=%25_", "543210", False),
        ("match_from=f/%2B", "543210", False),
        ("match_from=f/2", "2", False),
        ("action=http:a", "10", False),
        ("action=http:a&action=http:b", "10", False),
        ("action=http:b", "", False),
        ("source=mqtt:s", "", False),
        ("enable=false&like_id=r", "531", False),
        ("unknown=1", "543210", True),
    ],
)
def test_filters(listed, query, expected, counted):
    answer = listed("GET", f"/rules?{query}")
    assert ids(answer) == expected
    assert ("count" in answer.body["meta"]) is counted


def test_a_source_is_found_by_its_bridge_topic(api):
    api.rule('SELECT * FROM "$bridges/mqtt:s"')
    assert ids(api("GET", "/rules?source=mqtt:s")) == "r"[1:]
    assert len(api("GET", "/rules?source=mqtt:s").body["data"]) == 1


def test_pages_are_a_partition(listed):
    pages = [listed("GET", f"/rules?page={page}&limit=4").body for page in (1, 2, 3)]
    assert "".join(rule["id"][1] for page in pages for rule in page["data"]) == "543210"
    assert [page["meta"]["hasnext"] for page in pages] == [True, False, False]
    assert pages[0]["meta"] == {"page": 1, "limit": 4, "count": 6, "hasnext": True}


def test_a_full_last_page_claims_another_one_only_on_the_recorded_server(listed):
    claims = listed.deployment.has(Defect.FULL_LAST_PAGE_HAS_NEXT)
    assert listed("GET", "/rules?limit=6").body["meta"]["hasnext"] is claims


@pytest.mark.parametrize("query", ["page=0", "limit=0", "limit=-1"])
def test_pages_start_at_one(listed, query):
    assert error(listed("GET", f"/rules?{query}"), 400)


@pytest.mark.parametrize("query", ["page=abc", "limit=1.5", "page=1&page=2", "enable=true&enable=false"])
def test_queries_that_crash_5_8_9(listed, query):
    crashes = listed.deployment.has(Defect.RULE_LIST_UNCHECKED)
    status, code = (500, "INTERNAL_ERROR") if crashes else (400, "BAD_REQUEST")
    assert error(listed("GET", f"/rules?{query}"), status, code)


def test_what_only_5_8_9_takes(api, recorded_api):
    assert error(api("GET", "/rules?limit=10001"), 400)
    assert recorded_api("GET", "/rules?limit=20000").status == 200
    assert error(api("GET", "/rules?enable=junk"), 400)
    assert recorded_api("GET", "/rules?enable=junk").body["data"] == []
    assert api("GET", "/rules?action=nocolon").body["data"] == []
    assert error(recorded_api("GET", "/rules?action=nocolon"), 500, "INTERNAL_ERROR")


def burst(api, method, path, body=None):
    async def ten():
        return await asyncio.gather(*(api.answer(method, path, body) for _ in range(10)))

    return Counter(answer.status for answer in asyncio.run(ten()))


def test_parallel_creates(api, recorded_api):
    body = {"id": "r", "sql": SQL}
    assert burst(api, "POST", "/rules", body) == {201: 1, 400: 9}
    assert burst(recorded_api, "POST", "/rules", body) == {201: 7, 400: 3}


def test_parallel_deletions(api, recorded_api):
    for deployment, expected in ((api, {204: 1, 404: 9}), (recorded_api, {204: 10})):
        deployment.rule(SQL)
        assert burst(deployment, "DELETE", "/rules/r") == expected
        assert deployment("GET", "/rules/r").status == 404


def test_actions_are_found_and_removed(api):
    api.rule(SQL, "http:a", {"function": "console"}, "http:a", "http:b", id="z")
    api.rule(SQL, "http:a", id="b")
    api.rule(SQL, "mqtt:a", id="c")
    rules = api.deployment.rules
    before = api("GET", "/rules/z").body
    assert rules.ids_using_action("http:a") == ["b", "z"]
    rules.remove_action("http:a")
    assert rules.ids_using_action("http:a") == []
    assert api("GET", "/rules/z").body == {**before, "actions": [{"function": "console"}, "http:b"]}
    assert api("GET", "/rules/b").body["actions"] == []
    assert api("PUT", "/rules/b", {"name": "n"}).body["actions"] == []
