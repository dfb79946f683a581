"""Witnesses: for each writing operation a valid request, and a way to see whether it was carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import Operation, paths
from conformance.contract.generation import MISSING
from conformance.fuzz.space import marked, subjects
from conformance.target.http.answer import Answer
from conformance.target.http.credentials import Signature
from conformance.target.http.session import Api
from conformance.target.resources.access import PASSWORD
from conformance.target.resources.collection import Collection, arranged
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.target.timing import eventually

# Says how a resource fares, not what is stored.
_HEALTH = frozenset({"status", "status_reason", "node_status", "error"})


def _nothing() -> None:
    """For writes whose effect shows as soon as they are answered, and that others do not notice."""


@dataclass(frozen=True, slots=True)
class Write:
    """A valid request that nobody sent yet.

    ``seen`` reads the state that it changes. ``settle`` returns when the effect of whatever was sent before would show,
    for operations that are answered before they have one. ``undo`` gives back what the request takes from others.
    """

    seen: Callable[[], Any]
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = MISSING
    query: Mapping[str, str] = field(default_factory=dict)
    settle: Callable[[], object] = _nothing
    undo: Callable[[], None] = _nothing

    def send(self, api: Api, label: str, credentials: Signature = "default", body: Any = MISSING) -> Answer:
        """Send it; ``body`` takes the place of its own."""
        body = self.body if body is MISSING else body
        content = {} if body is MISSING else {"json": body}
        return api.call(label, path=self.path, query=self.query, credentials=credentials, **content)

    def expect_effect(self, api: Api, label: str, recorder: Recorder, requirement: str) -> None:
        """Send it and see that it shows: else that nothing was seen of refused requests would mean nothing."""
        before = self.seen()
        answer = self.send(api, label)
        if not (answer.ok and eventually(lambda: self.seen() != before, api.timing.eventually)):
            message = f"a valid request answered {answer.status} and changed nothing of {before!r}"
            recorder.failed(requirement, "arrange", message, answer, attribution="undecided")


Arrange = Callable[[Target, HttpSink], Write]

# Operations without an effect that the API shows: probes, starting what runs, and a purge that is refused while the
# source of the rules is enabled.
UNSEEN = frozenset(
    {
        "POST /connectors_probe",
        "POST /actions_probe",
        "POST /connectors/{id}/{operation}",
        "POST /actions/{id}/{operation}",
        f"DELETE {paths.AUTHORIZATION_RULES}",
    }
)


def stored(answer: Answer) -> Any:
    """What is stored of an element: its JSON without its health, or the status that says there is none."""
    if not answer.ok:
        return answer.status
    return {name: value for name, value in answer.json.items() if name not in _HEALTH}


def _creation(collection: Collection, query: Mapping[str, str]) -> Write:
    body = collection.body()
    identifier = collection.identify(body)
    return Write(
        lambda: (collection.get(identifier).status, sorted(collection.ids(**query))), body=collection.payload(body)
    )


def _deletion(collection: Collection, query: Mapping[str, str]) -> Write:
    identifier = collection.create()
    return Write(
        lambda: (collection.get(identifier).status, identifier in collection.ids(**query)),
        path=collection.path_of(identifier),
    )


def _replacement(collection: Collection, changes: Mapping[str, Any], dropped: tuple[str, ...] = ()) -> Write:
    """A PUT of what was created, without the fields of the identity (``dropped``), with some ``changes``."""
    body = collection.body()
    identifier = collection.create(**body)
    kept = {name: value for name, value in body.items() if name not in dropped}
    return Write(lambda: stored(collection.get(identifier)), collection.path_of(identifier), {**kept, **changes})


def _switch(collection: Collection) -> Write:
    """Turn off what is on: the contract's examples are enabled."""
    identifier = collection.create(enable=True)
    return Write(lambda: stored(collection.get(identifier)), {**collection.path_of(identifier), "enable": "false"})


def _rule_metrics(target: Target, sink: HttpSink) -> Write:
    topic = target.sandbox.topic("counted")
    rule = target.rules.create(sql=f'SELECT * FROM "{topic}"')
    target.publish(topic)
    target.rules.counted(rule, {"matched": 1})
    return Write(lambda: target.rules.metrics(rule)["matched"], {"id": rule})


def _action_metrics(target: Target, sink: HttpSink) -> Write:
    topic = target.sandbox.topic("counted")
    action = target.actions.create(connector=target.connectors.running(sink.url))
    target.rules.create(sql=f'SELECT * FROM "{topic}"', actions=[action])
    target.publish(topic)
    target.eventually(lambda: target.actions.metrics(action)["matched"] == 1)
    return Write(lambda: target.actions.metrics(action)["matched"], {"id": action})


def _rule_test(target: Target, sink: HttpSink) -> Write:
    """The test of a rule runs its actions if it is told to: here it retains a message."""
    source, topic = target.sandbox.topic("tested"), target.sandbox.topic("result")
    rule = target.rules.republish(source, topic, retain=True, payload="tested")
    context = {"event_type": "message_publish", "topic": source, "payload": "x", "qos": 1, "clientid": rule}
    body = {"context": context, "stop_action_after_template_rendering": False}
    return Write(lambda: target.retained.get(topic).status, {"id": rule}, body, settle=target.retained.create)


def _import(target: Target, sink: HttpSink) -> Write:
    user = target.sandbox.name("user")
    return Write(
        lambda: stored(target.users.get(user)),
        body=[{"user_id": user, "password": PASSWORD, "is_superuser": True}],
        query={"type": "plain"},
    )


def _rules_of_all(target: Target, sink: HttpSink) -> Write:
    known = _rules_known_to_all(target)
    rule = {"topic": target.sandbox.topic("acl"), "permission": "deny", "action": "publish"}
    return Write(lambda: _rules_known_to_all(target), body={"rules": [rule]}, undo=lambda: _give_to_all(target, known))


def _no_rules_of_all(target: Target, sink: HttpSink) -> Write:
    known = _rules_known_to_all(target)
    rule = {"topic": target.sandbox.topic("acl"), "permission": "deny", "action": "publish"}
    _give_to_all(target, [*known, rule])
    return Write(lambda: _rules_known_to_all(target), undo=lambda: _give_to_all(target, known))


def _rules_known_to_all(target: Target) -> list[Any]:
    rules: list[Any] = target.api.call(f"GET {paths.RULES_OF_ALL}").expect(200).json["rules"]
    return rules


def _give_to_all(target: Target, rules: list[Any]) -> None:
    arranged(target.api.call(f"POST {paths.RULES_OF_ALL}", json={"rules": rules}), 204)


def _kick(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        client = target.connect().client_id
        addressed: dict[str, Any] = {"body": [client]} if bulk else {"path": {"clientid": client}}
        return Write(lambda: target.clients.get(client).status, **addressed)

    return arrange


def _no_cache(target: Target, sink: HttpSink) -> Write:
    """Needs a client with a cached decision; without one the cache stays empty, and nothing can be seen."""
    client = target.connect()
    client.subscribe(target.sandbox.topic("cached"), 0)
    path = {"clientid": client.client_id}

    def cached() -> int:
        answer = target.api.call("GET /clients/{clientid}/authorization/cache", path=path).expect(200)
        return len(answer.json)

    target.eventually(cached)
    return Write(cached, path)


def _subscribe(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        client, topic = target.connect().client_id, target.sandbox.topic("sub")
        body = {"topic": topic, "qos": 1}
        return Write(
            lambda: topic in target.clients.filters(client),
            {"clientid": client},
            [body] if bulk else body,
            settle=lambda: _subscribed(target, client),
        )

    return arrange


def _unsubscribe(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        connected, topic = target.connect(), target.sandbox.topic("unsub")
        client = connected.client_id
        connected.subscribe(topic, 0)
        target.eventually(lambda: topic in target.clients.filters(client))
        return Write(
            lambda: topic in target.clients.filters(client),
            {"clientid": client},
            [{"topic": topic}] if bulk else {"topic": topic},
            settle=lambda: _subscribed(target, client),
        )

    return arrange


def _subscribed(target: Target, client: str) -> None:
    """Subscribe to a fresh topic: the client has then carried out whatever it was told before."""
    topic = target.sandbox.topic("settled")
    arranged(target.clients.subscribe(client, topic), 200)
    target.eventually(lambda: topic in target.clients.filters(client))


def _publish(bulk: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        topic = target.sandbox.topic("kept")
        body = {"topic": topic, "payload": "kept", "retain": True}
        return Write(
            lambda: target.retained.get(topic).status, body=[body] if bulk else body, settle=target.retained.create
        )

    return arrange


def _forget(everything: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        topic = target.retained.create()
        path = {} if everything else {"topic": topic}
        return Write(lambda: target.retained.get(topic).status, path, settle=target.retained.create)

    return arrange


def _ban(target: Target, sink: HttpSink) -> Write:
    body = target.bans.body()
    return Write(lambda: target.bans.listed(clientid=body["who"]), body=body)


def _unban(everything: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        path = target.bans.path_of(target.bans.create())
        return Write(lambda: target.bans.listed(clientid=path["who"]), {} if everything else path)

    return arrange


def _rules_like(collection: Collection) -> dict[str, str]:
    return {f"like_{collection.parameter}": collection.sandbox.prefix}


_IDENTITY = ("type", "name")

WITNESSES: Mapping[str, Arrange] = {
    "POST /connectors": lambda target, sink: _creation(target.connectors, {}),
    "PUT /connectors/{id}": lambda target, sink: _replacement(target.connectors, {"description": "new"}, _IDENTITY),
    "DELETE /connectors/{id}": lambda target, sink: _deletion(target.connectors, {}),
    "PUT /connectors/{id}/enable/{enable}": lambda target, sink: _switch(target.connectors),
    "POST /actions": lambda target, sink: _creation(target.actions, {}),
    "PUT /actions/{id}": lambda target, sink: _replacement(target.actions, {"description": "new"}, _IDENTITY),
    "DELETE /actions/{id}": lambda target, sink: _deletion(target.actions, {}),
    "PUT /actions/{id}/enable/{enable}": lambda target, sink: _switch(target.actions),
    "PUT /actions/{id}/metrics/reset": _action_metrics,
    "POST /rules": lambda target, sink: _creation(target.rules, _rules_like(target.rules)),
    "PUT /rules/{id}": lambda target, sink: _replacement(target.rules, {"description": "new"}, ("id",)),
    "DELETE /rules/{id}": lambda target, sink: _deletion(target.rules, _rules_like(target.rules)),
    "PUT /rules/{id}/metrics/reset": _rule_metrics,
    "POST /rules/{id}/test": _rule_test,
    "POST /schema_registry": lambda target, sink: _creation(target.schemas, {}),
    "PUT /schema_registry/{name}": lambda target, sink: _replacement(target.schemas, {"description": "n"}, ("name",)),
    "DELETE /schema_registry/{name}": lambda target, sink: _deletion(target.schemas, {}),
    f"POST {paths.USERS}": lambda target, sink: _creation(target.users, _rules_like(target.users)),
    f"PUT {paths.USER}": lambda target, sink: _replacement(target.users, {"is_superuser": True}, ("user_id",)),
    f"DELETE {paths.USER}": lambda target, sink: _deletion(target.users, _rules_like(target.users)),
    f"POST {paths.IMPORT_USERS}": _import,
    f"POST {paths.USER_RULES}": lambda target, sink: _creation(target.user_rules, _rules_like(target.user_rules)),
    f"PUT {paths.RULES_OF_USER}": lambda target, sink: _replacement(target.user_rules, {"rules": []}),
    f"DELETE {paths.RULES_OF_USER}": lambda target, sink: _deletion(target.user_rules, _rules_like(target.user_rules)),
    f"POST {paths.CLIENT_RULES}": lambda target, sink: _creation(target.client_rules, _rules_like(target.client_rules)),
    f"PUT {paths.RULES_OF_CLIENT}": lambda target, sink: _replacement(target.client_rules, {"rules": []}),
    f"DELETE {paths.RULES_OF_CLIENT}": lambda target, sink: _deletion(
        target.client_rules, _rules_like(target.client_rules)
    ),
    f"POST {paths.RULES_OF_ALL}": _rules_of_all,
    f"DELETE {paths.RULES_OF_ALL}": _no_rules_of_all,
    "DELETE /clients/{clientid}": _kick(bulk=False),
    "POST /clients/kickout/bulk": _kick(bulk=True),
    "DELETE /clients/{clientid}/authorization/cache": _no_cache,
    "POST /clients/{clientid}/subscribe": _subscribe(bulk=False),
    "POST /clients/{clientid}/subscribe/bulk": _subscribe(bulk=True),
    "POST /clients/{clientid}/unsubscribe": _unsubscribe(bulk=False),
    "POST /clients/{clientid}/unsubscribe/bulk": _unsubscribe(bulk=True),
    "POST /publish": _publish(bulk=False),
    "POST /publish/bulk": _publish(bulk=True),
    "DELETE /mqtt/retainer/messages": _forget(everything=True),
    f"DELETE {paths.RETAINED_MESSAGE}": _forget(everything=False),
    "POST /banned": _ban,
    "DELETE /banned": _unban(everything=True),
    f"DELETE {paths.BAN}": _unban(everything=False),
}


def seen_subjects(selected: Callable[[Operation], bool]) -> list[Any]:
    """Pytest parameters for the operations with a witness, as of `conformance.fuzz.space.subjects`."""
    parameters = []
    for parameter in subjects(lambda operation: operation.label in WITNESSES and selected(operation), by_type=False):
        path = parameter.id.partition(" ")[2]
        marks = [pytest.mark.needs("mqtt")] * path.startswith("/clients")
        marks += [pytest.mark.needs("sink")] * (path == "/actions/{id}/metrics/reset")
        if path.startswith(("/publish", "/rules/{id}/test", "/mqtt/retainer")):
            marks += [pytest.mark.state("retained"), pytest.mark.needs("retainer")]
        parameters.append(marked(parameter, *marks))
    return parameters
