"""A deployment that others use: foreign resources of every kind, and its complete state to compare."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import requests

from conformance.contract import paths
from conformance.reference.embedded import EmbeddedDeployment
from conformance.target.mqtt import MqttClient
from tests.waiting import PATIENCE_S

FOREIGN_TOPIC = "plant/line-1/temperature"
AVRO = '{"type":"record","name":"reading","fields":[{"name":"value","type":"int"}]}'

# What changes by itself: counters, and when a message or a client was seen.
_VOLATILE = {
    "metrics", "node_metrics", "created_at", "last_modified_at", "publish_at", "connected_at", "recv_cnt", "recv_msg",
    "recv_oct", "recv_pkt", "send_cnt", "send_msg", "send_oct", "send_pkt", "heap_size", "reductions", "mailbox_len",
}  # fmt: skip

_COLLECTIONS = (
    "/rules?limit=10000", "/actions", "/connectors", "/schema_registry", f"{paths.USERS}?limit=10000",
    f"{paths.USER_RULES}?limit=10000", f"{paths.CLIENT_RULES}?limit=10000", paths.RULES_OF_ALL, "/banned?limit=10000",
    f"{paths.RETAINED_MESSAGES}?limit=10000", "/clients?limit=10000", "/subscriptions?limit=10000",
)  # fmt: skip


class Populated:
    """A deployment with foreign resources, one or more of every kind. Use as a context manager."""

    def __init__(self, deployment: EmbeddedDeployment) -> None:
        assert deployment.mqtt is not None
        self.deployment = deployment
        self._http = requests.Session()
        self._http.auth = (deployment.api_key, deployment.api_secret)
        self._http.trust_env = False
        self._mqtt = MqttClient(deployment.mqtt, "press-17", session_expiry_s=3600)
        self._open = ExitStack()

    def __enter__(self) -> Populated:
        for path, body in (
            ("/connectors", {"type": "http", "name": "billing", "url": "http://127.0.0.1:9", "enable": False}),
            ("/actions", {
                "type": "http", "name": "billing", "connector": "billing", "enable": False,
                "parameters": {"path": "/", "method": "post"},
            }),
            ("/rules", {
                "id": "billing", "name": "billing", "sql": f'SELECT * FROM "{FOREIGN_TOPIC}"',
                "actions": ["http:billing"],
            }),
            ("/rules", {"id": "cft-but-not-ours", "name": "cft-", "sql": 'SELECT * FROM "cft-/x"', "actions": []}),
            ("/schema_registry", {"name": "reading", "type": "avro", "source": AVRO}),
            (paths.USERS, {"user_id": "operator", "password": "a-foreign-password"}),
            (paths.USER_RULES, [{"username": "operator", "rules": [_allow("a/#")]}]),
            (paths.CLIENT_RULES, [{"clientid": "press-17", "rules": [_allow("b/#")]}]),
            (paths.RULES_OF_ALL, {"rules": [_allow("#")]}),
            ("/banned", {"as": "clientid", "who": "intruder", "reason": "cft-"}),
            ("/banned", {"as": "username_re", "who": "^evil"}),
            ("/banned", {"as": "peerhost", "who": "192.0.2.250"}),
            ("/publish", {"topic": FOREIGN_TOPIC, "payload": "21.5", "retain": True}),
        ):  # fmt: skip
            self.call("POST", path, body)
        self._open.enter_context(self._mqtt)
        self._mqtt.subscribe("plant/#")
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._http.close()

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A request past the suite, which must succeed."""
        answer = self._http.request(method, self.deployment.base_url + path, json=body, timeout=PATIENCE_S)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def status(self, path: str) -> int:
        return self._http.get(self.deployment.base_url + path, timeout=PATIENCE_S).status_code

    def state(self) -> dict[str, Any]:
        """Every collection with all its entries, retained payloads included, without what changes by itself."""
        found: dict[str, Any] = {}
        for path in _COLLECTIONS:
            value = self.call("GET", path).json()
            found[path] = sorted(map(_stable, value.get("data", [value]) if isinstance(value, dict) else value))
        retained = [json.loads(entry)["topic"] for entry in found[f"{paths.RETAINED_MESSAGES}?limit=10000"]]
        found["payloads"] = {
            topic: self.call("GET", f"/mqtt/retainer/message/{quote(topic, safe='')}").json()["payload"]
            for topic in retained
        }
        return found


def _allow(topic: str) -> dict[str, str]:
    return {"topic": topic, "permission": "allow", "action": "all"}


def _stable(entry: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in entry.items() if name not in _VOLATILE}, sort_keys=True)
