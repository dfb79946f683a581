"""Lists: pages that are complete, counts, and elements as their own GET shows them (PAG)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.checks.equivalence import settled
from conformance.checks.recorder import Recorder
from conformance.contract import paths
from conformance.fuzz.arrange import Arrangement
from conformance.omission import disturbed
from conformance.requirements import requirement
from conformance.scenarios.paged import LABELS, LISTS, Fill, Paged
from conformance.scenarios.walked import ONE_PAGE, SENTENCE, Walk
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection
from conformance.target.target import TO_DELETE, Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario


@pytest.fixture
def paged(fill: Fill, context: Context, target: Target) -> Paged:
    return fill(context, target)


@requirement("PAG-01", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_pages_are_complete(paged: Paged) -> None:
    """The pages of a list, whatever their limit, show every element once while nothing changes."""
    alone: dict[str, Any] = {}
    for limit in paged.limits:
        answers = _complete_pages(paged, limit)
        found = [name for answer in answers for name in paged.found(answer)]
        assert sorted(found) == sorted(paged.ids), f"pages of {limit} show {found}, expected each of {paged.ids} once"
        if paged.label == "GET /clients":
            continue  # their counters move
        elements = [settled(element) for answer in answers for element in answer.json["data"]]
        for name, element in zip(found, elements, strict=True):
            first = alone.setdefault(name, element)
            assert element == first, f"on a page of {limit} {name} is {element}, on a page of its own {first}"


def _complete_pages(paged: Paged, limit: int) -> list[Answer]:
    """Every page with a limit, asked for again until they show every element once.

    What others add to a list or take from it moves elements that are not theirs to other pages: the tables of EMQX have
    no order of their own. Where nobody does, pages that are not complete are so again.
    """
    answers: list[Answer] = []

    def complete() -> bool:
        answers[:] = [paged.page(number, limit) for number in range(1, paged.last(limit) + 1)]
        return sorted(name for answer in answers for name in paged.found(answer)) == sorted(paged.ids)

    paged.target.eventually(complete)
    return answers


@requirement("PAG-02", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_page_has_its_number_and_limit(paged: Paged) -> None:
    """A page has at most as many elements as its limit says, and its meta repeats page and limit."""
    for number, limit in paged.places():
        body = paged.page(number, limit).json
        size, meta = len(body["data"]), body["meta"]
        assert size <= limit, f"page {number} with limit {limit} has {size} elements"
        given = (meta["page"], meta["limit"])
        assert given == (number, limit), f"page {number} with limit {limit} says page {given[0]}, limit {given[1]}"


@requirement("PAG-03", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_page_beyond_the_end(paged: Paged) -> None:
    """A page beyond the end is answered with 200, without elements and with hasnext false."""
    assert paged.found(paged.page(1, paged.total)), "the list is empty"
    for number, limit in ((paged.total + 2, 1), (3, paged.total), (1000, 100)):
        body = paged.page(number, limit).json
        shown = (body["data"], body["meta"]["hasnext"])
        assert shown == ([], False), f"page {number} with limit {limit}, beyond the end, has data and hasnext {shown}"


@requirement("PAG-04", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_hasnext_is_no_lie(paged: Paged) -> None:
    """After hasnext false comes an empty page, after hasnext true one with elements unless all pages are full."""
    for number, limit in paged.places():
        hasnext = paged.page(number, limit).json["meta"]["hasnext"]
        following = paged.found(paged.page(number + 1, limit))
        where = f"page {number} with limit {limit} of {paged.total} elements says hasnext {hasnext}"
        if not hasnext:
            assert not following, f"{where}, and the next page has {following}"
        elif paged.total % limit:
            assert following, f"{where}, and the next page is empty"


@requirement("PAG-05", *LABELS, level="SHOULD")
@pytest.mark.parametrize("fill", LISTS)
def test_hasnext_is_exact(paged: Paged) -> None:
    """The last page says hasnext false also when it is full."""
    for number, limit in paged.places():
        hasnext = paged.page(number, limit).json["meta"]["hasnext"]
        expected = number * limit < paged.total
        where = f"page {number} with limit {limit} of {paged.total} elements"
        assert hasnext is expected, f"{where} says hasnext {hasnext}"


@requirement("PAG-13", *LABELS, sentence=SENTENCE)
@pytest.mark.parametrize("fill", LISTS)
def test_whole_list_knows_itself(paged: Paged, recorder: Recorder) -> None:
    """Without a filter, and with the one that finds the created elements, count and hasnext are those of the list."""
    for query in ({}, paged.query):
        Walk(paged.target, paged.label, paged.identify, query).decide(recorder)


@requirement("PAG-14", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_page_and_limit_have_bounds(paged: Paged) -> None:
    """A page is at least 1, a limit from 1 to 10000, and each has a default: within is answered 200, outside 400."""
    parameters = paged.target.api.contract.operation(paged.label).parameters_in("query")
    defaults = {one.name: one.schema["default"] for one in parameters if one.name in ("page", "limit")}
    for query in ({"page": 1, "limit": 10_000}, {"page": 10_000, "limit": 1}, {"page": 1, "limit": 1}, {}):
        meta = paged.target.api.call(paged.label, query=query).expect(200).json["meta"]
        expected = {**defaults, **query}
        told = {name: meta[name] for name in expected}
        assert told == expected, f"asked for {query}, the list says {told}, expected {expected}"
    for query in ({"page": 0}, {"page": -1}, {"limit": 0}, {"limit": -1}, {"page": 0, "limit": 10}):
        paged.target.api.call(paged.label, query=query).expect(400, code="BAD_REQUEST")


@requirement("PAG-06", *LABELS)
@pytest.mark.parametrize("fill", LISTS)
def test_count_is_the_number_of_elements(paged: Paged) -> None:
    """Without a fuzzy filter the count is the number of elements, on any page; of retained messages it may be more."""
    decided = [_count_is_true(paged, query) for query in paged.counted]
    if not any(decided):
        reason = f"the target's list has {ONE_PAGE} elements or more: it may change while it is counted"
        disturbed(paged.target.configuration.mode, reason)


def _count_is_true(paged: Paged, query: Mapping[str, Any]) -> bool:
    """Whether a list with a query could be counted; raises AssertionError if it says another count."""
    expired = paged.label == f"GET {paths.RETAINED_MESSAGES}"  # they are counted until somebody looks for them
    elements, counts = 0, [0]

    def agree() -> bool:
        nonlocal elements, counts
        # Elements come and go meanwhile; of a list of one page, count and elements are of one moment.
        bodies = [paged.answer(query, *place).json for place in ((1, ONE_PAGE), (1, 1), (2, 1))]
        elements, counts = len(bodies[0]["data"]), [body["meta"].get("count", -1) for body in bodies]
        return elements >= ONE_PAGE or all(count == elements or (expired and count > elements) for count in counts)

    agreed = paged.target.eventually(agree)
    if elements >= ONE_PAGE:
        return False
    what = f"the list with {dict(query)}" if query else "the list"
    assert -1 not in counts, f"{what} has no count"
    assert agreed, f"{what} has {elements} elements, and its pages say the counts {counts}"
    least = 1 if query else paged.total
    assert elements >= least, f"{what} has {elements} elements, and {least} of them were created"
    return True


# Lists by what they are called here and the operation that reads an element.
ELEMENTS: Mapping[str, tuple[str, str]] = {
    "GET /connectors": ("connectors", "GET /connectors/{id}"),
    "GET /actions": ("actions", "GET /actions/{id}"),
    "GET /rules": ("rules", "GET /rules/{id}"),
    "GET /schema_registry": ("schemas", "GET /schema_registry/{name}"),
    f"GET {paths.USERS}": ("users", f"GET {paths.USER}"),
    f"GET {paths.USER_RULES}": ("user_rules", f"GET {paths.RULES_OF_USER}"),
    f"GET {paths.CLIENT_RULES}": ("client_rules", f"GET {paths.RULES_OF_CLIENT}"),
    "GET /clients": ("clients", "GET /clients/{clientid}"),
}
# Filters that find an element by its name: others may have any number of users or clients.
SEARCHES = {
    "rules": "like_id",
    "users": "like_user_id",
    "user_rules": "like_username",
    "client_rules": "like_clientid",
    "clients": "clientid",
}
_CONNECTORS = pytest.mark.state("connectors")
_SCHEMAS = pytest.mark.needs("schemas")


def _elements() -> list[Any]:
    marks = {str(parameter.id): parameter.marks for parameter in LISTS}
    marks |= {"GET /connectors": [_CONNECTORS], "GET /actions": [_CONNECTORS], "GET /schema_registry": [_SCHEMAS]}
    return [pytest.param(*entry, id=label, marks=marks.get(label, ())) for label, entry in ELEMENTS.items()]


@requirement("PAG-08", *ELEMENTS)
@pytest.mark.parametrize(("name", "read"), _elements())
def test_element_is_what_its_own_get_shows(name: str, read: str, context: Context, target: Target) -> None:
    """An element of a list has, in what both show, the values of its own GET."""
    collection: Collection = getattr(target, name)
    operation = target.contract.operation(read)
    (identifier,) = Arrangement(context, target).path_parameters(operation).values()
    query = {SEARCHES[name]: identifier} if name in SEARCHES else {}
    differing: dict[str, Any] = {}

    def alike() -> bool:
        listed = [element for element in collection.listed(**query) if collection.identify(element) == identifier]
        assert listed, f"{identifier} is not listed"
        element, whole = settled(listed[0]), settled(collection.read(identifier))
        common = element.keys() & whole.keys()
        differing.clear()
        differing.update({key: (element[key], whole[key]) for key in common if element[key] != whole[key]})
        return not differing

    assert target.eventually(alike), f"in the list and by its GET, {identifier} has {differing}"


@requirement("PAG-09", *ELEMENTS, "GET /banned", f"GET {paths.RETAINED_MESSAGES}", "GET /subscriptions")
@pytest.mark.state("connectors", "rules")
@pytest.mark.parametrize("name", ["connectors", "actions", "rules", pytest.param("schemas", marks=_SCHEMAS)])
def test_configured_is_listed_until_it_is_deleted(name: str, target: Target) -> None:
    """What was created is in the list, what was deleted is not."""
    collection: Collection = getattr(target, name)
    _listed_until_deleted(target, collection, target.lasting(collection, TO_DELETE), {})


def _listed_until_deleted(target: Target, collection: Collection, identifier: str, query: Mapping[str, Any]) -> None:
    listed = collection.ids(**query)
    assert listed.count(identifier) == 1, f"{identifier} was created and is listed {listed.count(identifier)} times"
    collection.delete(identifier).expect(204)
    gone = target.eventually(lambda: identifier not in collection.ids(**query))
    assert gone, f"{identifier} was deleted and is still listed"


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
        _listed_until_deleted(target, collection, collection.create(), query)


@requirement("PAG-09", sentence="A client, its subscriptions and retained messages are listed as long as they exist.")
@pytest.mark.needs("mqtt", "retainer")
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
        listed = target.eventually(lambda: collection.ids(**query) == [identifier])  # noqa: B023
        assert listed, f"{identifier} exists and is not listed"

    target.clients.delete(client.client_id).expect(204)
    target.retained.delete(topic).expect(204)
    for collection, query, identifier in lists:
        gone = target.eventually(lambda: identifier not in collection.ids(**query))  # noqa: B023
        assert gone, f"{identifier} is gone and still listed"
