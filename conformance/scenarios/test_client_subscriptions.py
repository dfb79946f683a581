"""Subscribing and unsubscribing clients through the API (CLI)."""

from __future__ import annotations

import itertools

import pytest

from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.sessions import is_away
from conformance.target.guard.sandbox import bare_topic
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

SUBSCRIBE = "POST /clients/{clientid}/subscribe"
SUBSCRIBE_SEVERAL = "POST /clients/{clientid}/subscribe/bulk"
UNSUBSCRIBE = "POST /clients/{clientid}/unsubscribe"
UNSUBSCRIBE_SEVERAL = "POST /clients/{clientid}/unsubscribe/bulk"
OF_CLIENT = "GET /clients/{clientid}/subscriptions"
LIST = "GET /subscriptions"


def subscribed(target: Target, client_id: str, *filters: str) -> bool:
    """Whether the client is eventually subscribed to exactly these, in its own list and in that of all clients."""
    expected = {f"{client_id} {topic_filter}" for topic_filter in filters}
    return target.eventually(
        lambda: (
            target.clients.filters(client_id) == set(filters)
            and set(target.subscriptions.ids(clientid=client_id)) == expected
        )
    )


def unsubscribed(target: Target, client_id: str, topic_filter: str) -> bool:
    return target.eventually(lambda: topic_filter not in target.clients.filters(client_id))


@requirement("CLI-05", SUBSCRIBE, UNSUBSCRIBE, OF_CLIENT, LIST)
def test_subscription_through_the_api(target: Target) -> None:
    """A client subscribed through the API is listed as subscribed and receives messages; unsubscribed, neither."""
    target.capabilities.profile.limits.check_subscriptions(2)
    client = target.connect()
    topic, other = target.sandbox.topic(), target.sandbox.topic()

    target.clients.subscribe(client.client_id, topic, qos=1).expect(200)
    target.clients.subscribe(client.client_id, other, qos=1).expect(200)
    assert subscribed(target, client.client_id, topic, other), "the subscriptions are not listed"
    target.await_route(topic, client)
    target.await_route(other, client)
    target.publish(topic, "subscribed", qos=1).expect(200)
    assert client.wait_for_messages(1), "a subscribed client receives nothing"

    target.clients.unsubscribe(client.client_id, topic).expect(204)
    assert subscribed(target, client.client_id, other), "the removed subscription is still listed"
    target.await_no_route(topic)
    target.publish(topic, "too late")
    target.publish(other, "end").expect(200)
    before = client.received_before("end")
    assert before == ["subscribed"], f"after the subscription ended {before} has been received"
    target.clients.unsubscribe(client.client_id, topic).expect(204)


@requirement("CLI-05", SUBSCRIBE_SEVERAL, UNSUBSCRIBE_SEVERAL, OF_CLIENT, LIST)
def test_several_subscriptions_through_the_api(target: Target) -> None:
    """The bulk forms subscribe to, and unsubscribe from, each filter they name."""
    target.capabilities.profile.limits.check_subscriptions(4)
    topics = [target.sandbox.topic() for _ in range(4)]
    shared = f"$share/{target.sandbox.name('group')}/{topics.pop()}"
    client = target.connect(protocol=4)

    items = [*({"topic": topic, "qos": qos} for qos, topic in enumerate(topics)), {"topic": shared, "qos": 1}]
    answer = target.clients.subscribe_all(client.client_id, items).expect(200)
    seen = [(entry["clientid"], entry["topic"], entry["qos"]) for entry in answer.json]
    assert seen == [(client.client_id, item["topic"], item["qos"]) for item in items], f"answered {seen}"
    assert subscribed(target, client.client_id, *topics, shared), "the subscriptions are not listed"
    for topic in (*topics, bare_topic(shared)):
        target.await_route(topic, client)
        target.publish(topic, topic)
    assert len(client.wait_for_messages(4)) == 4, "not every subscription receives"

    target.clients.unsubscribe_all(client.client_id, [*topics[:2], shared, target.sandbox.topic()]).expect(204)
    assert subscribed(target, client.client_id, topics[2]), "not exactly the named subscriptions ended"


@requirement("CLI-06", SUBSCRIBE, OF_CLIENT, "POST /publish")
def test_qos_of_a_subscription(target: Target) -> None:
    """The QoS of a subscription is the requested one (0 if none is), and caps the QoS of what is delivered."""
    limits = target.capabilities.profile.limits
    limits.check_subscriptions(3)
    client = target.connect()
    topics = [target.sandbox.topic() for _ in range(3)]

    for requested, topic in enumerate(topics):
        options = {"qos": requested} if requested else {}
        granted = target.clients.subscribe(client.client_id, topic, **options).expect(200).json["qos"]
        assert granted == requested, f"QoS {requested} was requested, the answer says {granted}"
        target.await_route(topic, client)
    listed = target.clients.qos_by_filter(client.client_id)
    assert listed == {topic: qos for qos, topic in enumerate(topics)}, f"listed with {listed}"

    for requested, published in itertools.product(range(3), range(3)):
        target.publish(topics[requested], f"{requested}{published}", qos=published).expect(200)
    qos = [message.qos for message in client.wait_for_messages(9)]
    received = dict(zip(client.texts, qos, strict=False))
    expected = {
        f"{requested}{published}": limits.delivered_qos(published, requested)
        for requested in range(3)
        for published in range(3)
    }
    assert received == expected, f"subscribed and published QoS -> delivered QoS: {received}"

    target.clients.subscribe(client.client_id, topics[1], qos=2).expect(200)

    def listed_qos() -> int:
        return target.clients.qos_by_filter(client.client_id)[topics[1]]

    renewed = target.eventually(lambda: listed_qos() == 2)
    assert renewed, f"a subscription that is renewed with QoS 2 is listed with {listed_qos()}"
    target.publish(topics[1], "renewed", qos=2).expect(200)
    delivered = [message.qos for message in client.wait_for_messages(10)[9:]]
    assert delivered == [2], f"subscribed anew with QoS 2, a message of QoS 2 is delivered with {delivered}"


@requirement("CLI-07", SUBSCRIBE, OF_CLIENT, LIST)
@pytest.mark.parametrize("form", ["$share/{group}/{topic}", "$queue/{topic}"], ids=["share", "queue"])
def test_shared_subscription(target: Target, form: str) -> None:
    """Members of a shared subscription get each message once between them; it is listed with prefix, and by group."""
    target.capabilities.profile.limits.check_subscriptions(2)
    topic, group = target.sandbox.topic(), target.sandbox.name("group")
    shared = form.format(group=group, topic=topic)
    members = [target.subscriber(target.sandbox.topic("own"), qos=1) for _ in range(2)]
    for member in members:
        own = target.clients.filters(member.client_id)
        target.clients.subscribe(member.client_id, shared, qos=1).expect(200)
        assert subscribed(target, member.client_id, *own, shared), f"{shared} is not listed"
    target.await_route(topic, *members)

    texts = [f"message {number}" for number in range(6)]
    for text in texts:
        target.publish(topic, text, qos=1).expect(200)
    received = []
    for member in members:
        own = target.clients.filters(member.client_id) - {shared}
        target.publish(own.pop(), "end", qos=1).expect(200)
        received += member.received_before("end")
    assert sorted(received) == texts, f"the members received {received}"

    share_group = group if "{group}" in form else "$queue"
    found = target.subscriptions.ids(share_group=share_group, topic=topic)
    assert sorted(found) == sorted(f"{member.client_id} {shared}" for member in members), f"of the group: {found}"

    stays, leaves = members
    (own_topic,) = target.clients.filters(stays.client_id) - {shared}
    target.clients.delete(leaves.client_id).expect(204)

    def gets_everything() -> bool:
        texts = [target.sandbox.name("alone") for _ in range(4)]
        for text in texts:
            target.publish(topic, text, qos=1)
        target.publish(own_topic, texts[0] + "end", qos=1)
        return set(texts) <= set(stays.received_before(texts[0] + "end"))

    assert target.eventually(gets_everything), "messages go to a member of the group that was kicked"
    target.clients.unsubscribe(stays.client_id, shared).expect(204)
    assert unsubscribed(target, stays.client_id, shared), f"{shared} is still listed after it was removed"


@requirement("CLI-29", SUBSCRIBE, UNSUBSCRIBE, provisional=True)
@pytest.mark.parametrize("form", ["$share/{group}/{topic}", "$queue/{topic}"], ids=["share", "queue"])
def test_shared_and_plain_are_two(target: Target, form: str) -> None:
    """Subscribed to a topic in a group and by itself, a client gets messages twice, and once when either has ended."""
    target.capabilities.profile.limits.check_subscriptions(3)
    topic, end = target.sandbox.topic(), target.sandbox.topic("end")
    shared = form.format(group=target.sandbox.name("group"), topic=topic)
    client = target.subscriber(end, 1)

    def comes(times: int) -> bool:
        """Whether a message comes that often, now or soon."""
        text = target.sandbox.name("text")
        target.publish(topic, text, qos=1)
        target.publish(end, f"{text} ended", qos=1)
        return client.received_before(f"{text} ended").count(text) == times

    for ends in (topic, shared):
        for topic_filter in (topic, shared):
            target.clients.subscribe(client.client_id, topic_filter, qos=1).expect(200)
        assert subscribed(target, client.client_id, end, topic, shared), "the subscriptions are not listed"
        assert target.eventually(lambda: comes(2)), f"{topic} and {shared} do not bring each message twice"
        target.clients.unsubscribe(client.client_id, ends).expect(204)
        stays = ({topic, shared} - {ends}).pop()
        assert subscribed(target, client.client_id, end, stays), f"without {ends}, listed is not {stays} alone"
        assert target.eventually(lambda: comes(1)), f"without {ends}, {stays} does not bring each message once"


@requirement("CLI-08", SUBSCRIBE)
def test_no_local_on_a_shared_subscription(target: Target) -> None:
    """No-local on a shared subscription is answered with 400 INVALID_PARAMETER and subscribes to nothing."""
    client = target.connect()
    shared = f"$share/{target.sandbox.name('group')}/{target.sandbox.topic()}"

    target.clients.subscribe(client.client_id, shared, nl=1).expect(400, code="INVALID_PARAMETER")
    plain = target.sandbox.topic()
    target.clients.subscribe(client.client_id, plain, nl=1).expect(200)
    assert subscribed(target, client.client_id, plain), "no-local on a plain subscription, and nothing else, is allowed"


@requirement("CLI-09", SUBSCRIBE, level="SHOULD")
@pytest.mark.parametrize(
    "form",
    ["{topic}/#/b", "{topic}/a+", "$share/a+b/{topic}"],
    ids=["levels after the last", "wildcard in a level", "wildcard in a group"],
)
def test_malformed_filter(target: Target, form: str) -> None:
    """A malformed topic filter is refused with 400, and the client is not subscribed to it."""
    client = target.connect()
    malformed = form.format(topic=target.sandbox.topic())

    answer = target.clients.subscribe(client.client_id, malformed)
    good = target.sandbox.topic()
    target.clients.subscribe(client.client_id, good).expect(200)
    answer.expect(400)
    assert subscribed(target, client.client_id, good), f"the client is subscribed to {malformed}"


@requirement("CLI-10", UNSUBSCRIBE, level="SHOULD")
def test_unsubscribe_without_topic(target: Target) -> None:
    """To unsubscribe without a topic is answered with 400, and every subscription stays."""
    topic = target.sandbox.topic()
    client = target.subscriber(topic)

    answer = target.api.call(UNSUBSCRIBE, path={"clientid": client.client_id}, json={})
    assert target.clients.filters(client.client_id) == {topic}, "the subscription ended"
    answer.expect(400)


@requirement("CLI-19", SUBSCRIBE, OF_CLIENT)
def test_options_of_a_subscription(target: Target) -> None:
    """The answer to a subscription, and its listing, repeat client id, filter and the options nl, rap and rh."""
    target.capabilities.profile.limits.check_subscriptions(8)
    client = target.connect()
    topic = target.sandbox.topic()
    cases: list[tuple[str, dict[str, int]]] = [
        (topic, {"qos": 2, "nl": 1, "rap": 1, "rh": 2}),
        (f"{topic}/+/#", {"qos": 1, "rh": 1}),
        (f"$share/{target.sandbox.name('group')}/{topic}", {"rap": 1}),
        (f"$queue/{topic}", {}),
    ]

    for topic_filter, options in cases:
        answer = target.clients.subscribe(client.client_id, topic_filter, **options).expect(200).json
        expected = {"clientid": client.client_id, "topic": topic_filter, "qos": 0, "nl": 0, "rap": 0, "rh": 0} | options
        assert {name: answer.get(name) for name in expected} == expected, f"answered {answer}, expected {expected}"
    made = subscribed(target, client.client_id, *(topic_filter for topic_filter, _ in cases))
    assert made, "not all subscriptions of the client are listed with their options"
    listed = {entry["topic"]: entry for entry in target.clients.subscriptions(client.client_id)}
    for topic_filter, options in cases:
        seen = {name: listed[topic_filter][name] for name in options}
        assert seen == options, f"{topic_filter} is listed with {seen}"

    items = [{"topic": f"{topic}/{number}", **options} for number, (_, options) in enumerate(cases)]
    several = target.clients.subscribe_all(client.client_id, items).expect(200).json
    assert len(several) == len(items), f"{len(several)} answers to {len(items)} subscriptions: {several}"
    for item, answer in zip(items, several, strict=True):
        expected = {"clientid": client.client_id, "qos": 0, "nl": 0, "rap": 0, "rh": 0} | item
        assert {name: answer.get(name) for name in expected} == expected, f"answered {answer}, expected {expected}"

    def options_of(topic_filter: object) -> dict[str, object]:
        found = [entry for entry in target.clients.subscriptions(client.client_id) if entry["topic"] == topic_filter]
        return {name: found[0][name] for name in ("topic", "qos", "nl", "rap", "rh")} if found else {}

    for item in items:
        expected = {"qos": 0, "nl": 0, "rap": 0, "rh": 0} | item
        as_asked = target.eventually(lambda: options_of(item["topic"]) == expected)  # noqa: B023
        assert as_asked, f"subscribed in bulk with {item}, it is listed with {options_of(item['topic'])}"

    exclusive = f"$exclusive/{topic}"
    answer = target.clients.subscribe(target.connect().client_id, exclusive).expect(200).json
    assert answer["topic"] == exclusive, f"{exclusive} is answered as {answer['topic']}"


@requirement("CLI-20", SUBSCRIBE, provisional=True)
@pytest.mark.state("retained")
def test_options_have_their_effect(target: Target) -> None:
    """Options of a subscription through the API act as over MQTT: nl keeps own messages away, rap keeps retain set."""
    target.capabilities.profile.limits.check_subscriptions(5)
    client = target.connect()
    plain, own, kept, unasked, common = (target.sandbox.topic() for _ in range(5))
    # Without a retainer there is nothing that could still be on its way.
    retains = target.capabilities.no_retainer is None
    probes = [target.retain_probe(topic) for topic in (plain, kept) if retains]
    kept_back = [target.retain_probe(topic) for topic in (unasked, common) if retains]
    shared = f"$share/{target.sandbox.name('group')}/{common}"
    for topic, options in ((unasked, {"rh": 2}), (shared, {}), (plain, {}), (own, {"nl": 1}), (kept, {"rap": 1})):
        target.clients.subscribe(client.client_id, topic, qos=1, **options).expect(200)
        target.await_route(topic, client)
    for probe in probes:
        client.wait_for_probe(probe)

    for topic in (plain, own):
        client.publish(topic, f"from itself to {topic}")
    target.publish(own, "end", qos=1)
    before = client.received_before("end")
    assert before == [f"from itself to {plain}"], f"received of its own: {before}"
    retained = [client.received_probe(probe) for probe in kept_back]
    assert not any(retained), f"with rh 2, and in a group, what is retained came: {retained}"

    for topic in (plain, kept):
        target.publish(topic, "kept", retain=True, qos=1)
    arrived = client.wait_for_messages(2, matching=lambda message: message.payload == b"kept")
    flags = {message.topic: message.retain for message in arrived}
    assert flags == {plain: False, kept: True}, f"retain is set without rap and with it: {flags}"


@requirement("CLI-27", SUBSCRIBE, UNSUBSCRIBE, OF_CLIENT, LIST, provisional=True)
def test_subscriptions_of_an_absent_client(target: Target) -> None:
    """Subscriptions through the API are of the session: made, listed and ended also while its client is away."""
    target.capabilities.profile.limits.check_subscriptions(2)
    kept, ended, made = (target.sandbox.topic() for _ in range(3))
    client = target.connect(session_expiry_s=300)
    client_id = client.client_id
    for topic in (kept, ended):
        target.clients.subscribe(client_id, topic, qos=1).expect(200)
    assert subscribed(target, client_id, kept, ended), "the subscriptions are not listed"
    client.close()
    assert is_away(target, client_id), "a client that has disconnected is still shown as connected"
    if target.clients.queued(client_id, limit=1).status == 501:
        not_demanded("the target keeps sessions on disk, to which the API adds nothing while their clients are away")

    assert subscribed(target, client_id, kept, ended), "the subscriptions of a client that is away are not listed"
    target.clients.unsubscribe(client_id, ended).expect(204)
    assert subscribed(target, client_id, kept), "what is ended while the client is away is still listed"
    own, of_all = target.clients.subscriptions(client_id), target.subscriptions.listed(clientid=client_id)
    assert own == of_all, f"GET /subscriptions shows {of_all} of a client that is away, its own list {own}"
    target.clients.subscribe(client_id, made, qos=1).expect(200)
    assert subscribed(target, client_id, kept, made), "what is changed while the client is away is not listed"
    target.await_no_route(ended)
    for topic in (kept, made):
        delivered = target.eventually(lambda: target.publish(topic, topic, qos=1).status == 200)  # noqa: B023
        assert delivered, f"nothing waits for a client that was subscribed to {topic}"
    target.publish(ended, "too late", qos=1)

    back = target.connect(client_id, clean_start=False, session_expiry_s=300)
    assert back.session_present, "the session of a client that was away is gone"
    target.publish(kept, "end", qos=1)
    before = back.received_before("end")
    assert before == [kept, made], f"the client came back and received {before}, expected {[kept, made]}"
    assert subscribed(target, client_id, kept, made), "a client that came back has other subscriptions"


@requirement("CLI-21", SUBSCRIBE, SUBSCRIBE_SEVERAL, UNSUBSCRIBE, UNSUBSCRIBE_SEVERAL, OF_CLIENT)
def test_unknown_client_has_no_subscriptions(target: Target) -> None:
    """Every operation on the subscriptions of a client that is not there answers 404 CLIENTID_NOT_FOUND."""
    topic = target.sandbox.topic()
    body = {"topic": topic}
    client = target.connect().client_id
    nobody = target.sandbox.name("nobody")

    for label, request in (
        (SUBSCRIBE, body),
        (SUBSCRIBE_SEVERAL, [body]),
        (UNSUBSCRIBE, body),
        (UNSUBSCRIBE_SEVERAL, [body]),
    ):
        assert target.api.call(label, path={"clientid": client}, json=request).ok, (
            f"{label} fails for a connected client"
        )
        target.api.call(label, path={"clientid": nobody}, json=request).expect(404, code="CLIENTID_NOT_FOUND")
    target.api.call(OF_CLIENT, path={"clientid": nobody}).expect(404, code="CLIENTID_NOT_FOUND")


@requirement("CLI-23", SUBSCRIBE_SEVERAL)
def test_bulk_subscription_that_fails_in_part(target: Target) -> None:
    """A bulk subscription of which a part cannot be had answers 200, with what succeeded and what failed."""
    client, topic = target.connect(), target.sandbox.topic()
    items = [{"topic": topic}, {"topic": f"$share/a+b/{topic}"}]

    answer = target.clients.subscribe_all(client.client_id, items).expect(200).json
    assert isinstance(answer, dict), f"the answer does not tell what failed: {answer}"
    succeeded = [entry["topic"] for entry in answer["succeed"]]
    assert succeeded == [topic], f"succeeded: {succeeded}, of {items}"
    assert len(answer["failed"]) == 1, f"failed: {answer['failed']}, of {items}"
    assert subscribed(target, client.client_id, topic), "what succeeded, and nothing else, is not listed"
