"""What the recorder makes of requests that were sent again, and how long answers took."""

from __future__ import annotations

from dataclasses import replace

from conformance.checks.recorder import Recorder
from conformance.target.http.answer import Answer, Sent
from conformance.target.redaction import Redactor

AGAIN = "sent again on a new connection, because the one before was closed after use (reset)"


def answer(method: str = "GET", *again: str, request_id: str = "1") -> Answer:
    sent = Sent(method, "/rules", {}, b"", "basic", request_id, list(again))
    return Answer(f"{method} /rules", sent, 200, {}, b"{}", 0.0)


def recorder() -> Recorder:
    made = Recorder(Redactor((), frozenset()), "gw0")
    made.begin("item", ("GEN-28",), None)
    return made


def test_failure_says_that_its_request_was_sent_again() -> None:
    made = recorder()
    made.failed("GEN-28", "accepts_valid", "refused", answer("GET", AGAIN))
    (failure,) = made.failures
    assert failure.message == f"refused ({AGAIN})"
    assert AGAIN in str(failure.exchange)
    assert made.doubted == []


def test_nothing_is_concluded_behind_a_write_that_may_have_been_carried_out_twice() -> None:
    made = recorder()
    made.failed("GEN-28", "accepts_valid", "before", answer("POST"))
    twice = answer("POST", AGAIN, request_id="2")
    made.repeated(twice.sent)
    made.failed("GEN-28", "accepts_valid", "after", answer("GET", request_id="3"))
    made.failed("GEN-28", "accepts_valid", "itself", twice)
    made.failed("RUL-26", "twice", "no exchange")
    assert [failure.message for failure in made.failures] == ["before"]
    note = f"POST /rules (request id 2) was {AGAIN}"
    assert made.doubted == [f"after ({note})", f"itself ({AGAIN})", f"no exchange ({note})"]
    assert made.evidence["RUL-26"] == 0


def test_what_an_answer_shows_by_itself_counts_all_the_same() -> None:
    made = recorder()
    twice = answer("POST", AGAIN)
    made.repeated(twice.sent)
    made.failed("GEN-14", "response_schema", "no object", answer("GET", request_id="3"), by_itself=True)
    assert [failure.requirement for failure in made.failures] == ["GEN-14"]
    assert AGAIN in made.failures[0].message


def test_doubts_end_with_the_item() -> None:
    made = recorder()
    made.repeated(answer("POST", AGAIN).sent)
    made.failed("GEN-28", "accepts_valid", "refused", answer())
    made.begin("next", ("GEN-28",), None)
    made.failed("GEN-28", "accepts_valid", "refused", answer())
    assert (len(made.failures), made.doubted) == (1, [])


def test_latencies_are_those_of_the_item() -> None:
    made = recorder()
    for elapsed_s in (0.004, 0.0045, 2.5):
        made.saw(replace(answer(), elapsed_s=elapsed_s))
    assert made.result().latencies == {"GET /rules": {"5": 2, "3000": 1}}
    made.begin("next", ("GEN-28",), None)
    assert made.result().latencies == {}
