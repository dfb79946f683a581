"""The safety guard: refuses, before it is sent, every request that could touch what the suite did not create.

It sits in the session's transport, below schemathesis and below every scenario. Each of the 77 operations is either a
read, a write inside the sandbox (then path, query and body are examined), or a write to global state (refused unless
the run is exclusive).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from conformance.contract import Contract
from conformance.target.hosts import NEVER_STARTED, HostPolicy
from conformance.target.mode import Mode


class Access(Enum):
    """What an operation does to a target."""

    READ = "read"
    SANDBOXED = "write inside the sandbox"
    GLOBAL = "write to global state"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it would go on the wire.

    ``path`` is raw and percent-encoded, below ``/api/v5``. ``signed``: whether it carries any credentials.
    """

    method: str
    path: str
    body: bytes
    content_type: str = ""
    signed: bool = True


Findings = Iterator[str]
BodyCheck = Callable[["Guard", Any], Findings]

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_USERS = "/authentication/password_based:built_in_database/users"
_AUTHZ = "/authorization/sources/built_in_database/rules"


def lenient_readings(body: bytes) -> list[Any]:
    """Every value some JSON parser could read from ``body``: EMQX's parser accepts more than RFC 8259.

    Covers a byte order mark, invalid UTF-8, trailing commas, single quotes, NaN and duplicate keys (a list of all
    their values stands in for each). An empty list means that nothing can be read.
    """
    text = body.decode("utf-8", errors="replace").lstrip("\ufeff").strip("\0 \t\r\n")
    if not text:
        return []
    without_commas = re.sub(r",(\s*[\]}])", r"\1", text)
    readings = []
    for candidate in (text, without_commas, without_commas.replace("'", '"')):
        decoder = json.JSONDecoder(object_pairs_hook=_all_values, parse_constant=lambda _: None, strict=False)
        try:
            readings.append(decoder.raw_decode(candidate)[0])
        except (ValueError, RecursionError):
            continue
    return readings


class Several(list[Any]):
    """The values of a repeated key."""


def _all_values(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, value in pairs:
        if key in merged:
            merged[key] = Several([*_values(merged[key]), value])
        else:
            merged[key] = value
    return merged


def _values(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Several) else [value]


def _items(body: Any) -> Iterator[Any]:
    """Elements of a list body; EMQX also reads an object with numeric keys, or a single object, as a list."""
    if isinstance(body, dict):
        yield body
        yield from body.values()
    elif isinstance(body, list):
        for item in body:
            yield from _items(item) if isinstance(item, list) else (item,)
    elif body is not None:
        yield body


def _field(body: Any, name: str) -> list[Any]:
    return _values(body[name]) if isinstance(body, dict) and name in body else []


def _types(body: Any) -> list[str]:
    return [value for value in _field(body, "type") if isinstance(value, str)]


def _nameable(value: Any) -> bool:
    """Whether EMQX could take ``value`` as a name: strings and, leniently, numbers."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


class Owned(Protocol):
    """What may be touched: a `Sandbox`, or exactly the leftovers that are being swept."""

    @property
    def prefix(self) -> str: ...

    @property
    def topic_root(self) -> str: ...

    def owns_name(self, name: object) -> bool: ...

    def owns_rule(self, identifier: object) -> bool: ...

    def adopt_rule(self, identifier: str) -> None: ...

    def owns_topic(self, topic: object) -> bool: ...

    def owns_network(self, network: object) -> bool: ...

    def owns_pattern(self, pattern: object) -> bool: ...


class Guard:
    """Decides for one worker of one run. ``refusal`` is pure; the transport raises on what it returns."""

    def __init__(self, contract: Contract, sandbox: Owned, hosts: HostPolicy, mode: Mode) -> None:
        self.sandbox = sandbox
        self.hosts = hosts
        self.mode = mode
        self._templates = [
            (operation.method, operation.path.strip("/").split("/"), operation.label)
            for operation in contract.operations.values()
        ]

    def classify(self, label: str) -> Access:
        """What an operation of the contract does, by its label."""
        if label.startswith("GET "):
            return Access.READ
        if label in GLOBAL_OPERATIONS:
            return Access.GLOBAL
        return Access.SANDBOXED

    def match(self, method: str, path: str) -> tuple[str | None, dict[str, str]]:
        """The operation a server would route ``path`` (raw, below /api/v5) to, with its decoded parameters."""
        segments = [unquote(segment) for segment in path.split("?", 1)[0].strip("/").split("/")]
        best: tuple[int, str, dict[str, str]] | None = None
        for operation_method, template, label in self._templates:
            if operation_method != method or len(template) != len(segments):
                continue
            parameters = {}
            for expected, segment in zip(template, segments, strict=True):
                if expected.startswith("{"):
                    parameters[expected[1:-1]] = segment
                elif expected != segment:
                    break
            else:
                if best is None or len(parameters) < best[0]:
                    best = (len(parameters), label, parameters)
        return (best[1], best[2]) if best else (None, {})

    def _is_known_path(self, path: str) -> bool:
        return any(self.match(method, path)[0] for method in ("GET", "PUT", "POST", "DELETE"))

    def refusal(self, request: Outgoing) -> str | None:
        """Why ``request`` must not be sent, or None if it is safe."""
        return next(self._findings(request), None)

    def _findings(self, request: Outgoing) -> Findings:
        path = urlsplit(request.path).path
        if request.method in READ_METHODS:
            return
        if self.mode is Mode.READ_ONLY:
            yield f"{request.method} is a write, and the run is read-only"
            return
        for segment in path.strip("/").split("/"):
            if _could_escape(segment):
                yield f"the path segment {segment!r} could address another resource"
        label, parameters = self.match(request.method, path)
        if label is None and not request.signed and self._is_known_path(path):
            return  # a probe for 405: without credentials nothing can be applied
        if label is None:
            yield f"{request.method} {path} is no operation of the contract"
            return
        if label in GLOBAL_OPERATIONS:
            if self.mode < Mode.EXCLUSIVE:
                yield f"{label} touches global state and needs --exclusive"
            return
        yield from self._path_findings(label, parameters)
        check = BODY_CHECKS.get(label)
        if check is None:
            return
        for reading in lenient_readings(_json_part(request)):
            yield from check(self, _with_type_of_path(label, parameters, reading))

    def _path_findings(self, label: str, parameters: Mapping[str, str]) -> Findings:
        if label == "DELETE /banned/{as}/{who}":
            yield from self.subject(parameters["as"], parameters["who"])
            return
        for name, value in parameters.items():
            if name in ("operation", "enable"):
                continue
            if name == "topic":
                yield from self.topic(value)
            elif label.split(" ")[1].startswith(("/connectors", "/actions")):
                yield from self.resource_id(value)
            elif label.split(" ")[1].startswith("/rules") and self.sandbox.owns_rule(value):
                continue
            else:
                yield from self.name(value, name)

    def name(self, value: Any, what: str) -> Findings:
        if _nameable(value) and not self.sandbox.owns_name(value):
            yield f"{what} {value!r} is outside the sandbox {self.sandbox.prefix}"

    def resource_id(self, value: Any) -> Findings:
        """``type:name``: the name must be owned; an id without exactly one colon addresses nothing."""
        if isinstance(value, str) and not self.sandbox.owns_name(value.rpartition(":")[2]):
            yield f"id {value!r} is outside the sandbox {self.sandbox.prefix}"

    def topic(self, value: Any, what: str = "topic") -> Findings:
        if _nameable(value) and not self.sandbox.owns_topic(value):
            yield f"{what} {value!r} is outside the sandbox {self.sandbox.topic_root}"

    def subject(self, kind: Any, who: Any) -> Findings:
        """A ban: kind and subject together decide whom it can hit."""
        if not _nameable(who):
            return
        owned = {
            "clientid": self.sandbox.owns_name,
            "username": self.sandbox.owns_name,
            "clientid_re": self.sandbox.owns_pattern,
            "username_re": self.sandbox.owns_pattern,
            "peerhost": self.sandbox.owns_network,
            "peerhost_net": self.sandbox.owns_network,
        }.get(kind if isinstance(kind, str) else "", self.sandbox.owns_name)
        if not owned(who):
            yield f"ban of {kind} {who!r} could hit somebody outside the sandbox"

    def statement(self, sql: Any) -> Findings:
        """Rule SQL: every topic after FROM must be owned; events only with a WHERE on sandbox clients."""
        if not isinstance(sql, str) or not re.search(r"(?i)\bfrom\b", sql):
            return
        from_clause = re.split(r"(?i)\bfrom\b", sql, maxsplit=1)[1]
        topics, *where = re.split(r"(?i)\bwhere\b", from_clause, maxsplit=1)
        names = re.findall(r'"([^"]*)"|\'([^\']*)\'', topics)
        if not names and topics.strip():
            names = [(part.strip(), "") for part in topics.split(",")]
        for quoted, single in names:
            topic = quoted or single
            if topic.startswith("$events/") and where and self.sandbox.prefix in where[0]:
                continue
            yield from self.topic(topic, "FROM topic")

    def rule(self, body: Any) -> Findings:
        """Body of POST or PUT /rules: statement and actions."""
        for sql in _field(body, "sql"):
            yield from self.statement(sql)
        for actions in _field(body, "actions"):
            for action in _items(actions):
                if isinstance(action, str):
                    if ":" in action:
                        yield from self.resource_id(action)
                elif isinstance(action, dict):
                    for arguments in _field(action, "args"):
                        for topic in _field(arguments, "topic"):
                            yield from self.topic(topic, "republish topic")

    def new_rule(self, body: Any) -> Findings:
        identifiers = _field(body, "id")
        for identifier in identifiers:
            yield from self.name(identifier, "rule id")
        has_owned_name = any(self.sandbox.owns_name(name) for name in _field(body, "name"))
        if not identifiers and _field(body, "sql") and not has_owned_name:
            # The server invents the id: only the name can tell a later sweep whose rule it is.
            yield "a rule without id needs a name inside the sandbox"
        yield from self.rule(body)

    def named(self, body: Any) -> Findings:
        for name in _field(body, "name"):
            yield from self.name(name, "name")

    def connector(self, body: Any) -> Findings:
        yield from self.named(body)
        yield from self.hosts.findings(body)
        for resource_type in _types(body):
            if resource_type in NEVER_STARTED and _field(body, "enable") != [False]:
                yield f"a {resource_type} connector would contact a host that the body does not name: disable it"

    def connector_probe(self, body: Any) -> Findings:
        yield from self.connector(body)
        for resource_type in _types(body):
            if resource_type in NEVER_STARTED:
                yield f"a probe of {resource_type} would contact a host that the body does not name"

    def action(self, body: Any) -> Findings:
        yield from self.named(body)
        yield from self.action_update(body)

    def action_update(self, body: Any) -> Findings:
        for connector in _field(body, "connector"):
            yield from self.name(connector, "connector")
        for topic in _field(body, "local_topic"):
            yield from self.topic(topic, "local_topic")
        yield from self.hosts.findings(body)

    def users(self, body: Any) -> Findings:
        yield from self._identified(body, "user_id")

    def authorization_users(self, body: Any) -> Findings:
        yield from self._identified(body, "username")

    def authorization_clients(self, body: Any) -> Findings:
        yield from self._identified(body, "clientid")

    def _identified(self, body: Any, key: str) -> Findings:
        for item in _items(body):
            for value in _field(item, key):
                yield from self.name(value, key)

    def subscriptions(self, body: Any) -> Findings:
        for item in _items(body):
            for topic in _field(item, "topic"):
                yield from self.topic(topic)

    def messages(self, body: Any) -> Findings:
        yield from self.subscriptions(body)

    def kickout(self, body: Any) -> Findings:
        for clientid in _items(body):
            yield from self.name(clientid, "clientid")

    def ban(self, body: Any) -> Findings:
        for who in _field(body, "who"):
            for kind in _field(body, "as") or [None]:
                yield from self.subject(kind, who)


BODY_CHECKS: Mapping[str, BodyCheck] = {
    "POST /connectors": Guard.connector,
    "PUT /connectors/{id}": Guard.connector,
    "POST /connectors_probe": Guard.connector_probe,
    "POST /actions": Guard.action,
    "PUT /actions/{id}": Guard.action_update,
    "POST /actions_probe": Guard.action,
    "POST /rules": Guard.new_rule,
    "PUT /rules/{id}": Guard.rule,
    "POST /schema_registry": Guard.named,
    f"POST {_USERS}": Guard.users,
    "POST /authentication/password_based:built_in_database/import_users": Guard.users,
    f"POST {_AUTHZ}/users": Guard.authorization_users,
    f"PUT {_AUTHZ}/users/{{username}}": Guard.authorization_users,
    f"POST {_AUTHZ}/clients": Guard.authorization_clients,
    f"PUT {_AUTHZ}/clients/{{clientid}}": Guard.authorization_clients,
    "POST /clients/{clientid}/subscribe": Guard.subscriptions,
    "POST /clients/{clientid}/subscribe/bulk": Guard.subscriptions,
    "POST /clients/{clientid}/unsubscribe": Guard.subscriptions,
    "POST /clients/{clientid}/unsubscribe/bulk": Guard.subscriptions,
    "POST /clients/kickout/bulk": Guard.kickout,
    "POST /publish": Guard.messages,
    "POST /publish/bulk": Guard.messages,
    "POST /banned": Guard.ban,
}

GLOBAL_OPERATIONS = frozenset(
    {
        f"DELETE {_AUTHZ}",
        f"POST {_AUTHZ}/all",
        f"DELETE {_AUTHZ}/all",
        "DELETE /mqtt/retainer/messages",
        "DELETE /banned",
    }
)


def _could_escape(segment: str) -> bool:
    """Dot segments, also percent-encoded, doubly encoded or behind an encoded slash; and empty segments."""
    for _ in range(3):
        if any(part in (".", "..") for part in re.split(r"[/\\]", segment)):
            return True
        decoded = unquote(segment)
        if decoded == segment:
            break
        segment = decoded
    return segment == ""


def _with_type_of_path(label: str, parameters: Mapping[str, str], body: Any) -> Any:
    """The type of a connector that is updated is in its id; the body checks look for it in the body."""
    if label == "PUT /connectors/{id}" and isinstance(body, dict):
        return {"type": parameters["id"].partition(":")[0], **body}
    return body


def _json_part(request: Outgoing) -> bytes:
    """The JSON of a body; of a multipart upload that of its file."""
    if not request.content_type.lower().startswith("multipart/"):
        return request.body
    _, _, rest = request.body.partition(b"\r\n\r\n")
    return rest.rpartition(b"\r\n--")[0]


def unclassified(contract: Contract) -> Iterable[str]:
    """Writing operations with a JSON body that no check knows; a test keeps this empty."""
    for label, operation in contract.operations.items():
        writes = operation.method != "GET" and label not in GLOBAL_OPERATIONS
        if writes and operation.request_bodies and label not in BODY_CHECKS and "{" not in operation.path:
            yield label
