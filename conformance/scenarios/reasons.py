"""Why a connector or action is not connected, as it says itself (CON)."""

from __future__ import annotations

from conformance.checks.recorder import Recorder
from conformance.target.resources.bridges import Bridges

REASON_TOLD = "A connector or action that is disconnected says why in `status_reason`, and for each of its nodes."
"""What CON-29 says, which two items verify."""


def expect_reason(collection: Bridges, identifier: str, recorder: Recorder) -> None:
    """Decide CON-29 by what a connector or action is that cannot reach its server."""
    answer = collection.get(identifier).expect(200)
    states = {"the whole": answer.json, **{node["node"]: node for node in answer.json["node_status"]}}
    silent = [whose for whose, told in states.items()
              if told["status"] == "disconnected" and not told.get("status_reason")]  # fmt: skip
    message = f"{identifier} is disconnected and does not say why: no status_reason of {' and '.join(silent)}"
    recorder.expect(not silent, "CON-29", "reason_told", message, answer)
