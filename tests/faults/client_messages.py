"""Faults of the messages that wait for a client or its acknowledgement (CLI-11 to CLI-13, CLI-22, CLI-24 to CLI-26).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from conformance.reference.defects import Defect, named
from conformance.reference.mqtt.queues import Delivery, Inflight, MessageQueue
from conformance.reference.mqtt.session import Session
from conformance.reference.mqtt.statistics import Statistics
from conformance.reference.mqtt_operations import client_messages
from tests.faults.proxy import Reply
from tests.faults.seeded import (
    Broken,
    always,
    before,
    broken,
    edit,
    edited,
    error_reply,
    in_each,
    json_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

PULL = "https://github.com/emqx/emqx/pull/"
ISSUE = "https://github.com/emqx/emqx/issues/"
QUEUED = "GET /clients/{clientid}/mqueue_messages"
UNACKNOWLEDGED = "GET /clients/{clientid}/inflight_messages"

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
seed(
    "waiting messages of QoS 0 are not listed",
    broken(MessageQueue, "items", lambda items: lambda self: [item for item in items(self) if item.qos]),
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
    broken(client_messages, "_page", lambda page: lambda call, *rest: page(_skipping(call), *rest)),
    SMALL,
    "CLI-12",
    origin=f"{ISSUE}18506",
)


def _skipping(call: Any) -> Any:
    """The call as a deployment with the defect sees it."""
    traits = named([Defect.QUEUE_PAGES_SKIP_MESSAGES.id])
    return replace(call, deployment=SimpleNamespace(traits=traits, has=traits.__contains__))


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


# --- as they were published -------------------------------------------------------------------------------------------

PUBLISHED = tuple(
    scenario("client_messages", f"messages_are_listed_as_published[{label}]") for label in (QUEUED, UNACKNOWLEDGED)
)


def shown(change: Callable[[dict[str, Any], Delivery], object]) -> Broken:
    """Every message that waits, for a client or its acknowledgement, is shown with a change."""
    return broken(client_messages, "_item", edited(change))


for name, change in {
    "with the QoS they were published with": lambda view, delivery: view.update(qos=delivery.message.qos),
    "with the topic they are filtered by": lambda view, _: view.update(topic=view["topic"].rpartition("/")[0] + "/+"),
    "as if the API had published them": lambda view, _: view.update(from_clientid="http_api"),
    "without the name of their publisher": lambda view, _: view.update(from_username=""),
    "with ids of their own": lambda view, _: view.update(msgid=view["msgid"][::-1]),
    "as published in seconds": lambda view, _: view.update(publish_at=view["publish_at"] // 1000),
    "as inserted in milliseconds": lambda view, delivery: view.update(inserted_at=str(delivery.inserted_at // 10**6)),
}.items():
    seed(f"waiting messages are shown {name}", shown(change), PUBLISHED, "CLI-24")


def starting_here(page: Callable[..., Any]) -> Callable[..., Any]:
    """What a page calls the first of all messages is its own first."""

    def moved(call: Any, held: Any, position: Any, limit: int, suffix: str) -> Any:
        body = page(call, held, position, limit, suffix)
        if body["data"]:
            body["meta"]["start"] = body["data"][0]["inserted_at"] + suffix
        return body

    return moved


def beginning_again(reply: Reply) -> Reply:
    """Behind the last message comes the first."""
    return reply if reply.json["data"] else edit(lambda body: body["meta"].update(position="none"))(reply)


seed("each page of waiting messages starts anew", broken(client_messages, "_page", starting_here), PUBLISHED, "CLI-24")
for label, item in zip((QUEUED, UNACKNOWLEDGED), PUBLISHED, strict=True):
    seed(f"the end of {label} leads to its beginning", on(label, beginning_again, 200), item, "CLI-24")
seed(
    "unacknowledged messages are shown in base64 without padding",
    on(UNACKNOWLEDGED, in_each("data", lambda each: each.update(payload=each.get("payload", "").rstrip("="))), 200),
    UNACKED,
    "CLI-13",
)
seed(
    "the byte limit of unacknowledged messages is ignored",
    before(UNACKNOWLEDGED, lambda call: call.query.update(max_payload_bytes="1MB")),
    UNACKED,
    "CLI-13",
)

# --- how many there may be --------------------------------------------------------------------------------------------

WINDOW = scenario("client_messages", "messages_beyond_the_receive_maximum")
FULL = scenario("client_messages", "full_queue_drops_the_oldest")
seed(
    "a client is sent more than it takes at once",
    broken(
        Session,
        "attach",
        lambda attach: (
            lambda self, connection, username, peer: attach(
                self, connection, username, replace(peer, receive_maximum=65_535)
            )
        ),
    ),
    WINDOW,
    "CLI-25",
)
seed("nothing that waits follows", broken(Session, "drain", nothing), WINDOW, "CLI-25")
for name, value in (("inflight_cnt", 0), ("inflight_max", 32), ("mqueue_len", 0)):
    seed(
        f"every client is shown with {name} {value}",
        on("GET /clients/{clientid}", edit(lambda body, name=name, value=value: body.update({name: value})), 200),
        WINDOW,
        "CLI-25",
    )
seed(
    "a full queue drops what comes",
    broken(
        MessageQueue,
        "push",
        lambda push: lambda self, delivery: delivery if len(self) >= self.limit else push(self, delivery),
    ),
    FULL,
    "CLI-26",
    origin=f"{PULL}14608",
)
seed("what a full queue drops is not counted", broken(Statistics, "dropped", nothing), FULL, "CLI-26")
seed(
    "a queue takes one message more than it is shown with",
    on("GET /clients/{clientid}", edit(lambda body: body.update(mqueue_max=body["mqueue_max"] - 1)), 200),
    FULL,
    "CLI-26",
)
seed(
    "a queue with a limit is shown without",
    on("GET /clients/{clientid}", edit(lambda body: body.update(mqueue_max=0)), 200),
    FULL,
    "CLI-26",
)

TOO_LARGE = scenario("client_messages", "message_larger_than_a_client_takes")


def whatever_it_takes(write: Callable[..., bool]) -> Callable[..., bool]:
    def written(self: Session, *arguments: Any, **options: Any) -> bool:
        self.peer.maximum_packet_size = 2**28
        return write(self, *arguments, **options)

    return written


seed("nobody asks what a client takes", broken(Session, "_write", whatever_it_takes), TOO_LARGE, "CLI-30")
seed(
    "who is sent too large a message loses its connection",
    broken(Session, "_drop", lambda _: lambda self, *_: self.connection.abort()),
    TOO_LARGE,
    "CLI-30",
    origin=f"{PULL}16514",
)
