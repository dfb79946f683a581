"""Lists that are filtered: what each filter selects, alone and with others (PAG)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import paths
from conformance.fuzz.space import contract
from conformance.requirements import requirement
from conformance.scenarios.listed import listed_rules
from conformance.scenarios.paged import SPECIAL
from conformance.scenarios.walked import ONE_PAGE, SENTENCE, Walk
from conformance.target.resources.access import PASSWORD
from conformance.target.resources.collection import Collection
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario

Passes = Callable[[Mapping[str, Any], Any], bool]


def _equal(field: str) -> Passes:
    return lambda element, value: bool(element[field] == value)


def _within(field: str) -> Passes:
    return lambda element, value: value in (element[field] or "")


def _time(written: str | int) -> datetime:
    """An instant as clients show it, or in milliseconds since the epoch, which is the other form that filters take."""
    if isinstance(written, int):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=written)
    return datetime.fromisoformat(written)


def _written(instant: str) -> list[str | int]:
    """The instant in other words: with another offset, and in milliseconds."""
    moment = _time(instant)
    return [
        moment.astimezone(timezone(timedelta(hours=8))).isoformat(timespec="milliseconds"),
        (moment - _time(0)) // timedelta(milliseconds=1),
    ]


# What each filter means: whether an element passes it, by the value in the query.
CLIENT_FILTERS: Mapping[str, Passes] = {
    "clientid": lambda client, value: client["clientid"] in value,
    "username": lambda client, value: client["username"] in value,
    "ip_address": _equal("ip_address"),
    "proto_ver": _equal("proto_ver"),
    "clean_start": _equal("clean_start"),
    "node": _equal("node"),
    "conn_state": lambda client, value: client["connected"] is (value == "connected"),
    "like_clientid": _within("clientid"),
    "like_username": _within("username"),
    "gte_created_at": lambda client, value: _time(client["created_at"]) >= _time(value),
    "lte_created_at": lambda client, value: _time(client["created_at"]) <= _time(value),
    "gte_connected_at": lambda client, value: _time(client["connected_at"]) >= _time(value),
    "lte_connected_at": lambda client, value: _time(client["connected_at"]) <= _time(value),
}
USER_FILTERS: Mapping[str, Passes] = {"like_user_id": _within("user_id"), "is_superuser": _equal("is_superuser")}
BAN_FILTERS: Mapping[str, Passes] = {
    "clientid": lambda ban, value: (ban["as"], ban["who"]) == ("clientid", value),
    "username": lambda ban, value: (ban["as"], ban["who"]) == ("username", value),
    "peerhost": lambda ban, value: (ban["as"], ban["who"]) == ("peerhost", value),
    "like_clientid": lambda ban, value: _found(value, ban, "clientid", "clientid_re"),
    "like_username": lambda ban, value: _found(value, ban, "username", "username_re"),
    "like_peerhost": lambda ban, value: _found(value, ban, "peerhost"),
    "like_peerhost_net": lambda ban, value: _found(value, ban, "peerhost_net"),
}


def _found(pattern: str, ban: Mapping[str, Any], *kinds: str) -> bool:
    """Of bans the fuzzy filters are regular expressions (erratum D7)."""
    return ban["as"] in kinds and re.search(pattern, ban["who"]) is not None


def expect_filtered(
    target: Target,
    recorder: Recorder,
    collection: Collection,
    narrow: Mapping[str, Any],
    ids: Iterable[str],
    filters: Mapping[str, Passes],
    queries: Iterable[Mapping[str, Any]],
) -> None:
    """Of the elements ``ids``, each query finds exactly those that pass its filters, judged by the list without.

    ``narrow``: a filter that all of ``ids`` pass, with which a list is looked at that has more than a page of elements:
    others may have any number of users or clients.
    """
    first = collection.api.call(f"GET {collection.path}", query={"limit": ONE_PAGE}).expect(200)
    scope = narrow if len(first.json["data"]) >= ONE_PAGE else {}
    listed = {collection.identify(element): element for element in collection.listed(**scope)}
    every = {name: listed[name] for name in ids if name in listed}
    assert sorted(every) == sorted(ids), f"the list without these filters shows {sorted(every)} of {sorted(ids)}"
    for query in queries:
        expected = sorted(
            name for name in every if all(filters[key](every[name], value) for key, value in query.items())
        )
        answer = collection.api.call(f"GET {collection.path}", query={**scope, **query, "limit": ONE_PAGE}).expect(200)
        shown = [collection.identify(element) for element in answer.json["data"]]
        found = sorted(name for name in shown if name in every)
        assert found == expected, f"{query} finds {found}, expected {expected}"
        # Several filters are walked through only where something seems wrong: there are many of them.
        if len(query) == 1 or answer.json["meta"].get("count", len(shown)) != len(shown):
            Walk.through(target, collection, query).decide(recorder)


def pairs(queries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The queries, and every two of them together that ask for different things."""
    alone = list(queries)
    # Of an exact and a fuzzy filter on one field the exact one is taken.
    together = [
        {**first, **second}
        for first, second in combinations(alone, 2)
        if not {name.removeprefix("like_") for name in first} & {name.removeprefix("like_") for name in second}
    ]
    return [*alone, *together]


@requirement("PAG-13", "GET /clients", sentence=SENTENCE)
@requirement(
    "PAG-07",
    "GET /clients",
    sentence="A list with filters, one or two, has exactly the elements of the list without that pass them.",
)
@pytest.mark.needs("mqtt")
def test_filters_of_clients(target: Target, recorder: Recorder) -> None:
    """A list with filters, one or two, has exactly the elements of the list without that pass them."""
    name = target.sandbox.name("filter")
    # Its user name has what the client id of another contains.
    username = f"{name}-bu"
    if target.capabilities.no_authenticator is None:
        target.users.create(user_id=username)
    login = {"username": username, "password": PASSWORD}
    before = target.connect(f"{name}-a", protocol=5, session_expiry_s=300, **login)
    second = target.connect(f"{name}-b", protocol=4, clean_start=False)
    away = target.connect(f"{name}-c", session_expiry_s=300)
    away.close()
    before.close()
    # Its session is the oldest, its connection the youngest.
    first = target.connect(f"{name}-a", protocol=5, clean_start=False, session_expiry_s=300, **login)
    ids = [client.client_id for client in (first, second, away)]
    assert target.clients.read(second.client_id)["proto_ver"] == 4, "a client of MQTT 3.1.1 is shown as another"
    assert target.eventually(lambda: target.clients.read(away.client_id)["connected"] is False), (
        "a client stays connected"
    )
    shown, connected_at = target.clients.read(second.client_id), target.clients.read(away.client_id)["connected_at"]
    # Where anonymous clients are let in they have no names.
    names = [{"username": [shown["username"]]}, {"like_username": shown["username"][1:]}] if shown["username"] else []

    queries: list[Mapping[str, Any]] = [
        *names, {"clientid": [first.client_id, away.client_id, f"{name}-none"]}, {"username": ["nobody-at-all"]},
        {"ip_address": shown["ip_address"]}, {"ip_address": "192.0.2.1"}, {"proto_ver": 4}, {"proto_ver": 5},
        {"clean_start": True}, {"clean_start": False}, {"conn_state": "connected"}, {"conn_state": "disconnected"},
        {"like_clientid": f"{name}-"}, {"like_clientid": f"{name}-b"}, {"like_username": "nobody-at-all"},
        {"like_username": f"{name}-b"},
        {"gte_created_at": shown["created_at"]}, {"lte_created_at": shown["created_at"]},
        {"gte_connected_at": connected_at}, {"lte_connected_at": connected_at},
        {"node": shown["node"]},
    ]  # fmt: skip
    in_other_words: list[Mapping[str, Any]] = [
        {f"{bound}_{field}": written}
        for field, instant in (("created_at", shown["created_at"]), ("connected_at", connected_at))
        for bound in ("gte", "lte")
        for written in _written(instant)
    ]
    queries = [*pairs(queries), *in_other_words]
    expect_filtered(target, recorder, target.clients, {"like_clientid": f"{name}-"}, ids, CLIENT_FILTERS, queries)


@requirement("PAG-13", f"GET {paths.USERS}", sentence=SENTENCE)
@requirement("PAG-07", f"GET {paths.USERS}", sentence="A list of users with filters has those that pass them.")
@pytest.mark.needs("authenticator")
def test_filters_of_users(target: Target, recorder: Recorder) -> None:
    """The filters of users select by a part of the id and by the flag of superusers."""
    name = target.sandbox.name("filter")
    flags = {f"{name}-a": True, f"{name}-b": False, f"{name}-ab": True}
    ids = [target.users.create(user_id=user, is_superuser=flag) for user, flag in flags.items()]
    queries = [{"like_user_id": f"{name}-"}, {"like_user_id": f"{name}-a"}, {"like_user_id": f"{name}-none"}]
    superusers: list[Mapping[str, Any]] = [{"is_superuser": True}, {"is_superuser": False}]
    narrow, *_ = queries
    expect_filtered(target, recorder, target.users, narrow, ids, USER_FILTERS, pairs([*queries, *superusers]))


@requirement("PAG-13", f"GET {paths.USER_RULES}", f"GET {paths.CLIENT_RULES}", sentence=SENTENCE)
@requirement(
    "PAG-07",
    f"GET {paths.USER_RULES}",
    f"GET {paths.CLIENT_RULES}",
    sentence="A list of authorization rules with a filter has those whose id contains it.",
)
@pytest.mark.needs("authorization")
@pytest.mark.state("authorization")
def test_filters_of_authorization_rules(target: Target, recorder: Recorder) -> None:
    """The filters of authorization rules select by a part of the name."""
    for collection in (target.user_rules, target.client_rules):
        field, name = collection.parameter, target.sandbox.name("filter")
        ids = [collection.create(**{field: f"{name}-{end}"}) for end in ("a", "ab", "b")]
        queries = [{f"like_{field}": f"{name}-{end}"} for end in ("a", "ab", "b", "none")]
        narrow = {f"like_{field}": f"{name}-"}
        expect_filtered(target, recorder, collection, narrow, ids, {f"like_{field}": _within(field)}, queries)


@requirement("PAG-13", "GET /banned", sentence=SENTENCE)
@requirement("PAG-07", "GET /banned", sentence="A list of bans with a filter has those that pass it.")
@pytest.mark.state("bans")
def test_filters_of_bans(target: Target, recorder: Recorder) -> None:
    """Each filter of bans finds those of its kind that are equal, or match its regular expression; two are refused."""
    name, address, other = target.sandbox.name("filter"), target.sandbox.address(), target.sandbox.address()
    subjects = {
        "clientid": name, "username": f"{name}-u", "clientid_re": f"^{name}-r", "username_re": f"^{name}-s",
        "peerhost": address, "peerhost_net": f"{other}/32",
    }  # fmt: skip
    ids = [target.bans.create(kind=kind, who=who) for kind, who in subjects.items()]
    queries: list[Mapping[str, Any]] = [
        {"clientid": name}, {"clientid": f"{name}-u"}, {"username": f"{name}-u"}, {"peerhost": address},
        {"peerhost": other}, {"like_clientid": name}, {"like_clientid": f"{name}$"}, {"like_username": f"{name}-[us]"},
        {"like_peerhost": f"^{re.escape(address)}$"}, {"like_peerhost_net": re.escape(other)},
    ]  # fmt: skip
    expect_filtered(target, recorder, target.bans, {}, ids, BAN_FILTERS, queries)
    for together in ({"clientid": name, "username": name}, {"like_clientid": name, "like_username": name}):
        target.api.call("GET /banned", query=together).expect(400, code="BAD_REQUEST")


@requirement("PAG-10", "GET /rules", f"GET {paths.USERS}", f"GET {paths.USER_RULES}", f"GET {paths.CLIENT_RULES}")
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization")
def test_substrings_are_literal(context: Context, target: Target) -> None:
    """Filters by a part of a text take every character of it as it is, also those that mean something in patterns."""
    mark = target.sandbox.name("like")
    names = [f"{mark}-a{character}b" for character in f"{SPECIAL}x"]
    for collection, filter_name, field in (
        (target.users, "like_user_id", "user_id"),
        (target.user_rules, "like_username", "username"),
        (target.client_rules, "like_clientid", "clientid"),
    ):
        for name in names:
            collection.create(**{field: name})
        for name in names:
            found = collection.ids(**{filter_name: name[len(target.sandbox.prefix) :]})
            assert found == [name], f"{filter_name} with {name} finds {found}"
        found = collection.ids(**{filter_name: mark.swapcase()})
        assert found == [], f"{filter_name} with {mark.swapcase()} finds {found}, whose letters are of the other case"
    listed = listed_rules(context, target)
    for rule, description in zip(listed.ids, listed.descriptions, strict=True):
        found = target.rules.ids(like_description=description)
        assert found == [rule], f"like_description with {description} finds {found}, expected {[rule]}"


@requirement("PAG-10", "GET /clients", sentence="Filters of clients by a part of a text take every character as it is.")
@pytest.mark.needs("mqtt")
def test_substrings_of_clients_are_literal(target: Target) -> None:
    """The filters like_clientid and like_username take every character as it is."""
    mark = target.sandbox.name("like")
    ids = [target.connect(f"{mark}-a{character}b").client_id for character in f"{SPECIAL}x"]
    for name in ids:
        found = target.clients.ids(like_clientid=name)
        assert found == [name], f"like_clientid with {name} finds {found}"
    found = target.clients.ids(like_clientid=mark.swapcase())
    assert found == [], f"like_clientid with {mark.swapcase()} finds {found}, whose letters are of the other case"
    for character in SPECIAL:
        found = target.clients.ids(like_username=f"{mark}{character}", like_clientid=mark)
        assert found == [], f"like_username with {mark}{character} finds {found}, and no username contains it"


@requirement("PAG-11", "GET /clients")
@pytest.mark.needs("mqtt")
def test_fields_of_clients(target: Target) -> None:
    """With fields, GET /clients shows of each client exactly those, with the values it shows without."""
    client = target.connect().client_id
    (whole,) = target.clients.listed(clientid=client)
    # The contract requires the client id of every element.
    for field in _every_field():
        (shown,) = target.clients.listed(clientid=client, fields=f"clientid,{field}")
        expected_names = {"clientid", field} & whole.keys()
        assert shown.keys() == expected_names, f"fields=clientid,{field} shows {sorted(shown)}"
    for fields in ("clientid", "clientid,username,connected", "clientid,proto_ver,created_at,node"):
        (shown,) = target.clients.listed(clientid=client, fields=fields)
        expected = {name: whole[name] for name in fields.split(",")}
        assert shown == expected, f"fields={fields} shows {shown}, expected {expected}"
    others = [target.connect(protocol=4).client_id, client]
    found = target.clients.ids(clientid=others, proto_ver=4, fields="clientid")
    assert found == others[:1], f"with fields the client of MQTT 3.1.1 among two is {found}, expected {others[:1]}"
    (everything,) = target.clients.listed(clientid=client, fields="all")
    assert everything.keys() == whole.keys(), f"fields=all shows {sorted(everything)}, without fields {sorted(whole)}"


def _every_field() -> list[str]:
    """The names that the contract lists for the parameter ``fields``."""
    listed = contract().operation("GET /clients").parameters_in("query")
    (schema,) = (parameter.schema for parameter in listed if parameter.name == "fields")
    return [member for branch in schema["oneOf"] for member in branch.get("items", {}).get("enum", ())]


@requirement("PAG-12", "GET /clients")
@pytest.mark.needs("mqtt")
def test_repeated_filters_of_clients(target: Target) -> None:
    """A client id or username that is given several times finds the clients that have one of them."""
    mark = target.sandbox.name("many")
    connected = [target.connect(f"{mark}-{number}", **_named(target, number)) for number in range(3)]
    ids = [client.client_id for client in connected]

    found = sorted(target.clients.ids(clientid=[ids[0], ids[2], f"{mark}-none"]))
    assert found == [ids[0], ids[2]], f"two client ids find {found}, expected {[ids[0], ids[2]]}"
    found = target.clients.ids(clientid=[ids[1], ids[1]])
    assert found == [ids[1]], f"the same client id twice finds {found}, expected {[ids[1]]}"
    names = [client.username for client in connected]
    if None not in names:
        found = sorted(target.clients.ids(username=names[:2]))
        assert found == ids[:2], f"two usernames find {found}, expected {ids[:2]}"
        found = target.clients.ids(username=names[:2], clientid=ids[1:])
        assert found == [ids[1]], f"two usernames and two client ids find {found}, expected {[ids[1]]}"


def _named(target: Target, number: int) -> dict[str, str]:
    """A username for a client; where anonymous clients are refused, it must be one of a user."""
    return {} if target.capabilities.profile.demands_users else {"username": target.sandbox.name(f"name-{number}")}
