"""What actions deliver, and the counters that follow it."""

from __future__ import annotations

import json

import pytest

from tests.waiting import eventually

ACCOUNTED = ("success", "failed", "dropped", "queuing", "inflight")
MQTT = {"type": "mqtt", "name": "m", "pool_size": 1, "clientid_prefix": "cft", "proto_ver": "v5"}


def rule(world, actions, sql='SELECT payload, topic, qos FROM "t/#"', **more):
    return world.ok("POST", "/rules", {"id": "r", "name": "r", "sql": sql, "actions": actions, **more})


def balanced(metrics):
    return metrics["matched"] == sum(metrics[name] for name in ACCOUNTED)


def test_rule_delivers_a_rendered_request(world, target):
    world.http_connector(target, headers={"x-connector": "c", "x-both": "c"})
    parameters = {
        "method": "put",
        "path": "/hook/${topic}?q=${qos}",
        "headers": {"x-topic": "${topic}", "x-both": "a", "content-type": "application/json"},
        "body": '{"v":"${payload.v}"}',
    }
    world.http_action(parameters=parameters)
    rule(world, ["http:a"])
    world.publish("t/1", '{"v":"vv"}', qos=1)
    request = target.received(1)[0]
    assert (request["method"], request["path"], request["body"]) == ("PUT", "/hook/t/1?q=1", b'{"v":"vv"}')
    headers = request["headers"]
    assert (headers["x-connector"], headers["x-both"], headers["x-topic"]) == ("c", "a", "t/1")
    assert headers["content-type"] == "application/json"
    assert headers["host"] == f"127.0.0.1:{target.port}"


def test_body_is_the_whole_result_by_default_and_absent_for_get(world, target):
    world.http_connector(target)
    world.http_action("a")
    world.http_action("b", parameters={"method": "get", "path": "g"})
    rule(world, ["http:a", "http:b"])
    world.publish("t/1", "x")
    by_method = {request["method"]: request for request in target.received(2)}
    assert json.loads(by_method["POST"]["body"]) == {"payload": "x", "topic": "t/1", "qos": 0}
    assert (by_method["GET"]["path"], by_method["GET"]["body"]) == ("/g", b"")


def test_path_of_the_url_comes_first(world, target):
    world.ok("POST", "/connectors", {"type": "http", "name": "c", "url": target.url + "/base/"})
    world.http_action(local_topic="t")
    world.publish("t")
    assert target.received(1)[0]["path"] == "/base/hook"


def test_each_message_is_delivered_once_and_counted(world, target):
    world.http_connector(target, pool_size=2)
    world.http_action(parameters={"method": "post", "path": "/", "body": "${payload}"})
    rule(world, ["http:a"])
    sent = [f"m{number}" for number in range(60)]
    for payload in sent:
        world.publish("t/1", payload)
    assert sorted(request["body"].decode() for request in target.received(60)) == sorted(sent)
    metrics = world.settled(matched=60, success=60, inflight=0, queuing=0)
    assert balanced(metrics)
    assert metrics["queuing_bytes"] == 0
    rule_metrics = world.ok("GET", "/rules/r/metrics")["metrics"]
    assert (rule_metrics["actions.total"], rule_metrics["actions.success"]) == (60, 60)


def test_local_topic_needs_no_rule(world, target):
    world.http_connector(target)
    world.http_action(local_topic="l/#")
    world.publish("l/1", "x")
    world.publish("other", "x")
    body = json.loads(target.received(1)[0]["body"])
    assert (body["topic"], body["payload"], body["event"]) == ("l/1", "x", "message.publish")
    assert world.settled(matched=1, success=1)["failed"] == 0
    assert len(target.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 500])
def test_refusals_count_as_failed(world, start_target, status):
    world.http_connector(start_target(status))
    world.http_action()
    rule(world, ["http:a"])
    world.publish("t/1")
    assert balanced(world.settled(matched=1, failed=1, success=0))
    assert world.ok("GET", "/rules/r/metrics")["metrics"]["actions.failed"] == 1


def test_a_busy_target_gets_the_message_again(world, start_target, monkeypatch):
    monkeypatch.setattr("conformance.reference.bridges.buffer.RETRY_SECONDS", 0.01)
    target = start_target(503, 429, 503, 429, 200)
    world.http_connector(target)
    world.http_action(local_topic="t")
    world.publish("t")
    metrics = world.settled(matched=1, success=1, retried=1)
    assert balanced(metrics)
    assert len(target.requests) == 5


def test_messages_wait_for_a_target_that_is_away(world, start_target, monkeypatch):
    monkeypatch.setattr("conformance.reference.bridges.buffer.RETRY_SECONDS", 0.01)
    away = start_target()
    world.http_connector(away)
    world.http_action(local_topic="t", resource_opts={"inflight_window": 1})
    away.close()
    world.ok("PUT", "/connectors/http:c", {"url": away.url})
    for _ in range(3):
        world.publish("t", "waiting")
    metrics = eventually(world.metrics, lambda shown: (shown["inflight"], shown["queuing"]) == (1, 2))
    assert balanced(metrics)
    assert metrics["queuing_bytes"] > 0
    back = start_target(port=away.port)
    assert len(back.received(3)) == 3
    assert balanced(world.settled(matched=3, success=3, queuing=0, inflight=0))


def test_messages_expire(world, monkeypatch):
    monkeypatch.setattr("conformance.reference.bridges.buffer.RETRY_SECONDS", 0.01)
    world.ok("POST", "/connectors", {"type": "http", "name": "c", "url": "http://127.0.0.1:1"})
    world.http_action(local_topic="t", resource_opts={"request_ttl": "50ms"})
    world.publish("t")
    metrics = world.settled(matched=1, dropped=1)
    assert metrics["dropped.expired"] == 1
    assert balanced(metrics)


def test_a_full_buffer_drops(world):
    world.ok("POST", "/connectors", {"type": "http", "name": "c", "url": "http://127.0.0.1:1"})
    world.http_action(local_topic="t", resource_opts={"max_buffer_bytes": "1KB", "inflight_window": 1})
    for _ in range(4):
        world.publish("t", "x" * 800)
    metrics = eventually(world.metrics, lambda shown: shown["matched"] == 4)
    assert metrics["dropped.queue_full"] == metrics["dropped"] == 2
    assert balanced(metrics)


def test_reset_put_and_switching_restart_the_counters(world, target):
    world.http_connector(target)
    shown = world.http_action(local_topic="t")
    body = {name: shown[name] for name in ("connector", "parameters", "local_topic")}
    for restart in (
        lambda: world.ok("PUT", "/actions/http:a/metrics/reset"),
        lambda: world.ok("PUT", "/actions/http:a", body),
        lambda: [world.ok("PUT", f"/actions/http:a/enable/{enable}") for enable in ("false", "true")],
    ):
        world.publish("t")
        assert world.settled(success=1)["rate_max"] > 0
        restart()
        assert set(world.metrics().values()) == {0}


def test_disabled_actions_and_connectors_forward_nothing(world, target):
    world.http_connector(target)
    world.http_action(local_topic="l")
    rule(world, ["http:a"])
    for switch in ("/actions/http:a", "/connectors/http:c"):
        world.ok("PUT", f"{switch}/enable/false")
        world.publish("l")
        world.publish("t/1")
        world.ok("PUT", f"{switch}/enable/true")
    world.publish("l", "after")
    assert [json.loads(request["body"])["payload"] for request in target.received(1)] == ["after"]
    metrics = world.ok("GET", "/rules/r/metrics")["metrics"]
    assert (metrics["actions.discarded"], metrics["actions.failed.out_of_service"]) == (1, 1)


@pytest.mark.parametrize("path", ["/a\nb", "/a b"])
def test_what_cannot_be_sent_is_failed_and_not_sent(world, target, path):
    world.http_connector(target)
    world.http_action(local_topic="t", parameters={"method": "post", "path": "${payload}"})
    world.publish("t", path)
    world.settled(matched=1, failed=1)
    assert target.requests == []


def test_types_without_protocol_fail_honestly(world, target):
    body = {"type": "pgsql", "name": "p", "server": f"127.0.0.1:{target.port}", "database": "d", "username": "u"}
    world.ok("POST", "/connectors", body)
    action = {"type": "pgsql", "name": "a", "connector": "p", "parameters": {"sql": "insert into t(a) values (1)"}}
    world.ok("POST", "/actions", action | {"local_topic": "t"})
    world.publish("t")
    assert balanced(world.settled("pgsql:a", matched=1, failed=1))


def test_a_rule_test_sends_nothing_and_counts_on_the_recorded_server_only(world, recorded_world, target):
    for one, counted in ((world, 0), (recorded_world, 1)):
        one.http_connector(target)
        one.http_action()
        rule(one, ["http:a"])
        context = {"event_type": "message_publish", "topic": "t/1", "payload": "x"}
        assert one.ok("POST", "/rules/r/test", {"context": context}) == ["ok"]
        metrics = one.metrics()
        assert (metrics["matched"], metrics["failed"]) == (counted, counted)
    assert target.requests == []


# MQTT, back to the deployment itself


@pytest.fixture
def mqtt_connector(world):
    def create(**settings):
        host, port = world.live.mqtt
        return world.ok("POST", "/connectors", MQTT | {"server": f"{host}:{port}"} | settings)

    return create


@pytest.mark.parametrize("version", ["v3", "v4", "v5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_mqtt_action_publishes_what_it_renders(world, mqtt_connector, version, qos):
    assert mqtt_connector(proto_ver=version)["status"] == "connected"
    parameters = {"topic": "remote/${payload.k}", "qos": "${qos}", "retain": True, "payload": "${payload.v}"}
    action = {"type": "mqtt", "name": "a", "connector": "m", "parameters": parameters}
    world.ok("POST", "/actions", action)
    rule(world, ["mqtt:a"])
    world.publish("t/1", json.dumps({"k": f"{version}{qos}", "v": "vv"}), qos=qos)
    world.settled("mqtt:a", matched=1, success=1)
    path = f"/mqtt/retainer/message/remote%2F{version}{qos}"
    # Without an acknowledgement, success says that the message was sent.
    retained = eventually(lambda: world.call("GET", path), lambda answer: answer.status_code == 200).json()
    assert (retained["qos"], retained["payload"]) == (qos, "dnY=")
    assert retained["from_clientid"].startswith("cftm")


def test_mqtt_connections_are_clients_and_end_with_the_connector(world, mqtt_connector):
    def connected():
        clients = world.ok("GET", "/clients", like_clientid="cftm")["data"]
        return sum(client["connected"] for client in clients)

    mqtt_connector(pool_size=3)
    assert connected() == 3
    world.ok("PUT", "/connectors/mqtt:m/enable/false")
    eventually(connected, lambda count: count == 0)


def test_mqtt_bad_topic_is_failed(world, mqtt_connector):
    mqtt_connector()
    action = {"type": "mqtt", "name": "a", "connector": "m", "parameters": {"topic": "${payload}", "qos": 0}}
    world.ok("POST", "/actions", action)
    rule(world, ["mqtt:a"])
    world.publish("t/1", "a/#")
    assert balanced(world.settled("mqtt:a", matched=1, failed=1))


def test_mqtt_refused_connection_is_a_status(world):
    shown = world.ok("POST", "/connectors", MQTT | {"server": "127.0.0.1:1"})
    assert (shown["status"], shown["status_reason"]) == ("disconnected", "Connection refused")


def test_kicked_mqtt_connection_comes_back(world, mqtt_connector, monkeypatch):
    monkeypatch.setattr("conformance.reference.bridges.buffer.RETRY_SECONDS", 0.01)
    mqtt_connector()
    clientid = world.ok("GET", "/clients", like_clientid="cftm")["data"][0]["clientid"]
    action = {"type": "mqtt", "name": "a", "connector": "m", "parameters": {"topic": "remote/k", "qos": 1}}
    world.ok("POST", "/actions", action)
    rule(world, ["mqtt:a"])
    world.ok("DELETE", f"/clients/{clientid}")
    world.publish("t/1", "x")
    assert balanced(world.settled("mqtt:a", matched=1, success=1))
