"""Which earlier writes a failure is told with: those that made what its request names, and no others."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from conformance.checks.history import MOST_STEPS, History
from conformance.target.answer import Answer, Sent

NUMBERS = count()


def sent(method: str, path: str, body: Any = None) -> Sent:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Sent(method, path, {}, content, "basic", f"r-{next(NUMBERS)}")


class Story:
    """Requests by short names, in the order in which they are written."""

    def __init__(self) -> None:
        self.history = History()

    def call(self, method: str, path: str, body: Any = None, operation: str | None = None, status: int = 200) -> Sent:
        request = sent(method, path, body)
        self.history.note(Answer(operation or f"{method} {path}", request, status, {}, b"", 0.0))
        return request

    def connector(self, name: str) -> Sent:
        return self.call("POST", "/connectors", {"type": "http", "name": name, "url": "http://127.0.0.1:9"})

    def action(self, name: str, connector: str) -> Sent:
        return self.call("POST", "/actions", {"type": "http", "name": name, "connector": connector})


@pytest.fixture
def story() -> Story:
    return Story()


def test_what_a_request_names_comes_first_and_what_that_names_before(story: Story) -> None:
    connector, _ = story.connector("cft-c"), story.connector("cft-other")
    action, _ = story.action("cft-a", "cft-c"), story.action("cft-b", "cft-c")
    rule = story.call("POST", "/rules", {"id": "cft-r", "sql": "SELECT 1", "actions": ["http:cft-a"]})
    read = story.call("GET", "/rules/cft-r", operation="GET /rules/{id}")
    assert story.history.before(read) == [connector, action, rule]
    assert story.history.before(action) == [connector]
    assert story.history.before(sent("GET", "/actions/http%3Acft-a")) == [connector, action]
    assert story.history.before(sent("GET", "/rules")) == []


def test_request_that_got_no_answer_has_a_past_as_well(story: Story) -> None:
    connector = story.connector("cft-c")
    assert story.history.before(sent("DELETE", "/connectors/http:cft-c")) == [connector]


def test_last_replacement_counts(story: Story) -> None:
    made = story.connector("cft-c")
    path, operation = "/connectors/http:cft-c", "PUT /connectors/{id}"
    story.call("PUT", path, {"url": "http://127.0.0.1:7"}, operation)
    last = story.call("PUT", path, {"url": "http://127.0.0.1:8"}, operation)
    assert story.history.before(sent("GET", path)) == [made, last]
    gone = story.call("DELETE", path, operation="DELETE /connectors/{id}")
    assert story.history.before(sent("GET", path)) == [made, gone]


def test_what_is_no_id_connects_nothing(story: Story) -> None:
    story.call("PUT", "/rules/cft-r/enable/true", operation="PUT /rules/{id}/enable/{enable}")
    story.call("POST", "/banned", {"as": "clientid", "who": "cft-x"})
    assert story.history.before(sent("PUT", "/actions/http:cft-a/enable/true")) == []
    assert story.history.before(sent("POST", "/banned", {"as": "clientid", "who": "cft-y"})) == []


def test_entries_of_a_list_are_found(story: Story) -> None:
    made = story.call("POST", "/authorization/users", [{"username": "cft-u", "rules": []}, {"username": "cft-v"}])
    assert story.history.before(sent("GET", "/authorization/users/cft-v")) == [made]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, 1, [1, {"name": 2}]])
def test_any_body_is_borne(story: Story, body: Any) -> None:
    story.call("POST", "/connectors", body)
    assert story.history.before(sent("POST", "/connectors", body)) == []


def test_reads_trials_and_refused_writes_make_nothing(story: Story) -> None:
    story.call("POST", "/connectors", {"name": "cft-c"}, status=400)
    story.call("GET", "/connectors/http:cft-c", operation="GET /connectors/{id}")
    story.call("POST", "/connectors_probe", {"name": "cft-c"})
    assert story.history.before(sent("GET", "/connectors/http:cft-c")) == []


def test_only_what_lasts_survives_an_item(story: Story) -> None:
    story.connector("cft-gone")
    with story.history.lasting():
        connector = story.connector("cft-shared")
    story.history.begin()
    action = story.action("cft-a", "cft-shared")
    assert story.history.before(sent("GET", "/actions/http:cft-a")) == [connector, action]
    assert story.history.before(sent("GET", "/connectors/http:cft-gone")) == []


def test_endless_story_is_not_told(story: Story) -> None:
    for number in range(MOST_STEPS + 1):
        story.call("POST", f"/clients/cft-c/subscribe/{number}", operation="POST /clients/{clientid}/subscribe/bulk")
    assert story.history.before(sent("GET", "/clients/cft-c")) == []
