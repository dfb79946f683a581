"""Two nodes over one state: each has its name, its clients and its counts, and learns of the other's writes later."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.reference.replication import Replication, Store
from tests.reference.mqtt.mqtt_clients import PahoClient
from tests.waiting import PATIENCE_S, eventually

FIRST, SECOND = "emqx@127.0.0.1", "emqx2@127.0.0.1"
LONG_S = 3600.0


class Node:
    def __init__(self, deployment: EmbeddedDeployment, base_url: str, mqtt: str | None) -> None:
        assert mqtt is not None
        self._base = base_url
        self.port = int(mqtt.rpartition(":")[2])
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (deployment.api_key, deployment.api_secret)

    def __call__(self, method: str, path: str, json: Any = None) -> requests.Response:
        return self._session.request(method, self._base + path, json=json, timeout=PATIENCE_S)


def nodes(deployment: EmbeddedDeployment) -> tuple[Node, Node]:
    first = Node(deployment, deployment.base_url, deployment.mqtt)
    return first, Node(deployment, deployment.other_base_urls[0], deployment.other_mqtt[0])


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Node, Node]]:
    with start_embedded(nodes=2) as deployment:
        yield nodes(deployment)


@pytest.fixture
def rule(cluster: tuple[Node, Node]) -> Iterator[str]:
    body = {"id": "counted", "sql": 'SELECT * FROM "t"', "actions": [{"function": "console"}]}
    assert cluster[0]("POST", "/rules", body).status_code == 201
    yield "counted"
    cluster[0]("DELETE", "/rules/counted")


def test_each_node_has_its_name(cluster):
    for node, name in zip(cluster, (FIRST, SECOND), strict=True):
        assert node("GET", "/status?format=json").json()["node_name"] == name
        assert [entry["node"] for entry in node("GET", "/nodes").json()] == [FIRST, SECOND]


def test_clients_belong_to_the_node_they_are_connected_to(cluster):
    first, second = cluster
    clients = [PahoClient(node.port, f"of-{number}") for number, node in enumerate(cluster)]
    try:
        assert [second("GET", f"/clients/of-{number}").json()["node"] for number in range(2)] == [FIRST, SECOND]
        for name, expected in ((FIRST, ["of-0"]), (SECOND, ["of-1"]), ("nobody", [])):
            listed = first("GET", f"/clients?node={name}").json()["data"]
            assert [client["clientid"] for client in listed] == expected
        assert [entry["live_connections"] for entry in first("GET", "/nodes").json()] == [1, 1]
    finally:
        for client in clients:
            client.close()


def test_a_message_reaches_subscribers_of_every_node(cluster):
    first, second = cluster
    client = PahoClient(second.port, "listener")
    try:
        client.subscribe("from/afar")
        first("POST", "/publish", {"topic": "from/afar", "payload": "x"})
        assert client.receive().payload == b"x"
    finally:
        client.close()


def test_counts_are_kept_where_they_happen_and_summed(cluster, rule):
    first, second = cluster
    for node, messages in ((first, 1), (second, 2)):
        for _ in range(messages):
            node("POST", "/publish", {"topic": "t", "payload": "x"})

    metrics = eventually(lambda: counted(first, rule, 3))
    assert {entry["node"]: entry["metrics"]["matched"] for entry in metrics["node_metrics"]} == {FIRST: 1, SECOND: 2}


def counted(node: Node, rule: str, matched: int) -> Any:
    body = node("GET", f"/rules/{rule}/metrics").json()
    return body if body["metrics"]["matched"] == matched else None


def test_resources_show_the_status_of_every_node(cluster):
    body = {"type": "http", "name": "c", "url": "http://127.0.0.1:1", "enable": False}
    created = cluster[0]("POST", "/connectors", body).json()
    cluster[1]("DELETE", "/connectors/http:c")

    assert [entry["node"] for entry in created["node_status"]] == [FIRST, SECOND]


def test_a_node_sees_its_own_writes_at_once_and_those_of_others_later():
    with start_embedded(nodes=2, replication_delay=LONG_S) as deployment:
        first, second = nodes(deployment)
        ban = {"as": "clientid", "who": "b"}
        assert first("POST", "/banned", ban).status_code == 200
        assert len(first("GET", "/banned").json()["data"]) == 1
        assert second("GET", "/banned").json()["data"] == []
        # What it writes itself, it sees with all that came before.
        assert second("POST", "/banned", {"as": "clientid", "who": "c"}).status_code == 200
        assert len(second("GET", "/banned").json()["data"]) == 2


def test_what_is_replicated_late_is_seen_in_the_end(monkeypatch):
    owner = SimpleNamespace(content={"old": 1})
    now = [0.0]
    monkeypatch.setattr("conformance.reference.replication.time.monotonic", lambda: now[0])
    replication = Replication(1.0, lambda: [Store(owner, "content")])
    replication.before_write("a")
    owner.content["new"] = 2

    def seen(node: str) -> set[str]:
        with replication.as_seen_by(node):
            return set(owner.content)

    assert seen("a") == {"old", "new"}
    assert seen("b") == {"old"}
    assert seen("a") == {"old", "new"}
    now[0] = 1.0
    assert seen("b") == {"old", "new"}
