"""What answers are wrong with, by the names that lists, items and requests have in common."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.checks.sightings import concerned, name_of, refused_read, rows_of, wrong_body
from conformance.contract import load_contract, paths
from conformance.result import Sighting
from conformance.target.http.answer import Answer, Sent
from conformance.target.leftovers.listing import LISTINGS

CONTRACT = load_contract()
TIMES = (5.0, 5.25)


def answer(label: str, path: str, content: Any, *, status: int = 200, body: Any = None) -> Answer:
    method = label.partition(" ")[0]
    sent = Sent(method, path, {}, b"" if body is None else json.dumps(body).encode(), "basic", "1")
    return Answer(label, sent, status, {}, json.dumps(content).encode(), 0.25, began=5.0)


def seen(shown: Answer) -> list[Sighting | None]:
    assert shown.operation is not None
    violations = CONTRACT.validate_response(shown.operation, shown.status, shown.json)
    assert violations
    return [wrong_body(shown, violation) for violation in violations]


AT = "2026-11-27T00:00:00.000Z"
RULE = {
    "id": "cft-1", "name": "", "sql": "", "from": [], "actions": [], "enable": True, "description": 5,
    "created_at": AT, "last_modified_at": AT,
}  # fmt: skip
PAGE = {"meta": {"page": 1, "limit": 10, "hasnext": False}}
USER = {"user_id": "cft-1", "is_superuser": "false"}


def test_element_of_a_page_is_named_by_its_id() -> None:
    page = {"data": [{**RULE, "id": "cft-0", "description": ""}, RULE], **PAGE}
    assert seen(answer("GET /rules", "/rules?page=1", page)) == [Sighting(*TIMES, "rule cft-1", ["description"])]


def test_resource_is_named_alike_wherever_it_is_shown() -> None:
    expected = [Sighting(*TIMES, "user cft-1", ["is_superuser"])]
    body = {"user_id": "cft-1", "password": "x", "is_superuser": "false"}
    assert seen(answer(f"GET {paths.USERS}", paths.USERS, {"data": [USER], **PAGE})) == expected
    assert seen(answer(f"POST {paths.USERS}", paths.USERS, USER, status=201, body=body)) == expected
    assert seen(answer(f"PUT {paths.USER}", f"{paths.USERS}/cft%2D1", USER, body=body)) == expected


def test_unknown_and_missing_fields_are_named() -> None:
    odd = {"user_id": "cft-1", "more": 1}
    assert seen(answer(f"GET {paths.USERS}", paths.USERS, {"data": [odd], **PAGE})) in (
        [Sighting(*TIMES, "user cft-1", ["more"])],
        [Sighting(*TIMES, "user cft-1", ["is_superuser"])],
        [Sighting(*TIMES, "user cft-1", ["is_superuser"]), Sighting(*TIMES, "user cft-1", ["more"])],
    )


@pytest.mark.parametrize("identifier", [{"b": 1, "a": [2]}, 5, True, None])
def test_ids_that_are_no_text_are_named_by_their_json(identifier: Any) -> None:
    """As a request writes them, and as a list shows them, in whatever order."""
    users = next(listing for listing in LISTINGS if listing.name == "users")
    shown = dict(reversed(identifier.items())) if isinstance(identifier, dict) else identifier
    sent = answer("POST /x", "/x", {}, body=[{"user_id": identifier, "password": "x"}]).sent
    (found,) = seen(answer(f"GET {paths.USERS}", paths.USERS, {"data": [{**USER, "user_id": shown}], **PAGE}))[:1]
    assert found is not None
    assert [found.resource] == list(rows_of(users, sent))


def test_what_names_no_resource_is_no_sighting() -> None:
    assert seen(answer("GET /rules", "/rules", {"data": [], "meta": 5})) == [None]
    assert seen(answer("GET /rules", "/rules", {"data": [5], **PAGE})) == [None]
    nameless = {name: value for name, value in RULE.items() if name != "id"}
    assert set(map(bool, seen(answer("GET /rules", "/rules", {"data": [nameless], **PAGE})))) == {False}


def test_what_requests_concern() -> None:
    def names(label: str, path: str, body: Any = None) -> list[str]:
        return [name_of(resource) for resource in concerned(label, answer(label, path, {}, body=body).sent)]

    assert names("PUT /connectors/{id}", "/connectors/http%3Acft-1", {"url": "x"}) == ["connector http:cft-1"]
    assert names("POST /connectors", "/connectors", {"type": "http", "name": "cft-1"}) == ["connector http:cft-1"]
    assert names("POST /clients/{clientid}/subscribe", "/clients/cft-1/subscribe", {"topic": "t"}) == ["client cft-1"]
    assert names("POST /rules", "/rules", {"name": "cft-1", "sql": "x"}) == ["rule cft-1"]
    assert names("GET /rules", "/rules") == []


def test_only_refused_reads_are_sightings_of_reads() -> None:
    found = refused_read(answer("GET /rules", "/rules?page=1&like_id=a", {}, status=400))
    assert found == Sighting(*TIMES, read="GET /rules", query=["like_id", "page"])
    assert refused_read(answer("GET /rules", "/rules", {})) is None
    assert refused_read(answer("POST /rules", "/rules", {}, status=400)) is None
