"""What a mode left out is named, with the option that includes it."""

from conformance.report.left_out import left_out
from conformance.report.verdict import Selection, decide
from conformance.requirements import Requirement
from conformance.target.mode import Mode
from tests.report.samples import item


def skipped(operation, *requirements, needed):
    return item("test_x", operation, *requirements, outcome="skipped", needs_mode=needed)


def test_nothing_is_said_if_nothing_was_left_out():
    items = [item("test_a", "GET /rules", "RUL-01"), item("test_b", None, outcome="skipped")]
    assert list(left_out(items, Mode.EXCLUSIVE)) == []


def test_what_nothing_else_checks_is_named():
    items = [
        item("test_a", "DELETE /rules/{id}", "RUL-01"),
        skipped("DELETE /banned", "BAN-01", needed="exclusive"),
        skipped("DELETE /rules/{id}", "RUL-01", needed="exclusive"),
        skipped(None, "SCH-05", needed="disposable"),
    ]
    assert list(left_out(items, Mode.SANDBOXED)) == [
        "sandboxed: 2 items would run with --exclusive; not checked at all: DELETE /banned and BAN-01",
        "sandboxed: 1 item would run with --disposable; not checked at all: SCH-05",
    ]


def test_long_lists_are_counted():
    items = [skipped(f"POST /{name}", needed="exclusive" if name == "f" else "sandboxed") for name in "abcdef"]
    assert list(left_out(items, Mode.READ_ONLY)) == [
        "read-only: 6 items would run without --read-only; not checked at all: "
        "6 operations (POST /a, POST /b, POST /c, POST /d, ...)"
    ]


def test_requirement_on_answers_to_writes_is_skipped_in_a_read_only_run():
    empty = Requirement("GEN-13", "A 204 has no body.", "MUST", universal=True, of_writes=True)
    items = [item("test_a", "GET /rules", evidence={})]
    read_only = decide(items, Selection([empty], ["GET /rules"], mode=Mode.READ_ONLY))
    assert (read_only.verdict, read_only.requirements[0].outcome) == ("conformant", "skipped")
    assert "--read-only" in read_only.requirements[0].reason
    assert decide(items, Selection([empty], ["GET /rules"])).verdict == "inconclusive"


def test_requests_that_single_items_did_not_send_are_counted():
    items = [
        item("test_a", "POST /rules", "GEN-18", withheld={"disposable": 2}),
        item("test_b", "POST /rules", "GEN-29", withheld={"disposable": 1, "exclusive": 1}),
        item("test_c", "POST /rules", "GEN-29", outcome="skipped", needs_mode="disposable", withheld={"disposable": 9}),
    ]
    assert list(left_out(items, Mode.SANDBOXED)) == [
        "sandboxed: 1 item would run with --disposable",
        "sandboxed: 2 items would send 3 requests more with --disposable",
        "sandboxed: 1 item would send 1 request more with --exclusive",
    ]
