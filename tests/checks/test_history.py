"""Which earlier writes a failure is told with: those that made what its request names, and no others."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from conformance.checks.history import MOST_STEPS, History
from conformance.target.http.answer import Answer, Sent

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
    assert story.history.before(sent("PUT", "/actions/http%3Acft-a")) == [connector, action]
    assert story.history.before(sent("POST", "/rules")) == []


def test_what_several_items_judge_is_told_without_what_came_after_it(story: Story) -> None:
    with story.history.lasting():
        connector = story.connector("cft-c")
        first = story.call("GET", "/connectors/http%3Acft-c", operation="GET /connectors/{id}")
    story.history.begin()
    with story.history.lasting():
        change = story.call("PUT", "/connectors/http%3Acft-c", {"url": "x"}, operation="PUT /connectors/{id}")
        second = story.call("GET", "/connectors/http%3Acft-c", operation="GET /connectors/{id}")
    story.history.begin()
    assert story.history.before(first) == [connector]
    assert story.history.before(change) == [connector]
    assert story.history.before(second) == [connector, change]


def test_before_a_list_comes_what_the_item_put_into_it_and_what_it_shows(story: Story) -> None:
    with story.history.lasting():
        lasting = story.connector("cft-shared")
        story.connector("cft-unseen")
    mine = story.connector("cft-c")
    story.call("POST", "/rules", {"id": "cft-r", "sql": "SELECT 1"})
    read = sent("GET", "/connectors?page=1")
    assert story.history.before(read) == [mine]
    entries = [{"name": "cft-shared"}, {"name": "cft-of-others"}, {"name": "billing"}]
    answer = Answer("GET /connectors", read, 200, {}, json.dumps(entries).encode(), 0.0)
    steps = story.history.before(read, answer)
    assert steps == [lasting, mine]
    reason = story.history.beyond.reason(read, steps, answer, judged=True)
    assert reason == "The list showed what these lines do not make: cft-of-others."


def test_before_a_list_that_crashes_comes_what_serves_all_items_as_far_as_that_fits(story: Story) -> None:
    with story.history.lasting():
        shared = story.call("POST", "/rules", {"id": "cft-shared", "sql": "SELECT 1"})
    mine = story.call("POST", "/rules", {"id": "cft-r", "sql": "SELECT 1"})
    read = sent("GET", "/rules?like_id=")
    crash = Answer("GET /rules", read, 500, {}, b'{"code":"INTERNAL_ERROR"}', 0.0)
    assert story.history.before(read, crash) == [shared, mine]
    with story.history.lasting():
        for number in range(MOST_STEPS):
            story.call("POST", "/rules", {"id": f"cft-shared-{number}", "sql": "SELECT 1"})
    assert story.history.before(read, crash) == [mine]


def test_before_a_read_or_a_deletion_comes_what_names_the_same_thing(story: Story) -> None:
    """An action shows its rules, and one in use is not deleted."""
    connector, action = story.connector("cft-c"), story.action("cft-a", "cft-c")
    rule = story.call("POST", "/rules", {"id": "cft-r", "sql": "SELECT 1", "actions": ["http:cft-a"]})
    story.call("POST", "/rules", {"id": "cft-s", "sql": "SELECT 1", "actions": ["http:cft-b"]})
    read, deletion = sent("GET", "/actions/http%3Acft-a"), sent("DELETE", "/actions/http:cft-a")
    assert story.history.before(read) == story.history.before(deletion) == [connector, action, rule]
    gone = story.call("DELETE", "/rules/cft-r", operation="DELETE /rules/{id}")
    assert story.history.before(read) == [connector, action, rule, gone]
    assert story.history.before(sent("GET", "/connectors/http:cft-c")) == [connector, action]


def test_list_follows_what_it_filters_and_what_was_sent_below_it(story: Story) -> None:
    with story.history.lasting():
        first = story.call("POST", "/rules", {"id": "cft-page-0", "sql": "SELECT 1"})
        story.call("POST", "/rules", {"id": "cft-other", "sql": "SELECT 1"})
    message = story.call("POST", "/publish", {"topic": "cft-t/5", "retain": True})
    assert story.history.before(sent("GET", "/rules?like_id=cft-page&page=2")) == [first]
    assert story.history.before(sent("GET", "/mqtt/retainer/messages?topic=cft-t%2F%23")) == [message]
    ban = story.call("POST", "/banned", {"as": "clientid", "who": "cft-x"})
    astray = sent("DELETE", "/banned/clientid/%2E%2E")
    story.history.note(Answer(None, astray, 204, {}, b"", 0.0))
    assert story.history.before(sent("GET", "/banned?clientid=cft-x")) == [ban, astray]


def test_what_came_after_a_request_did_not_lead_to_it(story: Story) -> None:
    """A judgment may come when the item has deleted what it judges."""
    made = story.connector("cft-c")
    read = story.call("GET", "/connectors/http:cft-c", operation="GET /connectors/{id}")
    story.call("DELETE", "/connectors/http:cft-c", operation="DELETE /connectors/{id}")
    assert story.history.before(read) == [made]


def test_creation_that_crashed_may_have_stored_something(story: Story) -> None:
    crashed = story.call("POST", "/connectors", {"type": "pgsql", "name": "cft-c", "password": 5}, status=500)
    assert story.history.before(sent("GET", "/connectors")) == [crashed]
    assert story.history.before(sent("GET", "/connectors/pgsql%3Acft-c")) == [crashed]
    assert story.history.before(sent("POST", "/actions", {"name": "cft-a", "connector": "cft-c"})) == []


def test_connectors_are_not_connected_by_the_users_they_share(story: Story) -> None:
    for number in range(3):
        story.call("POST", "/connectors", {"type": "pgsql", "name": f"cft-c{number}", "username": "readings"})
    assert story.history.before(sent("POST", "/connectors_probe", {"name": "cft-p", "username": "readings"})) == []


def test_users_are_left_out_where_they_are_too_many(story: Story) -> None:
    connector = story.connector("cft-c")
    for number in range(MOST_STEPS):
        story.action(f"cft-a{number}", "cft-c")
    assert story.history.before(sent("GET", "/connectors/http:cft-c")) == [connector]


def test_metrics_follow_what_they_count(story: Story) -> None:
    rule = story.call("POST", "/rules", {"id": "cft-r", "sql": 'SELECT * FROM "cft-x/t"'})
    test = story.call("POST", "/rules/cft-r/test", {"context": {}}, "POST /rules/{id}/test")
    again = story.call("POST", "/rules/cft-r/test", {"context": {}}, "POST /rules/{id}/test")
    message = story.call("POST", "/publish", {"topic": "cft-x/t", "payload": "1"})
    story.call("POST", "/publish", {"topic": "cft-x/other", "payload": "1"})
    assert story.history.before(sent("GET", "/rules/cft-r/metrics")) == [rule, test, again, message]
    assert story.history.before(sent("GET", "/rules/cft-r")) == [rule]


def test_message_belongs_to_reads_of_its_topic_alone(story: Story) -> None:
    story.call("POST", "/publish", {"topic": "cft-x/t", "payload": "1", "retain": True})
    last = story.call("POST", "/publish", {"topic": "cft-x/t", "payload": "1", "retain": True})
    assert story.history.before(sent("GET", "/mqtt/retainer/message/cft-x%2Ft")) == [last]
    assert story.history.before(sent("POST", "/publish", {"topic": "cft-x/t"})) == []


def test_tests_of_rules_are_no_steps(story: Story) -> None:
    rule = story.call("POST", "/rules", {"id": "cft-r", "sql": "SELECT 1"})
    for _ in range(MOST_STEPS + 1):
        story.call("POST", "/rules/cft-r/test", {"context": {}}, "POST /rules/{id}/test")
    assert story.history.before(sent("PUT", "/rules/cft-r")) == [rule]
    assert story.history.before(sent("POST", "/rules/cft-r/test")) == [rule]


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
    story.call("POST", "/actions_probe", {"name": "cft-c"})
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
    assert story.history.before(sent("GET", "/clients/cft-c")) is None


# --- what no line repeats ---------------------------------------------------------------------------------------------


def reason(story: Story, request: Sent, *, status: int = 500, judged: bool = True) -> str | None:
    answer = Answer(None, request, status, {}, b"", 0.0)
    steps = story.history.before(request) or []
    return story.history.beyond.reason(request, steps, answer, judged=judged)


def test_lines_alone_suffice_where_nothing_else_took_part(story: Story) -> None:
    story.connector("cft-c")
    assert reason(story, sent("GET", "/connectors/http:cft-c")) is None
    assert reason(story, sent("GET", "/connectors/http:cft-c"), judged=False) is None


@pytest.mark.parametrize(
    ("request_", "status", "named"),
    [
        (("GET", "/clients/cft-m"), 200, True),
        (("GET", "/clients?like_clientid="), 500, True),
        (("GET", "/subscriptions"), 200, True),
        (("GET", "/mqtt/retainer/message/x"), 404, True),
        (("PUT", "/authorization/users/cft-u", {"username": "cft-u"}), 500, True),
        (("POST", "/publish", {"topic": "x"}), 202, True),
        (("POST", "/publish", {"topic": "x"}), 500, False),
        (("GET", "/rules"), 500, False),
    ],
)
def test_clients_are_named_where_an_answer_may_depend_on_them(
    request_: tuple[Any, ...], status: int, named: bool, story: Story
) -> None:
    story.history.beyond.client("cft-m", "cft-u")
    story.history.beyond.client("cft-n", None)
    expected = "MQTT clients of the suite took part, which these lines do not connect: cft-m, cft-n."
    assert reason(story, sent(*request_), status=status) == (expected if named else None)
    assert reason(story, sent(*request_), status=status, judged=False) == expected
    story.history.begin()
    assert reason(story, sent(*request_), status=status) is None


def test_names_that_a_target_chose_cannot_leave_the_comment(story: Story) -> None:
    read = sent("GET", "/connectors")
    entries = [{"name": f"cft-\n$(touch {number})`x`\u2028!!\x1b[0m"} for number in range(5)]
    answer = Answer("GET /connectors", read, 200, {}, json.dumps(entries).encode(), 0.0)
    said = story.history.beyond.reason(read, [], answer, judged=True)
    assert said is not None
    assert said.isprintable()
    assert not set("$`!\n()") & set(said)
    assert said.endswith(" and 2 more.")


def test_requests_at_the_same_time_are_told(story: Story) -> None:
    together, later = sent("POST", "/rules"), sent("GET", "/rules")
    together.at_once = 7
    story.history.note(Answer("POST /rules", together, 409, {}, b"", 0.0))
    expected = "It took 7 requests at the same time, which these lines send one after the other."
    assert reason(story, together) == expected
    assert reason(story, later) is None
    assert reason(story, later, judged=False) == expected


def test_sink_is_told_where_it_had_to_answer(story: Story) -> None:
    story.history.beyond.sink = "127.0.0.1:4711"
    body = {"name": "cft-c", "url": "http://127.0.0.1:4711/x"}
    expected = "The suite's HTTP sink took part, which ended with the run: 127.0.0.1:4711."
    assert reason(story, sent("POST", "/connectors_probe", body)) == expected
    assert reason(story, sent("POST", "/connectors_probe", {"name": "cft-c"})) is None
    story.call("POST", "/connectors", body)
    read = sent("GET", "/connectors/http:cft-c")
    assert reason(story, read) is None
    assert reason(story, read, judged=False) == expected
