"""POST /rules/{id}/test and GET /rule_events."""

from __future__ import annotations

import pytest

from conformance.reference.bridges.bridges import Bridges as RealBridges
from conformance.reference.rules.events import EVENTS
from tests.reference.rules.in_process import Bridges, InProcess, contract

SQL = 'SELECT payload.x as x, qos FROM "t" WHERE payload.x = 1'
OUT = {"function": "republish", "args": {"topic": "out/${x}"}}
CONTEXT = {"event_type": "message_publish", "topic": "t", "payload": '{"x":1}', "qos": 1, "clientid": "c"}


def test(api, context, **fields):
    return api("POST", "/rules/r/test", {"context": context, **fields})


test.__test__ = False  # type: ignore[attr-defined]


def event_type(event):
    """What a test calls the event, from its name behind FROM."""
    return event.removeprefix("$events/").removeprefix("sys/")


def test_there_are_seventeen_distinct_events(api):
    answer = api("GET", "/rule_events")
    assert answer.status == 200
    events = answer.body
    assert len(events) == len({event["event"] for event in events}) == 17
    for event in events:
        assert set(event) == {"event", "title", "description", "columns", "test_columns", "sql_example"}
        assert all(event[text][language] for text in ("title", "description") for language in ("en", "zh"))
        assert all(len(pair) == 2 and isinstance(pair[1], str) for pair in event["test_columns"].values())


def test_alarms_are_no_events_of_earlier_versions():
    earlier = InProcess(version="5.8.1")
    earlier.rule('SELECT * FROM "$events/sys/alarm_activated"')
    events = {event["event"] for event in earlier("GET", "/rule_events").body}
    assert "$events/client_connected" in events
    assert not [event for event in events if "alarm" in event]
    assert test(earlier, {"event_type": "alarm_activated"}).status == 400


def test_only_the_recorded_server_leaves_explanations_out(recorded_api):
    by_name = {event["event"]: event for event in recorded_api("GET", "/rule_events").body}
    assert by_name["$events/schema_validation_failed"]["test_columns"]["validation"] == "myvalidation"


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_can_be_tested_with_its_own_example(api, name):
    event = next(event for event in api("GET", "/rule_events").body if event_type(event["event"]) == name)
    source = "t/#" if name == "message_publish" else event["event"].replace("*", "my_mqtt_bridge")
    api.rule(f'SELECT * FROM "{source}"', {"function": "console"})
    assert api("POST", "/rules", {"id": "example", "sql": event["sql_example"]}).status == 201
    context = {"event_type": name, **{column: pair[0] for column, pair in event["test_columns"].items()}}
    answer = test(api, context)
    assert (answer.status, answer.body) == (200, ["ok"])
    other = "client_connack" if name != "client_connack" else "client_connected"
    assert test(api, {"event_type": other}).status == 412
    assert test(api, {**context, "x_unknown": 1}).status == 400
    assert api.metrics()["passed"] == 1


def test_the_columns_that_a_context_leaves_out_have_examples(api):
    for number, (name, event) in enumerate(EVENTS.items()):
        source = "t/#" if name == "message_publish" else event.topic
        wanted = ", ".join(column for column in event.columns if column != "mountpoint")
        sql = f'SELECT is_not_null(first([{wanted}])) as ok, {wanted} FROM "{source}"'
        bridges = api.deployment.parts[RealBridges] = Bridges()
        api.rule(sql, "http:a", id=f"e{number}")
        context = {"event_type": name, **({"topic": "t/a"} if name == "message_publish" else {})}
        body = {"context": context, "stop_action_after_template_rendering": False}
        assert api("POST", f"/rules/e{number}/test", body).status == 200
        ((_, row),) = bridges.submitted
        assert all(row[column] is not None for column in wanted.split(", "))
        assert row["event"] == event.name


def test_results_are_those_of_the_actions(api):
    api.rule(SQL, OUT, {"function": "console"})
    assert test(api, CONTEXT) == (200, ["ok", "ok"])
    api("PUT", "/rules/r", {"actions": []})
    assert test(api, CONTEXT) == (200, {})
    api("PUT", "/rules/r", {"sql": 'FOREACH payload.l FROM "t"', "actions": [{"function": "console"}]})
    assert test(api, {**CONTEXT, "payload": '{"l":[1,2]}'}) == (200, [["ok"], ["ok"]])


@pytest.mark.parametrize("change", [{"topic": "other"}, {"payload": '{"x":2}'}, {"event_type": "message_acked"}])
def test_no_match(api, change):
    api.rule(SQL, OUT)
    answer = test(api, {**CONTEXT, **change})
    assert (answer.status, answer.body["code"]) == (412, "NOT_MATCH")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"context": {}},
        {"context": 5},
        {"context": {"event_type": "zzz"}},
        {"context": {"event_type": "bridge_mqtt"}},
        {"context": {"event_type": 5}},
        {"context": {**CONTEXT, "qos": 3}},
        {"context": {**CONTEXT, "payload": {"x": 1}}},
        {"context": {**CONTEXT, "zzz": 1}},
        {"context": CONTEXT, "zzz": 1},
        {"context": CONTEXT, "stop_action_after_template_rendering": "maybe"},
        [],
        5,
        "x",
    ],
)
def test_bad_bodies_come_before_unknown_rules(api, body):
    api.rule(SQL)
    for rule_id in ("r", "unknown"):
        answer = api("POST", f"/rules/{rule_id}/test", body)
        assert (answer.status, answer.body["code"]) == (400, "BAD_REQUEST")


def test_a_json_text_is_no_json_for_5_8_9(recorded_api):
    assert recorded_api("POST", "/rules/r/test", "x").status == 415


def test_unknown_rule(api):
    answer = api("POST", "/rules/unknown/test", {"context": CONTEXT})
    assert (answer.status, answer.body["code"]) == (404, "RULE_NOT_FOUND")


@pytest.mark.parametrize(
    ("sql", "phase"),
    [
        ('SELECT int(clientid) as i FROM "t"', "select_and_transform_error"),
        ('SELECT clientid FROM "t" WHERE int(clientid) = 1', "match_conditions_error"),
        ('FOREACH split(5) FROM "t"', "select_and_collect_error"),
    ],
)
def test_a_failing_statement_is_a_bad_request(api, sql, phase):
    api.rule(sql)
    answer = test(api, CONTEXT)
    assert (answer.status, answer.body["code"]) == (400, "BAD_REQUEST")
    assert phase in answer.body["message"]
    assert api.metrics()["failed.exception"] == 1


def test_by_default_nothing_is_published(api):
    api.rule(SQL, OUT)
    assert test(api, CONTEXT).status == 200
    assert api.messages == []
    assert test(api, CONTEXT, stop_action_after_template_rendering=False) == (200, ["ok"])
    assert [message.topic for message in api.messages] == ["out/1"]


def test_actions_of_connectors_are_rendered_or_run(api):
    bridges = api.deployment.parts[RealBridges] = Bridges()
    api.rule(SQL, "http:a")
    assert test(api, CONTEXT) == (200, ["ok"])
    assert (len(bridges.rendered), len(bridges.submitted)) == (1, 0)
    assert test(api, CONTEXT, stop_action_after_template_rendering=False) == (200, ["ok"])
    assert (len(bridges.rendered), len(bridges.submitted)) == (1, 1)


def test_an_action_that_does_not_exist_can_be_tested(api):
    api.rule(SQL, "http:nothing")
    assert test(api, CONTEXT) == (200, ["ok"])


def test_stopped_actions_count_as_failed_only_on_the_recorded_server(api, recorded_api):
    for deployment in (api, recorded_api):
        deployment.rule(SQL, OUT)
        assert test(deployment, CONTEXT).status == 200
        metrics = deployment.metrics()
        assert (metrics["matched"], metrics["passed"]) == (1, 1)
        stopped = 1 if deployment is recorded_api else 0
        for counter in ("actions.total", "actions.failed", "actions.failed.unknown"):
            assert metrics[counter] == stopped


def test_with_an_event_among_the_sources_5_8_9_misses_topic_filters(api, recorded_api):
    for deployment, status in ((api, 200), (recorded_api, 412)):
        deployment.rule('SELECT * FROM "t/#", "$events/client_connected"')
        assert test(deployment, {**CONTEXT, "topic": "t/1"}).status == status
        assert test(deployment, {"event_type": "client_connected"}).status == 200


def test_deep_details_are_refused(api):
    details = {}
    for _ in range(300):
        details = {"x": details}
    api.rule('SELECT * FROM "$events/sys/alarm_activated"')
    assert test(api, {"event_type": "alarm_activated", "details": details}).status == 400


def test_a_disabled_rule_can_be_tested(api):
    api.rule(SQL, OUT, enable=False)
    assert test(api, CONTEXT) == (200, ["ok"])


def test_the_event_types_are_those_of_the_contract():
    body = contract().resolve(contract().operation("POST /rules/{id}/test").json_body)
    branches = [contract().resolve(branch) for branch in contract().branches(body["properties"]["context"])]
    assert {branch["properties"]["event_type"]["enum"][0] for branch in branches} <= set(EVENTS)
