"""Rules: which topics they listen to, and what they make of any message (VAR)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from conformance.requirements import requirement
from conformance.scenarios.factors import Case, Named, every, pairwise, parametrized
from conformance.scenarios.shapes import FEW_FILTERS, FILTERS, zoo
from conformance.target.guard.topics import matches
from conformance.target.mqtt import properties_of
from conformance.target.resources.collection import arranged
from conformance.target.resources.messages import payload_of
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

TEST = "POST /rules/{id}/test"


def _shared_topic(context: Context, target: Target, what: str) -> str:
    """A topic of the worker: items whose rule is the same borrow it as it is, and a change of it is costly."""
    topic: str = context.once(f"topic of rules: {what}", lambda: target.sandbox.topic(what))
    return topic


def _listening(context: Context, target: Target) -> str:
    """A rule with a FROM for each filter, below a topic of its own; it republishes to the same topic elsewhere."""
    source, out = (_shared_topic(context, target, what) for what in ("from", "out"))
    filters = [each.below(f"{source}/{number}") for number, each in enumerate(FILTERS)]
    # Those of the last topic overlap.
    filters += [each.below(f"{source}/{len(FILTERS)}") for each in FEW_FILTERS]
    sql = f"SELECT * FROM {', '.join(json.dumps(each) for each in filters)}"
    action = {"function": "republish", "args": {"topic": f"{out}/${{topic}}", "payload": "${topic}"}}
    return target.borrow_rule(sql=sql, actions=[action])


@requirement("VAR-06", "POST /rules", TEST, "POST /publish/bulk")
@parametrized(every({"filter": FILTERS}))
def test_topics_of_a_rule(context: Context, target: Target, case: Case) -> None:
    """A rule is for the messages whose topics a filter of its FROM matches, published or tested, and for no others."""
    rule = _listening(context, target)
    out = _shared_topic(context, target, "out")
    root = f"{_shared_topic(context, target, 'from')}/{FILTERS.index(case.filter)}"
    topics, topic_filter = zoo(root), case.filter.below(root)
    expected = [topic for topic in topics if matches(topic, topic_filter)]

    listener = target.subscriber(f"{out}/{root}/#")
    arranged(target.api.call("POST /publish/bulk", json=[{"topic": t, "payload": ""} for t in topics]), 202, 200)
    marker = target.sandbox.name("marker")
    target.publish(f"{out}/{root}", marker)
    heard = listener.received_before(marker)
    assert heard == expected, f"a rule FROM {topic_filter} hears {heard}, expected {expected}"
    for topic in topics:
        context_of_test = {"event_type": "message_publish", "topic": topic, "payload": "", "clientid": "none", "qos": 0}
        target.rules.test(rule, context_of_test).expect(200 if topic in expected else 412)


@requirement("VAR-06", "POST /rules", "POST /publish/bulk")
def test_overlapping_topics_of_a_rule(context: Context, target: Target) -> None:
    """A rule several filters of whose FROM match a message acts on it once."""
    _listening(context, target)
    out = _shared_topic(context, target, "out")
    root = f"{_shared_topic(context, target, 'from')}/{len(FILTERS)}"
    listener = target.subscriber(f"{out}/{root}/#")
    arranged(target.api.call("POST /publish/bulk", json=[{"topic": t, "payload": ""} for t in zoo(root)]), 202, 200)
    marker = target.sandbox.name("marker")
    target.publish(f"{out}/{root}", marker)
    heard = listener.received_before(marker)
    # One of the filters matches everything.
    assert heard == zoo(root), f"a rule whose filters overlap hears {heard}, expected {zoo(root)}"


_ACTIONS = pairwise(
    {
        "qos": (Named("same-qos", "${qos}"), Named("qos0", 0), Named("qos1", 1), Named("qos2", 2)),
        "retain": (Named("same-retain", "${retain}"), Named("retain", True), Named("no.retain", False)),
        "payload": (Named("payload", "${payload}"), Named("text", "${qos}:${topic}:${payload}"), Named("all", "")),
        "direct": (False, True),
        "user_properties": (Named("passed", "${pub_props.'User-Property'}"), Named("made", "${made}")),
    }
)
_SOURCES = pairwise({"qos": (0, 1, 2), "retain": (False, True), "via": ("rest", "mqtt5", "mqtt3.1.1")})


_NO_TRUTHS = ("", "neither", "${qos}", "${nothing}")
"""Templates of ``direct_dispatch`` that give neither true nor false."""


def _republishing(context: Context, target: Target) -> tuple[str, str, str]:
    """A rule with a republish action for each case, by its number below a destination; its source, and that.

    It hears what two more of its actions republish below ``heard``, and others below ``direct`` have no boolean.
    """
    source, out = (_shared_topic(context, target, what) for what in ("republish", "republished"))
    actions: list[dict[str, Any]] = [
        {
            "function": "republish",
            "args": {
                "topic": f"{out}/{number}",
                "qos": case.qos.value,
                "retain": case.retain.value,
                "payload": case.payload.value,
                "direct_dispatch": case.direct,
                "user_properties": case.user_properties.value,
            },
        }
        for number, case in enumerate(_ACTIONS)
    ]
    templates: dict[str, Any] = {f"heard/{direct}": direct for direct in (True, False)}
    templates |= {f"direct/{number}": template for number, template in enumerate(_NO_TRUTHS)}
    for end, direct in templates.items():
        args = {"topic": f"{out}/{end}", "qos": 1, "retain": False, "direct_dispatch": direct}
        actions.append({"function": "republish", "args": args})
    columns = "*, flags.retain AS retain, map_put('k', 'made', map_new()) AS made"
    heard = ", ".join(f'"{out}/heard/{direct}"' for direct in (True, False))
    rule = target.borrow_rule(sql=f'SELECT {columns} FROM "{source}/+", {heard}', actions=actions)
    return rule, source, out


@requirement("VAR-07", "POST /rules", "POST /publish")
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
@parametrized(_ACTIONS)
def test_republish(context: Context, target: Target, case: Case) -> None:
    """A republished message is what its action makes of the original, however that was published."""
    _, source, out = _republishing(context, target)
    number = _ACTIONS.index(case)
    destination, source = f"{out}/{number}", f"{source}/{number}"
    # What is retained is deleted with the item that knows of it.
    for topic in (destination, source):
        target.retained.create(topic=topic)
    listener = target.connect()
    qos = target.capabilities.profile.limits.subscribing(2)
    listener.subscribe(destination, qos, retainAsPublished=True, retainHandling=2)
    target.await_route(destination, listener)

    clients = {protocol: target.connect(protocol=protocol) for protocol in (4, 5)}

    kept = "kept"
    for each in _SOURCES:
        text = target.sandbox.name(each.name)
        if each.via == "rest":
            target.publish(source, text, qos=each.qos, retain=each.retain, properties={"user_properties": {"old": "1"}})
        else:
            clients[4 if each.via == "mqtt3.1.1" else 5].publish(source, text, each.qos, retain=each.retain)
        expected = _expected(case, each, source, text)
        if expected[2] and not case.direct:
            kept = text
        # A message without acknowledgements comes last where it is sent last, one of QoS 2 never comes earlier.
        listener.wait_for_messages(1)
        marker = target.sandbox.name("marker")
        target.publish(destination, marker, qos=2)
        count = len(listener.received_before(marker))
        seen = [_seen(case, message) for message in listener.messages[:count]]
        assert seen == [expected], f"of {each.name} came {seen}, expected {[expected]}"
        listener.messages.clear()
    retained = target.eventually(lambda: kept in _retained(target, destination))
    assert retained, f"retained is {_retained(target, destination)!r}, expected that of {kept}"


@requirement("RUL-47", "POST /rules", "POST /publish")
def test_direct_messages_are_heard_by_no_rule(context: Context, target: Target) -> None:
    """A message that is republished with direct_dispatch reaches its subscribers and no rule; others reach both."""
    rule, source, out = _republishing(context, target)
    before = target.rules.metrics(rule)["matched"]

    arrived = _republished(target, f"{source}/heard", f"{out}/heard")
    assert arrived == ["True", "False"], f"republished directly, and otherwise, were {arrived}"
    # The message itself, and the one that is not dispatched directly.
    matched = target.rules.counted(rule, {"matched": before + 2})["matched"] - before
    assert matched == 2, f"a rule hears a message that it republishes twice, once directly, {matched} times, not 2"


@requirement("RUL-48", "POST /rules", "POST /publish", level="SHOULD")
def test_direct_dispatch_that_is_no_boolean(context: Context, target: Target) -> None:
    """A direct_dispatch that renders to neither true nor false is none: the message is republished as without."""
    _, source, out = _republishing(context, target)
    arrived = _republished(target, f"{source}/direct", f"{out}/direct")
    lost = [template for number, template in enumerate(_NO_TRUTHS) if str(number) not in arrived]
    assert not lost, f"with the direct_dispatch {' or '.join(map(repr, lost))} nothing was republished"


def _republished(target: Target, source: str, out: str) -> list[str]:
    """The last levels of the topics below ``out`` to which a message is republished, in order."""
    listener = target.subscriber(f"{out}/+", 1)
    target.publish(source, "x")
    marker = target.sandbox.name("marker")
    target.publish(f"{out}/marker", marker, qos=1)
    count = len(listener.received_before(marker))
    return [message.topic.rpartition("/")[2] for message in listener.messages[:count]]


def _retained(target: Target, topic: str) -> str:
    return payload_of(target.retained.read(topic)).decode()


def _expected(case: Case, source: Case, topic: str, text: str) -> tuple[str, int, bool, dict[str, str]]:
    """Payload, QoS, retain flag and user properties of what the action of ``case`` makes of a message."""
    payload = f"{source.qos}:{topic}:{text}" if case.payload.name == "text" else text
    passed = {"old": "1"} if source.via == "rest" else {}
    return (
        payload,
        source.qos if case.qos.name == "same-qos" else case.qos.value,
        source.retain if case.retain.name == "same-retain" else case.retain.value,
        passed if case.user_properties.name == "passed" else {"k": "made"},
    )


def _seen(case: Case, message: MQTTMessage) -> tuple[str, int, bool, dict[str, str]]:
    payload = message.payload.decode()
    if case.payload.name == "all":
        payload = json.loads(payload)["payload"]
    return payload, message.qos, message.retain, dict(properties_of(message).get("UserProperty", []))
