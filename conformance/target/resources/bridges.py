"""Connectors and actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.contract import kinds
from conformance.contract.contract import Contract
from conformance.contract.later import as_later, brief
from conformance.target.guard.hosts import CLOSED_LOOPBACK_PORT, NEVER_STARTED
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api
from conformance.target.resources.collection import Collection, Measured
from conformance.target.resources.typed import TypedBodies

CLOSED_URL = f"http://127.0.0.1:{CLOSED_LOOPBACK_PORT}"

SOON = {"health_check_interval": "1s"}
"""Options of what is to deliver: what comes while it is not known to be connected waits for the next check, which is
15 s by default."""

NO_OPERATIONS = ("stop", "restart", "START", "startx", "enable", "reset")
"""What is no operation on a connector or action: only ``start`` is one."""


class Bridges(Collection):
    """What connectors and actions share: ids ``type:name``, enabling, starting, probing."""

    hint = ""

    def __init__(self, api: Api, sandbox: Sandbox, contract: Contract) -> None:
        super().__init__(api, sandbox)
        self._contract = contract

    def example(self, resource_type: str) -> dict[str, Any]:
        """The contract's first example of a type, under a fresh name."""
        example = next(iter(self._contract.body_examples(f"POST {self.path}", resource_type).values()))
        return {**example, "name": self.sandbox.name(self.hint)}

    def bodies(self, resource_type: str) -> TypedBodies:
        """Bodies of a type from the contract; `adopt` makes them fit for sending."""
        return TypedBodies(self._contract, f"POST {self.path}", resource_type)

    def adopt(self, body: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """A copy of a body with ``fields`` on top, under a fresh name; types that are never started are disabled."""
        adopted = {**body, "name": self.sandbox.name(self.hint), **fields}
        if adopted["type"] in NEVER_STARTED:
            adopted["enable"] = False
        return adopted

    def enable(self, identifier: str, enabled: bool) -> Answer:
        path = {"id": identifier, "enable": "true" if enabled else "false"}
        return self.api.call(f"PUT {self.item}/enable/{{enable}}", path=path)

    def start(self, identifier: str) -> Answer:
        return self.api.call(f"POST {self.item}/{{operation}}", path={"id": identifier, "operation": "start"})

    def probe(self, body: Any) -> Answer:
        """Try a body, as of something enabled: what is disabled 5.10 never starts, and gives up after 15 s."""
        if isinstance(body, dict) and body.get("enable") is False:
            body = {**body, "enable": True}
        return self.api.call(*self.kind.trials, json=body)


class Connectors(Bridges):
    """``/connectors``. A connector is created disabled, after the contract's example of its type."""

    kind = kinds.CONNECTOR
    hint = "con"

    def __init__(self, api: Api, sandbox: Sandbox, contract: Contract, *, newer: bool = False) -> None:
        """``newer``: whether the target is of a later release than the contract describes."""
        super().__init__(api, sandbox, contract)
        self._newer = newer

    def adopt(self, body: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        adopted = super().adopt(body, **fields)
        if self._newer:
            as_later(adopted, adopted["type"])
            if adopted.get("enable") is False:
                brief(adopted)
        return adopted

    def body(self, **fields: Any) -> dict[str, Any]:
        body = super().body(**fields)
        if self._newer and body.get("enable") is False and "resource_opts" not in fields:
            brief(body)
        return body

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.example(fields.get("type", "http")), "enable": False}

    def running(self, sink_url: str, **fields: Any) -> str:
        """Create an enabled HTTP connector to the sink, which finds out soon that it is connected; returns its id."""
        usual = {"type": "http", "url": sink_url, "enable": True, "pool_size": 1, "resource_opts": SOON}
        return self.create(**{**usual, **fields})


class Actions(Bridges, Measured):
    """``/actions``. Their connector is named by id or name; else ``connector_for`` has one for a type."""

    kind = kinds.ACTION
    hint = "act"

    def __init__(self, api: Api, sandbox: Sandbox, contract: Contract, connector_for: Callable[[str], str]) -> None:
        super().__init__(api, sandbox, contract)
        self._connector_for = connector_for

    def defaults(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        resource_type = fields.get("type", "http")
        body = self.example(resource_type)
        if "connector" not in fields:
            body["connector"] = _name_of(self._connector_for(resource_type))
        if resource_type in NEVER_STARTED:
            body["enable"] = False
        return self._on_own_topics(body)

    def adopt(self, body: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """As of every type; ``connector`` is an id or name, and topics of the broker become those of the sandbox."""
        adopted = super().adopt(body, **fields)
        adopted["connector"] = _name_of(adopted["connector"])
        return self._on_own_topics(adopted)

    def _on_own_topics(self, body: dict[str, Any]) -> dict[str, Any]:
        if "local_topic" in body:
            body["local_topic"] = self.sandbox.topic("local")
        if body["type"] == "mqtt":
            # Its connector may lead back to the broker under test.
            body["parameters"] = {**body["parameters"], "topic": self.sandbox.topic("remote")}
        return body

    def body(self, **fields: Any) -> dict[str, Any]:
        if isinstance(fields.get("connector"), str):
            fields["connector"] = _name_of(fields["connector"])
        return super().body(**fields)

    def posting(
        self,
        connector: str,
        path: str,
        body: str = "${payload}",
        *,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> str:
        """Create an HTTP action that posts ``body``, a template, to a path of its connector; returns its id.

        Like a connector of `Connectors.running` it soon finds out that it is connected.
        """
        parameters = {"path": path, "method": "post", "body": body, **({"headers": dict(headers)} if headers else {})}
        return self.create(**{"connector": connector, "parameters": parameters, "resource_opts": SOON, **fields})


def _name_of(identifier: str) -> str:
    return identifier.rpartition(":")[2]
