"""Faults of the secrets of connectors (CON), and of those of every type (TYP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.bridges import configuration, connector_handlers, redaction
from conformance.reference.bridges.redaction import REDACTED
from conformance.reference.bridges.resources import Connector
from conformance.reference.rest.http import Call
from tests.faults.proxy import Fault, Request
from tests.faults.proxy import Reply as Answer
from tests.faults.seeded import (
    broken,
    edit,
    error_reply,
    in_each,
    on,
    scenario,
    seed,
)

PULL = "https://github.com/emqx/emqx/pull/"
CRASH = error_reply(500, "INTERNAL_ERROR", "The operation crashed")
CREATE, READ, DELETE = "POST /connectors", "GET /connectors/{id}", "DELETE /connectors/{id}"
LIST, PROBE = "GET /connectors", "POST /connectors_probe"

SECRETS = scenario("type_secrets", "connector[POST /connectors-pgsql]")
PROBED_TYPE = scenario("type_secrets", "probe[POST /connectors_probe-pgsql]")


def telling(label: str) -> Fault:
    """Repeat the password in the message of a 400."""

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        reply = forward()
        if not request.is_for(label) or reply.status != 400:
            return reply
        return edit(lambda body: body.update(message=f"Not with {request.json['password']}"))(reply)

    return fault


seed(
    "a failed probe shows the password",
    telling(PROBE),
    PROBED_TYPE,
    ("CON-07", PROBE, "unrepeated"),
    ("GEN-16", PROBE, "no_internals"),
)


def shallow(_: Any) -> Callable[..., dict[str, Any]]:
    def redact(config: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return {name: REDACTED if redaction.is_sensitive(name) else value for name, value in config.items()}

    return redact


def forgetting(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    return lambda new, old, **_: {name: value for name, value in original(new, old).items() if new[name] != REDACTED}


HIDDEN = ("CON-07", "TYP-05")
seed(
    "secrets are shown",
    broken(configuration, "redact", lambda _: lambda config, **_: config),
    SECRETS,
    *HIDDEN,
    origin=f"{PULL}13225",
)
seed("secrets are hidden at the top only", broken(configuration, "redact", shallow), SECRETS, *HIDDEN)
seed(
    "one kind of secrets is shown",
    broken(redaction, "_SENSITIVE", lambda original: original - {"security_token"}),
    scenario("type_secrets", "connector[POST /connectors-rocketmq]"),
    *HIDDEN,
)
seed(
    "secrets are shown in the list",
    on(LIST, in_each(None, lambda connector: connector.update(password="p")), 200),
    SECRETS,
    ("CON-07", LIST, "hidden"),
)
seed(
    "a refused connector shows its password",
    telling(CREATE),
    SECRETS,
    ("CON-07", CREATE, "unrepeated"),
    ("GEN-16", CREATE, "no_internals"),
)
seed(
    "an update with asterisks loses the secrets",
    broken(configuration, "restore", forgetting),
    SECRETS,
    ("TYP-05", READ, "still_secret"),
)
overwriting = broken(configuration, "restore", lambda _: lambda new, old, **_: dict(new))
seed(
    "an update with asterisks makes them the secret",
    overwriting,
    (
        scenario("connector_secrets", "http_connector_keeps_its_authorization"),
        scenario("connector_secrets", "mqtt_connector_keeps_its_password"),
    ),
    "CON-08",
    origin=f"{PULL}12948",
)


def forgetting_in_probes(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, resource_type, old=None: original(call, resource_type, None if call.operation == PROBE else old)


def borrowing_in_probes(original: Callable[..., Any]) -> Callable[..., Any]:
    def configure(call: Call, resource_type: str, old: Connector | None = None) -> Any:
        alike = [c for c in call.deployment.bridges.connectors.values() if c.type == resource_type]
        return original(call, resource_type, alike[0] if call.operation == PROBE and alike else old)

    return configure


for name, make, number in (
    ("a probe tries the asterisks for a secret", forgetting_in_probes, 12306),
    ("a probe under a new name borrows the secret of another connector", borrowing_in_probes, None),
):
    seed(
        name,
        broken(connector_handlers, "configuration", make),
        scenario("connector_secrets", "probe_uses_the_stored_secret"),
        "CON-09",
        origin=None if number is None else f"{PULL}{number}",
    )


def poisonous() -> Fault:
    """A number as a secret is stored behind a 500, and crashes the list."""
    poisoned: set[str] = set()

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        if request.is_for(CREATE) and request.json.get("password") == 0:
            poisoned.add(request.json["name"])
            return CRASH
        if request.is_for(DELETE):
            poisoned.clear()
        return CRASH if poisoned and request.is_for(LIST) else forward()

    return fault


seed(
    "a number as a secret makes the list unreadable",
    poisonous(),
    scenario("connector_secrets", "secret_that_is_a_number"),
    ("CON-16", LIST, "secret_that_is_a_number"),
    ("GEN-15", LIST, "no_server_error"),
    ("GEN-15", CREATE, "no_server_error"),
)
seed(
    "asterisks become a secret",
    overwriting,
    scenario("connector_secrets", "asterisks_are_no_secret"),
    "CON-17",
)


def objects_only(_: Any) -> Callable[..., dict[str, Any]]:
    def redact(config: Any, **_: Any) -> Any:
        if not isinstance(config, Mapping):
            return config
        return {name: REDACTED if redaction.is_sensitive(name) else redact(value) for name, value in config.items()}

    return redact


seed(
    "secrets in lists are shown",
    broken(configuration, "redact", objects_only),
    scenario("connector_secrets", "secrets_in_lists_are_hidden"),
    "CON-18",
)
