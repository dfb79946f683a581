"""What a request did to others: the reference deployment is the judge of the guard.

Watched are everything stored that does not belong to the sandbox, the sessions of others and what reaches them, whom a
ban hits, what authorization decides about others, which rules of the suite see what others do, and whom connectors try
to reach.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from conformance.reference.access.bans import BadSubject
from conformance.reference.message import Message
from conformance.reference.rules.rule import Rule
from conformance.target.guard.guard import Outgoing
from conformance.target.journal.resource import Resource
from tests.safety.cleaning import cleaned_up
from tests.safety.shared_target import (
    OWN,
    OWN_TOPIC,
    SANDBOX,
    SHARING,
    SUBSCRIBED_TOPIC,
    SUBSCRIBER,
    THEIR_TOPICS,
    THEIRS,
    SharedTarget,
)
from tests.safety.wire import Client

_THEIR_HOSTS = ("10.0.0.7", "127.0.0.1", "192.0.3.1", "198.51.0.1", "2001:db9::1")
_LOOPS = 8
"""Turns of the loop until a message has gone through an action, its connection and the broker."""

State = dict[str, Any]


class Effects:
    """Sends requests to a shared target and says what became of everybody else's."""

    def __init__(self, target: SharedTarget) -> None:
        self._target = target
        self._state = self._seen()
        self._counters = self._counted()
        self._own = self._stored()
        self.created: set[Resource] = set()
        """What the last request stored that was not there before; a rule with an invented id by its name."""
        self.left: set[Resource] = set()
        """What of that the suite's own clean-up could not delete again."""

    @property
    def broker(self) -> str:
        """``host:port`` of the target's MQTT listener."""
        return self._target.broker

    def of(self, request: Outgoing, announced: Sequence[Resource] = ()) -> tuple[int, list[str]]:
        """Status of the answer, and one sentence per effect on somebody else. Everything is restored afterwards.

        ``announced``: what the journal says the request may create; the clean-up deletes it.
        """
        run = self._target.loop.run_until_complete
        status, found = run(self._observed(request))
        self.left = set()
        try:
            if self.created and not found:
                cleaned_up(self._target, announced)
                self.left = self._stored() - self._own
        finally:
            run(self._restored(found))
        return status, found + [f"it contacted {stranger}" for stranger in self._target.network.strangers()]

    async def _observed(self, request: Outgoing) -> tuple[int, list[str]]:
        target = self._target
        target.network.contacts.clear()
        target.published.clear()
        status = await target.answer(request)
        found = [f"it led to a message on {topic}" for topic in target.published if not _is_own_topic(topic)]
        self._changed = target.changed
        self.created = self._stored() - self._own if self._changed else set()
        self._last_counted = self._counted()
        found += _differences(self._counters, self._last_counted)
        if self._changed:
            found += _differences(self._state, self._seen())
            if target.behaves_differently:
                found += self._while_others_work()
                found += await self._while_the_suite_works()
        return status, found

    async def _restored(self, found: Sequence[str]) -> None:
        if self._changed or found:
            await self._target.restore(reconnect=bool(found))
            self._state, self._counters = self._seen(), self._counted()
        else:
            self._counters = self._last_counted

    def _stored(self) -> set[Resource]:
        """Everything on the target by kind and id, as the journal calls it."""
        deployment = self._target.deployment
        access = deployment.access
        stored = {
            Resource("rule", rule.id) if rule.id.startswith(SANDBOX.prefix) else Resource("named_rule", rule.name)
            for rule in deployment.rules.all()
        }
        stored |= {Resource("connector", identifier) for identifier in deployment.bridges.connectors}
        stored |= {Resource("action", identifier) for identifier in deployment.bridges.actions}
        stored |= {Resource("schema", schema.name) for schema in deployment.schemas.all()}
        stored |= {Resource("ban", f"{ban.kind}/{ban.who}") for ban in access.bans.listed()}
        stored |= {Resource("retained", message.topic) for message in deployment.broker.retained.matching()}
        if access.authenticator is not None:
            users = access.authenticator.users.values()
            stored |= {Resource.identified("user", user.shown()["user_id"]) for user in users}
        if access.source is not None:
            stored |= {Resource.identified("user_rules", name) for name in access.source.users}
            stored |= {Resource.identified("client_rules", name) for name in access.source.clients}
        return stored

    def as_stored(self, resource: Resource) -> Resource:
        """A resource under the id that the target gives it: addresses of bans in their normal form."""
        if resource.kind != "ban":
            return resource
        kind, _, who = resource.id.partition("/")
        with suppress(BadSubject):
            return Resource("ban", f"{kind}/{self._target.deployment.access.bans.normalise(kind, who)}")
        return resource

    def _counted(self) -> State:
        """What others can see counting: messages that reached them, and what their rules and actions did."""
        target = self._target
        counted: State = {
            f"messages of {name}": client.received for name, client in target.clients.items() if _is_foreign(name)
        }
        for rule in self._their_rules():
            counted[f"metrics of rule {rule.id}"] = rule.metrics._counts.total()["matched"]
        for action in target.deployment.bridges.actions.values():
            if _is_foreign(action.name):
                counted[f"metrics of action {action.id}"] = action.metrics.counters.total()["matched"]
        for name, session in target.deployment.broker.sessions.items():
            if _is_foreign(name):
                counted[f"decisions cached for {name}"] = len(session.authorization_cache._decisions)
        return counted

    def _seen(self) -> State:
        """Everything that does not belong to the sandbox, by what a sentence calls it."""
        deployment = self._target.deployment
        state: State = {}
        for rule in self._their_rules():
            state[f"rule {rule.id}"] = (rule.sql, rule.enable, rule.name, rule.description, rule.actions)
        for connector in deployment.bridges.connectors.values():
            if _is_foreign(connector.name):
                state[f"connector {connector.id}"] = (connector.config, connector.enabled)
                state[f"actions on {connector.id}"] = [item.id for item in deployment.bridges.actions_of(connector)]
        for action in deployment.bridges.actions.values():
            if _is_foreign(action.name):
                state[f"action {action.id}"] = (action.config, action.enabled, action.installed)
                state[f"rules with {action.id}"] = deployment.bridges.rules_using(action.id)
        for schema in deployment.schemas.all():
            if _is_foreign(schema.name):
                state[f"schema {schema.name}"] = (schema, deployment.schemas._serdes.get(schema.name))
        for message in deployment.broker.retained.matching():
            if not _is_own_topic(message.topic):
                state[f"message retained on {message.topic}"] = message.id
        for name, session in deployment.broker.sessions.items():
            if _is_foreign(name):
                filters = tuple((str(item.filter), item.options) for item in session.subscriptions.values())
                state[f"session {name}"] = (session.connected, filters, len(session.mqueue))
        return state | self._access()

    def _access(self) -> State:
        access = self._target.deployment.access
        state: State = {"the authenticator": access.authenticator is not None, "the source": access.source is not None}
        for user in access.authenticator.users.values() if access.authenticator is not None else ():
            if _is_foreign(user.user_id):
                state[f"user {user.user_id}"] = user
        if access.source is not None:
            state["the rules of everyone"] = tuple(access.source.everyone)
            for kind, entries in (("user", access.source.users), ("client", access.source.clients)):
                state |= {
                    f"rules of {kind} {name}": tuple(entry) for name, entry in entries.items() if _is_foreign(name)
                }
        for ban in access.bans.listed():
            if ban.reason == "seeded":
                state[f"ban of {ban.kind} {ban.who}"] = ban
        for name in THEIRS:
            state[f"ban on {name}"] = access.is_banned(name, name, "10.9.9.9")
            state[f"right of {name}"] = access.authorize(
                clientid=name, username=name, is_superuser=False, action="publish", topic="t", qos=0, retain=False
            )
        for host in _THEIR_HOSTS:
            state[f"ban on {host}"] = access.is_banned("somebody", None, host)
        return state

    def _while_others_work(self) -> Iterator[str]:
        """Others publish, connect and subscribe: all of it works, and nothing of the suite notices."""
        target = self._target
        mine = [client for name, client in target.clients.items() if not _is_foreign(name)]
        subscriber, sharing = target.clients[SUBSCRIBER], [target.clients[name] for name in SHARING]
        passed, got = self._passed(), _received(mine)
        got_before, shared_before = subscriber.received, _received(sharing)
        target.published.clear()
        messages = [*THEIR_TOPICS, *[SUBSCRIBED_TOPIC] * len(SHARING)]  # every member of a group gets its turn
        for topic in messages:
            target.clients["theirs"].publish(topic)
        visitor = Client(target.deployment.broker, "theirs-visitor", "theirs/visited")
        visitor.disconnect()
        expected = messages.count(SUBSCRIBED_TOPIC)
        if target.published != messages:
            yield f"messages of others led to messages on {sorted(set(target.published) - set(messages)) or 'nothing'}"
        if subscriber.received - got_before != expected:
            yield f"a subscriber of others got {subscriber.received - got_before} messages instead of {expected}"
        if _received(sharing) - shared_before != expected:
            yield "a shared subscription of others lost a message"
        if _received(mine) != got:
            yield "a client of the suite got a message of others"
        for rule in sorted(self._passed() - passed):
            yield f"rule {rule[0]} of the suite saw what others did"

    async def _while_the_suite_works(self) -> list[str]:
        """The suite publishes on its topics and connects: whatever its rules and actions do stays inside."""
        target = self._target
        theirs = {name: client.received for name, client in target.clients.items() if _is_foreign(name)}
        target.published.clear()
        payload = json.dumps({"t": SUBSCRIBED_TOPIC, "q": 1}).encode()
        for topic in (OWN_TOPIC, f"{OWN_TOPIC}/x"):
            target.deployment.broker.publish(Message(topic, payload, from_clientid=OWN))
        visitor = Client(target.deployment.broker, f"{OWN}-visitor", f"{OWN_TOPIC}/visited")
        visitor.disconnect()
        for _ in range(_LOOPS):
            await asyncio.sleep(0)
        reached = [name for name, before in theirs.items() if target.clients[name].received != before]
        return [f"work of the suite reached client {name}" for name in reached] + [
            f"work of the suite led to a message on {topic}" for topic in target.published if not _is_own_topic(topic)
        ]

    def _passed(self) -> set[tuple[str, int]]:
        """The suite's rules with how often their conditions held."""
        rules = self._target.deployment.rules.all()
        theirs = {rule.id for rule in self._their_rules()}
        return {(rule.id, rule.metrics._counts.total()["passed"]) for rule in rules if rule.id not in theirs}

    def _their_rules(self) -> list[Rule]:
        """A rule without id gets one from the server; its name tells that it is the suite's."""
        rules = self._target.deployment.rules.all()
        return [rule for rule in rules if _is_foreign(rule.id) and _is_foreign(rule.name)]


def _received(clients: list[Client]) -> int:
    return sum(client.received for client in clients)


def _is_foreign(name: object) -> bool:
    return not (isinstance(name, str) and name.startswith(SANDBOX.prefix))


def _is_own_topic(topic: str) -> bool:
    return topic.removeprefix("$").startswith(SANDBOX.topic_root)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    gone = [f"{what} is gone" for what in before if what not in after]
    new = [f"{what} is new" for what in after if what not in before]
    common = [what for what in before if what in after and after[what] != before[what]]
    return gone + new + [f"{what} changed from {before[what]} to {after[what]}" for what in common]
