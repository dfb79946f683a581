"""The request pipeline: routing, method, credentials, body, schema filter, handler, in the order of EMQX.

A plain ASGI application, because every step before the handler has its own status, body and headers, which a web
framework would decide otherwise (behaviour 0.1 to 0.3).
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from conformance.contract.editions import has_operation
from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.reference.assembly import AssembledDeployment
from conformance.reference.defects import Defect, Quirk
from conformance.reference.nodes import FIRST_NODE, set_to_work
from conformance.reference.pipeline.operations import MODULES
from conformance.reference.pipeline.request_filter import RequestFilter
from conformance.reference.pipeline.routing import BadEncoding, Endpoint, Router, decode_segments, parse_query
from conformance.reference.rest.credentials import MalformedAuthorization, check_role
from conformance.reference.rest.http import ROUTES, ApiError, Call, Crash, Reply
from conformance.reference.rest.json_text import InvalidJson, read_json, read_json_leniently, write_json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

BODY_LIMIT = 8_000_000
KNOWN_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
LAST_REQUEST = "emqx.last_request"
BODY_UNREAD = "emqx.body_unread"

_JSON = (b"content-type", b"application/json")
_NO_CONTENT = (b"content-length", b"0")
_CLOSE = (b"connection", b"close")
_AUTHENTICATE = {"WWW-Authenticate": 'Basic Realm="emqx-dashboard"'}
# How every error text of a handler ends (GEN-16).
_TRACE = '{minirest_handler,apply_callback,4,[{file,"minirest_handler.erl"},{line,192}]}'
_NOT_FOUND_TEXT = b"404 - NOT FOUND"
_NOT_FOUND_HTML = b"<html><head><title>404 - NOT FOUND</title></head><body><h1>404 - NOT FOUND</h1></body></html>"


class Application:
    """ASGI application over one node of a deployment; handlers are those registered when it is built."""

    def __init__(self, deployment: AssembledDeployment, node: str = FIRST_NODE) -> None:
        assert MODULES, "their import registers the handlers"
        self.deployment = deployment
        self.node = node
        edition = deployment.edition
        self.router = Router({label: route for label, route in ROUTES.items() if has_operation(edition, label)})
        self.requests = 0
        self._filters = {label: RequestFilter(deployment, label, route.filter) for label, route in ROUTES.items()}
        self._read_json = read_json_leniently if deployment.has(Quirk.SLOPPY_JSON) else read_json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.requests += 1
        set_to_work(self.node)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        unread = _has_body(headers)

        async def receive_body() -> MutableMapping[str, Any]:
            nonlocal unread
            unread = False
            return await receive()

        reply = await self._answer(scope, headers, receive_body)
        if unread:
            scope[BODY_UNREAD] = True
        raw_headers, content = _on_the_wire(reply)
        if LAST_REQUEST in scope:
            raw_headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": reply.status, "headers": raw_headers})
        await send({"type": "http.response.body", "body": content})

    def unroutable(self, method: str, raw_path: bytes) -> Reply:
        """Answer to a method no HTTP parser knows (``FOO``): routing decides first, as for every request."""
        endpoint = self._route(method, raw_path, {})
        assert isinstance(endpoint, Reply)  # no operation has such a method
        return endpoint

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> Reply:
        routed = self._route(scope["method"], scope["raw_path"], headers)
        if isinstance(routed, Reply):
            return routed
        endpoint, values = routed
        path = dict(zip(endpoint.parameters, values, strict=True))
        call = Call(self.deployment, endpoint.label, path, headers=headers)
        try:
            return await self._serve(endpoint, call, scope["query_string"], receive)
        except ApiError as error:
            reply = error.reply()
            return Reply(reply.status, reply.body, _AUTHENTICATE) if error.status == 401 else reply
        except (BadEncoding, MalformedAuthorization):
            return Reply(400)
        except Crash as crash:
            return _crashed(call, crash.reason, prints_request=crash.prints_request, silent=crash.silent)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            if self.deployment.has(Quirk.UNEXPECTED_ERRORS_TOLD):
                return _crashed(call, repr(error))
            # Clients are told nothing of the inside (GEN-16); the log has the details.
            return Reply(500, {"code": "INTERNAL_ERROR", "message": "Unexpected error, see the log of the deployment"})

    def _route(self, method: str, raw_path: bytes, headers: Mapping[str, str]) -> tuple[Endpoint, list[str]] | Reply:
        has = self.deployment.has
        if method in ("TRACE", "CONNECT") and has(Quirk.OTHER_METHODS):
            return Reply(501)
        try:
            found = self.router.find(decode_segments(raw_path, remove_dots=has(Defect.DOTS_ARE_STEPS)))
        except BadEncoding:
            return Reply(400)
        if found is None:
            return _path_not_found(headers.get("accept", ""))
        node, values = found
        endpoint = node.methods.get(method)
        if endpoint is not None:
            return endpoint, values
        if method not in KNOWN_METHODS and has(Quirk.OTHER_METHODS):
            return Reply(500)  # the real server's method table has no entry for OPTIONS or exotic verbs
        return Reply(405, None, {"Allow": node.allow})

    async def _serve(self, endpoint: Endpoint, call: Call, query: bytes, receive: Receive) -> Reply:
        if not endpoint.route.public:
            call.role = self.deployment.credentials.role(call.headers.get("authorization"))
            check_role(call.role, endpoint.label)
        call.raw_query = parse_query(query)
        call.body = await self._body(call.headers, receive)
        self._filters[endpoint.label].apply(call)
        reply = await self._handled(endpoint, call)
        latency = self.deployment.settings.config_write_latency
        if latency > 0 and endpoint.label in CONFIGURATION_WRITES and reply.status < 300:
            # One after the other; what is refused writes nothing and waits for nobody.
            async with self.deployment.config_writes:
                await asyncio.sleep(latency)
        return reply

    async def _handled(self, endpoint: Endpoint, call: Call) -> Reply:
        replication = self.deployment.replication
        if endpoint.label.startswith("GET "):
            with replication.as_seen_by(self.node):
                answer = endpoint.route.handler(call)
        else:
            replication.before_write(self.node)
            answer = endpoint.route.handler(call)
        return await answer if inspect.isawaitable(answer) else answer

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> Any:
        """Decoded body: ``{}`` if there is none, bytes if it is no JSON."""
        if not _has_body(headers):
            return {}
        raw = await _read(receive)
        is_json = headers.get("content-type", "").split(";", 1)[0].strip().lower() == "application/json"
        if raw is None:
            if is_json and self.deployment.has(Defect.LARGE_BODY_CRASHES):
                raise Crash("body too large", silent=True)
            raise ApiError(400, "BAD_REQUEST", f"The body is larger than {BODY_LIMIT} bytes")
        if not raw:
            return {}
        if not is_json:
            return raw
        try:
            return self._read_json(raw)
        except InvalidJson:
            raise ApiError(400, "BAD_REQUEST", "Invalid json message received") from None


def _crashed(call: Call, reason: str, *, prints_request: bool = False, silent: bool = False) -> Reply:
    """What a client sees of an operation that died."""
    if silent:
        return Reply(500)
    called = _printed_request(call) if prints_request else f"[{call.operation}]"
    return Reply(500, {"code": "INTERNAL_ERROR", "message": f"error, {reason}, [{called},{_TRACE}]"})


def _has_body(headers: Mapping[str, str]) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None if it is longer than `BODY_LIMIT` (it is read to its end all the same)."""
    chunks = []
    size = 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= BODY_LIMIT:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks) if size <= BODY_LIMIT else None


def _path_not_found(accept: str) -> Reply:
    if accept.startswith("application/json"):
        return Reply(404, {"code": "NOT_FOUND", "message": "Request Path Not Found"})
    if accept.startswith("text/plain"):
        return Reply(404, _NOT_FOUND_TEXT, {"content-type": "text/plain"})
    return Reply(404, _NOT_FOUND_HTML, {"content-type": "text/html"})


def _on_the_wire(reply: Reply) -> tuple[RawHeaders, bytes]:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.body is None:
        if reply.status != 204:
            headers.append(_NO_CONTENT)
        return headers, b""
    if isinstance(reply.body, bytes):
        content = reply.body
    else:
        content = write_json(reply.body)
        headers.append(_JSON)
    headers.append((b"content-length", str(len(content)).encode()))
    return headers, content


def _printed_request(call: Call) -> str:
    """The request as an Erlang term, credentials included: the leak of GEN-24, which some defects have."""
    headers = ",".join(f'<<"{name}">> => <<"{value}">>' for name, value in sorted(call.headers.items()))
    bindings = ",".join(f'{name} => <<"{value}">>' for name, value in call.path.items())
    return f"[{call.operation},#{{bindings => #{{{bindings}}},headers => #{{{headers}}},body => {call.body!r}}}]"
