"""Seeded faults of bans. How to add one: see `tests.faults.seeded`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access.access import Access
from conformance.reference.access.bans import KINDS, Ban, BanTable
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.queues import MessageQueue
from conformance.reference.mqtt.retained import RetainedStore
from conformance.reference.rest.http import ApiError, Call, Handler
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import (
    EMPTY,
    Broken,
    always,
    before,
    broken,
    broken_handler,
    edit,
    error_reply,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

LIST, CREATE, DELETE, CLEAR = "GET /banned", "POST /banned", f"DELETE {paths.BAN}", "DELETE /banned"


def api(test: str) -> str:
    return scenario("banned", test)


def data(test: str) -> str:
    return scenario("ban_effects", test)


for kind in ("clientid", "username", "clientid_re", "username_re"):
    seed(
        f"a ban of the kind {kind} hits nobody",
        broken(
            BanTable,
            "_hits",
            lambda original, kind=kind: lambda self, *who: [ban for ban in original(self, *who) if ban.kind != kind],
        ),
        data(f"banned_client_is_refused[{kind}-mqtt5]"),
        "BAN-01",
    )


def in_any_case(original: Callable[..., Any]) -> Callable[..., Any]:
    def hits(self: BanTable, clientid: str, username: str | None, peerhost: str) -> Any:
        yield from original(self, clientid, username, peerhost)
        names = {"clientid": clientid, "username": username or ""}
        for (kind, who), ban in self._individuals.items():
            if who.lower() == names.get(kind, "").lower():
                yield ban

    return hits


for kind, name in (
    ("clientid", "a ban hits client ids in any case"),
    ("username", "a ban hits user names in any case"),
):
    seed(
        name,
        broken(BanTable, "_hits", in_any_case),
        data(f"banned_client_is_refused[{kind}-mqtt5]"),
        "BAN-01",
    )
seed(
    "a ban hits everybody",
    broken(BanTable, "covers", lambda original: lambda self, *who: bool(self.listed())),
    data("banned_client_is_refused[clientid-mqtt3.1.1]"),
    "BAN-01",
)


def forget_the_session(original: Any) -> Any:
    """A ban of a client id only holds for new connections."""

    async def handler(call: Call) -> Any:
        kind, call.body["as"] = call.body["as"], "username"
        reply = await original(call)
        table = call.deployment.access.bans
        ban = table.find("username", call.body["who"])
        table.remove("username", call.body["who"])
        table.put(Ban(**{**{name: getattr(ban, name) for name in Ban.__slots__}, "kind": kind}))
        reply.body["as"] = kind
        return reply

    return handler


seed(
    "a ban of a client id leaves its session alone",
    broken_handler(CREATE, forget_the_session),
    data("ban_of_a_client_id_ends_its_session[mqtt5]"),
    "BAN-02",
)
seed(
    "a second ban replaces the first",
    broken(BanTable, "find", always(None)),
    api("ban_exists_once[clientid]"),
    "BAN-03",
)
seed(
    "a ban that is over is taken",
    swallow(
        CREATE,
        Reply(
            200,
            {"content-type": "application/json"},
            b'{"as":"clientid","who":"x","by":"mgmt_api","reason":"","at":"2001-01-01T00:00:00+00:00",'
            b'"until":"2001-01-01T00:00:00+00:00"}',
        ),
        lambda request: request.json.get("until") == 1,
    ),
    api("ban_cannot_be_over"),
    "BAN-03",
)
seed(
    "bans never end",
    broken(Ban, "active", always(True)),
    data("ban_ends_when_its_time_is_over"),
    "BAN-04",
)
seed(
    "a ban is by nobody",
    on(CREATE, edit(lambda ban: ban.update(by="")), 200),
    api("defaults_are_filled_in[username]"),
    "BAN-05",
)


def an_hour_later(text: str) -> str:
    return text.replace("T13:", "T14:")


seed(
    "the end of a ban is shown an hour late",
    on(LIST, edit(lambda body: [ban.update(until=an_hour_later(ban["until"])) for ban in body["data"]]), 200),
    api("instants_are_kept[offset]"),
    "BAN-05",
)
seed(
    "lifting a ban that is not there is fine",
    on(DELETE, lambda reply: EMPTY, 404),
    api("lifted_ban_is_gone[peerhost]"),
    "BAN-06",
    origin="https://github.com/emqx/emqx/pull/11211",
)
seed(
    "lifting all bans leaves those of patterns",
    swallow(CLEAR, EMPTY),
    api("all_bans_are_lifted"),
    "BAN-06",
)


def is_nonsense(request: Request) -> bool:
    return request.path.startswith("/banned/peerhost")


seed(
    "lifting a ban of nonsense crashes",
    swallow(DELETE, error_reply(500, "INTERNAL_ERROR", "it crashed"), is_nonsense),
    api("lifting_nonsense_is_refused[peerhost-{}]"),
    "BAN-07",
    ("GEN-15", DELETE, "no_server_error"),
)


def first_filter_wins(original: Any) -> Any:
    def handler(call: Call) -> Any:
        filters = [name for name in call.query if name not in ("page", "limit")]
        for name in filters[1:]:
            del call.query[name]
        return original(call)

    return handler


seed(
    "of two filters of bans one is ignored",
    broken_handler(LIST, first_filter_wins),
    api("filters_exclude_each_other"),
    "BAN-08",
)
seed(
    "a broken pattern is banned",
    swallow(
        CREATE,
        Reply(
            200,
            {"content-type": "application/json"},
            b'{"as":"clientid_re","who":"x","by":"mgmt_api","reason":"","at":"2001-01-01T00:00:00+00:00",'
            b'"until":"infinity"}',
        ),
        lambda request: request.json["who"].endswith("["),
    ),
    api("who_must_fit_its_kind[clientid_re-^{}[]"),
    "BAN-09",
)


def as_it_is_shown(handler: Handler) -> Handler:
    def lift(call: Call) -> Any:
        kind, who = call.path["as"], call.path["who"]
        if call.deployment.part(Access).bans.normalise(kind, who) != who:
            raise ApiError(404, "NOT_FOUND", f"{kind}: {who} not found")
        return handler(call)

    return lift


seed(
    "a ban is lifted by the usual form of an address only",
    broken_handler(DELETE, as_it_is_shown),
    api("addresses_are_normalised"),
    "BAN-10",
)
seed(
    "an address is shown as it was written",
    on(CREATE, edit(lambda ban: ban.update(who=ban["who"].upper())), 200),
    api("addresses_are_normalised"),
    "BAN-10",
)


def for_ever(kind: str) -> Broken:
    """Bans of a kind are said to end, and do not."""
    return broken(
        BanTable,
        "_hits",
        lambda hits: (
            lambda self, *who: (replace(ban, until=None) if ban.kind == kind else ban for ban in hits(self, *who))
        ),
    )


for kind in ("username", "clientid_re", "username_re"):
    seed(f"a ban of the kind {kind} never ends", for_ever(kind), data("ban_ends_when_its_time_is_over"), "BAN-04")


def with_its_neighbour(remove: Callable[..., bool]) -> Callable[..., bool]:
    """Who lifts a ban of a name lifts that of its pattern as well."""

    def both(self: BanTable, kind: str, who: str) -> bool:
        self._patterns.pop((f"{kind}_re", f"^{who}$"), None)
        return remove(self, kind, who)

    return both


seed(
    "the ban of a pattern is lifted with that of a name",
    broken(BanTable, "remove", with_its_neighbour),
    tuple(api(f"lifted_ban_is_gone[{kind}]") for kind in ("clientid", "username")),
    "BAN-06",
)
seed(
    "a ban is lifted whatever its kind",
    broken(
        BanTable,
        "remove",
        lambda remove: lambda self, kind, who: [remove(self, other, who) for other in KINDS][KINDS.index(kind)],
    ),
    tuple(api(f"lifted_ban_is_gone[{kind}]") for kind in ("clientid", "username_re")),
    "BAN-06",
)

HELD_BACK = tuple(data(f"messages_of_a_banned_client_are_held_back[{kind}]") for kind in ("clientid", "clientid_re"))
seed(
    "what a banned client retained is delivered",
    # As if the client were unknown that sent it.
    broken(
        RetainedStore,
        "matching",
        lambda matching: lambda self, *wanted: [replace(message, headers={}) for message in matching(self, *wanted)],
    ),
    HELD_BACK,
    "BAN-11",
    origin="https://github.com/emqx/emqx/pull/9326",
)
seed(
    "messages of a banned client go on waiting",
    broken(MessageQueue, "keep", nothing),
    HELD_BACK,
    "BAN-11",
    origin="https://github.com/emqx/emqx/pull/9326",
)
seed(
    "a ban of a pattern holds no message back",
    broken(BanTable, "covers_client", lambda _: lambda self, clientid: self.find("clientid", clientid) is not None),
    HELD_BACK[1],
    "BAN-11",
    origin="https://github.com/emqx/emqx/pull/13006",
)
seed(
    "a ban deletes what its client retained",
    before(CREATE, lambda call: _forget_retained(call, call.body["who"])),
    HELD_BACK[0],
    "BAN-11",
)


def _forget_retained(call: Call, clientid: str) -> None:
    store = call.deployment.part(Broker).retained
    for message in store.matching():
        if message.from_clientid == clientid:
            store.delete(message.topic)


def kicked_too(call: Call) -> None:
    """A ban disconnects whoever has a client id that begins with the banned one."""
    broker = call.deployment.part(Broker)
    for clientid in list(broker.sessions):
        if clientid.startswith(call.body["who"]) and clientid != call.body["who"]:
            broker.kick(clientid)


seed(
    "a ban of a client id ends sessions of longer ones",
    before(CREATE, kicked_too),
    data("ban_of_a_client_id_ends_its_session[mqtt3.1.1]"),
    "BAN-02",
)
