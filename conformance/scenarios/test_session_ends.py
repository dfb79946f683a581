"""What the end of a connection means for the will, the session and the messages of a client (SES)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.endings import FEW, Cell, End, Kind, Outcome, Part, endings, lost
from conformance.scenarios.sessions import KEPT_S, expect_window
from conformance.target.mqtt import MqttError, Will
from conformance.target.resources.messages import payload_of
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt")]

KICK, KICK_SEVERAL = "DELETE /clients/{clientid}", "POST /clients/kickout/bulk"
READ = "GET /clients/{clientid}"
BAN, LIFT = "POST /banned", f"DELETE {paths.BAN}"

NORMAL, WITH_WILL = 0x00, 0x04
NOT_AUTHORIZED, SESSION_TAKEN_OVER, ADMINISTRATIVE_ACTION = 0x87, 0x8E, 0x98


def _kick(part: Part) -> None:
    part.target.clients.delete(part.client_id).expect(204)


def _kick_with_others(part: Part) -> None:
    part.target.clients.kick([part.target.sandbox.name("nobody"), part.client_id]).expect(204)


def _kick_while_away(part: Part) -> None:
    part.lose()
    if part.kind.delayed:
        part.expect_wills(0, "before its delay is over")
    _kick(part)


KICKS: Mapping[str, Cell] = {
    "kick": (_kick, lambda _: Outcome("now", session=False, told=ADMINISTRATIVE_ACTION)),
    # In bulk the same happens: enough to see it of two kinds.
    "bulk-kick": (
        _kick_with_others,
        lambda kind: Outcome("now", session=False, told=ADMINISTRATIVE_ACTION) if kind.kept and kind in FEW else None,
    ),
    "kick-while-away": (_kick_while_away, lambda kind: Outcome("now", session=False) if kind.kept else None),
}


@requirement("SES-01", KICK, KICK_SEVERAL, READ)
@endings(KICKS)
def test_kick(target: Target, kind: Kind, end: End, outcome: Outcome) -> None:
    """A kick ends a client's session and drops its messages; the will is published once, at once, delayed or not."""
    part = Part(target, kind)
    end(part)
    part.expect(outcome)


def _ban(part: Part) -> str:
    return part.target.bans.create(kind="clientid", who=part.client_id)


def _ban_while_away(part: Part) -> str:
    part.lose()
    return _ban(part)


def _ban_user_and_lose(part: Part) -> str:
    ban = part.target.bans.create(kind="username", who=part.username)
    assert part.client.connected, "a ban of a user name ends a connection"
    part.lose()
    return ban


BANS: Mapping[str, Cell] = {
    "client-id": (_ban, lambda _: Outcome("never", session=False, told=ADMINISTRATIVE_ACTION)),
    "client-id-while-away": (
        _ban_while_away,
        lambda kind: Outcome("never" if kind.delayed else "now", session=False) if kind.kept else None,
    ),
    "user-name": (_ban_user_and_lose, lambda kind: Outcome("never", session=kind.kept)),
}


@requirement("SES-02", BAN, LIFT, READ)
@pytest.mark.state("bans")
@endings(BANS)
def test_ban(target: Target, kind: Kind, end: End, outcome: Outcome) -> None:
    """No will of a banned client is published; a ban of a client id ends its session, one of a user name none."""
    part = Part(target, kind)
    ban = end(part)
    part.expect_told(outcome.told)
    part.expect_away()
    part.expect_wills(1 if outcome.will == "now" else 0, "while the client is banned")

    target.bans.delete(str(ban)).expect(204)
    part.expect(outcome)


@requirement("SES-03", f"POST {paths.CLIENT_RULES}", READ)
@pytest.mark.needs("decisions")
@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.name)
def test_denied_message(target: Target, kind: Kind) -> None:
    """A refused message costs a client nothing, or where it costs the connection (deny_action), that counts as lost."""
    part = Part(target, kind, denied="other")
    part.client.publish(part.other_topic, "refused", qos=0)
    if target.capabilities.no_told_denials is not None:
        part.expect(lost(kind, told=NOT_AUTHORIZED))
        return
    part.client.publish(part.will_topic, "allowed", qos=1)
    assert part.heir.wait_for_messages(1), "a client that was refused a message can publish no other"
    part.expect_wills(0, "after a message was refused")
    assert part.client.connected, "a client that was refused a message is disconnected"
    part.client.lose()
    part.expect(lost(kind))


@requirement("SES-04", f"POST {paths.CLIENT_RULES}", READ)
@pytest.mark.needs("decisions")
@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.name)
def test_denied_will(target: Target, kind: Kind) -> None:
    """A will to a topic where its client may not publish is never published, whatever else the end means."""
    part = Part(target, kind, denied="will")
    part.client.lose()
    part.expect(Outcome("never", session=kind.kept))


TAKE_OVERS: Mapping[str, Cell] = {
    "continued": (
        lambda part: part.come_again(clean_start=False),
        lambda kind: Outcome("later" if kind.delayed else "now", session=True, told=SESSION_TAKEN_OVER),
    ),
    "clean": (
        lambda part: part.come_again(clean_start=True),
        lambda _: Outcome("now", session=False, told=SESSION_TAKEN_OVER),
    ),
}


@requirement("SES-05", READ)
@endings(TAKE_OVERS)
def test_take_over(target: Target, kind: Kind, end: End, outcome: Outcome) -> None:
    """Who connects with a client id in use takes the session over, or with a clean start ends it; the will is due."""
    target.capabilities.profile.limits.check_kept_session()
    part = Part(target, kind)
    end(part)
    part.expect(outcome)


def _only_mqtt5(outcome: Callable[[Kind], Outcome]) -> Callable[[Kind], Outcome | None]:
    return lambda kind: outcome(kind) if kind.protocol == 5 else None


def _only_kept(outcome: Outcome) -> Callable[[Kind], Outcome | None]:
    return lambda kind: outcome if kind.protocol == 5 and kind.kept else None


DISCONNECTIONS: Mapping[str, Cell] = {
    "normal": (lambda part: part.client.close(), lambda kind: Outcome("never", session=kind.kept)),
    "lost": (lambda part: part.client.lose(), lost),
    "with-will": (lambda part: part.client.leave(WITH_WILL), _only_mqtt5(lost)),
    "for-good": (lambda part: part.client.leave(NORMAL, 0), _only_kept(Outcome("never", session=False))),
}


@requirement("SES-06", READ)
@endings(DISCONNECTIONS)
def test_disconnection(target: Target, kind: Kind, end: End, outcome: Outcome) -> None:
    """DISCONNECT drops the will unless it asks for it, the loss of a connection publishes it; the session may stay."""
    part = Part(target, kind)
    end(part)
    part.expect(outcome)


@requirement("SES-07", READ)
@pytest.mark.parametrize(("delay_s", "expiry_s"), [(1, 300), (300, 1)], ids=["after-its-delay", "with-the-session"])
def test_will_that_waits(target: Target, delay_s: int, expiry_s: int) -> None:
    """A will that waits is published once, when its delay is over or the session has expired."""
    topic = target.sandbox.topic("will")
    heir = target.subscriber(topic)
    client = target.connect(session_expiry_s=expiry_s, will=Will(topic, "will", delay_s=delay_s))
    client.subscribe(own := target.sandbox.topic())
    client.lose()
    wills = [message.payload for message in heir.wait_for_messages(1)]
    assert wills == [b"will"], f"with a delay of {delay_s} s and a session of {expiry_s} s the wills are {wills}"
    if expiry_s < delay_s:
        gone = target.eventually(lambda: target.clients.get(client.client_id).status == 404)
        assert gone, "a session that has expired is still shown"
        target.await_no_route(own)
        status, left = target.publish(own, "to nobody").status, target.subscriptions.ids(clientid=client.client_id)
        assert (status, left) == (202, []), f"after its end a session has {left}; a publish is answered {status}"


@requirement("SES-09", KICK, READ)
@pytest.mark.parametrize("kicked", [False, True], ids=["leaves", "kicked"])
def test_messages_of_a_group(target: Target, kicked: bool) -> None:
    """What a member of a group did not acknowledge goes to others when it leaves, and to nobody when it is kicked."""
    topic = target.sandbox.topic()
    shared = f"$share/{target.sandbox.name('group')}/{topic}"
    member = target.connect(manual_ack=True, session_expiry_s=KEPT_S if kicked else 0)
    expect_window(member, 2)
    member.subscribe(shared, 1)
    texts = ["first", "second"]
    target.await_route(topic, member)
    for text in texts:
        target.publish(topic, text, qos=1)
    member.wait_for_messages(2, matching=lambda message: message.payload.decode() in texts)
    other = target.connect()
    other.subscribe(shared, 1)
    if kicked:
        target.clients.delete(member.client_id).expect(204)
    else:
        member.close()
    gone = target.eventually(lambda: target.clients.get(member.client_id).status == 404)
    assert gone, "the session of a member is still there"

    expected = [] if kicked else texts
    other.wait_for_messages(len(expected), matching=lambda message: message.payload.decode() in texts)
    target.await_route(topic, other)
    arrived = sorted(text for text in other.texts if text in texts)
    how = "kicked" if kicked else "gone"
    assert arrived == expected, f"of a member that is {how} another one got {arrived}, expected {expected}"


@requirement("SES-10", READ)
@pytest.mark.needs("authenticator", "users")
@pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])
def test_refused_client_leaves_nothing(target: Target, protocol: int) -> None:
    """Of a client that is refused no will is published, and no session is shown."""
    topic, user = target.sandbox.topic("will"), target.users.create()
    heir = target.subscriber(topic)
    client_id = user if target.capabilities.profile.one_name else target.sandbox.name("refused")
    client = target.mqtt(client_id, known=False, protocol=protocol, username=user, password="wrong",
                         will=Will(topic, "will"))  # fmt: skip
    with pytest.raises(MqttError):
        client.connect()

    marker = target.sandbox.name("marker")
    target.publish(topic, marker, qos=1)
    wills = heir.received_before(marker)
    assert wills == [], f"the password was wrong, and of the client came {wills}"
    target.clients.get(client_id).expect(404, code="CLIENTID_NOT_FOUND")


@requirement("SES-08", READ, f"GET {paths.RETAINED_MESSAGE}")
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
@pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])
def test_will_as_it_was_asked_for(target: Target, protocol: int) -> None:
    """A will is published with the QoS that its client asked for, retained if it did, and as its client's."""
    topic, qos = target.sandbox.topic("will"), target.capabilities.profile.limits.max_qos
    heir = target.subscriber(topic)
    client = target.connect(protocol=protocol, will=Will(topic, "will", qos=qos, retain=True))
    # Another message of the client, by which it is told when the will was published.
    client.publish(f"{topic}/before", "before", retain=True)
    assert target.eventually(lambda: target.retained.get(f"{topic}/before").ok), "a message is not retained"
    client.lose()
    wills = [(message.payload, message.qos, message.retain) for message in heir.wait_for_messages(1)]
    assert wills == [(b"will", qos, False)], (
        f"payload, QoS and retain flag of the will are {wills}, QoS {qos} was asked"
    )
    assert target.eventually(lambda: target.retained.get(topic).ok), "a will that is to be retained is not"
    kept = target.retained.read(topic)
    seen = (payload_of(kept), kept["qos"], kept["from_clientid"])
    expected = (b"will", qos, client.client_id)
    assert seen == expected, f"payload, QoS and publisher of the retained will are {seen}, expected {expected}"
    before, at = (
        datetime.fromisoformat(each["publish_at"]) for each in (target.retained.read(f"{topic}/before"), kept)
    )
    assert at > before, f"the will is shown as published at {at}, and what its client published before, at {before}"
