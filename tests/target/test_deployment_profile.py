"""What a client may not do on a target is told before it is tried."""

from __future__ import annotations

import pytest

from conformance.target.deployment_profile import MqttLimits
from conformance.target.errors import Inapplicable


@pytest.mark.parametrize(
    ("limits", "topic", "size", "qos", "retain", "reason"),
    [
        (MqttLimits(max_qos=1), "a", 1, 2, False, "max_qos_allowed"),
        (MqttLimits(retain=False), "a", 1, 0, True, "retain_available"),
        (MqttLimits(topic_levels=2), "a/b/c", 1, 0, False, "max_topic_levels"),
        (MqttLimits(packet_size=100), "a", 100, 0, False, "max_packet_size"),
        (MqttLimits(retained_bytes=100), "a", 101, 0, True, "retainer.max_payload_size"),
    ],
)
def test_a_message_over_a_limit_is_inapplicable(limits, topic, size, qos, retain, reason):
    with pytest.raises(Inapplicable, match=reason):
        limits.check_publish(topic, size, qos, retain=retain)


@pytest.mark.parametrize(
    ("limits", "topic_filter", "qos", "reason"),
    [
        (MqttLimits(max_qos=0), "a", 1, "max_qos_allowed"),
        (MqttLimits(wildcards=False), "a/#", 0, "wildcard_subscription"),
        (MqttLimits(subscriptions=0), "a", 0, "max_subscriptions"),
        (MqttLimits(wildcards=False), "a/+/b", 0, "wildcard_subscription"),
        (MqttLimits(shared=False), "$share/g/a", 0, "shared_subscription"),
        (MqttLimits(shared=False), "$queue/a", 0, "shared_subscription"),
        (MqttLimits(topic_levels=2), "a/b/#", 0, "max_topic_levels"),
    ],
)
def test_a_subscription_over_a_limit_is_inapplicable(limits, topic_filter, qos, reason):
    with pytest.raises(Inapplicable, match=reason):
        limits.check_subscription(topic_filter, qos)


def test_a_share_is_no_level_of_a_topic():
    MqttLimits(topic_levels=2).check_subscription("$share/g/a/b", 2)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(MqttLimits(queue=1), "max_mqueue_len"), (MqttLimits(durable_sessions=True), "durable_sessions")],
)
def test_a_session_may_not_keep_enough(limits, reason):
    MqttLimits().check_kept_session()
    with pytest.raises(Inapplicable, match=reason):
        limits.check_kept_session()


def test_a_client_may_have_few_subscriptions():
    limits = MqttLimits(subscriptions=2)
    limits.check_subscriptions(2)
    with pytest.raises(Inapplicable, match="max_subscriptions"):
        limits.check_subscriptions(3)


def test_a_client_id_may_be_too_long():
    limits = MqttLimits(client_id_bytes=23)
    limits.check_client_id(23)
    with pytest.raises(Inapplicable, match="max_clientid_len"):
        limits.check_client_id(24)


def test_a_client_id_may_be_another_one_than_the_client_says():
    limits = MqttLimits(ids_are_user_names=True)
    limits.check_names("c", None)
    limits.check_names("c", "c")
    with pytest.raises(Inapplicable, match="use_username_as_clientid"):
        limits.check_names("c", "u")


def test_sessions_on_disk_are_others():
    for check in ("check_kept_session", "check_exact_pages"):
        getattr(MqttLimits(), check)()
        with pytest.raises(Inapplicable, match="durable_sessions"):
            getattr(MqttLimits(durable_sessions=True), check)()


@pytest.mark.parametrize(("limits", "delivered", "kept"), [(MqttLimits(), 0, 2), (MqttLimits(raises_qos=True), 1, 0)])
def test_the_qos_with_which_a_message_comes(limits, delivered, kept):
    assert (limits.delivered_qos(0, 1), limits.delivered_qos(1, 0), limits.subscribing(2)) == (
        delivered,
        delivered,
        kept,
    )


def test_what_is_allowed_is_not_in_the_way():
    for limits in (MqttLimits(), MqttLimits(max_qos=1, topic_levels=2, packet_size=200, retained_bytes=50)):
        limits.check_publish("a/b", 50, 1, retain=True)
        limits.check_subscription("a/#", 1)
        limits.check_client_id(60)
        limits.check_names("c", "u")
