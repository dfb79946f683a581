"""What users, rules and bans mean to MQTT clients."""

from __future__ import annotations

import pytest

USERS = "/authentication/password_based:built_in_database/users"
RULES = "/authorization/sources/built_in_database/rules"
BAD_CREDENTIALS, NOT_AUTHORIZED, BANNED = 0x86, 0x87, 0x8A
# The refusals of MQTT 3.1.1.
V3_BAD_CREDENTIALS, V3_NOT_AUTHORIZED = 4, 5


def _rule(topic, permission="deny", action="all", **fields):
    return {"topic": topic, "permission": permission, "action": action, **fields}


def _set_rules(world, *rules, user=None, client=None):
    if user is not None:
        path, body = f"/users/{user}", {"username": user}
    elif client is not None:
        path, body = f"/clients/{client}", {"clientid": client}
    else:
        path, body = "/all", {}
    method = "POST" if path == "/all" else "PUT"
    assert world.status(method, RULES + path, {**body, "rules": list(rules)}) == 204


@pytest.fixture
def closed(world):
    """A deployment that wants credentials, with the user ``u`` whose password is ``p``."""
    world.require_users()
    assert world.status("POST", USERS, {"user_id": "u", "password": "p"}) == 201
    return world


def test_anybody_connects_while_the_authenticator_is_disabled(world):
    assert world.connect("anonymous") == 0
    assert world.connect("stranger", username="nobody", password="x") == 0


def test_credentials_decide(closed):
    assert closed.connect("good", username="u", password="p") == 0
    assert closed.connect("wrong", username="u", password="x") == BAD_CREDENTIALS
    assert closed.connect("silent", username="u") == BAD_CREDENTIALS
    assert closed.connect("anonymous") == BAD_CREDENTIALS
    assert closed.connect("stranger", username="nobody", password="p") == NOT_AUTHORIZED
    assert closed.connect("good3", version=4, username="u", password="p") == 0
    assert closed.connect("wrong3", version=4, username="u", password="x") == V3_BAD_CREDENTIALS
    assert closed.connect("stranger3", version=4, username="nobody", password="p") == V3_NOT_AUTHORIZED


def test_changes_concern_new_connections_only(closed):
    assert closed.connect("live", username="u", password="p") == 0
    assert closed.status("PUT", f"{USERS}/u", {"password": "q"}) == 200
    assert closed.connect("old", username="u", password="p") == BAD_CREDENTIALS
    assert closed.connect("new", username="u", password="q") == 0
    assert closed.status("DELETE", f"{USERS}/u") == 204
    assert closed.connect("late", username="u", password="q") == NOT_AUTHORIZED
    assert closed.connected("live")


def test_client_ids_can_be_the_user_ids(closed):
    config = {"mechanism": "password_based", "backend": "built_in_database", "user_id_type": "clientid"}
    assert closed.status("PUT", "/authentication/password_based:built_in_database", config) == 204
    assert closed.connect("u", username="whoever", password="p") == 0
    assert closed.connect("other", username="u", password="p") == NOT_AUTHORIZED


def test_superuser_is_above_the_rules(closed):
    assert closed.status("POST", USERS, {"user_id": "root", "password": "p", "is_superuser": True}) == 201
    _set_rules(closed, _rule("#"))
    assert closed.connect("plain", username="u", password="p") == 0
    assert closed.connect("super", username="root", password="p") == 0
    assert closed.subscribe("plain", "t") == NOT_AUTHORIZED
    assert closed.publish("plain", "t") == NOT_AUTHORIZED
    assert closed.subscribe("super", "t") == 0
    assert closed.publish("super", "t") == 0
    assert closed.received("super", 1) == ["t"]


def test_any_text_raises_privileges_on_the_recorded_server(recorded_world):
    recorded_world.require_users()
    recorded_world.status("POST", USERS, {"user_id": "u", "password": "p", "is_superuser": "false"})
    _set_rules(recorded_world, _rule("#"))
    assert recorded_world.connect("c", username="u", password="p") == 0
    assert recorded_world.subscribe("c", "t") == 0


def test_denied_messages_do_not_arrive(world):
    _set_rules(world, _rule("no/#", action="publish"))
    for version in (4, 5):
        sender = f"sender{version}"
        assert world.connect(sender, version=version) == 0
        assert world.connect(f"watcher{version}") == 0
        assert world.subscribe(f"watcher{version}", "#") == 0
        # MQTT 3.1.1 has no way to say no to a PUBLISH.
        assert world.publish(sender, "no/1") == (NOT_AUTHORIZED if version == 5 else 0)
        world.publish(sender, "yes/1")
        assert world.received(f"watcher{version}", 1) == ["yes/1"]


def test_denied_subscriptions(world):
    _set_rules(world, _rule("no/#", action="subscribe"))
    world.connect("v5")
    world.connect("v3", version=4)
    assert world.subscribe("v5", "no/1") == NOT_AUTHORIZED
    assert world.subscribe("v3", "no/1") == 0x80
    assert world.subscribe("v5", "yes") == 0


def test_client_rules_come_before_user_rules_before_all(world):
    _set_rules(world, _rule("t", "allow"), client="first")
    _set_rules(world, _rule("t", "deny"), user="u")
    _set_rules(world, _rule("t", "allow"))
    world.connect("first", username="u")
    world.connect("second", username="u")
    world.connect("third", username="v")
    assert [world.subscribe(client, "t") for client in ("first", "second", "third")] == [0, NOT_AUTHORIZED, 0]


def test_eq_placeholders_qos_and_retain(world):
    _set_rules(
        world,
        _rule("eq a/#"),
        _rule("own/${clientid}", "allow"),
        _rule("own/+"),
        _rule("qos", qos=[2]),
        _rule("kept", action="publish", retain=True),
    )
    world.connect("me")
    assert world.subscribe("me", "a/#") == NOT_AUTHORIZED
    assert world.subscribe("me", "a/b") == 0
    assert world.subscribe("me", "own/me") == 0
    assert world.subscribe("me", "own/you") == NOT_AUTHORIZED
    assert world.subscribe("me", "qos", qos=1) == 1
    assert world.subscribe("me", "qos", qos=2) == NOT_AUTHORIZED
    assert world.publish("me", "kept", retain=True) == NOT_AUTHORIZED
    assert world.publish("me", "kept") != NOT_AUTHORIZED


def test_deleting_the_cache_makes_a_change_effective(world):
    world.connect("c")
    assert world.publish("c", "t") != NOT_AUTHORIZED
    _set_rules(world, _rule("t"))
    assert world.publish("c", "t") != NOT_AUTHORIZED, "the decision is remembered"
    assert world.status("DELETE", "/clients/c/authorization/cache") == 204
    assert world.publish("c", "t") == NOT_AUTHORIZED


def test_disabled_source_decides_nothing(world):
    _set_rules(world, _rule("t"))
    source = {"type": "built_in_database", "enable": False}
    assert world.status("PUT", "/authorization/sources/built_in_database", source) == 204
    world.connect("c")
    assert world.subscribe("c", "t") == 0


@pytest.mark.parametrize(
    ("kind", "who", "encoded"),
    [
        ("clientid", "bad1", "bad1"),
        ("username", "baduser", "baduser"),
        ("peerhost", "127.0.0.1", "127.0.0.1"),
        ("clientid_re", "^bad[0-9]$", "%5Ebad%5B0-9%5D%24"),
        ("username_re", "^bad", "%5Ebad"),
        ("peerhost_net", "127.0.0.0/8", "127.0.0.0%2F8"),
    ],
)
def test_each_kind_of_ban_refuses_new_connections(world, kind, who, encoded):
    assert world.connect("live", username="live") == 0
    assert world.status("POST", "/banned", {"as": kind, "who": who}) == 200
    assert world.connect("bad1", username="baduser") == BANNED
    assert world.connect("bad1", version=4, username="baduser") == V3_NOT_AUTHORIZED
    others = world.connect("good", username="good")
    assert others == (BANNED if kind.startswith("peerhost") else 0)
    assert world.connected("live")
    assert world.status("DELETE", f"/banned/{kind}/{encoded}") == 204
    assert world.connect("bad1", username="baduser") == 0


def test_banning_a_client_id_ends_its_session_at_once(world):
    assert world.connect("c") == 0
    assert world.status("POST", "/banned", {"as": "clientid", "who": "c"}) == 200
    assert world.disconnection("c") == {"from_server_packet": True, "reason_code": 0x98}
    assert world.status("GET", "/clients/c") == 404


def test_ban_ends_by_itself(clock, timed_world):
    until = int(clock.now) + 10
    assert timed_world.status("POST", "/banned", {"as": "clientid", "who": "c", "until": until}) == 200
    clock.advance(8)
    assert timed_world.connect("c") == BANNED
    clock.advance(2)
    assert timed_world.connect("c") == 0
