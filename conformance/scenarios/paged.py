"""Paged lists with a known number of elements, for what is required of pages, counts and hasnext (PAG)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.contract import paths
from conformance.scenarios.listed import listed_rules
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection
from conformance.target.target import Target
from conformance.worker.context import Context

MANY = 6
"""Elements of a list that are no effort to create: full last pages with some limits, not with others."""

SPECIAL = "%_*.["
"""Characters that mean something in patterns of one kind or another."""


@dataclass(frozen=True, slots=True)
class Paged:
    """A paged list in which ``query`` finds exactly the elements ``ids``; ``identify`` names an element.

    ``exact``: an exact filter that finds some of them; with it the list is counted, with a fuzzy one it is not
    (behaviour 0.4).
    """

    target: Target
    label: str
    query: Mapping[str, Any]
    ids: tuple[str, ...]
    identify: Callable[[Mapping[str, Any]], str]
    exact: Mapping[str, Any] | None = None

    @property
    def total(self) -> int:
        return len(self.ids)

    @property
    def counted(self) -> list[Mapping[str, Any]]:
        """Queries that do not keep the list from being counted."""
        return [{}] if self.exact is None else [{}, self.exact]

    @property
    def limits(self) -> range:
        """From one element a page to one more than there are."""
        return range(1, self.total + 2)

    def last(self, limit: int) -> int:
        """The number of the last page with elements."""
        return -(-self.total // limit)

    def places(self) -> Iterator[tuple[int, int]]:
        """Number and limit of every page with elements, for all `limits`."""
        return ((number, limit) for limit in self.limits for number in range(1, self.last(limit) + 1))

    def page(self, number: int, limit: int) -> Answer:
        """One page of the list."""
        return self.answer(self.query, number, limit)

    def answer(self, query: Mapping[str, Any], number: int, limit: int) -> Answer:
        """One page of the list as another query finds it."""
        return self.target.api.call(self.label, query={**query, "page": number, "limit": limit}).expect(200)

    def found(self, answer: Answer) -> list[str]:
        """The names of the elements of a page."""
        return [self.identify(element) for element in answer.json["data"]]


Fill = Callable[[Context, Target], Paged]


def by_name(
    collection: Callable[[Target], Collection],
    filter_name: str,
    field: str,
    pattern: str = "{}",
    exact: Callable[[str], Mapping[str, Any]] | None = None,
) -> Fill:
    """A list whose elements have a common beginning that a fuzzy filter asks for; ``exact``: a filter by one name."""

    def fill(context: Context, target: Target) -> Paged:
        owner, mark = collection(target), target.sandbox.name("page")
        ids = [owner.create(**{field: f"{mark}-{number}"}) for number in range(MANY)]
        query = {filter_name: pattern.format(mark)}
        found_alone = exact(f"{mark}-0") if exact else None
        return Paged(target, f"GET {owner.path}", query, tuple(ids), owner.identify, found_alone)

    return fill


def clients(context: Context, target: Target) -> Paged:
    """Connected clients."""
    mark = target.sandbox.name("page")
    ids = [target.connect(f"{mark}-{number}").client_id for number in range(MANY)]
    query, exact = {"like_clientid": mark}, {"clientid": ids[0]}
    return Paged(target, "GET /clients", query, tuple(ids), target.clients.identify, exact)


def subscriptions(context: Context, target: Target) -> Paged:
    """Subscriptions of one client."""
    target.capabilities.profile.limits.check_exact_pages()
    client, topic = target.connect(), target.sandbox.topic("page")
    for number in range(MANY):
        client.subscribe(f"{topic}/{number}", 0)
    ids = tuple(f"{client.client_id} {topic}/{number}" for number in range(MANY))
    query, exact = {"match_topic": f"{topic}/#"}, {"clientid": client.client_id}
    target.eventually(lambda: len(target.subscriptions.listed(**query)) == len(ids))
    return Paged(target, "GET /subscriptions", query, ids, target.subscriptions.identify, exact)


def retained(context: Context, target: Target) -> Paged:
    """Retained messages."""
    topic = target.sandbox.topic("page")
    ids = [target.retained.create(topic=f"{topic}/{number}") for number in range(MANY)]
    label = f"GET {target.retained.path}"
    return Paged(target, label, {"topic": f"{topic}/#"}, tuple(ids), target.retained.identify)


def rules(context: Context, target: Target) -> Paged:
    """Rules; those of a worker serve all its items, for a rule is costly to create."""
    listed = listed_rules(context, target)
    return Paged(
        target, "GET /rules", {"like_id": listed.mark}, tuple(listed.ids), target.rules.identify, {"enable": False}
    )


_MQTT = pytest.mark.needs("mqtt")
_RULINGS = [pytest.mark.needs("authorization"), pytest.mark.state("authorization")]

LISTS = (
    pytest.param(clients, id="GET /clients", marks=_MQTT),
    pytest.param(subscriptions, id="GET /subscriptions", marks=_MQTT),
    pytest.param(rules, id="GET /rules"),
    pytest.param(
        by_name(lambda target: target.bans, "like_clientid", "who", "^{}", lambda who: {"clientid": who}),
        id="GET /banned",
        marks=pytest.mark.state("bans"),
    ),
    pytest.param(
        by_name(lambda target: target.users, "like_user_id", "user_id", exact=lambda _: {"is_superuser": False}),
        id=f"GET {paths.USERS}",
        marks=pytest.mark.needs("authenticator"),
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
    pytest.param(
        retained,
        id=f"GET {paths.RETAINED_MESSAGES}",
        marks=[pytest.mark.needs("retainer"), pytest.mark.state("retained")],
    ),
)
"""Every paged list of the contract, to parametrize ``fill`` with."""

LABELS = tuple(str(parameter.id) for parameter in LISTS)
