"""Faults of headers that are secrets, and of those that are none (CON). See `tests.faults.seeded`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.bridges import configuration, connector_handlers, redaction
from conformance.reference.bridges.redaction import AUTHORIZING_HEADERS
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import Broken, always, broken, edit, on, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
UPDATE = "PUT /connectors/{id}"


def hidden(place: str) -> str:
    return scenario("secret_headers", f"headers_that_authorize_are_hidden[{place}]")


CONNECTOR, ACTION = hidden("connectors-http-headers"), hidden("actions-http-parameters.headers")
S3 = hidden("connectors-s3-transport_options.headers")


def knowing(secrets: Callable[[frozenset[str]], frozenset[str]]) -> Broken:
    return broken(configuration, "CREDENTIAL_HEADERS", secrets)


def within(sensitive: Callable[[str, frozenset[str]], bool]) -> Broken:
    """Which headers of a map are secrets, by name and the names that are known."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        return lambda name, headers: (
            (lambda header: sensitive(header, headers)) if name == "headers" else original(name, headers)
        )

    return broken(redaction, "_within", make)


for place in (CONNECTOR, ACTION):
    seed(
        f"the proxy authorization of {place.partition('[')[2].partition('-')[0]} is shown",
        knowing(lambda known: known - {"proxy-authorization"}),
        place,
        "CON-21",
        origin=f"{PULL}10994",
    )
seed("names of headers are compared letter by letter", within(lambda name, known: name.strip() in known), S3, "CON-21")
seed("blanks around the name of a header show it", within(lambda name, known: name.lower() in known), ACTION, "CON-21")
seed(
    "a header is a secret if its name begins like one",
    within(lambda name, known: name.strip().lower().startswith(("auth", "proxy-"))),
    CONNECTOR,
    "CON-21",
)
seed("references to files are hidden", broken(redaction, "_is_shown", always(False)), CONNECTOR, "CON-21")
seed(
    "what has a variable in it is shown",
    broken(redaction, "_VARIABLE", lambda _: re.compile(r".*\$\{[^{}]+\}.*", re.DOTALL)),
    ACTION,
    "CON-21",
)
seed(
    "headers below other fields are shown",
    broken(
        redaction,
        "_redacted",
        lambda original: (
            lambda node, sensitive, headers: (
                node
                if isinstance(node, dict) and "headers" in node and "pool_size" in node and "url" not in node
                else original(node, sensitive, headers)
            )
        ),
    ),
    S3,
    "CON-21",
)


def telling(request: Request, forward: Callable[[], Reply]) -> Reply:
    """A refused update repeats its headers."""
    reply = forward()
    if not request.is_for(UPDATE) or reply.status != 400:
        return reply
    return edit(lambda body: body.update(message=f"Not with {request.json['headers']}"))(reply)


seed(
    "a refused update repeats its headers",
    telling,
    CONNECTOR,
    ("CON-21", UPDATE, "unrepeated"),
    ("GEN-16", UPDATE, "no_internals"),
)
seed(
    "the API key of another server is shown",
    knowing(lambda _: AUTHORIZING_HEADERS),
    scenario("secret_headers", "other_credentials_are_hidden"),
    "CON-22",
)
REFERENCE = scenario("secret_headers", "reference_is_no_secret")
seed(
    "a reference to a file in place of a password is hidden",
    broken(redaction, "_is_shown", always(False)),
    REFERENCE,
    "CON-23",
)
seed(
    "what has the name of a file in it is a reference",
    broken(redaction, "_is_shown", lambda _: lambda value: isinstance(value, str) and "file://" in value.lower()),
    REFERENCE,
    "CON-23",
)


def talkative(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def shown(deployment: Any, connector: Any) -> dict[str, Any]:
        element = original(deployment, connector)
        if "status_reason" in element:
            element["status_reason"] += f", with {connector.config}"
        return element

    return shown


for resource_type in ("http", "pgsql"):
    seed(
        f"the reason why {resource_type} is not connected shows its secret",
        broken(connector_handlers, "connector_shown", talkative),
        scenario("secret_headers", f"failure_tells_no_secret[{resource_type}]"),
        "CON-24",
    )


def silent_node(body: Any) -> None:
    for node in body["node_status"]:
        node.pop("status_reason", None)


READ = "GET /connectors/{id}"
SILENT = scenario("secret_headers", "failure_tells_no_secret[http]")
seed(
    "a connector does not say why it is disconnected",
    on(READ, edit(lambda body: body.pop("status_reason", None))),
    SILENT,
    "CON-29",
)
seed("a node does not say why a connector is disconnected", on(READ, edit(silent_node)), SILENT, "CON-29")
