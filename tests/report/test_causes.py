"""Causes: every failure in exactly one, together what belongs together, the gravest first."""

from __future__ import annotations

import random
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalogue.registry import catalogue
from conformance.report.came import Came, came, constant
from conformance.report.causes import Cause, Grouping, causes, causes_of, failing, kind_of
from conformance.report.junit import render_junit
from conformance.report.security import SECURITY
from conformance.report.waiver_proposal import propose
from conformance.result import Failure, RequirementResult
from conformance.waivers.file import WaiverError, parse_waivers
from tests.report.samples import HOSTILE, failing_items, failure, run_of

SCENARIO = "conformance/scenarios/test_rules.py::test_x"
REQUIREMENTS = [
    RequirementResult("GEN-14", "Every body validates.", "MUST", "failed", []),
    RequirementResult("GEN-15", "No 5xx.", "SHOULD", "failed", []),
    RequirementResult("GEN-16", "No stack trace.", "SHOULD", "failed", []),
    RequirementResult("GEN-24", "No credentials.", "SHOULD", "failed", []),
    RequirementResult("RUL-21", "A body that is no object answers 400.", "SHOULD", "failed", []),
]


def answered(status: int, body: str, sent: str = "POST /rules\n\n5") -> str:
    return f"{sent}\n\n--- answer ---\n{status} after 3 ms\ncontent-type: application/json\n\n{body}"


def crash(reason: str, place: str = "minirest_handler,apply_callback,4") -> str:
    return f'{{"code":"INTERNAL_ERROR","message":"error, {reason}, [{{{place},[{{file,\\"x.erl\\"}},{{line,192}}]}}]"}}'


def seen(identifier: str, requirement: str, operation: str, check: str, message: str, **fields: object) -> Failure:
    defaults = {"id": identifier, "request_id": f"r-{identifier}", "item": SCENARIO, "exchange": None}
    return failure(requirement, operation, check=check, message=message, **{**defaults, **fields})


def crashed(identifier: str, operation: str, reason: str = "{badmap,[]}", **fields: object) -> Failure:
    exchange = answered(500, crash(reason))
    return seen(identifier, "GEN-15", operation, "no_server_error", "answered 500", exchange=exchange, **fields)


def groups(found: list[Cause]) -> set[frozenset[str]]:
    return {frozenset(f.id for f in (*cause.failures, *cause.consequences)) for cause in found}


def of(*failures: Failure) -> list[Cause]:
    return causes_of(failures, REQUIREMENTS)


kinds = st.sampled_from(["GET /rules", "POST /rules", "PUT /rules/{id}", "POST /connectors_probe", "GET /connectors"])
some_failures = st.lists(
    st.builds(
        Failure,
        requirement=st.sampled_from(["GEN-14", "GEN-15", "RUL-21", "XXX-1"]),
        operation=kinds | st.none(),
        check=st.sampled_from(["response_schema", "no_server_error", "x"]),
        message=st.sampled_from(["answered 500", "200: /data/0/a: wrong", "x is 5", "x is 7", *HOSTILE]) | st.text(),
        item=st.sampled_from([SCENARIO, "conformance/fuzz/test_operations.py::test_positive[GET /rules]", ""]),
        request_id=st.none() | st.sampled_from(["r-1", "r-2", "r-3"]),
        exchange=st.none()
        | st.text()
        | st.builds(answered, st.integers(0, 999), st.sampled_from([crash("badarg"), "", "{}", "[", *HOSTILE])),
        waived_by=st.none() | st.just("W-1"),
    ),
    max_size=12,
).map(lambda found: [replace_id(failure, f"gw0-{number}") for number, failure in enumerate(found)])


def replace_id(failure: Failure, identifier: str) -> Failure:
    failure.id = identifier
    return failure


@st.composite
def with_consequences(draw: st.DrawFn) -> list[Failure]:
    found = draw(some_failures)
    causes = [failure.id for failure in found] + ["gw9-1"]
    for one in found:
        if draw(st.booleans()):
            one.consequence_of = draw(st.sampled_from([identifier for identifier in causes if identifier != one.id]))
    return found


@given(with_consequences())
def test_every_failure_is_in_exactly_one_cause(found: list[Failure]) -> None:
    told = [f.id for cause in of(*found) for f in (*cause.failures, *cause.consequences)]
    assert sorted(told) == sorted(failure.id for failure in found)
    assert all(cause.failures for cause in of(*found))


@given(with_consequences(), st.randoms(use_true_random=False))
def test_the_order_of_failures_does_not_matter(found: list[Failure], shuffling: random.Random) -> None:
    shuffled = list(found)
    shuffling.shuffle(shuffled)
    assert groups(of(*found)) == groups(of(*shuffled))


@given(with_consequences())
def test_what_they_say_of_themselves(found: list[Failure]) -> None:
    told = of(*found)
    assert len({cause.id for cause in told}) == len(told)
    for cause in told:
        assert (cause.state == "failed") is any(f.counts for f in cause.failures)
        decisive = cause.counting or cause.failures
        assert set(cause.requirements) == {f.requirement for f in decisive}
        assert set(cause.operations) == {f.operation for f in decisive} - {None}
        assert len(cause.id) <= 64
        assert len(cause.came) <= 200
    states = [cause.state for cause in told]
    assert states == sorted(states)
    failed = failing(told)
    levels = [cause.level for cause in failed]
    assert levels == sorted(levels)


@given(st.text(), st.sampled_from(["", "'5' ", "200 "]))
def test_what_is_constant_of_a_text_stays_so(text: str, before: str) -> None:
    once = constant(before + text)
    assert constant(once) == once or "/" in once


@given(some_failures)
def test_a_cause_is_new_when_its_first_failure_comes(found: list[Failure]) -> None:
    grouping = Grouping()
    new = sum(grouping.root(number) == number for number in map(grouping.add, found))
    assert new >= len(of(*found))


def test_all_that_one_answer_breaks_is_one_cause_led_by_what_says_most() -> None:
    exchange = answered(500, crash("{badmap,[]}"))
    (cause,) = of(
        crashed("1", "POST /rules", request_id="r"),
        seen("2", "GEN-16", "POST /rules", "no_internals", "500 shows internals", request_id="r", exchange=exchange),
        seen("3", "RUL-21", "POST /rules", "body", "POST /rules answered 500", request_id="r", exchange=exchange),
    )
    assert cause.requirements == ("RUL-21", "GEN-15", "GEN-16")
    assert cause.headline == "A body that is no object answers 400. POST /rules: answered 500 (badmap)"
    assert cause.facts == "SHOULD, 3 requirements, 3 failures"
    assert cause.id == "rul-21-post-rules"


def test_a_crash_is_one_cause_for_one_kind_of_operation_or_in_one_place() -> None:
    one, other = crashed("1", "POST /rules"), crashed("2", "PUT /rules/{id}")
    assert groups(of(one, other)) == {frozenset({"1", "2"})}
    elsewhere, read = crashed("3", "POST /connectors"), crashed("4", "GET /rules")
    assert groups(of(one, elsewhere, read)) == {frozenset({"1"}), frozenset({"3"}), frozenset({"4"})}
    assert len(of(one, crashed("5", "POST /rules", "badarg"))) == 2
    placed = [answered(500, crash("badarg", "re,split,3")), answered(500, crash("function_clause", "re,split,3"))]
    found = [
        seen(str(number), "GEN-15", operation, "no_server_error", "answered 500", exchange=exchange)
        for number, (operation, exchange) in enumerate(zip(["POST /rules", "GET /clients"], placed, strict=True))
    ]
    assert len(of(*found)) == 1


def test_a_scenario_that_is_answered_alike_is_one_cause_whatever_the_operation() -> None:
    found = [
        seen(str(number), "RUL-21", operation, "exact", f"page {number} of 6 says {word}", item=f"{SCENARIO}[{number}]")
        for number, (operation, word) in enumerate([("GET /rules", "True"), ("GET /banned", "True"), ("GET /x", "no")])
    ]
    assert groups(of(*found)) == {frozenset({"0", "1"}), frozenset({"2"})}


def test_wordless_errors_are_one_cause_only_for_one_operation() -> None:
    found = [
        seen(str(n), "GEN-15", operation, "no_server_error", "answered 500", exchange=answered(500, ""))
        for n, operation in enumerate(["POST /rules", "POST /rules", "PUT /rules/{id}"])
    ]  # fmt: skip
    assert groups(of(*found)) == {frozenset({"0", "1"}), frozenset({"2"})}


def test_consequences_are_told_under_what_they_follow_from() -> None:
    own = seen("1", "RUL-21", "POST /rules", "refused", "answered 201")
    follows = seen("2", "GEN-14", "GET /rules", "response_schema", "200: /data/0/id: wrong", consequence_of="1")
    (cause,) = of(follows, own)
    assert (cause.failures, cause.consequences) == ((own,), (follows,))
    assert cause.level == "SHOULD", "what follows breaks nothing of its own"


def test_rank_must_before_should_security_before_the_rest_many_operations_before_one() -> None:
    secret = seen("1", "GEN-24", "POST /rules", "repeats", "the body of 400 repeats a secret", item=f"{SCENARIO}1")
    must = seen("2", "GEN-14", "GET /rules", "response_schema", "200: /data/0/id: wrong")
    wide = [
        seen(f"3{n}", "RUL-21", operation, "exact", "wrong", item=f"{SCENARIO}2")
        for n, operation in enumerate(("GET /rules", "GET /banned"))
    ]
    narrow = [seen(f"4{n}", "RUL-21", "GET /x", "other", "wrong", item=f"{SCENARIO}3") for n in range(5)]
    waived = seen("5", "GEN-14", "GET /clients", "response_schema", "200: /data/0/x: wrong", waived_by="W")
    found = of(waived, *narrow, *wide, secret, must)
    assert [cause.lead.id for cause in found] == ["2", "1", "31", "40", "5"]
    assert [cause.state for cause in found] == ["failed"] * 4 + ["waived"]


def test_what_a_waiver_covers_in_part_still_fails() -> None:
    (cause,) = of(crashed("1", "POST /rules", waived_by="W"), crashed("2", "POST /rules"))
    assert (cause.state, cause.lead.id, len(cause.counting)) == ("failed", "2", 1)


def test_causes_of_a_run_name_the_sentence_of_its_requirement() -> None:
    (cause,) = failing(causes(run_of(failing_items())))
    assert cause.sentence == "Every body validates."


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("POST /connectors_probe", "connectors"),
        ("GET /rules/{id}", "rules"),
        ("GET /mqtt/retainer/messages", "mqtt"),
        (None, ""),
    ],
)
def test_kind_of_operation(operation: str | None, kind: str) -> None:
    assert kind_of(operation) == kind


@pytest.mark.parametrize(
    ("exchange", "expected", "words"),
    [
        (None, Came(), ""),
        ("no exchange", Came(), ""),
        (answered(204, ""), Came(204), "204"),
        (answered(500, ""), Came(500), "500"),
        (answered(500, crash("{badmap,[]}")), Came(500, "INTERNAL_ERROR", "badmap"), "500 INTERNAL_ERROR (badmap)"),
        (
            answered(500, crash("badarg", "re,split,3")),
            Came(500, "INTERNAL_ERROR", "re:split", place=True),
            "500 INTERNAL_ERROR (re:split)",
        ),
        (
            answered(400, '{"code":"BAD_REQUEST","message":"{\\"reason\\":\\"expected binary()\\"}"}'),
            Came(400, "BAD_REQUEST", text="expected binary()"),
            "400 BAD_REQUEST",
        ),
        (
            answered(400, '{"code":"BAD_REQUEST","message":"id cft-ab-gw0-rule-7 is taken 2 times"}'),
            Came(400, "BAD_REQUEST", text="id _ is taken _ times"),
            "400 BAD_REQUEST",
        ),
    ],
)  # fmt: skip
def test_what_came(exchange: str | None, expected: Came, words: str) -> None:
    found = came(failure(exchange=exchange))
    assert found == expected
    assert found.words == words


def test_requirements_on_security_exist() -> None:
    assert {requirement.id for requirement in catalogue()} >= SECURITY


def test_junit_names_causes_as_properties() -> None:
    items = failing_items()
    for one in items:
        for number, found in enumerate(one.failures):
            found.id = f"{one.id}-{number}"
    suite = ElementTree.fromstring(render_junit(run_of(items))).find("testsuite")
    assert suite is not None
    told = {entry.get("name", ""): entry.get("value", "") for entry in suite.findall("properties/property")}
    assert told["cause.gen-14-get-rules"].startswith("Every body validates. GET /rules and 1 more: 200: /data/0/enable")
    case = next(case for case in suite.findall("testcase") if case.find("failure") is not None)
    assert "causes: gen-14-get-rules\n" in case.findtext("system-out", "")
    failed = case.find("failure")
    assert failed is not None
    assert failed.get("message", "").startswith("Every body validates. GET /rules: 200: /data/0/enable")


def test_one_proposed_waiver_covers_a_whole_cause_and_nothing_else() -> None:
    run = run_of([])
    run.failures = [
        crashed("1", "POST /rules"),
        crashed("2", "PUT /rules/{id}"),
        seen("3", "GEN-14", "GET /rules", "response_schema", "200: /data/0/id: wrong"),
    ]
    text = propose(run, date(2027, 1, 1))
    assert text.count("[[waiver]]") == 2
    for key, value in (("reason", "why"), ("link", "https://x.example/1"), ("owner", "me")):
        text = text.replace(f'{key} = ""', f'{key} = "{value}"')
    file = parse_waivers(text, "w.toml", requirements={"GEN-14", "GEN-15"}, operations=kinds_of(run.failures))
    other = crashed("4", "GET /clients")
    file.apply([*run.failures, other], run.target_version, today=date(2027, 1, 2))
    assert [one.waived_by for one in run.failures] == ["gen-15-post-rules", "gen-15-post-rules", "gen-14-get-rules"]
    assert other.waived_by is None
    with pytest.raises(WaiverError, match="there is no operation"):
        parse_waivers(text, "w.toml", requirements={"GEN-14", "GEN-15"}, operations=set())


def kinds_of(failures: list[Failure]) -> set[str]:
    return {failure.operation for failure in failures if failure.operation is not None}


def test_headlines_are_the_same_in_every_run() -> None:
    told = set()
    for run, worker in (("0tp6wmk07u7", "gw1"), ("0tp6x000000", "main")):
        name = f"cft-{run}-{worker}-group-4195"
        (cause,) = causes(run_of([], failures=[failure(message=f"{name!r} finds nothing", id="1")]))
        told.add(cause.came)
    assert told == {"'cft-group-4195' finds nothing"}
