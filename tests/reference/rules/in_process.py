"""A reference deployment without sockets: requests go straight into the application, messages are recorded."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from conformance.contract import Contract, load_contract
from conformance.reference.assembly import AssembledDeployment
from conformance.reference.bridges.bridges import Bridges as RealBridges
from conformance.reference.defects import NO_TRAITS, Traits
from conformance.reference.deployment import Settings
from conformance.reference.message import Message
from conformance.reference.pipeline.app import Application

KEY, SECRET = "key", "secret"
_AUTHORIZATION = b"Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode())


class Answer(NamedTuple):
    status: int
    body: Any


def contract(version: str = "5.8.9") -> Contract:
    return load_contract(version=version)


class InProcess:
    """``api("POST", "/rules", {...})`` answers `Answer`; ``messages`` are those published so far."""

    def __init__(self, *, traits: Traits = NO_TRAITS, version: str = "5.8.9") -> None:
        self.deployment = AssembledDeployment(Settings(KEY, SECRET, traits=traits, version=version))
        self.application = Application(self.deployment)
        self.messages: list[Message] = []
        self._bridges = self.deployment.bridges
        self.deployment.hooks.on("message_publish", self._published)

    def _published(self, _event: str, context: Any) -> None:
        self.messages.append(context.message)

    def clear(self) -> None:
        """Forget everything, because building an application takes longer than most tests."""
        self.deployment.parts[RealBridges] = self._bridges
        for rule in self.deployment.rules.all():
            self.deployment.rules.delete(rule.id)
        for schema in self.deployment.schemas.all():
            self.deployment.schemas.delete(schema.name)
        self.messages.clear()

    def __call__(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Answer:
        return asyncio.run(self.answer(method, path, body, raw=raw))

    async def answer(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None) -> Answer:
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": f"/api/v5{path}",
            "raw_path": f"/api/v5{path}".encode(),
            "query_string": query.encode(),
            "headers": [
                (b"authorization", _AUTHORIZATION),
                (b"content-length", str(len(content)).encode()),
                (b"content-type", b"application/json"),
            ],
        }
        sent: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(event: Mapping[str, Any]) -> None:
            sent.append(event)

        await self.application(scope, receive, send)
        content = b"".join(event.get("body", b"") for event in sent)
        return Answer(sent[0]["status"], json.loads(content) if content else None)

    def rule(self, sql: str, *actions: Any, id: str = "r", **fields: Any) -> None:
        """Create a rule (by PUT, because POST takes its time on the recorded server)."""
        answer = self("PUT", f"/rules/{id}", {"sql": sql, "actions": list(actions), **fields})
        assert answer.status == 200, answer

    def metrics(self, id: str = "r") -> dict[str, Any]:
        return self("GET", f"/rules/{id}/metrics").body["metrics"]

    def publish(self, topic: str, payload: str | bytes = "", **fields: Any) -> None:
        raw = payload.encode() if isinstance(payload, str) else payload
        self.deployment.broker.publish(Message(topic, raw, **fields))

    def sent_to(self, topic: str) -> list[Message]:
        return [message for message in self.messages if message.topic == topic]


@cache
def shared(*, traits: Traits) -> InProcess:
    """The deployment that all tests of one kind use in turn."""
    return InProcess(traits=traits)


class Bridges:
    """Stands in for the actions of connectors: remembers what it got and ends as told."""

    def __init__(self, outcome: str = "success") -> None:
        self.outcome = outcome
        self.submitted: list[tuple[str, Any]] = []
        self.rendered: list[tuple[str, Any]] = []

    def submit(self, action_id: str, data: Any, done: Any) -> None:
        self.submitted.append((action_id, data))
        done(self.outcome)

    def render(self, action_id: str, data: Any) -> None:
        self.rendered.append((action_id, data))
