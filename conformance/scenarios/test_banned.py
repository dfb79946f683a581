"""Bans, as the API keeps them (BAN)."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.scenarios.clocks import CLOCK_TOLERANCE_S
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import Sandbox
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.state("bans")]

LIST, CREATE, DELETE, CLEAR = "GET /banned", "POST /banned", f"DELETE {paths.BAN}", "DELETE /banned"

KINDS = ("clientid", "username", "peerhost", "clientid_re", "username_re", "peerhost_net")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def subject(sandbox: Sandbox, kind: str) -> str:
    """Somebody inside the sandbox, or an address nobody has."""
    if kind == "peerhost":
        return sandbox.address()
    if kind == "peerhost_net":
        return f"{sandbox.address()}/32"
    name = sandbox.name("banned")
    return f"^{name}$" if kind.endswith("_re") else name


def find(target: Target, kind: str, who: str) -> dict[str, Any] | None:
    return next((ban for ban in target.bans.listed() if (ban["as"], ban["who"]) == (kind, who)), None)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@requirement("BAN-05", CREATE, LIST)
@EVERY_KIND
def test_defaults_are_filled_in(target: Target, kind: str) -> None:
    """A ban of any kind lasts for ever, begins now and is by mgmt_api unless it says otherwise; it is listed so."""
    who = subject(target.sandbox, kind)
    ban = target.api.call(CREATE, json=target.bans.body(kind=kind, who=who)).expect(200).json

    assert (ban["as"], ban["who"], ban["until"], ban["by"]) == (kind, who, "infinity", "mgmt_api"), f"created: {ban}"
    age = (datetime.now(UTC) - instant(ban["at"])).total_seconds()
    assert abs(age) < CLOCK_TOLERANCE_S, f"the ban began at {ban['at']}, not now"
    assert find(target, kind, who) == ban, f"the list shows {find(target, kind, who)}, created was {ban}"


@requirement("BAN-05", CREATE, LIST)
@pytest.mark.parametrize("form", ["epoch", "offset"])
def test_instants_are_kept(target: Target, form: str) -> None:
    """Begin and end of a ban are kept however they are written: as epoch seconds or RFC 3339 with any offset."""
    begin, end = datetime(2021, 10, 25, 13, 48, 47, tzinfo=UTC), datetime(2053, 10, 25, 13, 53, 47, tzinfo=UTC)

    def written(moment: datetime) -> Any:
        east = timezone(timedelta(hours=8))
        return int(moment.timestamp()) if form == "epoch" else moment.astimezone(east).isoformat()

    identifier = target.bans.create(at=written(begin), until=written(end), by="conformance", reason="why")
    kind, _, who = identifier.partition("/")
    ban = find(target, kind, who)
    assert ban is not None, "the ban is not listed"
    assert (instant(ban["at"]), instant(ban["until"])) == (begin, end), f"listed from {ban['at']} until {ban['until']}"
    assert (ban["by"], ban["reason"]) == ("conformance", "why"), f"listed by {ban['by']}, because of {ban['reason']}"


@requirement("BAN-03", CREATE)
@EVERY_KIND
def test_ban_exists_once(target: Target, kind: str) -> None:
    """A second ban of the same subject is refused with 400 ALREADY_EXISTS, whose message shows the first."""
    body = target.bans.body(kind=kind, who=subject(target.sandbox, kind))
    first = target.api.call(CREATE, json=body).expect(200).json

    second = target.api.call(CREATE, json={**body, "reason": "another"}).expect(400, code="ALREADY_EXISTS")
    shown = json.loads(second.json["message"])
    assert (shown["as"], shown["who"]) == (first["as"], first["who"]), f"the refusal shows {shown}"
    assert find(target, kind, body["who"]) == first, "the refused request changed the ban"


@requirement("BAN-03", CREATE)
def test_ban_cannot_be_over(target: Target) -> None:
    """A ban that would have ended already is refused with 400 and not kept."""
    target.bans.create(until=int(time.time()) + 3600)

    for until in (1, "2001-01-01T00:00:00Z"):
        body = target.bans.body(until=until)
        target.api.call(CREATE, json=body).expect(400, code="BAD_REQUEST")
        assert find(target, body["as"], body["who"]) is None, f"a ban until {until} is kept"


@requirement("BAN-09", CREATE)
@pytest.mark.parametrize(
    ("kind", "who"),
    [("clientid_re", "^{}["), ("username_re", "^{}("), ("peerhost", "{}"), ("peerhost_net", "{}")],
)
def test_who_must_fit_its_kind(target: Target, kind: str, who: str) -> None:
    """A ban whose subject is no regular expression, address or network, though its kind says so, is refused: 400."""
    target.bans.create(kind=kind, who=subject(target.sandbox, kind))
    wrong = who.format(target.sandbox.name("broken"))
    body = target.bans.body(kind=kind, who=wrong)
    target.api.call(CREATE, json=body).expect(400, code="BAD_REQUEST")
    assert find(target, kind, wrong) is None, f"the refused ban of {wrong} is listed"


@requirement("BAN-10", CREATE, LIST, DELETE)
def test_addresses_are_normalised(target: Target) -> None:
    """Addresses and networks are shown in their usual form, host bits cleared, and lifted under it or another one."""
    host = target.sandbox.address()
    cases = (
        ("peerhost", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("peerhost_net", f"{host}/28", f"{host.rpartition('.')[0]}.{int(host.rpartition('.')[2]) // 16 * 16}/28"),
        ("peerhost_net", "2001:DB8::1:2/112", "2001:db8::1:0/112"),
        ("peerhost_net", host, f"{host}/32"),
    )
    for kind, written, shown in cases:
        for form in (shown, written):
            ban = target.api.call(CREATE, json=target.bans.body(kind=kind, who=written)).expect(200).json
            assert ban["who"] == shown, f"{written} is shown as {ban['who']}, expected {shown}"
            target.bans.delete(f"{kind}/{form}").expect(204)
            assert find(target, kind, shown) is None, f"{shown} is listed after it was lifted as {form}"


@requirement("BAN-06", DELETE)
@EVERY_KIND
def test_lifted_ban_is_gone(target: Target, kind: str) -> None:
    """A lifted ban, and no other, is not listed any more; lifting it again or lifting an unknown one answers 404."""
    identifier = target.bans.create(kind=kind, who=subject(target.sandbox, kind))
    who = identifier.partition("/")[2]
    assert find(target, kind, who), "the ban is not listed"
    bare = who.strip("^$").removesuffix("/32")
    neighbours = [("peerhost", bare), ("peerhost_net", f"{bare}/32")]
    if not kind.startswith("peerhost"):
        neighbours = [
            ("clientid", bare),
            ("username", bare),
            ("clientid_re", f"^{bare}$"),
            ("username_re", f"^{bare}$"),
        ]
    neighbours.remove((kind, who))
    for neighbour, subject_of_it in neighbours:
        target.bans.create(kind=neighbour, who=subject_of_it)

    target.bans.delete(identifier).expect(204)
    assert find(target, kind, who) is None, "a lifted ban is still listed"
    for neighbour, subject_of_it in neighbours:
        assert find(target, neighbour, subject_of_it), (
            f"with {identifier} the ban of {neighbour} {subject_of_it} is gone"
        )
    target.bans.delete(identifier).expect(404, code="NOT_FOUND")
    target.bans.delete(f"{kind}/{subject(target.sandbox, kind)}").expect(404, code="NOT_FOUND")


@requirement("BAN-06", CLEAR, LIST)
@pytest.mark.mode(Mode.EXCLUSIVE, "it lifts all bans")
@pytest.mark.writes(CLEAR)
@pytest.mark.state("bans", alone=True)
def test_all_bans_are_lifted(target: Target) -> None:
    """DELETE of all bans leaves an empty list, and answers 204 also if it is empty."""
    target.bans.create()
    assert target.bans.listed(), "the list is empty although there is a ban"

    for _ in range(2):
        target.api.call(CLEAR).expect(204)
        assert target.bans.listed() == [], "bans are left after all were lifted"


@requirement("BAN-07", DELETE, level="SHOULD")
@pytest.mark.parametrize(
    ("kind", "who"), [("peerhost", "{}"), ("peerhost_net", "{}"), ("clientid_re", "^{}["), ("username_re", "^{}(")]
)
def test_lifting_nonsense_is_refused(target: Target, kind: str, who: str) -> None:
    """Lifting a ban whose subject cannot be of its kind is refused with 400 or 404."""
    nonsense = who.format(target.sandbox.name("nonsense"))
    target.bans.delete(f"{kind}/{nonsense}").expect(400, 404)


@requirement("BAN-08", LIST)
def test_filters_exclude_each_other(target: Target) -> None:
    """The list of bans takes one filter; two different ones are refused with 400."""
    who = target.sandbox.name("banned")
    target.bans.create(kind="clientid", who=who)
    target.bans.create(kind="username", who=who)

    for kind in ("clientid", "username"):
        found = [(ban["as"], ban["who"]) for ban in target.bans.listed(**{kind: who})]
        assert found == [(kind, who)], f"the filter {kind} finds {found}"
        fuzzy = [(ban["as"], ban["who"]) for ban in target.bans.listed(**{f"like_{kind}": f"^{who}$"})]
        assert fuzzy == [(kind, who)], f"the filter like_{kind} finds {fuzzy}"
    values = {"clientid": who, "username": who, "peerhost": "192.0.2.1"}
    values |= {f"like_{name}": value for name, value in (*values.items(), ("peerhost_net", "192"))}
    for first, second in combinations(values, 2):
        if first != second.removeprefix("like_"):  # of these the exact one is taken
            query = {first: values[first], second: values[second]}
            target.api.call(LIST, query=query).expect(400, code="BAD_REQUEST")
