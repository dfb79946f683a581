"""A chain from a topic to the suite's HTTP sink, connector, action and rule, that the items of a worker share.

A write of the configuration costs a real server 0.2 s. Whoever disables or deletes a part of the chain, or fails,
leaves it so: the next item gets one that works.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.target.resources.bridges import SOON, Bridges
from conformance.target.resources.collection import Measured
from conformance.target.sink import Delivery, HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

PASSES = 11
"""The least value that passes the condition of the rule."""

OTHERS = "with actions elsewhere"
"""Which rule to borrow (`Target.borrow_rule`) for actions that may end after the item."""

OFF = "off"
"""What `Target.lasting` calls an action that was created disabled, and never enabled."""

BRIEF = {"request_ttl": "2s"}
"""Options of an action whose messages expire soon."""

SITE = "${payload.to}/${payload.value}/${payload.missing}"
"""What the action of the chain says of its place, in a header that its connector has as well."""

_BASE = "/base"
"""The path of the connector's URL."""
_ENDS = ("success", "failed", "dropped")
_ENDS_OF_ACTIONS = ("actions.success", "actions.failed", "actions.discarded")
_BODY = '{"reading":${payload.value},"from":"${topic}","mark":"${payload.mark}"}'
OTHER_BODY = '{"mark":"${payload.mark}","reading":${payload.value},"from":"${topic}"}'
"""A template of the same meaning as that of the chain's action, and with another text."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A connector to the sink with one action, and a rule with that action and a ``witness`` on another connector.

    What is published on ``topic`` with a value of `PASSES` or more arrives below ``path`` of the sink, where the
    message says; its request has a header ``x-site``. ``mark`` tells the messages of one item from those of others.
    """

    target: Target
    sink: HttpSink
    connector: str
    action: str
    witness: str
    rule: str
    topic: str
    path: str
    mark: str
    witness_path: str

    def publish(self, value: int, to: str = "hook", **more: str) -> None:
        """``more``: fields of the message beside those of every one; a ``note`` arrives in the header x-note."""
        self.target.publish(self.topic, json.dumps({**self.message(value, to), **more}), qos=1)

    def arrival(self, value: int) -> Delivery | None:
        """The delivery of a value, waited for; None if it does not come in time."""
        return self.sink.wait_for(self._of(value), self.target.timing.delivered)

    def request(self, value: int) -> Delivery | None:
        """The request with a value, wherever it is sent, waited for; None if it does not come in time."""
        there, mark = f'"reading":{value},'.encode(), self.mark.encode()
        within_s = self.target.timing.delivered
        return self.sink.wait_for(lambda delivery: there in delivery.body and mark in delivery.body, within_s)

    def arrived(self, value: int) -> bool:
        """Whether a value has been delivered by now."""
        return bool(self.sent(value))

    def deliveries(self, value: int, to: str = "hook") -> list[Delivery]:
        """Those of a value so far."""
        return self.sink.received(self._of(value, to))

    def accepted(self, value: int, to: str = "hook") -> Delivery | None:
        """The delivery that the sink accepted, waited for as long as another attempt may take; None if none was."""
        matches = self._of(value, to)
        within_s = self.target.timing.redelivered
        return self.sink.wait_for(lambda delivery: delivery.answered == 200 and matches(delivery), within_s)

    def sent(self, value: int, to: str = "hook") -> list[int]:
        """What the sink answered each time the value came."""
        return [delivery.answered for delivery in self.deliveries(value, to)]

    def settled(self) -> bool:
        """Whether all that the action got has come to an end that is counted, now or soon."""
        return settled(self.target, self.action)

    def counted_less(self, before: Mapping[str, int]) -> dict[str, int]:
        """The counters of the action that are lower by now than they were ``before``: none ever decreases."""
        now = self.target.actions.metrics(self.action)
        return {name: now[name] for name in ("matched", *_ENDS) if now[name] < before[name]}

    def witnessed(self, value: int) -> bool:
        """Whether the witness delivers a value in time."""
        return self.sink.wait_for(self._of_witness(value), self.target.timing.delivered) is not None

    def came_to_witness(self, value: int) -> bool:
        """Whether the witness has delivered a value by now."""
        return bool(self.sink.received(self._of_witness(value)))

    def message(self, value: int, to: str = "hook") -> dict[str, Any]:
        return {"to": to, "value": value, "mark": self.mark}

    def action_anew(self) -> None:
        """Create the action again under its name, after it was deleted; the rule does not have it yet."""
        _posting(self.target, self.connector, self.path.removeprefix(_BASE), name=self.action.partition(":")[2])

    def _of_witness(self, value: int) -> Callable[[Delivery], bool]:
        path, message, mark = self.witness_path, self.message(value), self.mark.encode()
        return lambda d: d.path == path and mark in d.body and bool(json.loads(d.body) == message)

    def _of(self, value: int, to: str = "hook") -> Callable[[Delivery], bool]:
        here, there, mark = f"{self.path}/{to}", f'"reading":{value},'.encode(), self.mark.encode()
        return lambda delivery: delivery.path == here and there in delivery.body and mark in delivery.body


def secret_headers(context: Context) -> dict[str, str]:
    """Headers of the connector of the chain, and of the `witness`, that are read as ******."""
    return {"authorization": f"Basic {context.secret}", "Proxy-Authorization": f"Basic {context.secret}2"}


def reaching_nobody(target: Target) -> str:
    """An enabled HTTP action whose connector leads to a closed port; what it gets expires after two seconds."""
    actions, options = target.actions, {**SOON, **BRIEF}
    return target.lasting(
        actions, "to nobody", lambda: actions.posting(target.leading_nowhere(), "/hook", resource_opts=options)
    )


def local_topic(context: Context, target: Target) -> str:
    """The topic below which the `witness` gets what is published, without any rule."""
    topic: str = context.once("topic of the witness", lambda: target.sandbox.topic("local"))
    return topic


def witness(context: Context, target: Target, sink: HttpSink) -> tuple[str, str]:
    """An HTTP action that posts every payload, on the connector that all items share; its id, and its path.

    It has the `secret_headers`.
    """
    connector, paths = target.running(sink.url), _witness_paths(context)

    def make() -> str:
        path, local = f"/{target.sandbox.name('witness')}", f"{local_topic(context, target)}/#"
        action = target.actions.posting(connector, path, headers=secret_headers(context), local_topic=local)
        paths[action] = path
        return action

    action = target.lasting(target.actions, "witness", make)
    return action, paths[action]


def witness_moved(context: Context, action: str, path: str) -> None:
    """A witness posts to another path from now on."""
    _witness_paths(context)[action] = path


def _witness_paths(context: Context) -> dict[str, str]:
    paths: dict[str, str] = context.once("paths of witnesses", dict)
    return paths


def connector_of_chain(context: Context, target: Target, sink: HttpSink, *, counts: bool = False) -> str:
    """The connector of the worker's chain, which has the `secret_headers`, enabled and connected."""
    return context.lasting(
        "connector of the chain",
        lambda: target.connectors.running(
            f"{sink.url}{_BASE}/", headers={**secret_headers(context), "x-site": "of the connector"}
        ),
        lambda known: _serves(target, known, counts),
    )


def chain_of(context: Context, target: Target, sink: HttpSink, *, counts: bool = False) -> Chain:
    """The chain of the worker, made as far as it is not there.

    ``counts``: whether its counters are to begin with 0. That waits until what went through it before is counted, up to
    5 s on EMQX 5.8.
    """
    topic, path = context.once(
        "topic and path of the chain", lambda: (target.sandbox.topic("readings"), f"/{target.sandbox.name('hook')}")
    )
    rules = target.rules
    connector = connector_of_chain(context, target, sink, counts=counts)
    action = context.lasting(
        f"action on {connector}",
        lambda: _posting(target, connector, path),
        lambda known: target.actions.get(known).ok,
    )
    second, its_path = witness(context, target, sink)
    wanted = {
        "sql": f'SELECT payload, topic FROM "{topic}" WHERE payload.value >= {PASSES}',
        "actions": [action, second],
        "enable": True,
    }

    def is_as_wanted(known: str) -> bool:
        read = rules.found(known)
        as_wanted = bool(read) and (wanted.items() <= read.items() or rules.put(known, wanted).ok)
        serves = as_wanted and (not counts or _restarted(target, rules, known, "actions.total", _ENDS_OF_ACTIONS))
        if read and not serves:
            rules.delete(known)  # beside the next one, the action would get everything twice
        return serves

    rule = context.lasting("rule of the chain", lambda: rules.create(**wanted), is_as_wanted)
    mark, below = target.sandbox.name("mark"), f"{_BASE}{path}"
    return Chain(target, sink, connector, action, second, rule, topic, below, mark, its_path)


def _posting(target: Target, connector: str, path: str, **fields: Any) -> str:
    headers = {"x-site": SITE, "x-note": "${payload.note}"}
    return target.actions.posting(connector, f"{path}/${{payload.to}}", _BODY, headers=headers, **fields)


def _serves(target: Target, connector: str, counts: bool) -> bool:
    """Whether the connector of the chain works, and the one action on it, if there is one, which may have to count
    from 0."""
    if not _works(target, target.connectors, connector):
        return False
    on_it = [f"http:{name}" for name in target.connectors.found(connector).get("actions", ())]
    return len(on_it) <= 1 and all(
        _works(target, target.actions, action)
        and (not counts or _restarted(target, target.actions, action, "matched", _ENDS))
        for action in on_it
    )


def _works(target: Target, collection: Bridges, identifier: str) -> bool:
    """Whether a connector or action is there, and connected, once it is enabled again."""
    read = collection.found(identifier)
    if not read or not (read.get("enable") or collection.enable(identifier, True).ok):
        return False
    return target.eventually(lambda: collection.found(identifier).get("status") == "connected", target.timing.delivered)


def settled(target: Target, action: str) -> bool:
    """Whether all that an action got has come to an end that is counted, now or soon."""
    return _settled(target, target.actions, action, "matched", _ENDS)


def _settled(target: Target, collection: Measured, identifier: str, got: str, ends: Sequence[str]) -> bool:
    """Whether all that an action, or a rule for its actions, ``got`` comes to one of ``ends``, and is counted."""

    def settled() -> bool:
        counted = collection.found_metrics(identifier)
        ended = [counted.get(name) for name in ends]
        return counted.get(got) == sum(number for number in ended if isinstance(number, int))

    return target.eventually(settled)


def _restarted(target: Target, collection: Measured, identifier: str, got: str, ends: Sequence[str]) -> bool:
    """Whether an action or a rule counts from 0, once it is settled."""
    return _settled(target, collection, identifier, got, ends) and collection.restart(identifier)
