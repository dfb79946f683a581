"""Authorization rules: normal form, decision, and the REST operations."""

from __future__ import annotations

import pytest

from conformance.reference.access.rules import Request, Rule, Source

RULES = "/authorization/sources/built_in_database/rules"
ALLOW_ALL = {"topic": "t", "permission": "allow", "action": "all"}


def _request(topic="a/b", action="publish", qos=0, retain=False, clientid="c1", username="u1"):
    return Request(clientid, username, action, topic, qos, retain)


@pytest.mark.parametrize(
    ("item", "request_", "applies"),
    [
        ({"topic": "a/b"}, _request(), True),
        ({"topic": "a/+"}, _request(), True),
        ({"topic": "#"}, _request(), True),
        ({"topic": "#"}, _request("$SYS/x"), False),
        ({"topic": "a/c"}, _request(), False),
        ({"topic": "eq a/#"}, _request("a/b"), False),
        ({"topic": "eq a/#"}, _request("a/#", "subscribe"), True),
        ({"topic": "a/#"}, _request("a/#", "subscribe"), True),
        ({"topic": "${clientid}/x"}, _request("c1/x"), True),
        ({"topic": "${clientid}/x"}, _request("c2/x"), False),
        ({"topic": "${username}/#"}, _request("u1/x/y"), True),
        ({"topic": "${username}/x"}, _request("/x", username=None), False),
        ({"topic": "${username}/x"}, _request("undefined/x", username=None), True),
        ({"topic": "${username}/x"}, _request("/x", username=""), True),
        ({"topic": "${cert_common_name}/x"}, _request("/x"), False),
        ({"topic": "${client_attrs.tns}/x"}, _request("/x"), False),
        ({"topic": "${zone}/x"}, _request("default/x"), True),
        ({"topic": "${other}/x"}, _request("${other}/x"), True),
        ({"topic": "eq ${clientid}/+"}, _request("c1/+", "subscribe"), False),
        ({"topic": "eq ${clientid}/+"}, _request("${clientid}/+", "subscribe"), True),
        ({"topic": "a/b", "action": "subscribe"}, _request(), False),
        ({"topic": "a/b", "action": "publish"}, _request(action="subscribe"), False),
        ({"topic": "a/b", "qos": [1, 2]}, _request(qos=0), False),
        ({"topic": "a/b", "qos": [1, 2]}, _request(qos=2), True),
        ({"topic": "a/b", "qos": []}, _request(qos=0), False),
        ({"topic": "a/b", "retain": True}, _request(retain=False), False),
        ({"topic": "a/b", "retain": True}, _request(retain=True), True),
        ({"topic": "a/b", "retain": False}, _request(retain=True), False),
        ({"topic": "a/b", "retain": True}, _request(action="subscribe"), True),
    ],
)
def test_rule_applies(item, request_, applies):
    rule = Rule.parse({"permission": "deny", "action": "all", **item})
    assert rule.applies(request_) is applies


def test_first_match_wins_and_clients_come_before_users_before_all():
    def rules(*permissions):
        return [Rule("a/b", "all", permission) for permission in permissions]

    source = Source(everyone=rules("deny"))
    assert source.decide(_request()) is False
    source.users["u1"] = rules("allow", "deny")
    assert source.decide(_request()) is True
    source.clients["c1"] = rules("deny", "allow")
    assert source.decide(_request()) is False
    assert source.decide(_request("other")) is None


def test_defaults_are_filled_and_order_is_kept(world):
    rules = [
        {"topic": "eq t/#", "permission": "deny", "action": "publish", "retain": "true", "qos": ["0", 1]},
        {"topic": "t", "permission": "allow", "action": "subscribe", "retain": True},
        {"topic": "${clientid}", "permission": "allow", "action": "all"},
    ]
    assert world.status("PUT", f"{RULES}/users/u", {"username": "u", "rules": rules}) == 204
    assert world.call("GET", f"{RULES}/users/u").json()["rules"] == [
        {"topic": "eq t/#", "permission": "deny", "action": "publish", "retain": True, "qos": [0, 1]},
        {"topic": "t", "permission": "allow", "action": "subscribe", "retain": "all", "qos": [0, 1, 2]},
        {"topic": "${clientid}", "permission": "allow", "action": "all", "retain": "all", "qos": [0, 1, 2]},
    ]


@pytest.mark.parametrize(("collection", "key"), [("users", "username"), ("clients", "clientid")])
def test_creation_is_all_or_nothing(world, collection, key):
    path = f"{RULES}/{collection}"
    assert world.status("POST", path, [{key: "a", "rules": [ALLOW_ALL]}]) == 204

    duplicate = world.call("POST", path, [{key: "b", "rules": []}, {key: "a", "rules": []}])
    assert (duplicate.status_code, duplicate.json()["code"]) == (409, "ALREADY_EXISTS")
    too_many = world.call("POST", path, [{key: "b", "rules": []}, {key: "c", "rules": [ALLOW_ALL] * 101}])
    assert (too_many.status_code, too_many.json()["code"]) == (400, "BAD_REQUEST")
    assert world.status("GET", f"{path}/b") == 404
    assert len(world.call("GET", f"{path}/a").json()["rules"]) == 1

    last_wins = [{key: "d", "rules": []}, {key: "d", "rules": [ALLOW_ALL]}]
    assert world.status("POST", path, last_wins) == 204
    assert len(world.call("GET", f"{path}/d").json()["rules"]) == 1


@pytest.mark.parametrize(("collection", "key"), [("users", "username"), ("clients", "clientid")])
def test_put_creates_or_replaces_up_to_100_rules(world, collection, key):
    path = f"{RULES}/{collection}/a"
    assert world.status("PUT", path, {key: "a", "rules": [ALLOW_ALL] * 100}) == 204
    assert world.status("PUT", path, {key: "a", "rules": [ALLOW_ALL] * 101}) == 400
    assert len(world.call("GET", path).json()["rules"]) == 100
    assert world.status("DELETE", path) == 204
    assert world.status("DELETE", path) == 404


@pytest.mark.parametrize(
    "body",
    [{"username": "other", "rules": []}, {"username": "u"}, {"username": "u", "rules": [{**ALLOW_ALL, "topic": 5}]}],
    ids=["another name", "no rules", "number as topic"],
)
def test_what_crashes_the_recorded_server_is_a_bad_request(world, recorded_world, body):
    answer = world.call("PUT", f"{RULES}/users/u", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert world.status("GET", f"{RULES}/users/u") == 404
    assert recorded_world.status("PUT", f"{RULES}/users/u", body) == 500


def test_only_the_recorded_server_leaks_credentials(world, recorded_world):
    body = {"username": "other", "rules": []}
    assert "authorization" in recorded_world.call("PUT", f"{RULES}/users/u", body).text
    assert "authorization" not in world.call("PUT", f"{RULES}/users/u", body).text


def test_rules_of_everyone_are_replaced_and_always_there(world):
    path = f"{RULES}/all"
    assert world.call("GET", path).json() == {"rules": []}
    assert world.status("POST", path, {"rules": [ALLOW_ALL, ALLOW_ALL]}) == 204
    assert world.status("POST", path, {"rules": [{**ALLOW_ALL, "topic": "last"}]}) == 204
    assert [rule["topic"] for rule in world.call("GET", path).json()["rules"]] == ["last"]
    assert world.status("POST", path, {"rules": [ALLOW_ALL] * 101}) == 400
    assert world.status("DELETE", path) == 204
    assert world.status("DELETE", path) == 204
    assert world.call("GET", path).json() == {"rules": []}


def test_purge_needs_a_disabled_source(world):
    world.status("PUT", f"{RULES}/users/u", {"username": "u", "rules": []})
    assert world.status("DELETE", RULES) == 400
    assert world.status("GET", f"{RULES}/users/u") == 200
    source = {"type": "built_in_database", "enable": False}
    assert world.status("PUT", "/authorization/sources/built_in_database", source) == 204
    assert world.status("DELETE", RULES) == 204
    assert world.status("GET", f"{RULES}/users/u") == 404


def test_without_source_everything_is_404(world):
    assert world.status("DELETE", "/authorization/sources/built_in_database") == 204
    for method, path, body in (
        ("GET", "/users", None),
        ("POST", "/clients", []),
        ("PUT", "/users/u", {"username": "u", "rules": []}),
        ("DELETE", "/clients/c", None),
        ("GET", "/all", None),
        ("DELETE", "", None),
    ):
        assert world.status(method, RULES + path, body) == 404, path
    assert world.status("POST", f"{RULES}/all", [1]) == 400, "the schema is checked first"


def test_lists_page_and_filter(world):
    for number in range(3):
        world.status("PUT", f"{RULES}/clients/c{number}", {"clientid": f"c{number}", "rules": []})
    pages = [world.call("GET", f"{RULES}/clients", params={"limit": 1, "page": page}).json() for page in (1, 2, 3, 4)]
    assert [page["meta"]["hasnext"] for page in pages] == [True, True, False, False]
    assert {item["clientid"] for page in pages for item in page["data"]} == {"c0", "c1", "c2"}
    found = world.call("GET", f"{RULES}/clients", params={"like_clientid": "2"}).json()
    assert [item["clientid"] for item in found["data"]] == ["c2"]
    assert "count" not in found["meta"]


def test_empty_part_finds_all_but_crashes_the_recorded_server(world, recorded_world):
    for target, expected in ((world, 200), (recorded_world, 500)):
        target.status("PUT", f"{RULES}/users/u", {"username": "u", "rules": []})
        assert target.status("GET", f"{RULES}/users", params={"like_username": ""}) == expected
