"""What subscribers get: QoS, flags, options and properties, seen by paho in both protocol versions."""

from __future__ import annotations

import pytest

from conformance.reference.mqtt.packets import Ack, PacketType, Publish, Subscribe, SubscribeOptions


@pytest.mark.parametrize("published", [0, 1, 2])
@pytest.mark.parametrize("subscribed", [0, 1, 2])
def test_delivered_qos_is_the_lower_one(target, name, version, published, subscribed):
    client = target.client(name, version)
    assert client.subscribe(f"{name}/+", subscribed) == subscribed
    assert client.publish(f"{name}/a", b"payload", published) == 0
    message = client.receive()
    assert (message.topic, message.payload) == (f"{name}/a", b"payload")
    assert message.qos == min(published, subscribed)
    assert not message.retain


def test_nobody_there_is_said_to_mqtt_5_only(target, name, version):
    client = target.client(name, version)
    expected = 16 if version == 5 else 0
    assert client.publish(f"{name}/a", qos=1) == expected


def test_retained_message_reaches_later_subscribers_until_deleted(target, name, version):
    client = target.client(name, version)
    client.publish(f"{name}/r", b"kept", 1, retain=True)
    client.subscribe(f"{name}/#", 2)
    message = client.receive()
    assert (message.payload, message.qos, message.retain) == (b"kept", 1, True)
    client.publish(f"{name}/r", b"", 1, retain=True)
    assert client.receive().payload == b""
    late = target.client(f"{name}-late", version)
    late.subscribe(f"{name}/#")
    assert late.nothing_more()


def test_wildcards_at_the_root_do_not_see_dollar_topics(target, name):
    client = target.client(name)
    client.publish(f"$x/{name}", b"before", 1, retain=True)
    client.subscribe("#")
    client.subscribe("+/+")
    client.publish(f"$x/{name}", b"after", 1)
    client.publish(f"{name}/end", b"end", 1)
    topics = [client.receive().topic]
    while topics[-1] != f"{name}/end":
        topics.append(client.receive().topic)
    assert not [topic for topic in topics if topic.startswith("$")]
    client.subscribe(f"$x/{name}")
    assert b"before" in client.payloads(2), "the second copy of the last message came through +/+"


def test_retain_as_published_keeps_the_flag(target, name):
    client = target.client(name)
    client.subscribe(f"{name}/a", retainAsPublished=True)
    client.subscribe(f"{name}/+", retainAsPublished=False)
    client.publish(f"{name}/a", retain=True)
    assert sorted(client.receive().retain for _ in range(2)) == [False, True]


# retain handling, messages at the first and at the second subscribe
RETAIN_HANDLING = [(0, 1, 1), (1, 1, 0), (2, 0, 0)]


@pytest.mark.parametrize(("handling", "first", "second"), RETAIN_HANDLING)
def test_retain_handling_decides_about_retained_messages(target, name, handling, first, second):
    client = target.client(name)
    client.publish(f"{name}/r", retain=True)
    for expected in (first, second):
        client.subscribe(f"{name}/r", retainHandling=handling)
        client.payloads(expected)
        assert client.nothing_more()


def test_no_local_spares_the_publisher(target, name):
    client, other = target.client(name), target.client(f"{name}-other")
    client.subscribe(f"{name}/a", noLocal=True)
    other.subscribe(f"{name}/a")
    client.publish(f"{name}/a", b"mine", 1)  # acknowledged: nothing else orders what two connections send
    other.publish(f"{name}/a", b"theirs", 1)
    assert other.payloads(2) == [b"mine", b"theirs"]
    assert client.receive().payload == b"theirs"
    assert client.nothing_more()


def test_shared_subscription_delivers_once_per_group(target, name):
    members = [target.client(f"{name}-{number}") for number in range(2)]
    for member in members:
        member.subscribe(f"$share/g/{name}", 1)
    queued = target.client(f"{name}-queue", 4)
    queued.subscribe(f"$queue/{name}", 1)
    sent = [str(number).encode() for number in range(6)]
    for payload in sent:
        members[0].publish(name, payload, 1)
    assert queued.payloads(6) == sent
    got = [member.payloads(3) for member in members]
    assert sorted(got[0] + got[1]) == sent, "each message once, in turns"
    assert members[0].nothing_more()


def test_shared_subscription_gets_no_retained_messages(target, name):
    client = target.client(name)
    client.publish(name, retain=True)
    client.subscribe(f"$share/g/{name}")
    assert client.nothing_more()


def test_exclusive_topic_has_one_subscriber(target, name):
    first, second = target.client(name), target.client(f"{name}-2")
    assert first.subscribe(f"$exclusive/{name}", 1) == 1
    assert second.subscribe(f"$exclusive/{name}", 1) == 0x97
    first.publish(name, b"mine", 1)
    assert first.receive().payload == b"mine"
    first.unsubscribe(f"$exclusive/{name}")
    assert second.subscribe(f"$exclusive/{name}", 1) == 1


def test_properties_travel_with_the_message(timed_target, name):
    client = timed_target.client(name)
    client.subscribe(name, 1, identifier=7)
    client.publish(
        name,
        b"x",
        1,
        PayloadFormatIndicator=1,
        MessageExpiryInterval=100,
        ContentType="text/plain",
        ResponseTopic="answer",
        CorrelationData=b"\x00\xff",
        UserProperty=[("k", "1"), ("k", "2")],
    )
    got = client.receive().properties
    assert (got.PayloadFormatIndicator, got.ContentType, got.ResponseTopic) == (1, "text/plain", "answer")
    assert got.CorrelationData == b"\x00\xff"
    assert got.UserProperty == [("k", "1"), ("k", "2")]
    assert got.SubscriptionIdentifier == [7]
    assert got.MessageExpiryInterval == 100


def test_topic_alias_stands_for_the_topic(target, name):
    client = target.client(name)
    client.subscribe(f"{name}/a")
    client.publish(f"{name}/a", b"1", TopicAlias=3)
    raw = target.raw()
    raw.connect(f"{name}-raw")
    raw.send(
        Publish(f"{name}/a", b"2", properties={"topic_alias": 9}), Publish("", b"3", properties={"topic_alias": 9})
    )
    assert client.payloads(3) == [b"1", b"2", b"3"]


def test_unsubscribe_says_what_was_there(target, name):
    client = target.client(name)
    client.subscribe(name)
    assert client.unsubscribe(name) == [0]
    assert client.unsubscribe(name) == [0x11]


def test_receive_maximum_bounds_what_is_unacknowledged(target, name):
    raw = target.raw()
    raw.connect(name, properties={"receive_maximum": 2})
    raw.send(Subscribe(1, [(name, SubscribeOptions(qos=1))]))
    raw.read()
    publisher = target.client(f"{name}-pub")
    for number in range(4):
        publisher.publish(name, str(number).encode(), 1)
    first, second = raw.read(), raw.read()
    view = target.api("GET", f"/clients/{name}").json()
    assert (view["inflight_max"], view["inflight_cnt"], view["mqueue_len"]) == (2, 2, 2)
    raw.send(Ack(PacketType.PUBACK, first.packet_id), Ack(PacketType.PUBACK, second.packet_id))
    assert [first.payload, second.payload, raw.read().payload, raw.read().payload] == [b"0", b"1", b"2", b"3"]


def test_packets_too_large_for_the_client_are_not_sent(target, name):
    raw = target.raw()
    raw.connect(name, properties={"maximum_packet_size": 60})
    raw.send(Subscribe(1, [(name, SubscribeOptions(qos=1))]))
    raw.read()
    publisher = target.client(f"{name}-pub")
    publisher.publish(name, b"x" * 100, 1)
    publisher.publish(name, b"small", 1)
    assert raw.read().payload == b"small"
    view = target.api("GET", f"/clients/{name}").json()
    assert (view["send_msg.dropped.too_large"], view["inflight_cnt"]) == (1, 1)


def test_qos_2_message_is_published_once_however_often_it_is_repeated(target, name):
    client = target.client(name)
    client.subscribe(name, 2)
    raw = target.raw()
    raw.connect(f"{name}-raw")
    raw.send(Publish(name, b"once", 2, packet_id=5), Publish(name, b"once", 2, dup=True, packet_id=5))
    assert [raw.read(), raw.read()] == [Ack(PacketType.PUBREC, 5), Ack(PacketType.PUBREC, 5)]
    raw.send(Ack(PacketType.PUBREL, 5), Ack(PacketType.PUBREL, 5))
    assert [raw.read().reason, raw.read().reason] == [0, 0x92]
    assert client.receive().payload == b"once"
    assert client.nothing_more()


def test_topics_are_written_as_aliases_as_far_as_the_client_allows(target, name):
    client = target.raw()
    client.connect(name, properties={"topic_alias_maximum": 2})
    client.send(Subscribe(1, [(f"{name}/#", SubscribeOptions(0))]))
    client.read()
    publisher = target.client(f"{name}-publisher")
    for level in "abcabc":
        publisher.publish(f"{name}/{level}")
    seen = [(packet.topic.removeprefix(f"{name}/"), packet.properties.get("topic_alias")) for packet in
            (client.read() for _ in range(6))]  # fmt: skip
    assert seen == [("a", 1), ("b", 2), ("c", None), ("", 1), ("", 2), ("c", None)]


def test_aliases_end_with_the_connection(target, name):
    for _ in range(2):
        client = target.raw()
        client.connect(name, properties={"topic_alias_maximum": 1, "session_expiry_interval": 60}, clean_start=False)
        client.send(Subscribe(1, [(f"{name}/a", SubscribeOptions(0))]))
        client.read()
        target.client(f"{name}-publisher").publish(f"{name}/a")
        packet = client.read()
        assert (packet.topic, packet.properties["topic_alias"]) == (f"{name}/a", 1)
        client.close()


def test_message_that_is_too_large_takes_no_alias(target, name):
    client = target.raw()
    client.connect(name, properties={"topic_alias_maximum": 1, "maximum_packet_size": 100})
    client.send(Subscribe(1, [(f"{name}/#", SubscribeOptions(0))]))
    client.read()
    publisher = target.client(f"{name}-publisher")
    publisher.publish(f"{name}/large", b"x" * 100)
    publisher.publish(f"{name}/small", b"x")
    packet = client.read()
    assert (packet.topic, packet.properties["topic_alias"]) == (f"{name}/small", 1)
