"""Arrange: create what an item needs inside the sandbox, through the API itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from conformance.contract import Contract
from conformance.target.answer import Answer
from conformance.target.capabilities import Capabilities
from conformance.target.config import Configuration
from conformance.target.hosts import CLOSED_LOOPBACK_PORT, NEVER_STARTED
from conformance.target.mqtt import MqttClient
from conformance.target.polling import eventually
from conformance.target.sandbox import Sandbox
from conformance.target.session import Api

_USERS = "POST /authentication/password_based:built_in_database/users"
_AUTHZ = "/authorization/sources/built_in_database/rules"
CLOSED_URL = f"http://127.0.0.1:{CLOSED_LOOPBACK_PORT}"


class ArrangeFailed(Exception):
    """The target refused something an item needs before it can check its requirement."""

    def __init__(self, answer: Answer, expected: int) -> None:
        super().__init__(
            f"set-up: {answer.operation} answered {answer.status} {answer.code or ''}, expected {expected}"
        )
        self.answer = answer


class World:
    """Factories for one item; everything they create is journalled and deleted after the item."""

    def __init__(
        self,
        api: Api,
        contract: Contract,
        sandbox: Sandbox,
        capabilities: Capabilities,
        configuration: Configuration,
    ) -> None:
        self.api = api
        self.contract = contract
        self.sandbox = sandbox
        self.capabilities = capabilities
        self.configuration = configuration
        self._clients: list[MqttClient] = []

    def create(self, label: str, body: Any, expected: int, **call: Any) -> Answer:
        """Call a creating operation; raises `ArrangeFailed` unless it answers ``expected``."""
        answer = self.api.call(label, json=body, **call)
        if answer.status != expected:
            raise ArrangeFailed(answer, expected)
        return answer

    def connector_body(self, resource_type: str) -> dict[str, Any]:
        """A valid body for POST /connectors, disabled, that names nobody else's host."""
        example = next(iter(self.contract.body_examples("POST /connectors", resource_type).values()))
        return {**example, "name": self.sandbox.name("con"), "enable": False}

    def connector(self, resource_type: str = "http") -> str:
        """Create a disabled connector; returns its id."""
        body = self.connector_body(resource_type)
        self.create("POST /connectors", body, 201)
        return f"{resource_type}:{body['name']}"

    def action_body(self, resource_type: str, connector: str) -> dict[str, Any]:
        """A valid body for POST /actions on an existing connector (its id)."""
        example = next(iter(self.contract.body_examples("POST /actions", resource_type).values()))
        body = {**example, "name": self.sandbox.name("act"), "connector": connector.partition(":")[2]}
        if "local_topic" in body:
            body["local_topic"] = self.sandbox.topic("local")
        if resource_type in NEVER_STARTED:
            body["enable"] = False
        return body

    def action(self, resource_type: str = "http", connector: str | None = None) -> str:
        """Create an action, with a connector of its own unless one is given; returns its id."""
        body = self.action_body(resource_type, connector or self.connector(resource_type))
        self.create("POST /actions", body, 201)
        return f"{resource_type}:{body['name']}"

    def running(self, kind: str, sink_url: str) -> str:
        """A connected HTTP connector, or an action on one (``kind``: "connectors" or "actions"); returns its id."""
        body = {"type": "http", "name": self.sandbox.name("con"), "url": sink_url, "pool_size": 1}
        self.create("POST /connectors", body, 201)
        connector = f"http:{body['name']}"
        return connector if kind == "connectors" else self.action("http", connector)

    def rule_body(self, **fields: Any) -> dict[str, Any]:
        name = self.sandbox.name("rule")
        sql = f'SELECT * FROM "{self.sandbox.topic("from")}"'
        return {"id": name, "name": name, "sql": sql, "actions": [{"function": "console"}], **fields}

    def rule(self, **fields: Any) -> str:
        """Create a rule on a topic of the sandbox; returns its id."""
        body = self.rule_body(**fields)
        self.create("POST /rules", body, 201)
        return str(body["id"])

    def schema(self) -> str:
        """Register an Avro schema; returns its name."""
        name = self.sandbox.name("schema")
        source = '{"type":"record","name":"reading","fields":[{"name":"value","type":"int"}]}'
        self.create("POST /schema_registry", {"name": name, "type": "avro", "source": source}, 201)
        return name

    def user(self, password: str = "p-of-the-sandbox") -> str:
        name = self.sandbox.name("user")
        self.create(_USERS, {"user_id": name, "password": password}, 201)
        return name

    def authorization_entry(self, kind: str) -> str:
        """Create rules for a user or client (``kind``: "users" or "clients"); returns its name."""
        name = self.sandbox.name("authz")
        rule = {"topic": self.sandbox.topic("acl"), "permission": "allow", "action": "all"}
        body = [{"username" if kind == "users" else "clientid": name, "rules": [rule]}]
        self.create(f"POST {_AUTHZ}/{kind}", body, 204)
        return name

    def ban(self) -> tuple[str, str]:
        """Ban a client id of the sandbox; returns kind and subject."""
        who = self.sandbox.name("banned")
        self.create("POST /banned", {"as": "clientid", "who": who}, 200)
        return "clientid", who

    def retained(self, payload: str = "kept") -> str:
        """Retain a message; returns its topic once it is readable (the write is asynchronous)."""
        topic = self.sandbox.topic("retained")
        answer = self.api.call("POST /publish", json={"topic": topic, "payload": payload, "retain": True})
        if not answer.ok:
            raise ArrangeFailed(answer, 202)
        path = f"/mqtt/retainer/message/{quote(topic, safe='')}"
        eventually(lambda: self.api.send("GET", path, observed=False).ok)
        return topic

    def client(self, **options: Any) -> MqttClient:
        """Connect an MQTT client of the sandbox, as a user of its own where the target wants one."""
        assert self.configuration.mqtt is not None, "needs('mqtt') is missing on the test"
        if self.capabilities.mqtt_user and "username" not in options:
            password = self.sandbox.name("password")
            options |= {"username": self.user(password), "password": password}
        client = MqttClient(self.configuration.mqtt, options.pop("client_id", self.sandbox.name("client")), **options)
        self._clients.append(client.connect())
        path = f"/clients/{quote(client.client_id, safe='')}"
        eventually(lambda: self.api.send("GET", path, observed=False).ok)
        return client

    def close(self) -> None:
        """Close the item's MQTT clients."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def path_parameters(self, label: str, resource_type: str | None = None) -> dict[str, str]:
        """Path parameters of an operation that address something that exists, created on the spot."""
        parameters: dict[str, str] = {}
        for name in (parameter.name for parameter in self.contract.operation(label).parameters_in("path")):
            if name not in parameters:
                parameters.update(self._existing(label, name, resource_type))
        return parameters

    def _existing(self, label: str, name: str, resource_type: str | None) -> dict[str, str]:
        path = label.split(" ", 1)[1]
        makers: dict[str, Callable[[], str]] = {
            "/connectors": lambda: self.connector(resource_type or "http"),
            "/actions": lambda: self.action(resource_type or "http"),
            "/rules": self.rule,
            "/schema_registry": self.schema,
            "/authentication": self.user,
            f"{_AUTHZ}/users": lambda: self.authorization_entry("users"),
            f"{_AUTHZ}/clients": lambda: self.authorization_entry("clients"),
            "/mqtt/retainer": self.retained,
            "/clients": lambda: self.client().client_id,
        }
        if name == "as":
            kind, who = self.ban()
            return {"as": kind, "who": who}
        if name == "operation":
            return {"operation": "start"}
        if name == "enable":
            return {"enable": "true"}
        return {name: next(make() for prefix, make in makers.items() if path.startswith(prefix))}
