"""Is the target still there, and still the one the run began with?

Asked when a request stays unanswered, and before an item is failed: what a dying, restarted or replaced target answers
says nothing about its conformance.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import requests

from conformance.target.errors import TargetChanged, TargetLost
from conformance.target.http.answer import Answer
from conformance.target.http.patience import reason_of
from conformance.target.redaction import Redactor

HEARTBEAT = "/action_types"
"""A cheap read that every target answers (the preflight made sure of it)."""

_PAUSES = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Pauses between heartbeats, each as its share of the time that a target has to recover."""

_NODES = "/nodes"
# What the clocks of suite and target may drift apart over a run before a restart is suspected.
_SLACK_S = 1.0
_SLACK = 0.02


class Health:
    """The health of one target; ``probe`` sends one GET without retries, ``redact`` hides secrets in what came back.

    ``recovery``: tells after how many seconds to give up. ``began``: when the target was known to run
    (`time.monotonic`, which all processes of a machine share).
    """

    def __init__(self, probe: Callable[[str], Answer], redact: Redactor, recovery: Callable[[], float]) -> None:
        self._probe = probe
        self._redact = redact
        self._recovery = recovery
        self.began = time.monotonic()

    def problem(self) -> TargetLost | None:
        """Why nothing can be decided on this target any more, None if it is healthy."""
        problem: TargetLost | None = None
        for share in _PAUSES:
            time.sleep(share * self._recovery())
            problem = self._heartbeat()
            if problem is None:
                return self.restart()
        return problem

    def restart(self) -> TargetChanged | None:
        """Whether a node started after the run began; None too where the target does not tell (``GET /nodes``)."""
        elapsed = time.monotonic() - self.began
        for node, uptime in self.uptimes().items():
            if uptime < elapsed * (1 - _SLACK) - _SLACK_S:
                return TargetChanged(
                    f"the target restarted in mid-run: {node} is up for {uptime:.0f} s, the run for {elapsed:.0f} s"
                )
        return None

    def uptimes(self) -> dict[str, float]:
        """Seconds since each node started, as far as the target tells."""
        try:
            answer = self._probe(_NODES)
        except requests.RequestException:
            return {}
        nodes = answer.json if answer.status == 200 and answer.is_json else None
        return {
            str(node.get("node", "a node")): node["uptime"] / 1000
            for node in (nodes if isinstance(nodes, list) else ())
            if isinstance(node, dict) and type(node.get("uptime")) is int
        }

    def _heartbeat(self) -> TargetLost | None:
        try:
            answer = self._probe(HEARTBEAT)
        except requests.RequestException as error:
            return TargetLost(f"the target stopped answering ({reason_of(error, self._redact)})")
        what = self._redact(answer.code or answer.media_type)
        said = f"GET {HEARTBEAT} answered {answer.status} {what:.60}".rstrip()
        if answer.status == 200 and answer.is_json:
            return None
        if answer.status == 429:
            return rate_limited(f"GET {HEARTBEAT}")
        if answer.status >= 500:
            return TargetLost(f"the target is not ready any more: {said}")
        if answer.status in (401, 403):
            return TargetChanged(f"the target refuses the credentials since mid-run: {said}")
        return TargetChanged(f"what answers since mid-run is no EMQX API: {said}")


def rate_limited(request: str) -> TargetLost:
    return TargetLost(f"the target keeps answering 429 to {request} (rate limit): use --max-rps")
