"""What actions deliver, and when they do not: to an HTTP sink, and back to the broker of the target."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.chain import (
    OTHERS,
    PASSES,
    Chain,
    chain_of,
    local_topic,
    reaching_nobody,
    secret_headers,
    witness,
    witness_moved,
)
from conformance.scenarios.changes import AS_UPDATED, Part, status_of, switched
from conformance.scenarios.loop import loop
from conformance.scenarios.reasons import REASON_TOLD, expect_reason
from conformance.scenarios.told_events import UNDEFINED
from conformance.target.http.answer import Deviation
from conformance.target.mqtt import MqttClient, properties_of
from conformance.target.resources.bridges import NO_OPERATIONS, SOON, Bridges
from conformance.target.resources.typed import REDACTED, configured
from conformance.target.sink import Delivery, HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]


def posted(path: str, payload: str) -> Callable[[Delivery], bool]:
    """Matches the delivery of a payload to a path, blanks around it aside."""
    return lambda delivery: (delivery.path, delivery.body.strip()) == (path, payload.encode())


def came(target: Target, client: MqttClient) -> list[tuple[str, bytes, int, bool]]:
    """Topic, payload, QoS and retain flag of the messages that a client got, once there is one."""
    messages = client.wait_for_messages(1, target.timing.delivered)
    return [(message.topic, bytes(message.payload), message.qos, message.retain) for message in messages]


@pytest.fixture
def chain(context: Context, target: Target, sink: HttpSink) -> Chain:
    """Whoever disables a part of it enables it again, or fails, and the next item gets one that works."""
    return chain_of(context, target, sink)


@requirement("ACT-10", "PUT /actions/{id}/enable/{enable}", "POST /actions/{id}/{operation}", "GET /actions/{id}")
@pytest.mark.needs("sink")
@pytest.mark.parametrize("disabled", ["action", "connector"])
def test_disabled_action_does_not_deliver(context: Context, chain: Chain, disabled: Part) -> None:
    """A disabled action, or one on a disabled connector, delivers nothing and refuses to start, until it is enabled."""
    change = switched(context, chain, disabled)
    for step in change.steps:
        step.answer.expect(204)
    if status_of(change.stopped.expect(200)) == "connected":
        raise Deviation(f"the action is connected although the {disabled} is disabled", change.stopped)
    change.start.expect(400, code="BAD_REQUEST")
    assert change.witnessed, "the second action of the rule stopped, too"
    assert not change.leaked, f"with a disabled {disabled} the message was delivered"

    status = status_of(change.started.expect(200))
    if status != "connected":
        raise Deviation(f"enabled again, the action is {status}", change.started)
    assert change.delivers, f"the action does not deliver after the {disabled} was enabled again"


@requirement("ACT-29", "POST /actions")
@pytest.mark.needs("sink")
def test_request_is_as_configured(chain: Chain) -> None:
    """An HTTP action posts to its path below that of its connector's URL, with the headers of both, its own first."""
    chain.publish(PASSES)
    request = chain.request(PASSES)
    assert request is not None, "nothing arrived"
    expected = ("POST", f"{chain.path}/hook", f"hook/{PASSES}/{UNDEFINED}")
    sent = (request.method, request.path, request.headers.get("x-site"))
    assert sent == expected, f"method, path and the header that also the connector has are {sent}, expected {expected}"


@pytest.fixture
def kept(target: Target) -> Iterator[str]:
    """A topic with a retained message that an action leaves there."""
    topic = target.sandbox.topic("kept")
    yield topic
    target.retained.delete(topic)


@requirement(
    "ACT-27",
    "POST /actions",
    sentence="An MQTT action publishes with the MQTT 5 properties of the message, if the rule selects everything.",
)
@requirement("ACT-11", "POST /actions", "PUT /actions/{id}")
@pytest.mark.needs("mqtt", "loop", "retainer")
@pytest.mark.state("retained")
def test_mqtt_action_publishes_what_it_renders(context: Context, target: Target, recorder: Recorder, kept: str) -> None:
    """An MQTT action publishes the rendered payload to the rendered topic, with the QoS and retain flag it names."""
    target.capabilities.profile.limits.check_publish(kept, 64, qos=2, retain=True)
    remote = target.sandbox.topic("remote")
    # Unlike elsewhere, what is missing is printed as nothing.
    parameters = {"topic": f"{remote}/${{to}}", "payload": "<${text}${missing}>", "qos": 1, "retain": False}
    action = back(context, target, parameters)
    source = source_of(context, target, action)
    subscriber = target.subscriber(f"{remote}/#")

    properties = {"content_type": "text/plain", "user_properties": {"a": "1"}}
    target.publish(source, json.dumps({"to": "north", "text": "hi"}), qos=1, properties=properties)
    arrived = came(target, subscriber)
    came_with = properties_of(subscriber.messages[0]) if arrived else {}
    assert arrived == [(f"{remote}/north", b"<hi>", 1, False)], f"arrived as topic, payload, QoS, retain: {arrived}"
    target.publish(source, "{}", qos=1)
    target.publish(source, json.dumps({"to": "end", "text": "end"}), qos=1)
    found = subscriber.wait_for_messages(2, target.timing.delivered, lambda message: message.payload != b"<hi>")
    texts = [(message.topic, bytes(message.payload)) for message in found]
    expected = [(f"{remote}/", b"<>"), (f"{remote}/end", b"<end>")]
    assert sorted(texts) == expected, f"of a message that lacks what the templates name, and one that does not: {texts}"
    told = (came_with.get("ContentType"), came_with.get("UserProperty"))
    message = f"content type and user properties are {told}, published with {properties}"
    recorder.expect(told == ("text/plain", [("a", "1")]), "ACT-27", "properties_passed_on", message)

    parameters |= {"topic": kept, "qos": 2, "retain": True}
    change = {**configured(target.actions.read(action)), "parameters": parameters}
    target.actions.put(action, change).expect(200)
    watcher = target.subscriber_to_retained(kept)
    target.publish(source, json.dumps({"to": "nobody", "text": "stays"}), qos=1)
    arrived = came(target, watcher)
    assert arrived == [(kept, b"<stays>", 2, False)], f"after a change it arrived as {arrived}"
    late = target.connect()
    late.subscribe(kept, target.capabilities.profile.limits.subscribing(2))
    arrived = came(target, late)
    assert arrived == [(kept, b"<stays>", 2, True)], f"a later subscriber got {arrived}"


def source_of(context: Context, target: Target, action: str) -> str:
    """The topic of a rule with the action, which selects ``to`` and ``text`` of a payload beside all of the event."""
    source: str = context.once("source of messages that come back", lambda: target.sandbox.topic("source"))
    sql = f'SELECT *, payload.to AS to, payload.text AS text FROM "{source}"'
    target.borrow_rule(OTHERS, sql=sql, actions=[action])
    return source


def back(context: Context, target: Target, parameters: dict[str, Any]) -> str:
    """An MQTT action with ``parameters`` back to the broker of the target, which serves one item after the other.

    Its connector, and the user that this may need, serve all items of the worker.
    """

    connector = connector_back(context, target)

    def becomes(known: str) -> bool:
        read = target.actions.found(known)
        if not read:
            return False
        changed = target.actions.put(known, {**configured(read), "parameters": parameters})
        return changed.ok and target.eventually(lambda: _connected(target.actions, known), target.timing.delivered)

    return context.lasting(
        f"action on {connector}",
        lambda: target.actions.create(type="mqtt", connector=connector, parameters=parameters, resource_opts=SOON),
        becomes,
    )


def connector_back(context: Context, target: Target) -> str:
    """The connector of `back`."""
    return context.lasting(
        "connector back to the broker",
        lambda: target.connectors.create(**loop(target, pool_size=2, resource_opts=SOON)),
        lambda known: target.eventually(lambda: _connected(target.connectors, known)),
    )


def _connected(collection: Bridges, known: str) -> bool:
    return collection.found(known).get("status") == "connected"


@requirement("CON-27", "POST /connectors", "GET /clients")
@pytest.mark.needs("mqtt", "loop")
def test_mqtt_connector_is_the_client_that_it_says(context: Context, target: Target) -> None:
    """An MQTT connector connects as it says: with its client ids, user name, MQTT version, keep-alive, clean start."""
    connector = target.connectors.read(connector_back(context, target))
    prefix = connector["clientid_prefix"]

    def clients() -> list[dict[str, Any]]:
        return target.clients.listed(like_clientid=prefix, conn_state="connected")

    target.eventually(lambda: len(clients()) >= connector["pool_size"], target.timing.delivered)
    seen = clients()
    assert len(seen) == connector["pool_size"], f"a connector with {connector['pool_size']} clients has {len(seen)}"
    limits = target.capabilities.profile.limits
    keepalive_s = int(connector["keepalive"].removesuffix("s")) if limits.keepalive_s is None else limits.keepalive_s
    expected = {
        "username": connector.get("username") or None,
        "proto_ver": int(connector["proto_ver"].removeprefix("v")),
        "keepalive": keepalive_s,
        "clean_start": connector["clean_start"],
    }
    for client in seen:
        assert client["clientid"].startswith(prefix), f"a client of the prefix {prefix} is {client['clientid']}"
        shown = {name: client.get(name) or None for name in expected}
        wanted = {name: value or None for name, value in expected.items()}
        assert shown == wanted, f"a client of the connector is shown as {shown}, expected {wanted}"


@requirement("ACT-22", "POST /actions")
@pytest.mark.needs("mqtt", "loop")
def test_mqtt_action_without_template_sends_everything(context: Context, target: Target) -> None:
    """An MQTT action without a payload template publishes all that is selected, and one with an empty one a message."""
    target.capabilities.profile.limits.check_publish(target.sandbox.topic(), 64, qos=1, retain=False)
    remote = target.sandbox.topic("remote")
    parameters: dict[str, Any] = {"qos": 1, "retain": False}
    templates: dict[str, dict[str, Any]] = {"missing": {}, "empty": {"payload": ""}}
    subscribers = {name: target.subscriber(f"{remote}/{name}") for name in templates}

    arrived: dict[str, list[str]] = {}
    for name, template in templates.items():
        action = back(context, target, {**parameters, **template, "topic": f"{remote}/{name}"})
        source = source_of(context, target, action)
        target.publish(source, json.dumps({"to": "all", "text": "hi"}), qos=1)
        arrived[name] = [payload.decode() for _, payload, _, _ in came(target, subscribers[name])]

    counts = {name: len(payloads) for name, payloads in arrived.items()}
    assert counts == {"missing": 1, "empty": 1}, f"by payload template, one message made {counts}"
    # That an empty template stands for everything, too, is documented nowhere.
    row = json.loads(arrived["missing"][0])
    selected = {name: row.get(name) for name in ("to", "text", "qos", "topic")}
    expected = {"to": "all", "text": "hi", "qos": 1, "topic": source}
    assert selected == expected, f"without a payload template arrived {row}"


@requirement("CON-30", "POST /connectors", "POST /clients/kickout/bulk", provisional=True)
@pytest.mark.needs("mqtt", "loop")
def test_connector_connects_again(context: Context, target: Target) -> None:
    """An MQTT connector whose clients lose their connections connects again, and its action delivers what came."""
    target.capabilities.profile.limits.check_publish(target.sandbox.topic(), 64, qos=1, retain=False)
    remote = target.sandbox.topic("remote")
    action = back(context, target, {"topic": remote, "payload": "${text}", "qos": 1, "retain": False})
    source, subscriber = source_of(context, target, action), target.subscriber(remote)
    connector = f"mqtt:{target.actions.read(action)['connector']}"
    prefix = target.connectors.read(connector)["clientid_prefix"]

    def connected() -> dict[str, str]:
        """Since when, by client id, its clients are connected."""
        clients = target.clients.listed(like_clientid=prefix, conn_state="connected")
        return {client["clientid"]: client["connected_at"] for client in clients}

    def publish(text: str) -> None:
        target.publish(source, json.dumps({"to": "all", "text": text}), qos=1)

    def connect_again(before: Mapping[str, str], lost: Sequence[str]) -> bool:
        """Whether all that were connected are, now or soon, and those that were ``lost`` since then."""
        target.clients.kick(lost).expect(204)
        publish("meanwhile")

        def again() -> bool:
            now = connected()
            return now.keys() == before.keys() and all(now[each] != before[each] for each in lost)

        return target.eventually(again, target.timing.redelivered)

    for what, part in (("one", slice(1)), ("all", slice(None))):
        before = connected()
        lost = sorted(before)[part]
        assert lost, f"no client of {connector} is connected"
        assert connect_again(before, lost), (
            f"{what} of {len(before)} clients had to connect again, connected are {len(connected())}"
        )
        healthy = target.eventually(lambda: status_of(target.connectors.get(connector)) == "connected")
        assert healthy, f"{what} of its clients connected again, and the connector is not connected"
        publish(what)
        awaited = {"meanwhile", what}
        came = target.eventually(lambda: awaited <= set(subscriber.texts), target.timing.redelivered)  # noqa: B023
        assert came, f"while, and after, {what} of its clients had to connect again: delivered are {subscriber.texts}"
        subscriber.messages.clear()


KEPT = "An Authorization header of an HTTP action is read as ******, and sent as it was after an update with ******."


@requirement("ACT-24", "PUT /actions/{id}", sentence=AS_UPDATED)
@requirement("ACT-14", "PUT /actions/{id}", "GET /actions/{id}", provisional=True, sentence=KEPT)
@pytest.mark.needs("sink")
def test_http_action_keeps_its_authorization(
    context: Context, target: Target, sink: HttpSink, recorder: Recorder
) -> None:
    """An Authorization header of an HTTP action is read as ******, and sent as it was after an update of all else."""
    action, path = witness(context, target, sink)
    headers, topic = secret_headers(context), f"{local_topic(context, target)}/authorized"
    old, deep = path, f"{topic}/deep"

    for state in ("known", "updated"):
        payload = target.sandbox.name(state)
        target.publish(deep, payload)
        target.publish(topic, payload)
        delivery = sink.wait_for(posted(path, payload), target.timing.delivered)
        if delivery is None and sink.received(posted(old, payload)):
            recorder.failed("ACT-24", "delivers_as_updated", f"updated to post to {path}, an action goes on with {old}")
            return
        assert delivery is not None, f"{payload!r} did not arrive"
        how = (delivery.method, delivery.body)
        arrived = {name: delivery.headers.get(name.lower()) for name in headers}
        assert arrived == headers, f"the sink got {arrived} of the {state} action"

        read = configured(target.actions.read(action))
        shown = {name: read["parameters"]["headers"][name] for name in headers}
        assert set(shown.values()) == {REDACTED}, f"of the {state} action the headers are read as {shown}"
        if state == "known":
            path = f"{path}-moved"
            parameters = {**read["parameters"], "path": path, "method": "put", "body": "${payload}\n"}
            change = {"description": payload, "local_topic": f"{topic.rpartition('/')[0]}/+", "parameters": parameters}
            target.actions.put(action, {**read, **change}).expect(200)
            witness_moved(context, action, path)

    counts = [len(sink.received(posted(each, payload))) for each in (path, old)]
    sent, expected = (*how, counts), ("PUT", f"{payload}\n".encode(), [1, 0])
    message = f"of an updated action method, body, and deliveries to its new and old path are {sent}, not {expected}"
    recorder.expect(sent == expected, "ACT-24", "delivers_as_updated", message)


@requirement(
    "ACT-26",
    "PUT /actions/{id}",
    sentence="An HTTP action renders the values of its headers, and sends all of the event if it has no body.",
)
@requirement("ACT-24", "PUT /actions/{id}", sentence=AS_UPDATED)
@pytest.mark.needs("sink")
def test_action_that_is_enabled_and_moved_delivers(target: Target, sink: HttpSink, recorder: Recorder) -> None:
    """An action that was disabled, on a disabled connector, delivers once a PUT enables it on one that is running."""
    disabled, running = target.connector_of("http"), target.running(sink.url)
    topic, place = target.sandbox.topic("moved"), f"/{target.sandbox.name('moved')}"
    path = f"{place}?of=${{qos}}&n=1"
    # In this mode whoever publishes waits for the delivery: not for long if there is none.
    options = {**SOON, "query_mode": "sync", "request_ttl": "10s"}
    action = target.actions.posting(disabled, path, local_topic=topic, enable=False, resource_opts=options)
    target.publish(topic, "before")

    # Without a template of its own the body is all of the event.
    templates = {"path": path, "method": "post", "headers": {"x-topic": "<${topic}>", "x-missing": "<${missing}>"}}
    read = configured(target.actions.read(action))
    moved = {**read, "connector": running.partition(":")[2], "enable": True, "parameters": templates}
    target.actions.put(action, moved).expect(200)

    target.publish(topic, "after")

    def is_there(delivery: Delivery) -> bool:
        return delivery.path.partition("?")[0] == place

    arrived = sink.wait_for(lambda delivery: is_there(delivery) and b"after" in delivery.body, target.timing.delivered)
    assert arrived, (
        f"a PUT enabled the action and moved it from {disabled}, which is disabled, to {running}; nothing arrives, and "
        f"the action is {target.actions.read(action)['status']}"
    )
    assert not sink.received(lambda delivery: is_there(delivery) and b"before" in delivery.body), (
        "a message to the disabled action was delivered after all"
    )
    expected_path = f"{place}?of=0&n=1"
    message = f"a message is delivered to {arrived.path}, expected {expected_path}"
    recorder.expect(arrived.path == expected_path, "ACT-24", "delivers_as_updated", message)
    headers = {name: arrived.headers.get(name) for name in templates["headers"]}
    expected = {"x-topic": f"<{topic}>", "x-missing": "<undefined>"}
    recorder.expect(
        headers == expected, "ACT-26", "headers_rendered", f"the headers are {headers}, expected {expected}"
    )
    told = [b'"topic":"%s"' % topic.encode(), b'"payload":"after"', b'"qos":0']
    missing = [each.decode() for each in told if each not in arrived.body.replace(b": ", b":")]
    message = f"without a template of its own the body {arrived.body[:500]!r} lacks {', '.join(missing)}"
    recorder.expect(not missing, "ACT-26", "whole_event", message)


@requirement("ACT-16", "POST /actions")
@pytest.mark.needs("sink")
def test_local_topic_needs_no_rule(context: Context, target: Target, sink: HttpSink) -> None:
    """An action with a `local_topic` delivers what is published there, and nothing else, without any rule."""
    _, path = witness(context, target, sink)
    elsewhere, there = (target.sandbox.name(what) for what in ("elsewhere", "there"))
    topic = local_topic(context, target)

    target.publish(target.sandbox.topic("elsewhere"), elsewhere)
    target.publish(f"{topic}/1", there)
    assert sink.wait_for(posted(path, there), target.timing.delivered), "nothing arrived from the local topic"
    arrived = [payload for payload in (elsewhere, there) for _ in sink.received(posted(path, payload))]
    assert arrived == [there], f"arrived are {arrived}, published to the local topic was {there}"

    data = there.encode() + b": \xff\xc3("
    target.publish(f"{topic}/2", base64.b64encode(data).decode(), payload_encoding="base64")
    whole = sink.wait_for(
        lambda delivery: (delivery.path, delivery.body.rstrip()) == (path, data), target.timing.delivered
    )
    bodies = [delivery.body for delivery in sink.received(lambda delivery: there.encode() in delivery.body)]
    assert whole, f"what is no UTF-8 was published as {[data]}, arrived are {bodies}"


@requirement("ACT-28", "POST /actions", level="SHOULD")
@pytest.mark.needs("sink")
def test_message_makes_no_header(chain: Chain) -> None:
    """What a message puts into a header of an HTTP action starts no further one, whatever its line breaks."""
    breaks = ("\r\n", "\n")
    for number, line_break in enumerate(breaks, PASSES):
        chain.publish(number, note=f"a{line_break}x-smuggled: b")
    clean = PASSES + len(breaks)
    chain.publish(clean, note="a")

    delivery = chain.arrival(clean)
    assert delivery is not None, "a message whose header has no line break did not arrive"
    note = delivery.headers.get("x-note")
    assert note == "a", f"the sink got {note!r} in the header that a message fills in with 'a'"
    # Left out may be the header, or the message.
    chain.settled()
    smuggled = [line_break for number, line_break in enumerate(breaks, PASSES)
                if any("x-smuggled" in delivery.headers for delivery in chain.deliveries(number))]  # fmt: skip
    assert not smuggled, f"behind {' and '.join(map(repr, smuggled))} a message made another header of the request"


@requirement("CON-29", "GET /actions/{id}", sentence=REASON_TOLD)
@requirement("ACT-17", "POST /actions/{id}/{operation}", "POST /connectors/{id}/{operation}")
@pytest.mark.needs("sink")
def test_only_start_is_an_operation(target: Target, recorder: Recorder, chain: Chain) -> None:
    """`start` answers 204 for a running action, which counts on, and 400 if it leads nowhere; nothing else is known."""
    action, connector = chain.action, chain.connector
    assert target.eventually(lambda: target.actions.read(action)["status"] == "connected"), (
        "the action is not connected"
    )
    chain.publish(PASSES)
    assert chain.accepted(PASSES), "the running action does not deliver"
    chain.settled()
    before = target.actions.metrics(action)
    assert before["success"] > 0, f"a message was delivered, and the action counts {before}"
    for collection, started in ((target.actions, action), (target.connectors, connector)):
        collection.start(started).expect(204)
        fewer = chain.counted_less(before)
        assert not fewer, f"{started} was started while running: the action counts {fewer}, before it was {before}"

    for operation in NO_OPERATIONS:
        path = {"id": action, "operation": operation}
        target.api.call("POST /actions/{id}/{operation}", path=path).expect(400, code="BAD_REQUEST")
    assert target.actions.read(action)["status"] == "connected", "a refused operation stopped the action"
    lost = reaching_nobody(target)
    target.actions.start(lost).expect(400, code="BAD_REQUEST")
    expect_reason(target.actions, lost, recorder)
