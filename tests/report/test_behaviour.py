"""How two targets answered the same requests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance.report.behaviour import (
    BehaviourComparison,
    Observed,
    as_line,
    compare_behaviour,
    read_behaviour,
    steady,
)
from conformance.report.behaviour_formats import BEHAVIOUR_FORMATS, Compared, Side
from conformance.report.errors import ReportError
from conformance.report.schemas import schema
from conformance.report.shapes import shape_of
from conformance.result import RunResult
from tests.report.samples import HOSTILE, failing_items, good_items, run_of
from tests.report.test_comparison import Reader

SCHEMA = Draft202012Validator(schema("behaviour.json"))


def seen(request: str, status: int = 200, body: Any = None, **fields: Any) -> Observed:
    """An answer to ``request``, in which only the method and what is sent count."""
    operation = " ".join(request.split()[:2])
    defaults: dict[str, Any] = {
        "item": "conformance/x.py::test_x", "operation": operation, "key": request, "request": request,
        "status": status, "code": body.get("code", "") if isinstance(body, dict) else "",
        "media_type": "application/json", "shape": shape_of(body, lambda text: True),
    }  # fmt: skip
    return Observed(**{**defaults, **fields})


def told(one: Sequence[Observed], other: Sequence[Observed]) -> list[tuple[str, str, str, str]]:
    return [entry.key for entry in compare_behaviour(one, other).differences]


def test_status_code_media_type_and_shape() -> None:
    one = [seen("POST /rules", 201), seen("GET /rules", body=[{"a": 1}]), seen("GET /banned"), seen("GET /actions")]
    other = [
        seen("POST /rules", 400, {"code": "BAD_REQUEST"}), seen("GET /rules", body=[{"a": "1"}]),
        seen("GET /banned", media_type="text/plain"), seen("GET /actions"),
    ]  # fmt: skip
    assert told(one, other) == [
        ("POST /rules", "status", "201", "400 BAD_REQUEST"),
        ("GET /banned", "media type", "application/json", "text/plain"),
        ("GET /rules", "/*/a", "200: number", "200: string"),
    ]
    assert told(one, one) == []


def test_same_status_with_another_code_differs() -> None:
    one, other = (seen("GET /rules/x", 404, {"code": code}) for code in ("NOT_FOUND", "RULE_NOT_FOUND"))
    assert told([one], [other]) == [("GET /rules/x", "status", "404 NOT_FOUND", "404 RULE_NOT_FOUND")]


def test_waiting_makes_no_difference() -> None:
    write = seen("PUT /rules/x")
    quick = [write, seen("GET /rules/x"), seen("GET /banned")]
    slow = [write, seen("GET /rules/x", 404), seen("GET /banned", 404), seen("GET /rules/x"), seen("GET /banned")]
    assert told(quick, slow) == []
    comparison = compare_behaviour(quick, slow)
    assert comparison.unmatched == (0, 0)
    assert comparison.compared == {"PUT /rules/x": 1, "GET /rules/x": 1, "GET /banned": 1}
    again = [*quick, write, seen("GET /rules/x", 404)]
    assert told(again, [*quick, write, seen("GET /rules/x")]) == [("GET /rules/x", "status", "404", "200")]


def test_equal_requests_at_once_are_compared_as_a_whole() -> None:
    won, lost = seen("POST /rules", 201), seen("POST /rules", 400, {"code": "ALREADY_EXISTS"})
    assert told([won, lost, lost], [lost, won, lost]) == []
    assert told([won, lost, lost], [won, won, won]) == [
        ("POST /rules", "status", "201 once, 400 ALREADY_EXISTS 2 times", "201 3 times")
    ]


def test_items_go_on_from_what_they_were_answered() -> None:
    one = [seen("POST /rules", 201), seen("GET /rules/x"), seen("DELETE /rules/x", 204)]
    comparison = compare_behaviour(one, [seen("POST /rules", 500), seen("DELETE /rules/x", 404)])
    assert [entry.operation for entry in comparison.differences] == ["DELETE /rules/x", "POST /rules"]
    assert comparison.unmatched == (1, 0)
    assert comparison.half_asked == ["GET /rules/x"]


def test_items_of_one_side_are_not_compared() -> None:
    one = [seen("GET /rules"), seen("GET /banned", item="conformance/x.py::test_y")]
    comparison = compare_behaviour(one, one[:1])
    assert comparison.one_sided == (["conformance/x.py::test_y"], [])
    assert (comparison.items, comparison.half_asked) == (1, ["GET /banned"])


def test_only_what_shows_again_is_steady() -> None:
    first = compare_behaviour(
        [seen("GET /rules"), seen("GET /banned")], [seen("GET /rules", 500), seen("GET /banned", 404)]
    )
    again = compare_behaviour([seen("GET /rules")], [seen("GET /rules", 500)])
    kept, unsteady = steady(first, again)
    assert [entry.operation for entry in kept] == ["GET /rules"]
    assert [entry.operation for entry in unsteady] == ["GET /banned"]


def test_how_often_equal_requests_lost_is_chance() -> None:
    won, lost = seen("POST /rules", 201), seen("POST /rules", 400, {"code": "ALREADY_EXISTS"})
    assert told([won, lost, lost], [won, won, lost]) == []
    first = compare_behaviour([won, lost, lost], [won, won, won])
    kept, unsteady = steady(first, compare_behaviour([won, won, lost], [won, won, won]))
    assert (len(kept), unsteady) == (1, [])


def test_observations_are_read_as_they_were_kept(tmp_path: Path) -> None:
    entry = seen("GET /rules", body=[{"a": 1, "b": None}])
    pointers = {pointer: sorted(kinds) for pointer, kinds in entry.shape.items()}
    lines = [{"shape": 0, "pointers": pointers}, as_line(entry, 0), as_line(entry, 0)]
    (tmp_path / "behaviour-gw0.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert read_behaviour(tmp_path) == [entry, entry]


@pytest.mark.parametrize("line", ["{", "[]", '{"shape": 1}', '{"shape": 0, "pointers": 5}'])
def test_what_is_no_observation_is_one_sentence(line: str, tmp_path: Path) -> None:
    (tmp_path / "behaviour-gw0.jsonl").write_text(line)
    with pytest.raises(ReportError, match="line 1 is no observation"):
        read_behaviour(tmp_path)


def compared(comparison: BehaviourComparison, *runs: RunResult, folder: Path = Path("reports/compare")) -> Compared:
    return Compared(
        comparison, [], [Side(run) for run in runs or (run_of(good_items()), run_of(failing_items()))], folder
    )


SAME = compare_behaviour([seen("GET /rules")], [seen("GET /rules")])
DIFFERENT = compare_behaviour([seen("GET /rules")], [seen("GET /rules", 500)])
HALF = compare_behaviour([seen("GET /rules"), seen("GET /banned")], [seen("GET /rules")])


@pytest.mark.parametrize(("comparison", "result", "sentence"), [
    (SAME, "same", "1 request to 1 operation compared, in 1 item."),
    (DIFFERENT, "different", "GET /rules: status: 200 -> 500 (1 request)"),
    (HALF, "undecided", "Only one target answered 1 operation: GET /banned."),
    (BehaviourComparison(), "undecided", "No request was answered by both targets."),
])  # fmt: skip
def test_result_in_every_format(comparison: BehaviourComparison, result: str, sentence: str) -> None:
    found = compared(comparison)
    assert found.result == result
    text = BEHAVIOUR_FORMATS["text"](found)
    assert sentence in text
    assert text.endswith(f"\n{result}\n")
    document = json.loads(BEHAVIOUR_FORMATS["json"](found))
    SCHEMA.validate(document)
    assert document["result"] == result
    assert {"same": "The same", "different": "Different", "undecided": "Undecided"}[result] in Reader(
        BEHAVIOUR_FORMATS["html"](found)
    ).text


def test_an_inconclusive_run_decides_nothing() -> None:
    lost = run_of(good_items(), base_url="http://lost/api/v5")
    lost.verdict, lost.reasons = "inconclusive", ["the target was lost"]
    found = compared(BehaviourComparison(), run_of(good_items()), lost)
    assert found.undecided == ["The run against http://lost/api/v5 is inconclusive: the target was lost"]
    assert compared(DIFFERENT, run_of(good_items()), lost).result == "different"


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_target_says_acts(text: str) -> None:
    one = replace(seen("GET /rules"), request=f"GET {text}")
    other = seen("GET /rules", 400, code=text)
    found = compared(compare_behaviour([one], [other]), run_of(good_items(), target_version=text), run_of(good_items()))
    page = Reader(BEHAVIOUR_FORMATS["html"](found))
    assert not page.elements.keys() & {"script", "img"}
    assert "\x1b" not in page.text + BEHAVIOUR_FORMATS["text"](found)
    SCHEMA.validate(json.loads(BEHAVIOUR_FORMATS["json"](found)))
