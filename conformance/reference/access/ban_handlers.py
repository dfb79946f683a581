"""REST operations on bans (tag Banned)."""

from __future__ import annotations

import json
import time
from typing import Any

from conformance.reference.access.access import Access
from conformance.reference.access.bans import (
    DEFAULT_BY,
    INFINITY,
    BadSubject,
    BadTime,
    Ban,
    BanTable,
    compile_pattern,
    parse_time,
)
from conformance.reference.defects import Defect
from conformance.reference.mqtt.broker import Broker
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, handles
from conformance.reference.rest.pagination import envelope

_EXACT = ("clientid", "username", "peerhost")
# A fuzzy filter looks at the subjects of these kinds.
_FUZZY = {
    "like_clientid": ("clientid", "clientid_re"),
    "like_username": ("username", "username_re"),
    "like_peerhost": ("peerhost",),
    "like_peerhost_net": ("peerhost_net",),
}


@handles("GET /banned")
def list_bans(call: Call) -> Reply:
    """Page through the bans; at most one filter, where an exact one hides the fuzzy one of the same name."""
    bans = call.deployment.part(Access).bans
    page, limit = call.query["page"], call.query["limit"]
    exact = {name: call.query[name] for name in _EXACT if name in call.query}
    fuzzy = {
        name: call.query[name] for name in _FUZZY if name in call.query and name.removeprefix("like_") not in exact
    }
    if len(exact) + len(fuzzy) > 1:
        raise _bad_request("too_many_filters")
    if exact:
        return Reply(200, _exactly(bans, *exact.popitem(), page, limit))
    listed = bans.listed()
    if not fuzzy:
        answer = envelope([ban.shown() for ban in listed], page, limit, call.deployment.traits)
        del answer["meta"]["hasnext"]  # erratum A5
        return Reply(200, answer)
    ((name, text),) = fuzzy.items()
    try:
        pattern = compile_pattern(text)
    except BadSubject as error:
        message = {"filter": text, "reason": str(error), "message": "The filter is not a valid regular expression"}
        raise _bad_request(json.dumps(message)) from None
    hits = [ban.shown() for ban in listed if ban.kind in _FUZZY[name] and pattern.search(ban.who)]
    return Reply(200, envelope(hits, page, limit, call.deployment.traits, countable=False))


@handles("POST /banned")
async def create_ban(call: Call) -> Reply:
    """Ban a subject; a live client with a banned client id is disconnected at once (BAN-02)."""
    bans = call.deployment.part(Access).bans
    body: dict[str, Any] = call.body
    try:
        ban = _parsed(bans, body)
    except (BadSubject, BadTime) as error:
        raise _bad_request(str(error)) from None
    now = time.time()
    if not ban.active(now):
        raise _bad_request(f"Cannot create expired banned, {ban.at} to {ban.until}")
    known = bans.find(ban.kind, ban.who)
    if known is not None and known.active(now):
        raise ApiError(400, "ALREADY_EXISTS", json.dumps(known.shown(), ensure_ascii=False, separators=(",", ":")))
    if call.deployment.has(Defect.EQUAL_CREATIONS_AT_ONCE):
        await call.deployment.part(Access).writes.wait(f"{ban.kind} {ban.who}")
    bans.put(ban)
    if ban.kind == "clientid":
        call.deployment.part(Broker).kick(ban.who)
    return Reply(200, ban.shown())


@handles("DELETE /banned")
def clear_bans(call: Call) -> Reply:
    """Lift every ban."""
    call.deployment.part(Access).bans.clear()
    return Reply(204)


@handles("DELETE /banned/{as}/{who}")
def delete_ban(call: Call) -> Reply:
    """Lift one ban; 400 for a subject that cannot be (or a crash: BAN-07)."""
    bans = call.deployment.part(Access).bans
    kind, who = call.path["as"], call.path["who"]
    try:
        subject = bans.normalise(kind, who)
    except BadSubject as error:
        if call.deployment.has(Defect.BAN_OF_NONSENSE):
            raise Crash("function_clause") from None
        raise _bad_request(str(error)) from None
    if not bans.remove(kind, subject):
        raise ApiError(404, "NOT_FOUND", f"{kind}: {who} not found")
    return Reply(204)


def _exactly(bans: BanTable, kind: str, who: str, page: int, limit: int) -> dict[str, Any]:
    """The whole match on every page: page and limit are only echoed (erratum D12)."""
    try:
        ban = bans.find(kind, bans.normalise(kind, who))
    except BadSubject as error:
        raise _bad_request(str(error)) from None
    data = [] if ban is None else [ban.shown()]
    return {"data": data, "meta": {"page": page, "limit": limit, "count": len(data), "hasnext": False}}


def _parsed(bans: BanTable, body: dict[str, Any]) -> Ban:
    until = body.get("until", INFINITY)
    return Ban(
        kind=body["as"],
        who=bans.normalise(body["as"], body["who"]),
        by=body.get("by", DEFAULT_BY),
        reason=body.get("reason", ""),
        at=parse_time(body["at"]) if "at" in body else int(time.time()),
        until=None if until == INFINITY else parse_time(until),
    )


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "BAD_REQUEST", message)
