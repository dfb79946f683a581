"""What is declared of a fault: replacements that are put back, and what must fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conformance.reference.rest.http import ROUTES, Call, Reply
from tests.faults.seeded import Seeded, always, broken, broken_handler, nothing, twice


class Owner:
    FACTOR = 3

    def __init__(self) -> None:
        self.calls = 0

    def call(self) -> str:
        self.calls += 1
        return "real"

    async def await_call(self) -> str:
        return self.call()


class Heir(Owner):
    pass


def test_replacement_gets_the_original_and_is_undone() -> None:
    with broken(Owner, "call", lambda original: lambda self: original(self) + " and wrong").applied():
        assert Owner().call() == "real and wrong"
    assert Owner().call() == "real"


def test_replacements_of_one_thing_are_undone_in_turn() -> None:
    double = broken(Owner, "FACTOR", lambda factor: 2 * factor)
    with double.applied(), double.applied():
        assert Owner.FACTOR == 12
    assert Owner.FACTOR == 3


def test_replacement_is_undone_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), broken(Owner, "FACTOR", lambda _: 0).applied():
        _ = 1 // Owner.FACTOR
    assert Owner.FACTOR == 3


@pytest.mark.parametrize("owner", [Owner, Heir])
def test_unknown_name_is_refused_when_it_is_declared(owner: type) -> None:
    with pytest.raises(AssertionError, match=r"has no (gone|call) of its own"):
        broken(owner, "gone" if owner is Owner else "call", nothing)


@pytest.mark.parametrize(
    ("make", "calls", "value"), [(nothing, 0, None), (always("wrong"), 0, "wrong"), (twice, 2, "real")]
)
def test_common_replacements_work_for_functions_and_coroutine_functions(make: Any, calls: int, value: object) -> None:
    owner = Owner()
    with broken(Owner, "call", make).applied():
        assert owner.call() == value
    assert owner.calls == calls
    owner = Owner()
    with broken(Owner, "await_call", make).applied():
        assert asyncio.run(owner.await_call()) == value
    assert owner.calls == calls


def test_handler_is_replaced_where_applications_look_it_up() -> None:
    original = ROUTES["GET /rules"]

    def crash(call: Call) -> Reply:
        return Reply(500)

    with broken_handler("GET /rules", lambda _: crash).applied():
        assert ROUTES["GET /rules"].handler is crash
        assert ROUTES["GET /rules"].filter is original.filter
    assert ROUTES["GET /rules"] is original


def failure(requirement: str, operation: str | None = "GET /rules", check: str = "some_check") -> dict[str, Any]:
    return {"requirement": requirement, "operation": operation, "check": check}


@pytest.mark.parametrize(
    ("failures", "missed", "unexpected"),
    [
        ([failure("RUL-08"), failure("GEN-14")], [], []),
        ([failure("RUL-08", None, "any"), failure("RUL-08"), failure("GEN-14")], [], []),
        ([failure("GEN-14")], ["RUL-08"], []),
        ([failure("RUL-08")], [("GEN-14", "GET /rules", "some_check")], []),
        (
            [failure("RUL-08"), failure("GEN-14", check="other")],
            [("GEN-14", "GET /rules", "some_check")],
            [("GEN-14", "GET /rules", "other")],
        ),
        ([failure("RUL-08"), failure("GEN-14"), failure("GEN-15")], [], [("GEN-15", "GET /rules", "some_check")]),
    ],
)
def test_what_must_fail_is_an_id_or_a_place(failures: Any, missed: Any, unexpected: Any) -> None:
    seeded = Seeded("name", None, (), (), ("RUL-08", ("GEN-14", "GET /rules", "some_check")), None)
    assert seeded.missed(failures) == missed
    assert seeded.unexpected(failures) == unexpected
    assert seeded.requirements == {"RUL-08", "GEN-14"}
