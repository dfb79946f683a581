"""Authorization rules of every shape against what clients of every kind do (VAR)."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.factors import Case, Named, covered
from conformance.scenarios.shapes import FEW_FILTERS, few
from conformance.target.guard.topics import matches
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.needs("mqtt", "authorization", "authenticator", "decisions", "told denials"),
    pytest.mark.state("authorization"),
]

USERS, CLIENTS = f"PUT {paths.RULES_OF_USER}", f"PUT {paths.RULES_OF_CLIENT}"


@requirement("VAR-08", USERS, CLIENTS)
@covered(
    filter=FEW_FILTERS,
    permission=("deny", "allow"),
    of=("client", "user"),
    # What the rule says, and what is done.
    action=tuple(
        Named(f"{done}-by-{about}", (about, done))
        for about in ("publish", "subscribe", "all")
        for done in ("publish", "subscribe")
    ),
    qos=(
        Named("any-qos", (None, 0)),
        Named("qos-0", ([0], 0)),
        Named("qos-0-not-1", ([0], 1)),
        Named("qos-1-2", ([1, 2], 2)),
        Named("qos-1-2-not-0", ([1, 2], 0)),
    ),
    retain=(
        Named("any-retain", (None, True)),
        Named("retained", (True, True)),
        Named("retained-not-other", (True, False)),
        Named("other", (False, False)),
        Named("other-not-retained", (False, True)),
    ),
    protocol=(4, 5),
)
def test_decision(target: Target, case: Case) -> None:
    """A rule decides about exactly the topics, actions, QoS and retain flags that it names, whoever's it is."""
    root = target.sandbox.topic("acl")
    rules = [_rule(case, case.permission, case.filter.below(root))]
    if case.permission == "allow":
        rules.append({"permission": "deny", "action": "all", "topic": f"{root}/#"})
    client_id, username = target.sandbox.name("client"), target.users.create()
    rules += target.welcome.rules
    if case.of == "client":
        target.client_rules.put(client_id, {"clientid": client_id, "rules": rules}).expect(204)
    else:
        target.user_rules.put(username, {"username": username, "rules": rules}).expect(204)
    observer = target.subscriber(f"{root}/#", 2)
    login = {"username": username, "password": PASSWORD}
    client = target.connect(client_id, allowed=False, protocol=case.protocol, **login)

    topics = few(root)
    meant = {topic for topic in topics if matches(topic, case.filter.below(root)) and _means(case)}
    expected = [topic for topic in topics if (topic in meant) is (case.permission == "allow")]
    (_, done), (_, qos), (_, retain) = case.action.value, case.qos.value, case.retain.value
    if done == "subscribe":
        granted = {topic: client.subscribe(topic, qos) for topic in topics}
        allowed = [topic for topic, code in granted.items() if code == qos]
    else:
        for topic in topics:
            client.publish(topic, topic, qos, retain=retain)
        # Every message of the client came before this one, which the rule does not speak of.
        marker, elsewhere = target.sandbox.name("marker"), target.sandbox.topic()
        other = target.subscriber(elsewhere, 2)
        client.publish(elsewhere, marker, qos)
        other.received_before(marker)
        target.publish(root, marker, qos=2)
        allowed = observer.received_before(marker)
    assert allowed == expected, f"allowed is {done} of {allowed}, expected {expected}; the rules: {rules}"


def _rule(case: Case, permission: str, topic: str) -> dict[str, Any]:
    rule = {"permission": permission, "action": case.action.value[0], "topic": topic}
    return rule | {name: said for name in ("qos", "retain") if (said := case.values[name].value[0]) is not None}


def _means(case: Case) -> bool:
    """Whether the rule is about what is done, apart from its topic; a subscription has no retain flag."""
    (about, done), (levels, qos), (flag, retain) = case.action.value, case.qos.value, case.retain.value
    return (
        about in (done, "all")
        and (levels is None or qos in levels)
        and (flag is None or done == "subscribe" or flag is retain)
    )
