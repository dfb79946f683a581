"""The list of all subscriptions (SUB)."""

from __future__ import annotations

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.walked import SENTENCE, Walk
from conformance.target.guard.sandbox import bare_topic
from conformance.target.guard.topics import matches
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

LIST = "GET /subscriptions"
OF_CLIENT = "GET /clients/{clientid}/subscriptions"


@requirement("SUB-01", LIST, OF_CLIENT, "GET /clients/{clientid}")
def test_subscriptions_of_a_client(target: Target) -> None:
    """GET /subscriptions of a client shows what the client's own list does, and subscriptions_cnt is their number."""
    topic = target.sandbox.topic()
    client, other = target.connect(), target.connect()
    other.subscribe(topic, 0)
    for topic_filter, qos in ((topic, 0), (f"{topic}/+/#", 1), (f"$share/{target.sandbox.name()}/{topic}", 2)):
        client.subscribe(topic_filter, qos)
    client.subscribe(f"{topic}/own", 1, noLocal=True, retainAsPublished=True, retainHandling=2)

    def both() -> tuple[list[str], list[str]]:
        lists = (target.clients.subscriptions(client.client_id), target.subscriptions.listed(clientid=client.client_id))
        own, of_all = (sorted(str(sorted(entry.items())) for entry in listed) for listed in lists)
        return own, of_all

    target.eventually(lambda: len(both()[0]) == len(both()[1]) >= 4)
    own, of_all = both()
    assert own == of_all, f"GET /subscriptions shows {of_all}, the client's list {own}"
    # A target may subscribe each client to more by itself.
    assert len(own) >= 4, f"the client has 4 subscriptions, {len(own)} are listed"

    def count() -> int:
        return int(target.clients.read(client.client_id)["subscriptions_cnt"])

    target.eventually(lambda: count() == len(own), target.timing.statistics)
    assert count() == len(own), f"the client has {len(own)} subscriptions, subscriptions_cnt is {count()}"
    client.unsubscribe(topic)
    target.eventually(lambda: count() == len(own) - 1, target.timing.statistics)
    assert count() == len(own) - 1, f"of {len(own)} subscriptions one has ended, subscriptions_cnt is {count()}"


@pytest.fixture
def entries(target: Target) -> list[str]:
    """``clientid filter`` of the subscriptions of two clients, all listed; the first shares a group and a topic."""
    topic, group = target.sandbox.topic(), target.sandbox.name("group")
    plain = {f"{topic}/1": 0, f"{topic}/2": 1, f"{topic}/+/x": 2, f"{topic}/#": 1}
    shared = {f"$share/{group}/{topic}/1": 1, f"$queue/{topic}/2": 0}
    expected: list[str] = []
    for wanted in ({**plain, **shared}, {f"{topic}/1": 1, f"$share/{group}/{topic}/1": 2, f"{topic}x": 0}):
        client = target.connect()
        for topic_filter, qos in wanted.items():
            client.subscribe(topic_filter, qos)
            expected.append(f"{client.client_id} {topic_filter}")
    clients = {entry.partition(" ")[0] for entry in expected}
    target.eventually(
        lambda: sum(len(target.subscriptions.ids(clientid=client)) for client in clients) == len(expected)
    )
    return expected


def found(target: Target, **query: object) -> list[str]:
    return sorted(target.subscriptions.ids(**query))


def filter_of(entry: str) -> str:
    return entry.partition(" ")[2]


@requirement("SUB-02", LIST)
def test_subscriptions_that_match(target: Target, entries: list[str]) -> None:
    """The filter match_topic finds the subscriptions whose filter, as a topic and without share prefix, matches it."""
    topic = filter_of(entries[0]).removesuffix("/1")

    for match_topic in (f"{topic}/#", f"{topic}/1", f"{topic}/a/x", f"{topic}/none"):
        expected = sorted(entry for entry in entries if matches(bare_topic(filter_of(entry)), match_topic))
        seen = found(target, match_topic=match_topic)
        assert seen == expected, f"match_topic={match_topic} finds {seen}, expected {expected}"
    for shared in (f"$share/group/{topic}", f"$queue/{topic}"):
        target.api.call(LIST, query={"match_topic": shared}).expect(400, code="INVALID_PARAMETER")


@requirement("SUB-03", LIST)
def test_filters_select(target: Target, entries: list[str]) -> None:
    """The filters clientid, topic, qos and share_group find exactly the subscriptions that have what they ask for."""
    topic = filter_of(entries[0]).removesuffix("/1")
    first, second = entries[0].partition(" ")[0], entries[-1].partition(" ")[0]
    share = next(filter_of(entry) for entry in entries if "$share" in entry)
    group = share.split("/")[1]

    cases: list[tuple[dict[str, object], set[str]]] = [
        ({"clientid": second}, {entry for entry in entries if entry.startswith(second)}),
        ({"topic": f"{topic}/1"}, {f"{first} {topic}/1", f"{second} {topic}/1"}),
        ({"topic": f"{topic}/#"}, {f"{first} {topic}/#"}),
        ({"clientid": first, "qos": 0}, {f"{first} {topic}/1", f"{first} $queue/{topic}/2"}),
        ({"share_group": group}, {f"{first} {share}", f"{second} {share}"}),
        ({"share_group": group, "topic": f"{topic}/1", "qos": 2}, {f"{second} {share}"}),
        ({"share_group": group.upper()}, set()),
        ({"share_group": group[:-1]}, set()),
        ({"share_group": "$queue", "clientid": first}, {f"{first} $queue/{topic}/2"}),
        ({"topic": f"{topic}/1", "qos": 2}, set()),
    ]
    for query, expected in cases:
        seen = found(target, **query)
        assert seen == sorted(expected), f"{query} finds {seen}, expected {sorted(expected)}"


@requirement("PAG-13", LIST, sentence=SENTENCE)
def test_pages_of_filtered_subscriptions(target: Target, recorder: Recorder, entries: list[str]) -> None:
    """Under each filter of subscriptions count and hasnext are those of what it finds."""
    target.capabilities.profile.limits.check_exact_pages()
    client_id, _, topic_filter = entries[0].partition(" ")
    topic = topic_filter.removesuffix("/1")
    group = next(filter_of(entry) for entry in entries if "$share" in entry).split("/")[1]
    queries: list[dict[str, object]] = [
        {"clientid": client_id}, {"topic": topic_filter}, {"topic": f"{topic}/none"}, {"qos": 0}, {"qos": 2},
        {"share_group": group}, {"match_topic": f"{topic}/#"}, {"match_topic": topic_filter},
        {"clientid": client_id, "qos": 1}, {"share_group": group, "topic": topic_filter, "qos": 2},
    ]  # fmt: skip
    for query in queries:
        Walk.through(target, target.subscriptions, query).decide(recorder)


@requirement("SUB-04", LIST)
def test_subscriptions_of_a_node(target: Target, entries: list[str]) -> None:
    """GET /subscriptions with a node lists those of that node; an unknown node has none, or is said to be down."""
    client_id = entries[-1].partition(" ")[0]
    own = [entry for entry in entries if entry.startswith(client_id)]
    node = target.clients.read(client_id)["node"]

    assert found(target, node=node, clientid=client_id) == sorted(own), f"not listed on {node}"
    unknown = target.api.call(LIST, query={"node": f"no-{node}", "clientid": client_id})
    if unknown.status == 500:
        unknown.expect(500, code="NODE_DOWN")
    else:
        assert unknown.expect(200).json["data"] == [], "a subscription is listed on a node that does not exist"
