"""Faults of the messages that wait for a client or its acknowledgement (CLI-11 to CLI-13, CLI-22).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from conformance.reference.defects import Defect, named
from conformance.reference.mqtt.queues import Inflight, MessageQueue
from conformance.reference.mqtt_operations import client_messages
from tests.faults.proxy import Reply
from tests.faults.seeded import always, broken, edit, error_reply, in_each, json_reply, on, scenario, seed, swallow

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
