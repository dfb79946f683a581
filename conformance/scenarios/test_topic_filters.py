"""Topic filters of every shape against topics of every depth, wherever the API takes or shows a filter (VAR)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.factors import Case, every, parametrized
from conformance.scenarios.shapes import FILTERS, zoo
from conformance.target.guard.sandbox import bare_topic
from conformance.target.guard.topics import matches
from conformance.target.resources.collection import arranged
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

LIST, READ, DELETE = (
    f"GET {paths.RETAINED_MESSAGES}",
    f"GET {paths.RETAINED_MESSAGE}",
    f"DELETE {paths.RETAINED_MESSAGE}",
)
SUBSCRIPTIONS = "GET /subscriptions"

by_filter = parametrized(every({"filter": FILTERS}))


def retained(target: Target, root: str, within: str | None = None) -> list[str]:
    """The topics that are listed for a filter, by default for all below and at ``root``."""
    return sorted(message["topic"] for message in target.retained.listed(topic=within or f"{root}/#"))


@requirement("VAR-02", "POST /publish/bulk", LIST, READ, DELETE)
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
@by_filter
def test_retained_messages(target: Target, case: Case) -> None:
    """A filter of any shape lists, reads, delivers and deletes the retained messages it matches, and no others."""
    root = target.sandbox.topic("zoo")
    topics, topic_filter = zoo(root), case.filter.below(root)
    messages = [{"topic": topic, "payload": topic, "retain": True} for topic in topics]
    arranged(target.api.call("POST /publish/bulk", json=messages), 202, 200)
    assert target.eventually(lambda: retained(target, root) == sorted(topics)), (
        f"{root}/# lists {retained(target, root)}"
    )
    expected = sorted(topic for topic in topics if matches(topic, topic_filter))

    listed = retained(target, root, topic_filter)
    assert listed == expected, f"{topic_filter} lists {listed}, expected {expected}"
    read = target.retained.read(topic_filter)["topic"]
    assert read in expected, f"reading {topic_filter} finds {read}, which it does not match"
    if target.configuration.mqtt is not None and target.capabilities.no_mqtt is None:
        _expect_delivered(target, topic_filter, expected)
    target.retained.delete(topic_filter).expect(204)
    left = sorted(set(topics) - set(expected))
    assert target.eventually(lambda: retained(target, root) == left), (
        f"after DELETE of {topic_filter} there are {retained(target, root)}, expected {left}"
    )


def _expect_delivered(target: Target, topic_filter: str, expected: list[str]) -> None:
    client = target.connect()
    client.subscribe(topic_filter)
    client.wait_for_messages(len(expected))
    marker = target.sandbox.name("marker")
    target.publish(expected[0], marker)
    delivered = sorted(client.received_before(marker))
    assert delivered == expected, f"a subscriber of {topic_filter} gets {delivered}, expected {expected}"


@requirement("VAR-12", "POST /publish", LIST, READ, provisional=True)
@pytest.mark.needs("mqtt", "retainer")
@pytest.mark.state("retained")
def test_topics_that_begin_with_a_dollar(target: Target) -> None:
    """A filter that begins with a wildcard is for no topic that begins with $, retained or live [MQTT-4.7.2-1]."""
    level, soon = target.sandbox.name("level"), {"message_expiry_interval": 600}
    plain, hidden = f"{target.sandbox.topic_root}{level}", f"${target.sandbox.topic_root}{level}"
    filters = {f"+/{level}": [plain], f"+/{level}/#": [plain], hidden: [hidden], f"{hidden}/#": [hidden]}
    for topic in (plain, hidden):
        target.retained.create(topic=topic, payload=topic, properties=soon)

    for topic_filter, expected in filters.items():
        listed = retained(target, plain, topic_filter)
        assert listed == expected, f"{topic_filter} lists {listed}, expected {expected}"
        client = target.connect()
        client.subscribe(topic_filter, 1)
        client.wait_for_messages(1)
        target.await_route(expected[0], client)
        for topic in (hidden, plain, expected[0]):
            target.publish(topic, f"live {topic}")
        marker = target.sandbox.name("marker")
        target.publish(expected[0], marker)
        delivered = client.received_before(marker)
        wanted = [expected[0], *[f"live {expected[0]}"] * 2]
        assert delivered == wanted, f"a subscriber of {topic_filter} gets {delivered}, expected {wanted}"


@requirement("VAR-03", "POST /publish/bulk")
@pytest.mark.needs("mqtt")
@by_filter
def test_live_messages(target: Target, case: Case) -> None:
    """A subscription to a filter of any shape gets the messages whose topics it matches, and no others."""
    root = target.sandbox.topic("zoo")
    topics, topic_filter = zoo(root), case.filter.below(root)
    expected = [topic for topic in topics if matches(topic, topic_filter)]
    subscriber = target.subscriber(topic_filter)

    arranged(target.api.call("POST /publish/bulk", json=[{"topic": t, "payload": t} for t in topics]), 200, 202)
    marker = target.sandbox.name("marker")
    target.publish(expected[0], marker)
    delivered = subscriber.received_before(marker)
    assert delivered == expected, f"a subscriber of {topic_filter} gets {delivered}, expected {expected}"


_FILTER_VALUES: Mapping[str, Sequence[Any]] = {
    "clientid": ("first", "second", "nobody"),
    "topic": ("a", "+", "none"),
    "qos": (0, 1, 2),
    "share_group": ("group", "$queue", "no-group"),
    "match_topic": ("#", "a", "a/+", "x"),
    "node": ("own",),
}
# Of an exact and a fuzzy filter on one field the exact one is taken.
_FILTER_PAIRS = [pair for pair in combinations(_FILTER_VALUES, 2) if pair != ("topic", "match_topic")]


@requirement("VAR-04", SUBSCRIPTIONS)
@pytest.mark.needs("mqtt")
@pytest.mark.parametrize("filters", _FILTER_PAIRS, ids="-".join)
def test_subscriptions(target: Target, filters: tuple[str, str]) -> None:
    """Any two filters of subscriptions together find exactly the subscriptions that pass them both."""
    root, group = target.sandbox.topic(), target.sandbox.name("group")
    shared, queued = f"$share/{group}/", "$queue/"
    clients = {name: target.connect(target.sandbox.name(name)) for name in ("first", "second")}
    wanted = [
        ("first", f"{root}/a", 0), ("first", f"{root}/+", 1), ("first", f"{root}/a/b", 2),
        ("first", f"{shared}{root}/a", 1), ("first", f"{queued}{root}/a", 2), ("first", f"{shared}{root}/+", 0),
        ("second", f"{root}/a", 1), ("second", f"{root}/#", 2), ("second", f"{shared}{root}/a", 0),
    ]  # fmt: skip
    for name, topic_filter, qos in wanted:
        clients[name].subscribe(topic_filter, qos)
    ids = [client.client_id for client in clients.values()]
    # Behind a balancer each may be on a node of its own.
    nodes = {name: target.clients.read(client.client_id)["node"] for name, client in clients.items()}
    target.eventually(lambda: sum(len(target.subscriptions.ids(clientid=each)) for each in ids) == len(wanted))

    def meant(name: str, value: Any) -> Any:
        match name:
            case "clientid":
                return clients[value].client_id if value in clients else target.sandbox.name(value)
            case "topic" | "match_topic":
                return f"{root}/{value}"
            case "share_group" if value == "group":
                return group
            case "node":
                return nodes["first"]
        return value

    # Others may have any number of subscriptions: what is asked for is of the sandbox.
    narrow = {} if _NARROW & {*filters} else {"match_topic": f"{root}/#"}
    for values in product(*(_FILTER_VALUES[name] for name in filters)):
        query = narrow | {name: meant(name, value) for name, value in zip(filters, values, strict=True)}
        expected = sorted(
            f"{clients[name].client_id} {topic_filter}"
            for name, topic_filter, qos in wanted
            if _passes(query, clients[name].client_id, topic_filter, qos)
            and query.get("node", nodes[name]) == nodes[name]
        )
        found = sorted(target.subscriptions.ids(**query))
        assert found == expected, f"{query} finds {found}, expected {expected}"


_NARROW = {"clientid", "topic", "match_topic"}


def _passes(query: dict[str, Any], client_id: str, topic_filter: str, qos: int) -> bool:
    topic = bare_topic(topic_filter)
    group = topic_filter.split("/")[topic_filter.startswith("$share/")] if topic != topic_filter else None
    return (
        query.get("clientid", client_id) == client_id
        and query.get("qos", qos) == qos
        and query.get("share_group", group) == group
        # Without a group a topic is that of a subscription that is not shared.
        and ("topic" not in query or (query["topic"] == topic and query.get("share_group") == group))
        and ("match_topic" not in query or matches(topic, query["match_topic"]))
    )
