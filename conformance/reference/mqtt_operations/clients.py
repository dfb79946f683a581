"""Clients: list, read, kick, and the authorization cache (behaviour 7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Container
from datetime import datetime
from typing import Any

from conformance.reference.defects import Defect, Quirk
from conformance.reference.mqtt.authorization import Access
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.view import client_object
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, handles
from conformance.reference.rest.pagination import envelope

_Test = Callable[[Session], bool]


def session_of(call: Call) -> Session:
    """The session in the path; raises 404 CLIENTID_NOT_FOUND."""
    session = call.deployment.part(Broker).sessions.get(call.path["clientid"])
    if session is None:
        raise ApiError(404, "CLIENTID_NOT_FOUND", "Client ID not found")
    return session


def nodes_asked(call: Call) -> Container[str]:
    """The nodes of a ``node`` filter, all without one; 5.8.9 answers 500 to an unknown one (erratum C12)."""
    node = call.query.get("node")
    if node is None:
        return call.deployment.nodes
    if node not in call.deployment.nodes and call.deployment.has(Quirk.UNKNOWN_NODE_IS_DOWN):
        raise ApiError(500, "NODE_DOWN", f'bad rpc call <<"{node}">>, Reason <<"invalid node">>')
    return (node,)


@handles("GET /clients")
def list_clients(call: Call) -> Reply:
    """A page of clients, by client id from the last to the first."""
    query = call.query
    tests = _tests(call)
    asked = nodes_asked(call)
    sessions = sorted(call.deployment.part(Broker).sessions.values(), key=_clientid_bytes, reverse=True)
    found = [session for session in sessions if session.peer.node in asked and all(test(session) for test in tests)]
    countable = not (_fuzzy(query, "clientid") or _fuzzy(query, "username"))
    body = envelope(found, query["page"], query["limit"], call.deployment.traits, countable=countable)
    fields = query.get("fields", "all")
    body["data"] = [_selected(client_object(session), fields) for session in body["data"]]
    return Reply(200, body)


def _clientid_bytes(session: Session) -> bytes:
    return session.clientid.encode()


def _selected(view: dict[str, Any], fields: str | list[str]) -> dict[str, Any]:
    if fields == "all":
        return view
    return {name: view[name] for name in fields if name in view}


def _fuzzy(query: dict[str, Any], name: str) -> str | None:
    """The ``like_`` filter of a name; an exact filter on the same name silently wins."""
    return query.get(f"like_{name}") if f"{name}" not in query else None


def _tests(call: Call) -> list[_Test]:
    query = call.query
    tests: list[_Test] = []
    if "clientid" in query:
        clientids = set(query["clientid"])
        tests.append(lambda session: session.clientid in clientids)
    if "username" in query:
        usernames = set(query["username"])
        tests.append(lambda session: session.username in usernames)
    if "ip_address" in query:
        address = _parsed(call, "ip_address", ipaddress.ip_address)
        tests.append(lambda session: ipaddress.ip_address(session.peer.host) == address)
    if "proto_ver" in query:
        version = _parsed(call, "proto_ver", int)
        tests.append(lambda session: session.peer.version == version)
    if "clean_start" in query:
        tests.append(lambda session: session.peer.clean_start is query["clean_start"])
    if "conn_state" in query:
        tests.append(lambda session: _state(session) == query["conn_state"])
    for name, instant in (("created_at", _created_at), ("connected_at", _connected_at)):
        tests.extend(_bounds(query, name, instant))
    if (part := _fuzzy(query, "clientid")) is not None:
        tests.append(_contains(call, part, lambda session: session.clientid))
    if (part := _fuzzy(query, "username")) is not None:
        tests.append(_contains(call, part, lambda session: session.username))
    return tests


def _state(session: Session) -> str:
    return "connected" if session.connected else "disconnected"


def _created_at(session: Session) -> int:
    return session.created_at


def _connected_at(session: Session) -> int:
    return session.peer.connected_at


def _bounds(query: dict[str, Any], name: str, instant: Callable[[Session], int]) -> list[_Test]:
    tests: list[_Test] = []
    if f"gte_{name}" in query:
        low = _milliseconds(query[f"gte_{name}"])
        tests.append(lambda session: instant(session) >= low)
    if f"lte_{name}" in query:
        high = _milliseconds(query[f"lte_{name}"])
        tests.append(lambda session: instant(session) <= high)
    return tests


def _milliseconds(value: int | str) -> float:
    """Epoch milliseconds of an instant in either form; raises 400 for a date that no calendar has."""
    if isinstance(value, int):
        return value
    try:
        return datetime.fromisoformat(value.upper()).timestamp() * 1000
    except (ValueError, OverflowError):
        raise ApiError(400, "BAD_REQUEST", f"{value!r} is not an instant") from None


def _parsed(call: Call, name: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(call.query[name])
    except ValueError:
        if "node" in call.query and call.deployment.has(Defect.CLIENTS_OF_A_NODE):
            # 5.8.9 catches the error only where it asks all nodes.
            raise Crash(f"{{bad_value_type,{name}}}") from None
        raise ApiError(400, "INVALID_PARAMETER", f"the {name} parameter is not valid") from None


def _contains(call: Call, part: str, text: Callable[[Session], str | None]) -> _Test:
    def test(session: Session) -> bool:
        if not part and call.deployment.has(Defect.EMPTY_FILTER):
            raise Crash("badarg")  # binary:match/2 refuses an empty pattern
        return part in (text(session) or "")

    return test


@handles("GET /clients/{clientid}")
def read_client(call: Call) -> Reply:
    """One client, connected or not."""
    return Reply(200, client_object(session_of(call)))


@handles("DELETE /clients/{clientid}")
def kick_client(call: Call) -> Reply:
    """End a client's connection and session."""
    session_of(call)
    call.deployment.part(Broker).kick(call.path["clientid"])
    return Reply(204)


@handles("POST /clients/kickout/bulk")
def kick_clients(call: Call) -> Reply:
    """End the sessions of those listed client ids that exist."""
    for clientid in call.body:
        call.deployment.part(Broker).kick(clientid)
    return Reply(204)


@handles("GET /clients/{clientid}/authorization/cache")
def read_authorization_cache(call: Call) -> Reply:
    """The decisions remembered for a client (erratum A2)."""
    decisions = session_of(call).authorization_cache.decisions()
    return Reply(
        200,
        [
            {
                "access": _access_object(decision.access),
                "topic": decision.access.topic,
                "result": "allow" if decision.allowed else "deny",
                "updated_time": decision.updated_at,
            }
            for decision in decisions
        ],
    )


def _access_object(access: Access) -> dict[str, Any]:
    view: dict[str, Any] = {"action_type": access.action, "qos": access.qos}
    return view if access.retain is None else {**view, "retain": access.retain}


@handles("DELETE /clients/{clientid}/authorization/cache")
def clear_authorization_cache(call: Call) -> Reply:
    """Forget the decisions remembered for a client."""
    session_of(call).authorization_cache.clear()
    return Reply(204)
