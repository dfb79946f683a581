"""The open-source edition: what it lacks is not there, and everything else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from tests.reference.mqtt.conftest import Api


@pytest.fixture(scope="module")
def keys() -> Iterator[dict[str, Api]]:
    """The API, by the role of the key that asks it."""
    with start_embedded(mqtt=False, configuration=NodeConfiguration.parse(["edition=Opensource"])) as deployment:
        own = {"administrator": (deployment.api_key, deployment.api_secret)}
        yield {role: Api(deployment.base_url, *key) for role, key in {**own, **deployment.role_keys}.items()}


@pytest.fixture
def api(keys: dict[str, Api]) -> Api:
    return keys["administrator"]


def test_it_says_what_it_is(api):
    assert api("GET", "/nodes").json()[0]["edition"] == "Opensource"
    assert api("GET", "/status", format="json").json()["rel_vsn"] == "v5.8.9"


@pytest.mark.parametrize("path", ["/schema_registry", "/schema_registry/a", "/license"])
def test_what_only_the_enterprise_edition_has_is_not_there(api, path):
    assert [api(method, path).status_code for method in ("GET", "POST", "DELETE")] == [404, 404, 404]


def test_types_are_those_for_http_and_mqtt(api):
    assert api("GET", "/action_types").json() == ["http", "mqtt"]
    connector = {"type": "mqtt", "name": "known", "server": "127.0.0.1:9", "enable": False}
    assert api("POST", "/connectors", connector).status_code == 201
    for label in ("/connectors", "/actions", "/connectors_probe", "/actions_probe"):
        refused = api("POST", label, {**connector, "type": "kafka_producer"})
        assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST"), label
    assert api("GET", "/connectors/kafka_producer:known").status_code == 404


def test_keys_have_no_roles(keys):
    assert {role: key("GET", "/rules").status_code for role, key in keys.items()} == {
        "administrator": 200, "viewer": 401, "publisher": 401,
    }  # fmt: skip
