"""Faults of clients as the API shows them (CLI-01, CLI-04, CLI-14 to CLI-18).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from conformance.reference.mqtt.connection import Connection
from conformance.reference.mqtt.peer import Peer
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.sessions import Sessions
from conformance.reference.mqtt.statistics import Statistics
from conformance.reference.mqtt_operations import clients
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import (
    Broken,
    always,
    broken,
    edit,
    error_reply,
    in_each,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
    twice,
)

PULL = "https://github.com/emqx/emqx/pull/"
READ = "GET /clients/{clientid}"
NO_CLIENTS = json_reply(200, {"data": [], "meta": {"page": 1, "limit": 100, "hasnext": False, "count": 0}})

# --- what is shown ----------------------------------------------------------------------------------------------------

SHOWN = scenario("clients", "connected_client_is_shown[mqtt5]")
seed(
    "the expiry interval of a client is in milliseconds",
    on(READ, edit(lambda body: body.update(expiry_interval=body["expiry_interval"] * 1000)), 200),
    SHOWN,
    "CLI-01",
    origin=f"{PULL}9637",
)
for field, value in (("username", None), ("proto_ver", 4), ("keepalive", 90), ("clean_start", False)):
    seed(
        f"a client is shown with {field} {value}",
        on(READ, edit(lambda body, field=field, value=value: body.update({field: value})), 200),
        SHOWN,
        "CLI-01",
    )
seed(
    "a client of MQTT 3.1.1 is shown as one of MQTT 5",
    on(READ, edit(lambda body: body.update(proto_ver=5)), 200),
    scenario("clients", "connected_client_is_shown[mqtt3.1.1]"),
    "CLI-01",
)
seed(
    "connected clients are listed as disconnected",
    on("GET /clients", in_each("data", lambda client: client.update(connected=False)), 200),
    SHOWN,
    "CLI-01",
)
seed(
    "messages to a client are counted twice",
    broken(Statistics, "message_out", twice),
    scenario("clients", "messages_are_counted"),
    "CLI-04",
)
seed(
    "messages from a client are not counted",
    broken(Statistics, "message_in", nothing),
    scenario("clients", "messages_are_counted"),
    "CLI-04",
)

for way, count in (("from", "message_in"), ("to", "message_out")):
    seed(
        f"messages {way} a client are counted under another QoS",
        broken(Statistics, count, lambda original: lambda self, qos: original(self, (qos + 1) % 3)),
        scenario("clients", "messages_are_counted"),
        "CLI-04",
    )

seed(
    "bytes from a client are not counted",
    broken(Statistics, "packet_in", lambda packet_in: lambda self, size: packet_in(self, 0)),
    scenario("clients", "messages_are_counted"),
    "CLI-04",
)


def forgetful() -> Callable[[Request, Callable[[], Reply]], Reply]:
    """Counters that start again once they have been read."""
    seen: set[str] = set()

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        if not request.is_for(READ) or reply.status != 200 or not reply.json["send_msg"]:
            return reply
        if request.path in seen:
            return edit(lambda body: body.update(recv_msg=0, send_msg=0))(reply)
        seen.add(request.path)
        return reply

    return fault


seed("counters of a client start again", forgetful(), scenario("clients", "messages_are_counted"), "CLI-04")

AWAY = scenario("clients", "absent_client_is_shown")
seed(
    "a client that is away is shown as connected",
    on(READ, edit(lambda body: body.update(connected=True)), 200),
    AWAY,
    "CLI-17",
)
seed(
    "nobody knows since when a client is away",
    on(READ, edit(lambda body: body.pop("disconnected_at", None)), 200),
    AWAY,
    "CLI-17",
)
seed(
    "a client was away before it came",
    on(READ, edit(lambda body: body.update(disconnected_at="2020-01-01T00:00:00.000+00:00")), 200),
    AWAY,
    "CLI-17",
)
seed("clients are not told by their state", broken(clients, "_state", always("disconnected")), AWAY, "CLI-17")
seed(
    "a session ends with its connection",
    broken(Sessions, "away", lambda away: lambda self, session, publish_will: self.end(session)),
    AWAY,
    ("CLI-17", READ, "absent_client_is_shown"),
)


def away_since_it_connected(body: dict[str, Any]) -> None:
    if "disconnected_at" in body:
        body["disconnected_at"] = body["connected_at"]


seed("a client is away since it connected", on(READ, edit(away_since_it_connected), 200), AWAY, "CLI-17")


def as_before(*names: str) -> Broken:
    """A client that comes back is shown with what its first connection said."""

    def make(attach: Callable[..., None]) -> Callable[..., None]:
        def attached(self: Session, connection: Any, username: str | None, peer: Peer) -> None:
            if self.disconnected_at is not None:
                peer = replace(peer, **{name: getattr(self.peer, name) for name in names})
            attach(self, connection, username, peer)

        return attached

    return broken(Session, "attach", make)


for name in ("keepalive", "connected_at", "clean_start"):
    seed(f"a client that comes back is shown with its former {name}", as_before(name), AWAY, "CLI-17")


def created_anew(attach: Callable[..., None]) -> Callable[..., None]:
    def attached(self: Session, connection: Any, username: str | None, peer: Peer) -> None:
        self.created_at = peer.connected_at
        attach(self, connection, username, peer)

    return attached


def lasting_as_before() -> Broken:
    """How long a session outlives its connection is shown as it was first."""
    first: dict[str, int] = {}

    def make(view: Callable[[Session], dict[str, Any]]) -> Callable[[Session], dict[str, Any]]:
        return lambda session: {
            **view(session),
            "expiry_interval": first.setdefault(session.clientid, session.expiry_interval),
        }

    return broken(clients, "client_object", make)


def leaving_now(body: dict[str, Any]) -> None:
    if "disconnected_at" in body:
        body["disconnected_at"] = datetime.now(UTC).isoformat()


seed("a session is created when its client comes back", broken(Session, "attach", created_anew), AWAY, "CLI-17")
seed("a session lasts as long as its first connection asked for", lasting_as_before(), AWAY, "CLI-17")
seed("an absent client is always just leaving", on(READ, edit(leaving_now), 200), AWAY, "CLI-17")


def apart(open_session: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, connection, packet, peer: open_session(
        self, connection, replace(packet, clean_start=True), peer
    )


TAKE_OVER = scenario("clients", "take_over")
seed("who takes over a session gets a new one", broken(Sessions, "open", apart), (TAKE_OVER, AWAY), "CLI-18", "CLI-17")
seed(
    "the former connection of a session stays",
    broken(Connection, "detach", nothing),
    TAKE_OVER,
    "CLI-18",
)
seed(
    "the former connection of a session is told it was kicked",
    broken(
        Connection,
        "detach",
        lambda detach: lambda self, reason, code: detach(self, reason, Reason.ADMINISTRATIVE_ACTION),
    ),
    TAKE_OVER,
    "CLI-18",
)
seed(
    "a session that is taken over loses its subscriptions",
    broken(
        Sessions,
        "open",
        lambda original: (
            lambda self, connection, packet, peer: _without_subscriptions(
                self, original(self, connection, packet, peer)
            )
        ),
    ),
    TAKE_OVER,
    "CLI-18",
)


def keeping_alive_as_before(attach: Callable[..., None]) -> Callable[..., None]:
    """Who takes over the session of a connected client is shown with the keep-alive of that."""

    def attached(self: Session, connection: Any, username: str | None, peer: Peer) -> None:
        attach(self, connection, username, peer if self.disconnected_at else replace(peer, keepalive=60))

    return attached


seed(
    "a client that takes over is shown with the former keep-alive",
    broken(Session, "attach", keeping_alive_as_before),
    TAKE_OVER,
    "CLI-18",
)


def _without_subscriptions(sessions: Sessions, opened: tuple[Any, bool]) -> tuple[Any, bool]:
    sessions._broker.unsubscribe_all(opened[0])
    return opened


# --- filters ----------------------------------------------------------------------------------------------------------

for name in ("conn_state", "clean_start", "fields"):
    seed(
        f"an impossible {name} finds no clients",
        on("GET /clients", lambda _: NO_CLIENTS, 400),
        scenario("clients", f"impossible_filter_values[{name}]"),
        ("CLI-14", "GET /clients", "impossible_filter_values"),
    )
seed(
    "an impossible address crashes the list of clients",
    on("GET /clients", lambda _: error_reply(500, "INTERNAL_ERROR"), 400),
    scenario("clients", "impossible_filter_values[ip_address]"),
    ("CLI-14", "GET /clients", "impossible_filter_values"),
    ("GEN-15", "GET /clients", "no_server_error"),
    origin=f"{PULL}12269",
)
seed(
    "impossible filters of one node are not caught",
    swallow(
        "GET /clients",
        error_reply(500, "INTERNAL_ERROR"),
        lambda request: "node=" in request.query and ("nowhere" in request.query or "five" in request.query),
    ),
    tuple(scenario("clients", f"impossible_filter_values_on_one_node[{name}]") for name in ("ip_address", "proto_ver")),
    ("CLI-15", "GET /clients", "impossible_filter_values_on_one_node"),
    ("GEN-15", "GET /clients", "no_server_error"),
)
OF_NODE = scenario("clients", "clients_of_a_node")
seed(
    "every node has all clients",
    broken(clients, "nodes_asked", lambda _: lambda call: call.deployment.nodes),
    OF_NODE,
    "CLI-16",
)
seed("no node has a client", broken(clients, "nodes_asked", always(())), OF_NODE, "CLI-16")
seed(
    "an unknown node crashes the list of clients",
    swallow("GET /clients", error_reply(500, "INTERNAL_ERROR"), lambda request: "node=no-" in request.query),
    OF_NODE,
    "CLI-16",
    "GEN-15",
)


def exactly_once_as_at_least_once(message_in: Callable[..., None]) -> Callable[..., None]:
    return lambda self, qos: message_in(self, min(qos, 1))


seed(
    "messages of QoS 2 count as messages of QoS 1",
    broken(Statistics, "message_in", exactly_once_as_at_least_once),
    scenario("clients", "messages_are_counted"),
    "CLI-04",
)
