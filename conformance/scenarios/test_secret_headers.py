"""What a map that the contract leaves open may hold: headers that are secrets, and others that are none (CON).

EMQX 5.8 knows two headers that are secrets, whatever the case of their names and the blanks around them, wherever there
is a map of headers. Below, names and values come close to them from either side.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract.fields import Path, header_maps
from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.effects import Effects
from conformance.fuzz.space import contract
from conformance.requirements import requirement
from conformance.scenarios.reasons import REASON_TOLD, expect_reason
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import CLOSED_URL, Bridges
from conformance.target.resources.typed import REDACTED, configured
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

AUTHORIZING = (
    "authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATION", " authorization", "authorization ",
    "proxy-authorization", "Proxy-Authorization", "PROXY-AUTHORIZATION", "proxy-Authorization\t",
)  # fmt: skip
CREDENTIALS = ("cookie", "x-api-key", "api-key", "X-Auth-Token")
"""Headers that carry credentials as well."""
HARMLESS = ("x-trace", "content-type", "accept", "authority", "x-token-type", "proxy-connection", "x-secretary")

# A reference to a file and a variable are no secrets, what only looks like one is.
REFERENCES = {"AuThOrIzAtIoN": "file:///run/secrets/token", "PROXY-authorization": "${.token}"}
NO_REFERENCES = ("FILE:///run/secrets/{}", " file:///run/secrets/{}", "Bearer ${{.token}}{}", "${{.token}} {}")

LONG_AGO_MS = 5


def places() -> list[Any]:
    """Every map of headers of every connector and action type: the collection, the type and where it is."""
    found = [
        (kind, resource_type, path)
        for kind in ("connectors", "actions")
        for resource_type in contract().types(kind)
        for path in header_maps(contract(), contract().body_schema(f"POST /{kind}", resource_type) or {})
    ]
    ids = [f"{kind}-{resource_type}-{'.'.join(path)}" for kind, resource_type, path in found]
    return [
        pytest.param(*place, id=identifier, marks=pytest.mark.resource_type(place[1]))
        for place, identifier in zip(found, ids, strict=True)
    ]


def with_headers(body: Mapping[str, Any], path: Path, headers: Mapping[str, str]) -> dict[str, Any]:
    """A copy of ``body`` with headers at ``path``."""
    name, *below = path
    inner = with_headers(body.get(name, {}), tuple(below), headers) if below else dict(headers)
    return {**body, name: inner}


def headers_of(element: Mapping[str, Any], path: Path) -> dict[str, Any]:
    found: Any = element
    for name in path:
        found = found[name]
    return dict(found)


@dataclass(frozen=True, slots=True)
class Shown:
    """Every answer about a connector or action with headers at ``path``, and how each that succeeded shows it.

    ``identifier``: what it is. ``varied``: the answers to its creation and to its update that were tried first.
    """

    path: Path
    answers: list[Answer]
    elements: list[tuple[Answer, Mapping[str, Any]]]
    identifier: str
    varied: tuple[Answer, Answer]

    def judge(self, recorder: Recorder, requirement: str, expected: Mapping[str, str], secret: str) -> None:
        """The headers are everywhere as ``expected``, and no answer repeats the secret."""
        for answer, element in self.elements:
            found = headers_of(element, self.path)
            wrong = {name: found.get(name) for name, value in expected.items() if found.get(name) != value}
            message = f"headers are read as {wrong}, expected { ({name: expected[name] for name in wrong}) }"
            recorder.expect(not wrong, requirement, "headers", message, answer)
        _expect_unrepeated(recorder, self.answers, secret, requirement)


Variation = Callable[[Mapping[str, Any]], dict[str, Any]]


def show(
    collection: Bridges,
    body: Mapping[str, Any],
    path: Path,
    headers: Mapping[str, str],
    vary: Variation | None = None,
) -> Shown:
    """Create it with headers, put back what is read, list it, and have two more writes of it refused.

    ``vary``: what else other items ask of both; what is not taken so is sent without.
    """

    def written(write: Callable[[dict[str, Any]], Answer], element: dict[str, Any], status: int) -> list[Answer]:
        answers = [write(element if vary is None else vary(element))]
        if vary is not None and not answers[0].ok:
            answers.append(write(element))
        answers[-1].expect(status)
        return answers

    sent = with_headers(body, path, headers)
    identifier = collection.identify(sent)
    created = written(lambda element: collection.api.call(f"POST {collection.path}", json=element), sent, 201)
    read = collection.get(identifier).expect(200)
    changed = {**configured(read.json), "description": "changed"}
    put = written(lambda element: collection.put(identifier, element), changed, 200)
    listing = collection.api.call(f"GET {collection.path}").expect(200)
    (listed,) = (each for each in listing.json if collection.identify(each) == identifier)

    # What is refused is told of, and not repeated.
    taken = collection.api.call(f"POST {collection.path}", json=sent).expect(400, code="ALREADY_EXISTS")
    wrong = collection.put(identifier, {**configured(sent), "x_unknown": 1}).expect(400, code="BAD_REQUEST")
    elements = [(answer, answer.json) for answer in (created[-1], read, put[-1])]
    answers = [*created, read, *put, listing, taken, wrong]
    return Shown(path, answers, [*elements, (listing, listed)], identifier, (created[0], put[0]))


def arrange(
    kind: str, resource_type: str, context: Context, target: Target, connector: str | None = None
) -> tuple[Bridges, dict[str, Any]]:
    """The collection, and a body that creates something disabled; an action on ``connector``, or that of its type."""
    collection: Bridges = getattr(target, kind)
    on = connector or Arrangement(context, target).connector(resource_type) if kind == "actions" else None
    fields = {} if on is None else {"connector": on}
    return collection, collection.adopt(collection.bodies(resource_type).minimal, **fields, enable=False)


def authorizing(secret: str) -> dict[str, str]:
    """Headers that are secrets."""
    hidden = {name: f"Basic {secret}{number}" for number, name in enumerate(AUTHORIZING)}
    return hidden | dict(zip(AUTHORIZING, (text.format(secret) for text in NO_REFERENCES), strict=False))


def harmless() -> dict[str, str]:
    """Headers that are none."""
    return {**{name: f"shown-{number}" for number, name in enumerate(HARMLESS)}, **REFERENCES}


def of_http(context: Context, target: Target) -> tuple[Shown, str]:
    """A connector of type http with all these headers and `CREDENTIALS`, and the secret of the latter.

    One serves all items of the worker, that judge the answers about it: writes of the configuration are costly.
    """
    secret: str = context.once("secret of credentials", lambda: f"Secret{secrets.token_hex(7)}")
    context.redact.add(secret)
    credentials = {name: f"{secret}{number}" for number, name in enumerate(CREDENTIALS)}
    headers = {**authorizing(context.secret), **harmless(), **credentials}
    return _shown_once(context, target, ("connectors", "http", ("headers",)), headers), secret


def of_http_action(context: Context, target: Target) -> Shown:
    """An action of type http with headers, of which the client says twice when it was created: long ago.

    One serves all items of the worker.
    """
    headers, moments = {**authorizing(context.secret), **harmless()}, count(LONG_AGO_MS)
    connector = target.connector_of("http")
    return _shown_once(
        context,
        target,
        ("actions", "http", ("parameters", "headers")),
        headers,
        lambda element: {**element, "created_at": next(moments)},
        connector,
    )


def of_s3_action(context: Context, target: Target) -> Shown:
    """What was answered about an action of type s3 with headers, and without ``resource_opts``.

    It is there no longer than the item that made it: another one deletes its connector.
    """

    def make() -> Shown:
        collection, body = arrange("actions", "s3", context, target)
        headers = {**authorizing(context.secret), **harmless()}
        with context.recorder.history.lasting():
            return show(collection, body, ("parameters", "headers"), headers, _without_options)

    return Effects.of(context).found("action of type s3 with headers", make)


def _without_options(element: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in element.items() if name != "resource_opts"}


def _shown_once(
    context: Context,
    target: Target,
    place: tuple[str, str, Path],
    headers: Mapping[str, str],
    vary: Variation | None = None,
    connector: str | None = None,
) -> Shown:
    kind, resource_type, path = place
    collection: Bridges = getattr(target, kind)
    known: dict[str, Shown] = context.once("what has headers", dict)

    def make() -> str:
        _, body = arrange(kind, resource_type, context, target, connector)
        shown = show(collection, body, path, headers, vary)
        known[shown.identifier] = shown
        return shown.identifier

    key = with_secrets(resource_type) if kind == "connectors" else f"action with headers, of type {resource_type}"
    return known[context.lasting(key, make, lambda it: it in known and collection.get(it).ok)]


def with_secrets(resource_type: str) -> str:
    """The key under which a connector with secrets lasts, for `becoming`."""
    return f"connector with secrets, of type {resource_type}"


def becoming(context: Context, target: Target, **fields: Any) -> str:
    """The id of a connector with ``fields``, its type among them: one that another item is done with, if there is."""
    body = target.connectors.body(**fields)
    change = {name: value for name, value in body.items() if name not in target.connectors.kind.identity}
    return context.lasting(
        with_secrets(fields["type"]),
        lambda: target.connectors.create(**fields),
        lambda known: target.connectors.put(known, change).ok,
    )


@requirement("CON-21", "GET /connectors/{id}", "GET /actions/{id}", "GET /connectors", "GET /actions")
@pytest.mark.parametrize(("kind", "resource_type", "path"), places())
def test_headers_that_authorize_are_hidden(
    kind: str, resource_type: str, path: Path, context: Context, target: Target, recorder: Recorder, secret: str
) -> None:
    """A header that authorizes is ******, however its name is written, unless it refers to a file; others are shown."""
    hidden, shown = authorizing(secret), harmless()
    if (kind, resource_type) == ("connectors", "http"):
        answers, _ = of_http(context, target)
    elif (kind, resource_type) == ("actions", "http"):
        answers = of_http_action(context, target)
    elif (kind, resource_type) == ("actions", "s3"):
        answers = of_s3_action(context, target)
    else:
        collection, body = arrange(kind, resource_type, context, target)
        answers = show(collection, body, path, {**hidden, **shown})
    answers.judge(recorder, "CON-21", {**dict.fromkeys(hidden, REDACTED), **shown}, secret)
    _expect_unrepeated(recorder, [target.api.call(f"GET /{kind}").expect(200)], secret, "CON-21")


@requirement("CON-22", "GET /connectors/{id}", "GET /connectors", level="SHOULD")
def test_other_credentials_are_hidden(context: Context, target: Target, recorder: Recorder) -> None:
    """Other headers that carry credentials, such as a cookie or an API key, are ****** as well."""
    answers, secret = of_http(context, target)
    answers.judge(recorder, "CON-22", dict.fromkeys(CREDENTIALS, REDACTED), secret)


def _expect_unrepeated(recorder: Recorder, heard: list[Answer], secret: str, requirement: str) -> None:
    for answer in heard:
        repeats = secret.encode() in answer.content
        recorder.expect(not repeats, requirement, "unrepeated", "the answer repeats a secret", answer)


@requirement("CON-23", "GET /connectors/{id}", "PUT /connectors/{id}")
@pytest.mark.resource_type("pgsql")
def test_reference_is_no_secret(
    context: Context, target: Target, secret: str, heard: list[Answer], recorder: Recorder
) -> None:
    """A reference to a file in place of a secret is read as it was sent; what only looks like one is ******."""
    reference = f"file:///run/secrets/{target.sandbox.name()}"
    connector = becoming(context, target, type="pgsql", password=reference)
    read = target.connectors.read(connector)
    assert read["password"] == reference, f"the reference {reference} is read as {read['password']!r}"

    texts = iter([pattern.format(secret) for pattern in NO_REFERENCES])
    for one, other in zip(texts, texts, strict=True):
        sent = {**configured(read), "password": one, "ssl": {**read["ssl"], "password": other}}
        changed = target.connectors.put(connector, sent).expect(200)
        shown = [changed.json["password"], changed.json["ssl"].get("password")]
        message = f"passwords that are no references to a file are read as {shown}"
        recorder.expect(shown == [REDACTED] * 2, "CON-23", "hidden", message, changed)
    _expect_unrepeated(recorder, heard, secret, "CON-23")


@requirement("CON-29", "GET /connectors/{id}", sentence=REASON_TOLD)
@requirement("CON-24", "GET /connectors/{id}", "POST /connectors/{id}/{operation}", "POST /connectors_probe")
@pytest.mark.parametrize(
    "resource_type", [pytest.param(name, marks=pytest.mark.resource_type(name)) for name in ("http", "mqtt", "pgsql")]
)
def test_failure_tells_no_secret(
    resource_type: str, context: Context, target: Target, secret: str, heard: list[Answer], recorder: Recorder
) -> None:
    """A connector that does not reach its server tells no secret: not in its reason, nor when start or probe fails."""
    nowhere = {"url": CLOSED_URL} if resource_type == "http" else {"server": CLOSED_URL.partition("//")[2]}
    secrets = {"headers": {"Authorization": secret}} if resource_type == "http" else {"password": secret}
    fields = {"type": resource_type, "enable": True, "pool_size": 1, **nowhere, **secrets}
    target.connectors.probe(target.connectors.body(**fields)).expect(400, code="TEST_FAILED")
    connector = becoming(context, target, **fields)
    target.eventually(lambda: target.connectors.read(connector).get("status_reason"), target.timing.delivered)
    expect_reason(target.connectors, connector, recorder)
    target.connectors.start(connector).expect(400)
    target.connectors.listed()
    _expect_unrepeated(recorder, heard, secret, "CON-24")
    target.connectors.delete(connector)
