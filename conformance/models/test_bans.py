"""Bans: created once, refused twice, deleted, and gone when their time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st

from conformance.contract import paths
from conformance.models.machine import Model, invariant, rule
from conformance.requirements import requirement

pytestmark = [pytest.mark.model, pytest.mark.state("bans")]

CLOCK_TOLERANCE_S = 2.0
"""What the clocks of suite and target may differ, and what a target may take to let a ban end."""

KINDS = st.sampled_from(["clientid", "username", "clientid_re"])


class Bans(Model):
    """``bans``: ``as/who`` -> the instant it ends (seconds since the epoch, infinite without end)."""

    def __init__(self) -> None:
        super().__init__()
        self.bans: dict[str, float] = {}

    def _who(self, kind: str, number: int) -> str:
        name = self.name(str(number))
        return f"^{name}$" if kind.endswith("_re") else name

    @rule(kind=KINDS, number=st.integers(0, 2), lasting=st.none() | st.sampled_from([1, 3600]))
    def ban(self, kind: str, number: int, lasting: int | None) -> None:
        who = self._who(kind, number)
        identifier = f"{kind}/{who}"
        now = time.time()
        if self._ends_about_now(identifier, now):
            return
        until = float("inf") if lasting is None else now + CLOCK_TOLERANCE_S + lasting
        body = self.target.bans.body(kind=kind, who=who, until=None if lasting is None else rfc3339(until))
        answer = self.target.api.call("POST /banned", json=body)
        # What ended, or would have to begin, while a slow target was answering may be answered either way.
        answered = time.time() + CLOCK_TOLERANCE_S
        held = self.bans.get(identifier, 0)
        if held > answered:
            answer.expect(400, code="ALREADY_EXISTS")
        elif held < now and until > answered:
            answer.expect(200)
        else:
            answer.expect(200, 400)
        if answer.ok:
            self.bans[identifier] = until

    @rule(kind=KINDS, number=st.integers(0, 2))
    def lift(self, kind: str, number: int) -> None:
        who = self._who(kind, number)
        identifier = f"{kind}/{who}"
        ends = self.bans.pop(identifier, None)
        answer = self.target.bans.delete(identifier)
        if ends is None:
            answer.expect(404)
        elif ends > time.time() + CLOCK_TOLERANCE_S:
            answer.expect(204)
        else:
            answer.expect(204, 404)  # what is over may be purged already, or not yet

    @invariant()
    def list_is_the_model(self) -> None:
        """What holds is listed with its end; what is over may be listed until it is purged."""
        listed = {
            self.target.bans.identify(entry): entry["until"]
            for entry in self.target.bans.listed()
            if self.mark in str(entry["who"])
        }
        now = time.time()
        holding = {identifier for identifier, ends in self.bans.items() if ends > now + CLOCK_TOLERANCE_S}
        assert holding <= set(listed), f"{sorted(holding - set(listed))} should be listed"
        assert set(listed) <= set(self.bans), f"{sorted(set(listed) - set(self.bans))} should not be listed"
        for identifier in holding:
            ends = self.bans[identifier]
            shown = listed[identifier]
            instant = float("inf") if shown == "infinity" else datetime.fromisoformat(shown).timestamp()
            assert instant == ends or abs(instant - ends) <= 1, f"{identifier} ends at {shown}, expected {ends}"

    def _ends_about_now(self, identifier: str, now: float) -> bool:
        """Whether clocks decide if a ban still holds: then nothing can be demanded."""
        return abs(self.bans.get(identifier, 0) - now) <= CLOCK_TOLERANCE_S


def rfc3339(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")


@requirement("MDL-03", "GET /banned", "POST /banned", f"DELETE {paths.BAN}")
def test_bans(explore: Callable[[type[Model]], None]) -> None:
    """Whatever the order of writes, the bans that hold are listed, cannot be created again, and can be lifted."""
    explore(Bans)
