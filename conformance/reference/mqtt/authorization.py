"""The per-client memory of authorization decisions (EMQX: 32 entries, one minute)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, NamedTuple

from conformance.reference.message import now_ms

Action = Literal["publish", "subscribe"]

MAX_ENTRIES = 32
TTL_MS = 60_000


class Access(NamedTuple):
    """What was asked; ``retain`` is None for a subscription."""

    action: Action
    topic: str
    qos: int
    retain: bool | None = None


class Decision(NamedTuple):
    """What was answered, and when (milliseconds)."""

    access: Access
    allowed: bool
    updated_at: int


class AuthorizationCache:
    """Decisions by access, oldest first out."""

    def __init__(self) -> None:
        self._decisions: OrderedDict[Access, Decision] = OrderedDict()

    def get(self, access: Access) -> bool | None:
        """The remembered decision, None if there is none or it is older than a minute."""
        decision = self._decisions.get(access)
        if decision is None or now_ms() - decision.updated_at >= TTL_MS:
            return None
        return decision.allowed

    def put(self, access: Access, allowed: bool) -> None:
        self._decisions.pop(access, None)
        if len(self._decisions) >= MAX_ENTRIES:
            self._decisions.popitem(last=False)
        self._decisions[access] = Decision(access, allowed, now_ms())

    def decisions(self) -> list[Decision]:
        """What is still valid, newest first."""
        oldest = now_ms() - TTL_MS
        return [decision for decision in reversed(self._decisions.values()) if decision.updated_at > oldest]

    def clear(self) -> None:
        self._decisions.clear()
