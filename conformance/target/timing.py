"""Waiting for a target: how long a conformant one may take, and how to wait for it (poll with a deadline, never sleep).

Whoever waits takes its bound from the `Timing` of the target, so that one word of the user changes all of them:
``--patience 2x``, or single ones in ``targets.toml``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from conformance.target.durations import duration_s

Value = TypeVar("Value")

LAG_BETWEEN_NODES_S = 0.5
"""By how much reads may lag behind writes where several nodes answer and nothing else is said."""

LONGEST_S = 86_400.0
"""The most that a bound may be set to; a wait of more than a day waits for nothing."""

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The longest times in seconds that a conformant target may take.

    Answers over HTTP and MQTT:
    ``connected``: until a TCP or TLS connection is there; ``silence``: between two bytes of an answer;
    ``heartbeat``: the same while it is found out whether the target still lives; ``recovered``: until a target that
    does not answer is given up; ``throttled``: in which it may refuse one request with 429; ``acknowledged``: until the
    broker answers CONNECT, SUBSCRIBE or PUBLISH.

    Effects:
    ``eventually``: until the effect of a request shows (requirements say "eventually"); ``received``: until a message
    reaches an MQTT client; ``delivered``: until an action delivers, whose first delivery may wait for a health check
    and a batch; ``redelivered``: the same after failures, with the pauses between attempts; ``batch``: until hundreds
    of messages have gone through a rule; ``statistics``: until counters of clients and subscriptions are up to date,
    which EMQX refreshes by a timer, some 15 s after the traffic; ``expired``: by which a message may outlive its
    expiry interval; ``unbanned``: by which a ban may outlive its end.

    The end of a run:
    ``deleted``: until what is deleted asynchronously is gone; ``retained``: until a message is stored whose publish was
    answered; ``cleaned``: in which a deletion that is refused is tried again; ``vanished``: until what was left by
    closed sessions is gone; ``inventory``: for reading every collection.

    ``shrink``: how long shorter programs are looked for once a model disagrees; each costs configuration writes.

    ``lag``: by how much reads may lag behind writes (``--replication-lag``).
    """

    connected: float = 5.0
    silence: float = 30.0
    heartbeat: float = 5.0
    recovered: float = 5.0
    throttled: float = 60.0
    acknowledged: float = 10.0
    eventually: float = 5.0
    received: float = 5.0
    delivered: float = 10.0
    redelivered: float = 30.0
    batch: float = 30.0
    statistics: float = 25.0
    expired: float = 9.0
    unbanned: float = 5.0
    deleted: float = 5.0
    retained: float = 1.0
    cleaned: float = 4.3
    vanished: float = 3.7
    inventory: float = 60.0
    shrink: float = 20.0
    lag: float = 0.0

    def stretched(self, factor: float) -> Timing:
        """All bounds ``factor`` times as long; the lag stays, which is a fact about the target and no bound."""
        return replace(self, **{name: getattr(self, name) * factor for name in BOUNDS})

    def with_settings(self, settings: Mapping[str, Any]) -> Timing:
        """Bounds set by their names, as seconds or as durations (``"90s"``); raises ValueError with one sentence."""
        unknown = sorted(settings.keys() - set(BOUNDS))
        if unknown:
            raise ValueError(f"there is no bound {', '.join(unknown)}, only {', '.join(BOUNDS)}")
        return replace(self, **{name: _seconds(name, value) for name, value in settings.items()})

    def sentences(self) -> list[str]:
        """What is unusual, for the head of a report."""
        changes = self.changes()
        if not changes:
            return []
        factors = {round(value / _DEFAULTS[name], 6) for name, value in changes.items()}
        if len(factors) == 1 and len(changes) == len(BOUNDS):
            return [f"it is waited for {factors.pop():g} times as long as usual (--patience)"]
        told = ", ".join(f"{name} {value:g} s" for name, value in changes.items())
        return [f"it may take other times than usual: {told}"]

    def changes(self) -> dict[str, float]:
        """The bounds that are not the default ones."""
        return {name: value for name, value in asdict(self).items() if name in BOUNDS and value != _DEFAULTS[name]}


BOUNDS: tuple[str, ...] = tuple(field.name for field in fields(Timing) if field.name != "lag")
"""Names of what ``--patience`` stretches and ``targets.toml`` sets."""

_DEFAULTS = asdict(Timing())


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, str):
        value = duration_s(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_S:
        raise ValueError(f"{name} = {value!r} is no duration of up to a day")
    return float(value)


def eventually(probe: Callable[[], Value], within_s: float) -> Value:
    """Call ``probe`` until it returns something true or the time is over; returns its last value."""
    end = time.monotonic() + within_s
    pause = _FIRST_PAUSE_S
    while True:
        value = probe()
        if value or time.monotonic() >= end:
            return value
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


class Settling:
    """Waits until what was written can be read wherever the next request ends up.

    Behind a load balancer the nodes of a cluster learn of each other's writes with a delay, which is no defect.
    """

    def __init__(self) -> None:
        self._settled_at = 0.0

    def wrote(self, lag_s: float) -> None:
        """Something was written now, and reads may lag behind by ``lag_s`` seconds."""
        self._settled_at = time.monotonic() + lag_s

    def wait(self) -> None:
        """Return as soon as every node knows what was written."""
        remaining = self._settled_at - time.monotonic()
        if remaining > 0:
            time.sleep(remaining)
