"""The inventory reads whatever a target answers, at bounded cost, and tells changes from what changes by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.contract import paths
from conformance.target.http.answer import Answer, Sent
from conformance.target.journal.resource import KINDS, Resource
from conformance.target.leftovers.inventory import Change, Claim, Inventory, compare, take_inventory
from conformance.target.leftovers.listing import LISTINGS, MOST_ENTRIES
from conformance.target.timing import Timing

RUN = "0abcdef1234"
OWN = f"cft-{RUN}-gw0-"
OTHER = "cft-0zzzzzz9999-main-"

Respond = Callable[[str, dict[str, str]], tuple[int, Any]]


class Answering:
    """Stands in for the session: answers every GET as ``respond`` says for its path and query."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self.timing = Timing()
        self.requests: list[str] = []

    def send(self, method: str, raw_path: str, *, observed: bool) -> Answer:
        assert (method, observed) == ("GET", False)
        self.requests.append(raw_path)
        parts = urlsplit(raw_path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        status, value = self._respond(parts.path, query)
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        sent = Sent(method, raw_path, {}, b"", "basic", "1")
        return Answer(None, sent, status, {"content-type": "application/json"}, content, 0.0)


def inventory_of(respond: Respond) -> tuple[Inventory, list[str]]:
    api = Answering(respond)
    return take_inventory(api, RUN, ["gw0"]), api.requests  # type: ignore[arg-type]


def holding(collections: dict[str, list[dict[str, Any]]]) -> Respond:
    """A target that holds what is given by path; everything else is empty."""

    def respond(path: str, query: dict[str, str]) -> tuple[int, Any]:
        entries = collections.get(path, [])
        if path == paths.RULES_OF_ALL:
            return 200, entries[0] if entries else {"rules": []}
        if path in ("/actions", "/connectors", "/schema_registry"):
            return 200, entries
        limit, page = int(query.get("limit", "100")), int(query.get("page", "1"))
        data = entries[(page - 1) * limit : page * limit]
        return 200, {"data": data, "meta": {"page": page, "limit": limit, "count": len(entries)}}

    return respond


RULE = {"id": "billing", "name": "billing", "sql": "s", "actions": ["http:a"], "enable": True, "description": "",
        "created_at": "t", "last_modified_at": "t", "metrics": {"matched": 1}}  # fmt: skip
CONNECTOR = {"type": "http", "name": "billing", "url": "u", "password": "******", "status": "connected",
             "node_status": [], "actions": []}  # fmt: skip


def test_empty_target_costs_one_request_per_collection() -> None:
    inventory, requests = inventory_of(holding({}))
    assert len(requests) == inventory.requests == len(LISTINGS) == 12
    assert all(holdings.count == 0 for holdings in inventory.collections.values())


def test_every_kind_is_listed_somewhere() -> None:
    listed = sorted(kind for listing in LISTINGS for kind in listing.kinds)
    assert listed == sorted(set(KINDS) - {"rules_of_all"}), "what is put back is never left behind as such"


@pytest.mark.parametrize(
    ("path", "entry", "kept", "changed"),
    [
        ("/rules", RULE, {"metrics": {"matched": 9}, "last_modified_at": "later"}, {"enable": False}),
        ("/rules", RULE, {"created_at": "later"}, {"actions": []}),
        ("/connectors", CONNECTOR, {"status": "disconnected", "status_reason": "x", "actions": ["a"]}, {"url": "v"}),
        ("/actions", CONNECTOR, {"error": "x", "rules": ["r"], "last_modified_at": 5}, {"connector": "c"}),
        ("/schema_registry", {"name": "s", "type": "avro", "source": "{}"}, {}, {"source": "[]"}),
        (paths.USERS, {"user_id": "u", "is_superuser": False}, {}, {"is_superuser": True}),
        (paths.USER_RULES, {"username": "u", "rules": []}, {}, {"rules": [{"topic": "a"}]}),
        (paths.CLIENT_RULES, {"clientid": "c", "rules": []}, {}, {"rules": [{"topic": "a"}]}),
        (paths.RULES_OF_ALL, {"rules": [{"topic": "a"}]}, {}, {"rules": [{"topic": "b"}]}),
        ("/banned", {"as": "clientid", "who": "c", "until": "infinity"}, {}, {"reason": "x"}),
        (paths.RETAINED_MESSAGES, {"topic": "a/b", "msgid": "1"}, {"msgid": "2", "publish_at": "later"}, None),
        ("/clients", {"clientid": "c", "recv_cnt": 1}, {"recv_cnt": 9, "connected": False}, None),
        ("/subscriptions", {"clientid": "c", "topic": "a/#", "qos": 1}, {"qos": 2}, None),
    ],
)
def test_change_is_told_from_what_changes_by_itself(
    path: str, entry: dict[str, Any], kept: dict[str, Any], changed: dict[str, Any] | None
) -> None:
    before, _ = inventory_of(holding({path: [entry]}))
    assert compare(before, inventory_of(holding({path: [entry | kept]}))[0]) == []
    (vanished,) = compare(before, inventory_of(holding({}))[0])
    assert len(vanished.vanished) == 1
    if changed is not None:
        (change,) = compare(before, inventory_of(holding({path: [entry | changed]}))[0])
        assert (len(change.changed), change.appeared, change.vanished) == (1, (), ())


def test_entries_are_sorted_by_whose_they_are() -> None:
    inventory, _ = inventory_of(
        holding(
            {
                "/rules": [RULE, {**RULE, "id": f"{OWN}rule"}, {**RULE, "id": "a1b2", "name": f"{OWN}rule"},
                           {**RULE, "id": f"{OTHER}rule"}, {**RULE, "id": "cft-almost"}],
                "/connectors": [CONNECTOR, {**CONNECTOR, "name": f"{OWN}con"}],
                "/banned": [
                    {"as": "clientid_re", "who": f"^{OWN}x$", "until": "infinity"},
                    {"as": "peerhost", "who": "192.0.2.1", "reason": OWN, "until": "infinity"},
                    {"as": "peerhost", "who": "10.0.0.1", "reason": OWN, "until": "infinity"},
                    {"as": "clientid", "who": "theirs", "reason": OWN, "until": "infinity"},
                ],
                paths.RETAINED_MESSAGES: [{"topic": f"{OWN[:-1]}/t"}, {"topic": "plant/a"}],
                "/clients": [{"clientid": "any", "username": f"{OWN}user"}, {"clientid": "press-17", "username": None}],
                "/subscriptions": [{"clientid": f"{OWN}c", "topic": "$share/g/plant"}, {"clientid": "p", "topic": "a"}],
            }
        )
    )  # fmt: skip
    own = {str(resource) for resource in inventory.left_by(RUN)}
    assert own == {
        f"rule {OWN}rule", "rule a1b2", f"connector http:{OWN}con", f"ban clientid_re/^{OWN}x$",
        "ban peerhost/192.0.2.1", f"retained {OWN[:-1]}/t", "client any",
    }  # fmt: skip
    rules = inventory.collections["rules"]
    assert rules.entries.keys() == {"billing", "cft-almost"}
    assert rules.own.keys() == {RUN, "0zzzzzz9999"}
    assert inventory.collections["bans"].entries.keys() == {"peerhost/10.0.0.1", "clientid/theirs"}


def test_huge_collection_is_counted_and_searched() -> None:
    users = [{"user_id": f"u{number}", "is_superuser": False} for number in range(MOST_ENTRIES + 1)]

    def respond(path: str, query: dict[str, str]) -> tuple[int, Any]:
        found = [{"user_id": f"{OWN}user", "is_superuser": False}] if "like_user_id" in query else users
        assert query.get("like_user_id", f"cft-{RUN}-") == f"cft-{RUN}-"
        return holding({path: found} if path == paths.USERS else {})(path, query)

    inventory, requests = inventory_of(respond)
    holdings = inventory.collections["users"]
    assert (holdings.count, holdings.complete, holdings.entries) == (MOST_ENTRIES + 1, False, {})
    assert [resource.id for resource in inventory.left_by(RUN)] == [f"{OWN}user"]
    assert sum(request.startswith(paths.USERS) for request in requests) == 2
    assert compare(inventory, inventory_of(holding({}))[0]) == []


def test_endless_list_is_left_after_a_bounded_number_of_pages() -> None:
    page = [{"topic": f"t{number}"} for number in range(1000)]

    def respond(path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == paths.RETAINED_MESSAGES:
            return 200, {"data": page, "meta": {"hasnext": True}}
        return holding({})(path, query)

    inventory, requests = inventory_of(respond)
    assert not inventory.collections["retained messages"].comparable
    assert len(requests) < 40


@pytest.mark.parametrize("status", [400, 404])
def test_what_a_target_may_lack_is_absent_and_what_it_may_not_is_broken(status: int) -> None:
    inventory, _ = inventory_of(lambda _path, _query: (status, {"code": "NOT_FOUND", "message": "no"}))
    absent = {name for name, holdings in inventory.collections.items() if holdings.absent}
    assert absent == {"users", "rules of users", "rules of clients", "rules of all"}
    assert inventory.collections["rules"].problem == f"GET /rules answered {status}"


def users(*ids: Any) -> Respond:
    return holding({paths.USERS: [{"user_id": user_id, "is_superuser": False} for user_id in ids]})


def test_ids_that_are_no_texts_are_read_and_told_apart() -> None:
    inventory, _ = inventory_of(users("", "5", 5, None, True, {"b": [1], "a": "x"}, ["y"], [OWN]))
    holdings = inventory.collections["users"]
    assert (holdings.problem, holdings.own) == (None, {})
    assert list(holdings.entries) == [
        "", "5", "5 (no text)", "null (no text)", "true (no text)", '{"a":"x","b":[1]} (no text)', '["y"] (no text)',
        f'["{OWN}"] (no text)',
    ]  # fmt: skip
    (change,) = compare(inventory, inventory_of(users("", "5", 6))[0])
    assert change.appeared == ("6 (no text)",)
    assert "5 (no text)" in change.vanished


def test_what_a_run_asked_for_is_its_own_if_it_is_new() -> None:
    before, _ = inventory_of(users("theirs", {"old": 1}))
    asked_for = frozenset(
        {Resource.identified("user", value) for value in ({"old": 1}, {"new": 1}, 5, "", 7)}
        | {Resource.identified("ban", 5, "clientid/")}
    )  # fmt: skip
    claim = Claim(before, asked_for, frozenset({"user", "ban"}))
    # 7 was stored as a text, and 8 is what became of something else.
    api = Answering(users("theirs", {"old": 1}, {"new": 1}, 5, "", "7", 8, "5"))
    inventory = take_inventory(api, RUN, ["gw0"], claim)  # type: ignore[arg-type]
    own = {resource.shown: claim.is_exact(resource) for resource in inventory.left_by(RUN)}
    assert own == {
        '{"new":1} (no text)': True,
        "5 (no text)": True,
        "": True,
        "7": True,
        "8 (no text)": False,
        "5": True,
    }
    assert list(inventory.collections["users"].entries) == ["theirs", '{"old":1} (no text)']
    assert compare(before, inventory) == []


def test_nothing_is_claimed_of_a_kind_the_run_did_not_ask_for() -> None:
    claim = Claim(inventory_of(users())[0], frozenset(), frozenset({"rule"}))
    inventory = take_inventory(Answering(users(5, "x")), RUN, ["gw0"], claim)  # type: ignore[arg-type]
    assert inventory.left_by(RUN) == []


def test_messages_below_sys_are_the_targets_own() -> None:
    def retained(*topics: str) -> Inventory:
        return inventory_of(holding({paths.RETAINED_MESSAGES: [{"topic": topic} for topic in topics]}))[0]

    before = retained("plant/a", "$SYS/brokers", "$SYS/uptime")
    assert before.collections["retained messages"].entries.keys() == {"plant/a"}
    assert compare(before, retained("plant/a", "$SYS/other")) == []
    assert compare(before, retained("$SYS/brokers"))[0].vanished == ("plant/a",)


def test_search_that_breaks_is_told_from_a_target_without_users() -> None:
    """An id that is no text breaks every search in EMQX 5.8."""
    many = [{"user_id": f"u{number}", "is_superuser": False} for number in range(MOST_ENTRIES + 1)]

    def respond(path: str, query: dict[str, str]) -> tuple[int, Any]:
        return (400, {}) if "like_user_id" in query else holding({paths.USERS: many})(path, query)

    holdings = inventory_of(respond)[0].collections["users"]
    assert (holdings.absent, holdings.problem) == (False, f"GET {paths.USERS} answered 400")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([OWN, f"{OWN}x", "peerhost"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "meta", "id", "name", "type", "who", "as", "topic", "clientid", "reason", "count",
                         "user_id", "username", "rules", "until", "hasnext"]),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(values, st.sampled_from([200, 200, 200, 404, 500, 302]))
def test_no_answer_is_too_strange_for_the_inventory(value: Any, status: int) -> None:
    inventory, requests = inventory_of(lambda _path, _query: (status, value))
    assert inventory.collections.keys() == {listing.name for listing in LISTINGS}
    assert len(requests) < 20
    json.loads(inventory.as_json())
    assert compare(inventory, inventory) == []
    assert all(isinstance(change, Change) for change in compare(inventory, inventory_of(holding({}))[0]))
