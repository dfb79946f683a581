"""Rules at work: which messages and events run them, what their actions do, what they count."""

from __future__ import annotations

import json

import pytest

from conformance.reference.bridges.bridges import Bridges as RealBridges
from conformance.reference.bridges.template import NULL
from tests.reference.rules.in_process import Bridges

OUT = {"function": "republish", "args": {"topic": "out"}}


def republish(topic="out", **args):
    return {"function": "republish", "args": {"topic": topic, **args}}


def test_a_rule_republishes_what_it_selects(api):
    api.rule(
        'SELECT payload.x as x, topic, clientid, qos FROM "in/#" WHERE payload.x > 1',
        republish("out/${x}", payload="got ${x} from ${topic}, ${nothing}", qos=2, retain=True),
    )
    for x in (1, 2, 3):
        api.publish("in/a", f'{{"x":{x}}}', qos=1)
    api.publish("elsewhere", '{"x":9}')
    republished = [message for message in api.messages if message.topic.startswith("out")]
    assert [(message.topic, message.payload, message.qos, message.retain) for message in republished] == [
        ("out/2", b"got 2 from in/a, undefined", 2, True),
        ("out/3", b"got 3 from in/a, undefined", 2, True),
    ]


def test_the_message_comes_from_the_rule(api):
    api.rule('SELECT * FROM "in"', OUT)
    api.publish("in", b"\xff\x00", qos=1, user_properties=[("k", "1"), ("k", "2"), ("l", "3")])
    (message,) = api.sent_to("out")
    assert message.from_clientid == "r"
    assert message.payload == b"\xff\x00"
    assert (message.qos, message.retain) == (1, False)
    assert message.user_properties == [("k", "2"), ("l", "3")]


def test_mqtt_properties_are_rendered_and_converted(api):
    properties = {
        "Content-Type": "type/${clientid}",
        "Message-Expiry-Interval": "${payload.expiry}",
        "Payload-Format-Indicator": "1",
        "Response-Topic": "${nothing}",
        "Correlation-Data": "c",
    }
    api.rule('SELECT * FROM "in"', republish(mqtt_properties=properties, user_properties="${payload.up}"))
    api.publish("in", '{"expiry": 60, "up": {"a": 1}}', from_clientid="me")
    (message,) = api.sent_to("out")
    assert message.properties == {
        "content_type": "type/me",
        "message_expiry_interval": 60,
        "payload_format_indicator": 1,
        "correlation_data": b"c",
    }
    assert message.user_properties == [("a", "1")]


def test_without_a_payload_template_the_row_is_sent(api):
    api.rule('SELECT clientid, payload.x as x FROM "in"', republish(payload=""))
    api.publish("in", '{"x": [1]}', from_clientid="c")
    assert json.loads(api.sent_to("out")[0].payload) == {"clientid": "c", "x": [1]}


@pytest.mark.parametrize("args", [{"topic": "a/#"}, {"topic": "${empty}"}, {"qos": "${payload}"}])
def test_values_that_make_no_message_are_a_failed_action(api, args):
    api.rule("SELECT payload, '' as empty FROM \"in\"", republish(**{"topic": "out", **args}))
    api.publish("in", "7")
    assert len(api.messages) == 1
    metrics = api.metrics()
    assert (metrics["passed"], metrics["actions.failed"], metrics["actions.failed.unknown"]) == (1, 1, 1)


def test_a_rule_that_feeds_itself_runs_twice(api):
    api.rule('SELECT * FROM "loop"', republish("loop"))
    api.publish("loop", "x")
    assert len(api.sent_to("loop")) == 2
    metrics = api.metrics()
    assert (metrics["matched"], metrics["passed"], metrics["actions.success"]) == (2, 2, 2)


def test_rules_that_feed_each_other_come_to_an_end(api):
    api.rule('SELECT * FROM "a"', republish("b"), id="one")
    api.rule('SELECT * FROM "b"', republish("a"), id="two")
    api.publish("a", "x")
    assert len(api.messages) < 100
    assert api.metrics("one")["actions.failed"] + api.metrics("two")["actions.failed"] == 1


def test_direct_dispatch_runs_no_rules(api):
    api.rule('SELECT * FROM "in"', republish("mid", direct_dispatch=True))
    api.rule('SELECT * FROM "mid"', OUT, id="second")
    api.publish("in")
    assert len(api.sent_to("mid")) == 1
    assert api.metrics("second")["matched"] == 0


def test_counters(api):
    api.rule('SELECT payload.x as x FROM "in" WHERE x > 1', OUT, {"function": "console"})
    for payload in ('{"x":1}', '{"x":2}', '{"x":3}', "no json"):
        api.publish("in", payload)
    answer = api("GET", "/rules/r/metrics").body
    rates = {name: answer["metrics"].pop(name) for name in list(answer["metrics"]) if "rate" in name}
    assert rates.keys() == {"matched.rate", "matched.rate.max", "matched.rate.last5m"}
    assert rates["matched.rate.max"] >= rates["matched.rate.last5m"] > 0
    assert answer["metrics"] == {
        "matched": 4,
        "passed": 2,
        "failed": 2,
        "failed.exception": 1,
        "failed.no_result": 1,
        "actions.total": 4,
        "actions.success": 4,
        "actions.failed": 0,
        "actions.failed.out_of_service": 0,
        "actions.failed.unknown": 0,
        "actions.discarded": 0,
    }
    assert answer["node_metrics"][0]["node"] == api.deployment.node
    assert answer["node_metrics"][0]["metrics"]["matched"] == 4


def zero(metrics):
    return not any(metrics.values())


def test_reset_and_every_put_start_counting_again(api):
    api.rule('SELECT * FROM "in"')
    for change in (("PUT", "/rules/r/metrics/reset"), ("PUT", "/rules/r", {"enable": True}), ("PUT", "/rules/r", {})):
        api.publish("in")
        assert not zero(api.metrics())
        assert api(*change).status in (200, 204)
        assert zero(api.metrics())


def test_a_disabled_rule_does_nothing(api):
    api.rule('SELECT * FROM "in"', OUT, enable=False)
    api.publish("in")
    assert len(api.messages) == 1
    assert zero(api.metrics())
    api("PUT", "/rules/r", {"enable": True})
    api.publish("in")
    assert len(api.sent_to("out")) == 1
    api("DELETE", "/rules/r")
    api.publish("in")
    assert len(api.sent_to("out")) == 1


def test_a_rule_runs_once_however_many_of_its_topics_match(api):
    api.rule('SELECT * FROM "in/#", "in/+", "in/a"', OUT)
    api.publish("in/a")
    assert len(api.sent_to("out")) == 1


def test_wildcards_at_the_root_do_not_match_dollar_topics(api):
    api.rule('SELECT * FROM "#"', republish("$out"))
    api.publish("$SYS/x")
    api.publish("y")
    assert api.metrics()["matched"] == 1


def test_deep_payloads_are_a_failed_action(api):
    api.deployment.parts[RealBridges] = Bridges()
    api.rule('SELECT json_decode(payload) as p FROM "in"', OUT, {"function": "console"}, "http:a")
    api.publish("in", "[" * 400 + "]" * 400)
    assert api.metrics()["actions.failed"] == 3


def test_foreach_acts_for_every_item(api):
    api.rule('FOREACH payload.l AS i DO i.v as v INCASE i.v > 1 FROM "in"', republish("out/${v}"))
    api.publish("in", '{"l":[{"v":1},{"v":2},{"v":3}]}')
    api.publish("in", '{"l":[]}')
    assert [message.topic for message in api.messages if message.topic != "in"] == ["out/2", "out/3"]
    metrics = api.metrics()
    assert (metrics["passed"], metrics["failed.no_result"], metrics["actions.total"]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("outcome", "counters"),
    [
        ("success", {"actions.success"}),
        ("failed", {"actions.failed", "actions.failed.unknown"}),
        ("unknown", {"actions.failed", "actions.failed.unknown"}),
        ("out_of_service", {"actions.failed", "actions.failed.out_of_service"}),
        ("discarded", {"actions.discarded"}),
    ],
)
def test_actions_of_connectors_get_the_row_and_are_counted(api, outcome, counters):
    bridges = api.deployment.parts[RealBridges] = Bridges(outcome)
    api.rule('SELECT payload.x as x, username FROM "in"', "http:a")
    api.publish("in", '{"x": {"y": null}}')
    assert bridges.submitted == [("http:a", {"x": {"y": NULL}, "username": None})]
    metrics = api.metrics()
    assert {name for name, value in metrics.items() if value and "rate" not in name} == {
        "matched",
        "passed",
        "actions.total",
        *counters,
    }


def test_everything_selected_tells_which_rule_it_was(api):
    bridges = api.deployment.parts[RealBridges] = Bridges()
    api.rule('SELECT * FROM "in"', "http:a")
    api.publish("in", "x")
    ((_, row),) = bridges.submitted
    assert row["metadata"] == {"rule_id": "r"}
    assert row["event"] == "message.publish"


def test_events_run_rules(api):
    sources = '"$events/message_dropped", "$events/client_connected"'
    api.rule(f"SELECT event, topic, reason FROM {sources}", republish("ev/${event}", payload="${topic}|${reason}"))
    api.publish("nobody/listens")
    (message,) = api.sent_to("ev/message.dropped")
    assert message.payload == b"nobody/listens|no_subscribers"
    # The republished message is dropped as well: one more round, then the rule knows itself.
    assert api.metrics()["matched"] == 2


def test_contexts_are_built_only_while_a_rule_wants_them(api):
    hooks = api.deployment.hooks
    assert not hooks.wanted("client_connected")
    api.rule('SELECT * FROM "$events/client_connected"')
    assert hooks.wanted("client_connected")
    api("PUT", "/rules/r", {"enable": False})
    assert not hooks.wanted("client_connected")


def test_published_messages_can_be_selected_as_an_event(api):
    api.rule('SELECT * FROM "$events/message_publish"', OUT)
    api.publish("anything")
    assert len(api.sent_to("out")) == 1


def test_rules_run_oldest_first(api):
    for rule_id, source in (("z", "in/#"), ("m", "in/a"), ("a", "+/a"), ("k", "$events/message_publish")):
        api.rule(f'SELECT * FROM "{source}"', republish(f"out/{rule_id}", direct_dispatch=True), id=rule_id)
    api.publish("in/a")
    order = [message.topic for message in api.messages if message.topic != "in/a"]
    assert order == ["out/z", "out/m", "out/a", "out/k"]
