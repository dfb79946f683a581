"""Users and authorization rules: stores of entries by name, with filters, counts and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle

from conformance.contract import paths
from conformance.models.machine import Model, invariant, rule
from conformance.requirements import requirement
from conformance.target.http.paging import pages
from conformance.target.resources.access import PASSWORD, Rulings

pytestmark = pytest.mark.model

SUFFIXES = ("a", "b", "a/b", "100%", "ü +x", "c?d#e")
"""Of ids: letters, and all that must be percent-encoded in a path."""


class People(Model):
    """``users``: id -> is_superuser; ``user_rules`` and ``client_rules``: id -> topics, in the order of evaluation."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, bool] = {}
        self.rulings: dict[str, dict[str, list[str]]] = {"username": {}, "clientid": {}}

    @rule(target=names, suffix=st.sampled_from(SUFFIXES))
    def think_of_a_name(self, suffix: str) -> str:
        return self.name(suffix)

    @rule(user=names, superuser=st.none() | st.booleans())
    def create_user(self, user: str, superuser: bool | None) -> None:
        body = self.target.users.body(user_id=user, is_superuser=superuser)
        answer = self.target.api.call(f"POST {self.target.users.path}", json=body)
        if user in self.users:
            answer.expect(409, code="ALREADY_EXISTS")
        else:
            answer.expect(201)
            self.users[user] = bool(superuser)

    @rule(user=names, superuser=st.none() | st.booleans())
    def change_user(self, user: str, superuser: bool | None) -> None:
        body = {"password": PASSWORD} | ({} if superuser is None else {"is_superuser": superuser})
        answer = self.target.users.put(user, body)
        if user not in self.users:
            answer.expect(404)
        else:
            answer.expect(200)
            self.users[user] = self.users[user] if superuser is None else superuser

    @rule(user=names)
    def delete_user(self, user: str) -> None:
        known = self.users.pop(user, None)
        self.target.users.delete(user).expect(404 if known is None else 204)

    @rule(kind=st.sampled_from(["username", "clientid"]), name=names, count=st.integers(0, 3))
    def create_rules(self, kind: str, name: str, count: int) -> None:
        collection, topics = self._collection(kind), [f"{self.mark}/{number}" for number in range(count)]
        body = collection.body(**{kind: name, "rules": [allow(topic) for topic in topics]})
        answer = self.target.api.call(f"POST {collection.path}", json=[body])
        if name in self.rulings[kind]:
            answer.expect(409, code="ALREADY_EXISTS")
        else:
            answer.expect(204)
            self.rulings[kind][name] = topics

    @rule(kind=st.sampled_from(["username", "clientid"]), name=names, count=st.integers(0, 3))
    def replace_rules(self, kind: str, name: str, count: int) -> None:
        topics = [f"{self.mark}/{number}" for number in reversed(range(count))]
        body = {kind: name, "rules": [allow(topic) for topic in topics]}
        self._collection(kind).put(name, body).expect(204)
        self.rulings[kind][name] = topics

    @rule(kind=st.sampled_from(["username", "clientid"]), name=names)
    def delete_rules(self, kind: str, name: str) -> None:
        known = self.rulings[kind].pop(name, None)
        self._collection(kind).delete(name).expect(404 if known is None else 204)

    @rule(limit=st.integers(1, 4))
    def page_through(self, limit: int) -> None:
        """Pages of any size give each entry once, while nothing changes between them."""
        for label, filters, known in self._lists():
            walked = [
                entry
                for page in pages(self.target.api, label, limit=limit, query=filters)
                for entry in page.json["data"]
            ]
            found = sorted(
                next(entry[key] for key in ("user_id", "username", "clientid") if key in entry) for entry in walked
            )
            assert found == sorted(known), f"{label} in pages of {limit} gives {found}, the model has {sorted(known)}"

    @invariant()
    def users_are_the_model(self) -> None:
        listed = {entry["user_id"]: entry["is_superuser"] for entry in self.target.users.listed(like_user_id=self.mark)}
        assert listed == self.users, f"the list has {listed}, the model {self.users}"
        for flag in (True, False):
            filtered = self.target.users.listed(like_user_id=self.mark, is_superuser=flag)
            expected = sorted(user for user, superuser in self.users.items() if superuser is flag)
            found = sorted(entry["user_id"] for entry in filtered)
            assert found == expected, f"is_superuser={flag} finds {found}, the model has {expected}"

    @invariant()
    def rules_are_the_model(self) -> None:
        for kind, known in self.rulings.items():
            listed = {
                entry[kind]: [entry_rule["topic"] for entry_rule in entry["rules"]]
                for entry in self._collection(kind).listed(**{f"like_{kind}": self.mark})
            }
            assert listed == known, f"rules by {kind}: the list has {listed}, the model {known}"

    def _collection(self, kind: str) -> Rulings:
        return self.target.user_rules if kind == "username" else self.target.client_rules

    def _lists(self) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        yield f"GET {self.target.users.path}", {"like_user_id": self.mark}, self.users
        for kind, known in self.rulings.items():
            yield f"GET {self._collection(kind).path}", {f"like_{kind}": self.mark}, known


def allow(topic: str) -> dict[str, str]:
    return {"topic": topic, "permission": "allow", "action": "all"}


@requirement(
    "MDL-02",
    *(f"{method} {path}" for path in (paths.USERS, paths.USER_RULES, paths.CLIENT_RULES) for method in ("GET", "POST")),
    *(
        f"{method} {path}"
        for path in (paths.USER, paths.RULES_OF_USER, paths.RULES_OF_CLIENT)
        for method in ("PUT", "DELETE")
    ),
)
@pytest.mark.needs("authenticator", "authorization")
def test_people(explore: Callable[[type[Model]], None]) -> None:
    """Whatever the order of writes, users and their rules are what was written, in lists, filters and pages."""
    explore(People)
