"""GET /rule_events is listed as different; this proves that only its texts are."""

from __future__ import annotations

from typing import Any

from tests.fidelity.comparison import Comparison
from tests.fidelity.http_exchange import RestClient
from tests.fidelity.live import LiveDeployment, authorization_headers
from tests.fidelity.recording import load_script
from tests.recorded import RECORDED


def test_events_and_their_columns_are_the_recorded_ones():
    (step,) = (step for step in load_script("rule_events_live").steps if step.name == "rule_events")
    deployment = LiveDeployment(traits=RECORDED)
    try:
        answer = RestClient(deployment.rest, authorization_headers()).send(step.line["request"])
    finally:
        deployment.close()
    recorded = [_without_texts(event) for event in step.line["response"]["body"]]
    seen = [_without_texts(event) for event in answer.shown["body"]]
    assert Comparison([], [""]).differences(recorded, seen) == []


def _without_texts(event: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in event.items() if name not in ("title", "description", "test_columns")}
    # Most columns have an example and a text that explains it, some the example alone.
    examples = {name: pair[0] if isinstance(pair, list) else pair for name, pair in event["test_columns"].items()}
    return {**shown, "test_columns": examples}
