"""How many workers a run gets, unless the user says it."""

from __future__ import annotations

import math
import os

from conformance.catalogue.profiles import PROFILES
from conformance.target.guard.mode import Mode
from conformance.target.http.standby import FAR_S
from conformance.worker.plan import Plan

NEARBY = 2
"""Workers for a target nearby that does not let them wait: it answers as fast as two of them can ask."""

WAITED_FOR = 4
"""Workers for a server nearby whose effects are looked at: a half of the time they wait, for connections that do not
come, deliveries and counters. Four ask a real 5.8.9 240 times a second, two ask the embedded deployment 400 times."""

_OF_WAITING = 2
"""Those of them for each processor of this machine: while one waits, another asks."""

MOST = 8
"""Memory and the start of a process are not free, and a target that others use should notice no crowd."""

_OWN_S = 0.005
"""What the suite itself takes for a request: sends it, reads and checks the answer."""

_START_S, _ITEM_S, _REQUESTS_OF_ITEM = 3.0, 0.04, 6
"""Until a worker has collected its items; what one takes beside the way to the target, and how often it goes there."""

_PER_PROCESSOR = 8
"""Workers that mostly wait for a target far away, for each processor of this machine."""


def worth(plan: Plan) -> int:
    """How many workers ask a target together about as often as `NEARBY` of them ask one that is never waited for.

    So that what a target answers in a second does not depend on how far away it is, nor on how long it lets them wait.
    With ``--max-rps`` there are no more than can send that many.
    """
    latency_s = plan.capabilities.latency_s
    turn_s = _OWN_S + latency_s
    wanted = round(NEARBY * turn_s / _OWN_S) if latency_s >= FAR_S else _nearby(plan)
    limit = plan.configuration.max_rps
    if limit is not None:
        wanted = min(wanted, max(1, math.ceil(limit * turn_s)))
    return max(1, min(wanted, MOST, _PER_PROCESSOR * (os.cpu_count() or 1)))


def _nearby(plan: Plan) -> int:
    """A sample waits for little, reads wait for nothing, and nor does the embedded deployment."""
    configuration = plan.configuration
    waits = configuration.mode > Mode.READ_ONLY and PROFILES[configuration.profile].budget is None
    if configuration.embedded or not waits:
        return NEARBY
    return max(NEARBY, min(WAITED_FOR, _OF_WAITING * (os.cpu_count() or 1)))


def reads_at_once(plan: Plan) -> int:
    """How many reads one process sends side by side while no other asks; nearby that gains nothing."""
    return worth(plan) if plan.capabilities.latency_s >= FAR_S else 1


def is_little(items: int, plan: Plan) -> bool:
    """Whether so many items are done before a worker has started."""
    return items * (_ITEM_S + _REQUESTS_OF_ITEM * plan.capabilities.latency_s) < _START_S


def sentence(plan: Plan, workers: int) -> str:
    """How many there are, and what it depends on: ``8 workers (a read takes 52 ms, a configuration write 0.21 s)``.

    Where they are more because a server is waited for, that is said as well.
    """
    capabilities = plan.capabilities
    told = f"a read takes {capabilities.latency_s * 1000:.0f} ms"
    if capabilities.write_price_s is not None:
        told += f", a configuration write {capabilities.write_price_s + capabilities.latency_s:.2g} s"
    if capabilities.latency_s < FAR_S and NEARBY < workers <= _nearby(plan):
        told += ", and a server lets a run wait"
    return f"{'one process' if workers < 2 else f'{workers} workers'} ({told})"
