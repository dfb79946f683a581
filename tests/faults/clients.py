"""Faults of clients and of the messages that wait for them (CLI-01 to CLI-04, CLI-11 to CLI-18, CLI-22).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference import client_messages, clients
from conformance.reference.http import Reply as Answer
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.mqtt.queues import Inflight, MessageQueue
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.sessions import Sessions
from conformance.reference.mqtt.statistics import Statistics
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import (
    EMPTY,
    always,
    broken,
    broken_handler,
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
ISSUE = "https://github.com/emqx/emqx/issues/"
READ = "GET /clients/{clientid}"
QUEUED = "GET /clients/{clientid}/mqueue_messages"
UNACKNOWLEDGED = "GET /clients/{clientid}/inflight_messages"
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
seed("every node has all clients", broken(clients, "check_node", always(True)), OF_NODE, "CLI-16")
seed("no node has a client", broken(clients, "check_node", always(False)), OF_NODE, "CLI-16")
seed(
    "an unknown node crashes the list of clients",
    swallow("GET /clients", error_reply(500, "INTERNAL_ERROR"), lambda request: "node=no-" in request.query),
    OF_NODE,
    "CLI-16",
    "GEN-15",
)

# --- kicking ----------------------------------------------------------------------------------------------------------

KICKED = tuple(scenario("kickout", f"kicked_client_is_gone[{version}]") for version in ("mqtt5", "mqtt3.1.1"))
ABSENT = scenario("kickout", "session_of_an_absent_client_is_kicked")
SEVERAL = scenario("kickout", "several_clients_are_kicked")
seed("kicking a client does nothing", broken(Broker, "kick", nothing), (*KICKED, ABSENT, SEVERAL), "CLI-02", "CLI-03")
seed(
    "a kicked client is told that its session was taken over",
    broken(Broker, "kick", lambda kick: lambda self, clientid: kick(self, clientid, Reason.SESSION_TAKEN_OVER)),
    (KICKED[0], SEVERAL),
    "CLI-02",
    "CLI-03",
)


def only_the_connection(broker: Broker, clientid: str) -> bool:
    session = broker.sessions.get(clientid)
    if session is None or session.connection is None:
        return False
    session.connection.close("kicked", Reason.ADMINISTRATIVE_ACTION)
    return True


seed(
    "a kicked client keeps its session",
    broken(Broker, "kick", lambda _: only_the_connection),
    (*KICKED, ABSENT),
    "CLI-02",
)
seed(
    "a client that is away is not kicked",
    broken(
        Broker,
        "kick",
        lambda kick: lambda self, clientid: self.sessions[clientid].connected and kick(self, clientid),
    ),
    ABSENT,
    "CLI-02",
)
seed("the will of a kicked client is not published", broken(Sessions, "_publish_will", nothing), KICKED, "CLI-02")
seed("the will of a kicked client is published twice", broken(Broker, "publish", twice), KICKED, "CLI-02")
seed(
    "kicking somebody unknown is fine",
    on("DELETE /clients/{clientid}", lambda _: EMPTY, 404),
    scenario("kickout", "unknown_client_cannot_be_kicked"),
    ("CLI-02", "DELETE /clients/{clientid}", "unknown_client_cannot_be_kicked"),
    origin=f"{PULL}6180",
)


def kickout(choose: Callable[[Any], list[str]]) -> Any:
    """The bulk form kicks those that are chosen from the call."""

    def handler(call: Any) -> Answer:
        for clientid in choose(call):
            call.deployment.broker.kick(clientid)
        return Answer(204)

    return broken_handler("POST /clients/kickout/bulk", lambda _: handler)


seed("only the first of several is kicked", kickout(lambda call: call.body[:1]), SEVERAL, "CLI-03")
seed("all clients are kicked", kickout(lambda call: list(call.deployment.broker.sessions)), SEVERAL, "CLI-03")
seed(
    "an unknown client among several is an error",
    on("POST /clients/kickout/bulk", lambda _: error_reply(404, "CLIENTID_NOT_FOUND"), 204),
    SEVERAL,
    "CLI-03",
    "GEN-27",
)

# --- messages that wait -----------------------------------------------------------------------------------------------

PAGES = scenario("client_messages", "queued_messages_page_by_page")
COUNTED = scenario("client_messages", "queued_messages_are_counted_and_delivered")
BINARY = scenario("client_messages", "binary_payload_in_the_queue")
SMALL = scenario("client_messages", "small_pages_lose_nothing")
UNACKED = scenario("client_messages", "unacknowledged_messages")
seed(
    "waiting messages are listed from the youngest",
    broken(MessageQueue, "items", lambda items: lambda self: list(items(self))[::-1]),
    PAGES,
    "CLI-11",
)


def same_page_again(reply: Reply) -> Reply:
    """The position of a page is that of its first message, so that the next one begins with the same."""
    return edit(lambda body: body["meta"].update(position=body["meta"]["start"]))(reply)


def overlapping(page: Callable[..., Any]) -> Callable[..., Any]:
    """A page begins with the last message of the page before."""

    def overlap(call: Any, held: Any, position: Any, *rest: Any) -> Any:
        return page(call, held, position - 1 if isinstance(position, int) else position, *rest)

    return overlap


seed(
    "the pages of waiting messages overlap",
    broken(client_messages, "_page", overlapping),
    (PAGES, UNACKED),
    "CLI-11",
    "CLI-13",
)
seed(
    "the pages of waiting messages never end",
    on(QUEUED, same_page_again, 200),
    PAGES,
    "CLI-11",
    origin=f"{ISSUE}18758",
)
seed(
    "a page has more than its limit",
    broken(client_messages, "islice", lambda _: lambda items, _limit: items),
    PAGES,
    "CLI-11",
)
seed(
    "plain is the default form of a payload",
    broken(
        client_messages, "_payload", lambda payload: lambda data, form: payload(data, form.replace("base64", "plain"))
    ),
    PAGES,
    "CLI-11",
)
seed(
    "payloads are shown although none are wanted",
    broken(
        client_messages, "_payload", lambda payload: lambda data, form: payload(data, form.replace("none", "plain"))
    ),
    PAGES,
    "CLI-11",
)
seed(
    "waiting messages are shown with QoS 0",
    on(QUEUED, in_each("data", lambda message: message.update(qos=0)), 200),
    PAGES,
    "CLI-11",
)
seed(
    "waiting messages are counted one short",
    on("GET /clients", in_each("data", lambda client: client.update(mqueue_len=client.get("mqueue_len", 1) - 1)), 200),
    COUNTED,
    "CLI-11",
)
seed(
    "the youngest waiting message is delivered first",
    broken(MessageQueue, "pop", lambda _: lambda self: self._items.pop()),
    COUNTED,
    "CLI-11",
)
WAITING = {
    "data": [
        {
            "msgid": "000660E85E08E53DF445000017480000", "topic": "t", "qos": 1, "publish_at": 1, "inserted_at": "1",
            "from_clientid": "c", "from_username": "u", "payload": "", "mqueue_priority": 0,
        }
    ],
    "meta": {"start": "1_0", "position": "1_0"},
}  # fmt: skip
seed(
    "a message is delivered and goes on waiting",
    on(QUEUED, lambda reply: reply if reply.json["data"] else reply.with_json(WAITING), 200),
    COUNTED,
    "CLI-11",
)
seed(
    "a payload that is no text crashes the list of waiting messages",
    swallow(QUEUED, error_reply(500, "INTERNAL_ERROR"), lambda request: "payload=plain" in request.query),
    BINARY,
    "CLI-11",
    "GEN-15",
    origin=f"{PULL}12814",
)
seed(
    "base64 shows only text",
    broken(
        client_messages,
        "_payload",
        lambda payload: lambda data, form: payload(data.decode(errors="ignore").encode(), form),
    ),
    BINARY,
    "CLI-11",
)
seed(
    "messages cut off by the byte limit are skipped",
    broken(client_messages, "_page", lambda page: lambda call, *rest: page(_strict(call), *rest)),
    SMALL,
    "CLI-12",
    origin=f"{ISSUE}18506",
)


def _strict(call: Any) -> Any:
    """The call as the strict deployment sees it, which has the defect."""

    class Strict:
        strict = True

    return replace(call, deployment=Strict())


seed(
    "the byte limit of a page is ignored",
    broken(client_messages, "_byte_limit", always(1_000_000)),
    SMALL,
    "CLI-12",
)
seed(
    "a publish crashes while a session waits for its client",
    on("POST /publish", lambda reply: error_reply(500, "INTERNAL_ERROR") if b'"id"' in reply.body else reply, 200),
    COUNTED,
    "CLI-11",
    "GEN-15",
    origin=f"{PULL}13832",
)
seed("unacknowledged messages are not listed", broken(Inflight, "items", always(())), UNACKED, "CLI-13")
seed(
    "an acknowledgement removes another message",
    broken(
        Inflight, "remove", lambda remove: lambda self, packet_id: remove(self, max(self._items, default=packet_id))
    ),
    UNACKED,
    "CLI-13",
)
seed(
    "acknowledged messages stay listed",
    broken(Inflight, "remove", lambda _: Inflight.get),
    UNACKED,
    "CLI-13",
)
for label in (QUEUED, UNACKNOWLEDGED):
    item = scenario("client_messages", f"impossible_pages[{label}]")
    empty = json_reply(200, {"data": [], "meta": {"start": "none", "position": "none"}})
    for query in ("position=zzz", "limit=0", "payload=zzz", "max_payload_bytes=0"):
        seed(
            f"{query} is accepted by {label}",
            swallow(label, empty, lambda request, query=query: query in request.query),
            item,
            ("CLI-22", label, "impossible_pages"),
        )
    seed(
        f"an unknown client has an empty list in {label}",
        on(label, lambda _, empty=empty: empty, 404),
        item,
        ("CLI-22", label, "impossible_pages"),
    )
