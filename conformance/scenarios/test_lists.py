"""Lists: pages that are complete, counts, and elements as their own GET shows them (PAG)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.checks.equivalence import settled
from conformance.contract import paths
from conformance.requirements import requirement
from conformance.run import Context
from conformance.target.answer import Answer
from conformance.target.paging import LARGEST_PAGE, pages
from conformance.target.polling import eventually
from conformance.target.resources.collection import Collection
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

TOTAL = 6
"""Entries of a list: full pages of 1, 2, 3 and 6, a last page that is not full with 4 and 5."""
LIMITS = (1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Paged:
    """A paged list of which ``query`` finds exactly the elements ``ids``, and ``identify`` names one."""

    target: Target
    label: str
    query: Mapping[str, Any]
    ids: tuple[str, ...]
    identify: Callable[[Mapping[str, Any]], str]

    def page(self, number: int, limit: int) -> Answer:
        query = {**self.query, "page": number, "limit": limit}
        return self.target.api.call(self.label, query=query).expect(200)

    def found(self, answer: Answer) -> list[str]:
        return [self.identify(element) for element in answer.json["data"]]


def last_page(limit: int) -> int:
    return -(-TOTAL // limit)


Fill = Callable[[Context, Target], Paged]


def by_name(collection: Callable[[Target], Collection], filter_name: str, field: str, pattern: str = "{}") -> Fill:
    """A list whose entries have a common beginning that a fuzzy filter asks for."""

    def fill(context: Context, target: Target) -> Paged:
        owner, mark = collection(target), target.sandbox.name("page")
        ids = [owner.create(**{field: f"{mark}-{number}"}) for number in range(TOTAL)]
        return Paged(target, f"GET {owner.path}", {filter_name: pattern.format(mark)}, tuple(ids), owner.identify)

    return fill


def clients(context: Context, target: Target) -> Paged:
    mark = target.sandbox.name("page")
    ids = [target.connect(f"{mark}-{number}").client_id for number in range(TOTAL)]
    return Paged(target, "GET /clients", {"like_clientid": mark}, tuple(ids), target.clients.identify)


def subscriptions(context: Context, target: Target) -> Paged:
    client, topic = target.connect(), target.sandbox.topic("page")
    for number in range(TOTAL):
        client.subscribe(f"{topic}/{number}", 0)
    query = {"match_topic": f"{topic}/#"}
    paged = Paged(
        target,
        "GET /subscriptions",
        query,
        tuple(f"{client.client_id} {topic}/{number}" for number in range(TOTAL)),
        target.subscriptions.identify,
    )
    eventually(lambda: len(target.subscriptions.listed(**query)) == TOTAL)
    return paged


def retained(context: Context, target: Target) -> Paged:
    topic = target.sandbox.topic("page")
    ids = [target.retained.create(topic=f"{topic}/{number}") for number in range(TOTAL)]
    label = f"GET {target.retained.path}"
    return Paged(target, label, {"topic": f"{topic}/#"}, tuple(ids), target.retained.identify)


def rules(context: Context, target: Target) -> Paged:
    """Rules are costly to make: those of a worker serve all its items."""
    mark = context.once("mark of listed rules", lambda: target.sandbox.name("page"))

    def rule(number: int) -> str:
        return context.lasting(
            f"listed rule {number}",
            lambda: target.rules.create(id=f"{mark}-{number}", enable=False),
            lambda known: target.rules.get(known).ok,
        )

    ids = tuple(rule(number) for number in range(TOTAL))
    return Paged(target, "GET /rules", {"like_id": mark}, ids, target.rules.identify)


_MQTT = pytest.mark.needs("mqtt")
_USERS = pytest.mark.needs("authenticator")
_RULINGS = [pytest.mark.needs("authorization"), pytest.mark.state("authorization")]

LISTS = (
    pytest.param(clients, id="GET /clients", marks=_MQTT),
    pytest.param(subscriptions, id="GET /subscriptions", marks=_MQTT),
    pytest.param(rules, id="GET /rules"),
    pytest.param(
        by_name(lambda target: target.bans, "like_clientid", "who", "^{}"),
        id="GET /banned",
        marks=pytest.mark.state("bans"),
    ),
    pytest.param(
        by_name(lambda target: target.users, "like_user_id", "user_id"), id=f"GET {paths.USERS}", marks=_USERS
    ),
    pytest.param(
        by_name(lambda target: target.user_rules, "like_username", "username"),
        id=f"GET {paths.USER_RULES}",
        marks=_RULINGS,
    ),
    pytest.param(
        by_name(lambda target: target.client_rules, "like_clientid", "clientid"),
        id=f"GET {paths.CLIENT_RULES}",
        marks=_RULINGS,
    ),
    pytest.param(retained, id=f"GET {paths.RETAINED_MESSAGES}", marks=pytest.mark.state("retained")),
)
LABELS = [str(parameter.id) for parameter in LISTS]


@pytest.fixture
def paged(fill: Fill, context: Context, target: Target) -> Paged:
    return fill(context, target)


@requirement("PAG-01", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_pages_are_complete(paged: Paged) -> None:
    """The pages of a list, whatever their limit, show every element once while nothing changes."""
    for limit in LIMITS:
        found = [name for number in range(1, last_page(limit) + 1) for name in paged.found(paged.page(number, limit))]
        assert sorted(found) == sorted(paged.ids), f"pages of {limit} show {found}, expected each of {paged.ids} once"


@requirement("PAG-02", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_page_has_its_number_and_limit(paged: Paged) -> None:
    """A page has at most as many elements as its limit says, and its meta repeats page and limit."""
    for limit in LIMITS:
        for number in range(1, last_page(limit) + 1):
            body = paged.page(number, limit).json
            size, meta = len(body["data"]), body["meta"]
            assert size <= limit, f"page {number} with limit {limit} has {size} elements"
            given = (meta["page"], meta["limit"])
            assert given == (number, limit), f"page {number} with limit {limit} says page {given[0]}, limit {given[1]}"


@requirement("PAG-03", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_page_beyond_the_end(paged: Paged) -> None:
    """A page beyond the end is answered with 200, without elements and with hasnext false."""
    assert paged.found(paged.page(1, TOTAL)), "the list is empty"
    for number, limit in ((TOTAL + 2, 1), (3, TOTAL), (1000, 100)):
        body = paged.page(number, limit).json
        shown = (body["data"], body["meta"]["hasnext"])
        assert shown == ([], False), f"page {number} with limit {limit}, beyond the end, has data and hasnext {shown}"


@requirement("PAG-04", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_hasnext_is_no_lie(paged: Paged) -> None:
    """After hasnext false comes an empty page, after hasnext true one with elements unless all pages are full."""
    for limit in LIMITS:
        for number in range(1, last_page(limit) + 1):
            hasnext = paged.page(number, limit).json["meta"]["hasnext"]
            following = paged.found(paged.page(number + 1, limit))
            where = f"page {number} with limit {limit} of {TOTAL} elements says hasnext {hasnext}"
            if not hasnext:
                assert not following, f"{where}, and the next page has {following}"
            elif TOTAL % limit:
                assert following, f"{where}, and the next page is empty"


@requirement("PAG-05", *LABELS, level="SHOULD")
@pytest.mark.parametrize("fill", LISTS)
def test_hasnext_is_exact(paged: Paged) -> None:
    """The last page says hasnext false also when it is full."""
    for limit in LIMITS:
        for number in range(1, last_page(limit) + 1):
            hasnext = paged.page(number, limit).json["meta"]["hasnext"]
            expected = number * limit < TOTAL
            assert hasnext is expected, f"page {number} with limit {limit} of {TOTAL} elements says hasnext {hasnext}"


@requirement("PAG-06", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_count_is_the_number_of_elements(paged: Paged) -> None:
    """The count of an unfiltered list is the number of its elements; of retained messages it may include expired."""
    seen: tuple[int, int] = (0, 0)

    def agree() -> bool:
        # Elements come and go meanwhile; of a list of one page, count and elements are of one moment.
        nonlocal seen
        walked = [page.json for page in pages(paged.target.api, paged.label, limit=LARGEST_PAGE)]
        seen = walked[0]["meta"]["count"], sum(len(page["data"]) for page in walked)
        return seen[0] == seen[1] or (paged.label == f"GET {paths.RETAINED_MESSAGES}" and seen[0] > seen[1])

    assert eventually(agree), f"count is {seen[0]}, the pages show {seen[1]} elements"
    assert seen[0] >= TOTAL, f"count is {seen[0]}, and {TOTAL} elements were created"


ELEMENTS: Mapping[str, Callable[[Target], tuple[Collection, str]]] = {
    "GET /connectors": lambda target: (target.connectors, target.connectors.create()),
    "GET /actions": lambda target: (target.actions, target.actions.create()),
    "GET /rules": lambda target: (target.rules, target.rules.create()),
    "GET /schema_registry": lambda target: (target.schemas, target.schemas.create()),
    f"GET {paths.USERS}": lambda target: (target.users, target.users.create()),
    f"GET {paths.USER_RULES}": lambda target: (target.user_rules, target.user_rules.create()),
    f"GET {paths.CLIENT_RULES}": lambda target: (target.client_rules, target.client_rules.create()),
    "GET /clients": lambda target: (target.clients, target.connect().client_id),
}


def _elements() -> list[Any]:
    marks = {str(parameter.id): parameter.marks for parameter in LISTS}
    return [pytest.param(make, id=label, marks=marks.get(label, ())) for label, make in ELEMENTS.items()]


@requirement("PAG-08", *ELEMENTS)
@pytest.mark.parametrize("make", _elements())
def test_element_is_what_its_own_get_shows(make: Callable[[Target], tuple[Collection, str]], target: Target) -> None:
    """An element of a list has, in what both show, the values of its own GET."""
    collection, identifier = make(target)
    differing: dict[str, Any] = {}

    def alike() -> bool:
        listed = [element for element in collection.listed() if collection.identify(element) == identifier]
        assert listed, f"{identifier} is not listed"
        whole = settled(collection.read(identifier))
        element = settled(listed[0])
        differing.clear()
        differing.update(
            {
                name: (element[name], whole[name])
                for name in element.keys() & whole.keys()
                if element[name] != whole[name]
            }
        )
        return not differing

    eventually(alike)
    assert not differing, f"in the list and by its GET, {identifier} has {differing}"


@requirement("PAG-09", *ELEMENTS, "GET /banned", f"GET {paths.RETAINED_MESSAGES}", "GET /subscriptions")
@pytest.mark.parametrize("name", ["connectors", "actions", "rules", "schemas"])
def test_configured_is_listed_until_it_is_deleted(name: str, target: Target) -> None:
    """What was created is in the list, what was deleted is not."""
    collection: Collection = getattr(target, name)
    _listed_until_deleted(collection, {})


def _listed_until_deleted(collection: Collection, query: Mapping[str, Any]) -> None:
    identifier = collection.create()
    listed = collection.ids(**query)
    assert listed.count(identifier) == 1, f"{identifier} was created and is listed {listed.count(identifier)} times"
    collection.delete(identifier).expect(204)
    assert identifier not in collection.ids(**query), f"{identifier} was deleted and is still listed"


@requirement("PAG-09", sentence="A person or a ban that was created is in the list, a deleted one is not.")
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization", "bans")
def test_people_are_listed_until_they_are_deleted(target: Target) -> None:
    """Users, their rules and bans are in the list once created, and not once deleted."""
    prefix = target.sandbox.prefix
    for collection, query in (
        (target.users, {"like_user_id": prefix}),
        (target.user_rules, {"like_username": prefix}),
        (target.client_rules, {"like_clientid": prefix}),
        (target.bans, {"like_clientid": f"^{prefix}"}),
    ):
        _listed_until_deleted(collection, query)


@requirement("PAG-09", sentence="A client, its subscriptions and retained messages are listed as long as they exist.")
@pytest.mark.needs("mqtt")
@pytest.mark.state("retained")
def test_sessions_and_messages_are_listed_while_they_exist(target: Target) -> None:
    """A client, its subscription and a retained message are listed once they exist, and not once they do not."""
    client, topic = target.connect(), target.retained.create()
    client.subscribe(topic, 0)
    lists: list[tuple[Collection, dict[str, Any], str]] = [
        (target.clients, {"like_clientid": client.client_id}, client.client_id),
        (target.subscriptions, {"clientid": client.client_id}, f"{client.client_id} {topic}"),
        (target.retained, {"topic": topic}, topic),
    ]
    for collection, query, identifier in lists:
        assert eventually(lambda: collection.ids(**query) == [identifier]), f"{identifier} exists and is not listed"  # noqa: B023

    target.clients.delete(client.client_id).expect(204)
    target.retained.delete(topic).expect(204)
    for collection, query, identifier in lists:
        gone = eventually(lambda: identifier not in collection.ids(**query))  # noqa: B023
        assert gone, f"{identifier} is gone and still listed"
