"""Bodies of every type come from the contract, cover every secret, and are compared as a live server answers them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.fields import EACH, left_out, secret_fields
from conformance.target.resources.typed import IGNORED, READ_ONLY, TypedBodies, configured
from tests.contract.recordings import exchanges

CONTRACT = load_contract()
TYPES = [
    (label, resource_type)
    for label, kind in (("POST /connectors", "connectors"), ("POST /actions", "actions"))
    for resource_type in CONTRACT.types(kind)  # type: ignore[arg-type]
]
SECRET = "SecretSecretSecret00"


def at(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


@pytest.mark.parametrize(("label", "resource_type"), TYPES)
def test_every_secret_field_outside_of_lists_is_in_a_valid_body(label: str, resource_type: str) -> None:
    bodies = TypedBodies(CONTRACT, label, resource_type)
    made = bodies.with_secrets(SECRET)
    covered = {path for path in bodies.secrets for body in made if at(body, path) == SECRET}
    assert covered == {path for path in bodies.secrets if EACH not in path}
    assert not [body for body in made if CONTRACT.validate_request(label, body, resource_type)]


@pytest.mark.parametrize(("label", "resource_type"), TYPES)
def test_full_bodies_are_valid_and_say_more_than_minimal_ones(label: str, resource_type: str) -> None:
    bodies = TypedBodies(CONTRACT, label, resource_type)
    assert not CONTRACT.validate_request(label, bodies.full, resource_type)
    assert set(bodies.full) > set(bodies.minimal)
    assert "description" in bodies.full


def test_secrets_are_found_in_alternatives_and_in_lists() -> None:
    def secrets(resource_type: str) -> list[str]:
        schema = CONTRACT.body_schema("POST /connectors", resource_type)
        assert schema is not None
        return [".".join(path) for path in secret_fields(CONTRACT, schema)]

    assert secrets("pulsar") == ["authentication.jwt", "authentication.password", "ssl.password"]
    assert secrets("mqtt") == ["password", "ssl.password", "static_clientids.*.ids.*.password"]
    assert secrets("opents") == []


def test_defaults_are_those_of_the_alternative_that_fits() -> None:
    schema = CONTRACT.body_schema("POST /connectors", "mongodb")
    assert schema is not None
    parameters = {"mongo_type": "rs", "servers": "127.0.0.1:9", "replica_set_name": "plant"}
    body = {"type": "mongodb", "name": "n", "database": "d", "parameters": parameters, "pool_size": 3}
    defaults = {".".join(path): value for path, value in left_out(CONTRACT, schema, body)}
    assert defaults["parameters.r_mode"] == "master"
    assert defaults["enable"] is True
    assert "pool_size" not in defaults
    assert "parameters.mongo_type" not in defaults


def recorded() -> Iterator[Any]:
    """Sent and answered bodies of the live server that created or changed something, with the bodies of the type."""
    for exchange in exchanges(CONTRACT):
        label = exchange.operation.label
        if exchange.operation.body_chosen_by_type and exchange.status in (200, 201) and not label.endswith("_probe"):
            read = exchange.response["body"]
            created = label.replace("PUT", "POST").removesuffix("/{id}")
            bodies = TypedBodies(CONTRACT, created, read["type"])
            yield pytest.param(bodies, exchange.request["body"], read, id=exchange.name)


# A lenient body ("2" for a number) is read as it was written.
RECORDED = [case for case in recorded() if "lenient" not in (case.id or "")]


def test_there_are_recordings_to_compare() -> None:
    assert len(RECORDED) > 100


@pytest.mark.parametrize(("bodies", "sent", "read"), RECORDED)
def test_what_the_live_server_answers_is_what_was_sent(
    bodies: TypedBodies, sent: dict[str, Any], read: dict[str, Any]
) -> None:
    assert bodies.unlike(sent, read) == []
    assert bodies.exposed(sent, read) == []
    assert not set(configured(read)) & READ_ONLY


def test_differences_are_told_by_field() -> None:
    bodies = TypedBodies(CONTRACT, "POST /connectors", "pgsql")
    sent = bodies.with_secrets(SECRET)[0]
    read = {**deepcopy(sent), "password": "******", "disable_prepared_statements": False}
    read["ssl"] |= {"password": SECRET, "verify": "verify_none", "depth": 10}
    read["resource_opts"]["start_timeout"] = "6s"
    told = bodies.unlike(sent, read)
    assert f"ssl.password is '{SECRET}', expected '******'" in told
    assert "resource_opts.start_timeout is '6s', expected '5s'" in told
    assert "ssl.hibernate_after is None, expected '5s'" in told
    assert not [sentence for sentence in told if sentence.startswith(("password", "database", "ssl.depth"))]
    assert bodies.exposed(sent, read) == ["ssl.password"]


def test_references_to_files_and_variables_are_no_secrets() -> None:
    bodies = TypedBodies(CONTRACT, "POST /connectors", "http")
    sent = {"headers": {"Authorization": "Basic abc", "proxy-authorization": "${secret}", "x-site": "north"}}
    read = {"headers": {"Authorization": "******", "proxy-authorization": "${secret}", "x-site": "north"}}
    assert bodies.exposed(sent, read) == []
    assert bodies.exposed(sent, sent) == ["headers.Authorization"]


def test_every_field_that_is_ignored_is_sent_where_a_type_has_it() -> None:
    sent: set[tuple[str, ...]] = set()
    known: set[tuple[str, ...]] = set()
    for label, resource_type in TYPES:
        bodies = TypedBodies(CONTRACT, label, resource_type)
        known |= bodies.ignored
        body = bodies.with_ignored(configured(bodies.minimal))
        sent |= {path for path in bodies.ignored if at(body, path) is not None}
    assert {".".join(path) for path in known} == IGNORED.keys()
    assert known == sent
