"""A reference deployment that others use too: seeded with resources of every kind, theirs and the suite's own.

Requests go straight into the application, and everything can be put back as it was.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from conformance.contract import Contract, load_contract, paths
from conformance.reference.assembly import AssembledDeployment
from conformance.reference.defects import Traits
from conformance.reference.deployment import Settings
from conformance.reference.message import Message
from conformance.reference.mqtt.table import SubscriptionTable
from conformance.reference.pipeline.app import Application
from conformance.reference.unguarded import UnguardedWrites
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.sandbox import Sandbox
from tests.safety.network import Network
from tests.safety.wire import Client

SANDBOX = Sandbox("0abcdef1234", "gw1")
OWN = SANDBOX.prefix + "own"
UNUSED = SANDBOX.prefix + "unused"
OWN_TOPIC = SANDBOX.topic_root + "own"

# Names of others, some of them close to those of the sandbox; the first three are valid names of connectors.
THEIRS = ("theirs", "cft-0abcdef1234-gw10-x", "cft-0abcdef1234-gw1", "CFT-0ABCDEF1234-GW1-OWN", "5", "x/y")
TYPED = THEIRS[:3]
SUBSCRIBED_TOPIC = "theirs/a"
THEIR_TOPICS = (SUBSCRIBED_TOPIC, "cft-0abcdef1234-gw10/a", "cft-0abcdef1234-gw1", "5")
SUBSCRIBER, SHARING = "theirs-subscriber", ("theirs-shared-1", "theirs-shared-2")

_FILTERS: Mapping[str, tuple[str, ...]] = {
    SUBSCRIBER: (SUBSCRIBED_TOPIC,),
    **dict.fromkeys(SHARING, (f"$share/g/{SUBSCRIBED_TOPIC}",)),
    OWN: (OWN_TOPIC,),
    **dict.fromkeys(THEIRS, ()),
}
_BANS = {
    "clientid": ".",
    "peerhost": "10.1.1.1",
    "peerhost_net": "10.2.0.0/16",
    "clientid_re": "^theirs-b",
    "username_re": "^theirs-b",
}
_CREDENTIALS = ("key", "secret")
_AUTHORIZATION = b"Basic " + base64.b64encode(":".join(_CREDENTIALS).encode())
_AVRO = '{"type":"record","name":"r","fields":[{"name":"v","type":"int"}]}'


def contract() -> Contract:
    return load_contract(version="5.8.9")


class SharedTarget:
    """One deployment with its defects and quirks. ``broker`` is its MQTT listener."""

    def __init__(self, network: Network, *, traits: Traits) -> None:
        self.loop = asyncio.new_event_loop()
        self.network = network
        self.deployment = AssembledDeployment(Settings(*_CREDENTIALS, traits=traits))
        self._application = Application(self.deployment)
        self.published: list[str] = []
        self.deployment.hooks.on("message_publish", lambda _event, context: self.published.append(context["topic"]))
        self.deployment.rules.writes = self.deployment.rules.deletions = UnguardedWrites(0)
        self.deployment.schemas.writes = self.deployment.access.writes = UnguardedWrites(0)
        self.broker = f"127.0.0.1:{self.loop.run_until_complete(self.deployment.start(('127.0.0.1', 0)))[0]}"
        network.brokers.add(self.broker)
        self.clients: dict[str, Client] = {}
        self.loop.run_until_complete(self._seed())

    def close(self) -> None:
        self.loop.run_until_complete(self._stop())
        self.loop.close()

    async def answer(self, request: Outgoing) -> int:
        """Status of the answer to a request."""
        return (await self.exchange(request))[0]

    async def exchange(self, request: Outgoing) -> tuple[int, bytes]:
        """Status and body of the answer to a request."""
        return await answered(self._application, request)

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was seeded, whoever it belongs to."""
        return self.behaves_differently or any(store != remembered for store, remembered in self._records)

    @property
    def behaves_differently(self) -> bool:
        """Whether anything changed that decides what becomes of messages and clients."""
        access = self.deployment.access
        return (
            any(store != remembered for store, remembered in self._rulings)
            or access.authenticator is not self._authorities[0]
            or access.source is not self._authorities[1]
            or self._authorities[1].everyone != self._everyone
            or self._bridge_marks() != self._bridges
            or self._subscriptions() != self._subscribed
            or not all(client.connected for client in self.clients.values())
        )

    async def restore(self, *, reconnect: bool = False) -> None:
        """Put everything back as it was, so that every request meets the same deployment.

        ``reconnect``: also what belongs to the connections of clients.
        """
        deployment = self.deployment
        deployment.access.authenticator, deployment.access.source = self._authorities
        for store, remembered in (*self._records, *self._rulings):
            if store != remembered:
                store.clear()
                store.update(remembered)
        deployment.access.source.everyone = list(self._everyone)
        deployment.rules._refresh()
        self._count()
        everybody_is_there = all(client.connected for client in self.clients.values())
        if reconnect or not everybody_is_there or self._subscriptions() != self._subscribed:
            connections: list[Any] = list(deployment.broker.connections)
            for connection in connections:
                connection.abort()
            deployment.broker.connections.clear()
            deployment.broker.sessions.clear()
            deployment.broker._table = SubscriptionTable()
            self._connect()
            await self._seed_bridges()
        elif self._bridge_marks() != self._bridges:
            await self._seed_bridges()

    async def _seed(self) -> None:
        await self._seed_bridges()
        for name in (*TYPED, OWN):
            topic = OWN_TOPIC if name == OWN else f"{name}/a"
            actions = [f"http:{name}", {"function": "republish", "args": {"topic": f"{topic}/again"}}]
            await self._put(f"/rules/{name}", {"sql": f'SELECT * FROM "{topic}/rule"', "actions": actions})
            await self._post("/schema_registry", {"name": name, "type": "avro", "source": _AVRO})
        for name in (*THEIRS, OWN):
            await self._post(paths.USERS, {"user_id": name, "password": "p"})
            rule = {"topic": "theirs/#", "permission": "allow", "action": "all"}
            await self._post(paths.USER_RULES, [{"username": name, "rules": [rule]}])
            await self._post(paths.CLIENT_RULES, [{"clientid": name, "rules": [rule]}])
            await self._post("/banned", {"as": "username", "who": f"{name}-banned", "reason": "seeded"})
        for kind in ("clientid", "username"):
            await self._post("/banned", {"as": kind, "who": UNUSED})
        await self._post(paths.RULES_OF_ALL, {"rules": [{"topic": "s/#", "permission": "deny", "action": "all"}]})
        for kind, who in _BANS.items():
            await self._post("/banned", {"as": kind, "who": who, "reason": "seeded"})
        for topic in (*THEIR_TOPICS, OWN_TOPIC):
            self.deployment.broker.retained.store(Message(topic, b"kept", retain=True))
        self._connect()
        self._remember()
        self._count()

    async def _seed_bridges(self) -> None:
        bridges = self.deployment.bridges
        for resource in bridges.actions.values():
            await resource.uninstall()
        for connector in bridges.connectors.values():
            await connector.stop()
        bridges.actions.clear()
        bridges.connectors.clear()
        for name in (*TYPED, OWN):
            await self._post("/connectors", {"type": "http", "name": name, "url": "http://127.0.0.1:9"})
            action = {"type": "http", "name": name, "connector": name, "parameters": {"path": "/"}}
            await self._post("/actions", action)
        mqtt = {"type": "mqtt", "name": OWN, "server": self.broker, "pool_size": 1, "clientid_prefix": OWN}
        await self._post("/connectors", mqtt)
        await self._post(
            "/actions", {"type": "mqtt", "name": OWN, "connector": OWN, "parameters": {"topic": OWN_TOPIC}}
        )
        # Nothing depends on these, so they can be deleted.
        await self._post("/connectors", {"type": "http", "name": UNUSED, "url": "http://127.0.0.1:9"})
        self._bridges = self._bridge_marks()
        self._subscribed = self._subscriptions()
        self._count()

    def _count(self) -> None:
        """Give every counter something to lose."""
        counters: list[Any] = [rule.metrics for rule in self.deployment.rules.all()]
        counters += [action.metrics for action in self.deployment.bridges.actions.values()]
        for metrics in counters:
            metrics.matched()

    def _connect(self) -> None:
        broker = self.deployment.broker
        self.clients = {name: Client(broker, name, *filters) for name, filters in _FILTERS.items()}
        for client in self.clients.values():
            client.publish(f"{client.client_id}/hello")  # decided about, so the decision is cached
        self._subscribed = self._subscriptions()

    def _remember(self) -> None:
        access = self.deployment.access
        assert access.authenticator is not None
        assert access.source is not None
        self._authorities = (access.authenticator, access.source)
        self._everyone = list(access.source.everyone)
        schemas, retained = self.deployment.schemas, self.deployment.broker.retained
        records = (schemas._schemas, schemas._serdes, access.authenticator.users, retained._messages)
        rulings = (
            self.deployment.rules._rules,
            access.source.users,
            access.source.clients,
            access.bans._patterns,
            access.bans._individuals,
        )
        self._records: list[tuple[Any, Any]] = [(store, dict(store)) for store in records]
        self._rulings: list[tuple[Any, Any]] = [(store, dict(store)) for store in rulings]

    def _bridge_marks(self) -> list[tuple[Any, Any]]:
        bridges = self.deployment.bridges
        items: list[Any] = [*bridges.connectors.values(), *bridges.actions.values()]
        return [(item, item.config) for item in items]

    def _subscriptions(self) -> dict[str, tuple[str, ...]]:
        sessions = self.deployment.broker.sessions
        return {clientid: tuple(session.subscriptions) for clientid, session in sessions.items()}

    async def _stop(self) -> None:
        await self.deployment.stop()
        await asyncio.sleep(0)

    async def _post(self, path: str, body: Any) -> None:
        await self._must("POST", path, body)

    async def _put(self, path: str, body: Any) -> None:
        await self._must("PUT", path, body)

    async def _must(self, method: str, path: str, body: Any) -> None:
        request = Outgoing(method, path, json.dumps(body).encode(), "application/json")
        status = await self.answer(request)
        assert status < 300, (request, status)


async def answered(application: Application, request: Outgoing) -> tuple[int, bytes]:
    """Status and body of an application's answer to a request, with the administrator's key if it is signed."""
    path, _, query = request.path.partition("?")
    headers = [(b"content-length", str(len(request.body)).encode())]
    if request.content_type:
        headers.append((b"content-type", request.content_type.encode()))
    if request.signed:
        headers.append((b"authorization", _AUTHORIZATION))
    scope = {
        "type": "http",
        "method": request.method,
        "path": f"/api/v5{path}",
        "raw_path": f"/api/v5{path}".encode("utf-8", "surrogatepass"),
        "query_string": query.encode("utf-8", "surrogatepass"),
        "headers": headers,
    }
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(event: Mapping[str, Any]) -> None:
        sent.append(event)

    await application(scope, receive, send)
    return int(sent[0]["status"]), b"".join(event.get("body", b"") for event in sent)
