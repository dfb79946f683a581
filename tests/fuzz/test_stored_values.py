"""Which of the rows of an update are stored, and how."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.value_space import ValueSpace
from conformance.contract.values import ALONE, is_spelling, shown_classes
from conformance.fuzz.covering import Covering
from conformance.fuzz.values import Wanted, storable

CONTRACT = load_contract()
SPACE = ValueSpace(CONTRACT)
CONNECTOR = "PUT /connectors/{id}"


def driver_of(label: str, resource_type: str) -> Any:
    """What is asked of the driver of an item."""
    schema = CONTRACT.body_schema(label, resource_type)
    subject = SimpleNamespace(label=label, resource_type=resource_type)
    return SimpleNamespace(contract=CONTRACT, schema=schema, subject=subject)


def rows_of(driver: Any) -> list[Any]:
    examples = CONTRACT.body_examples(driver.subject.label, driver.subject.resource_type).values()
    return Covering(CONTRACT, examples, lambda one: False).rows(driver.schema)


def stored(driver: Any, rows: list[Any], refuses: frozenset[int] = frozenset()) -> list[Any]:
    """The rows that are stored on a target that refuses some; the first is stored in any case."""
    wanted, chosen = Wanted(driver, SPACE, [1], rows), [rows[0]]
    while (number := wanted.row()) is not None:
        if number not in refuses:
            wanted.shown(number)
            chosen.append(rows[number])
    return chosen


def shown(driver: Any, rows: list[Any]) -> set[Any]:
    return {one for row in rows for one in shown_classes(CONTRACT, driver.schema, row)}


@pytest.mark.parametrize("resource_type", CONTRACT.types("connectors"))
def test_a_type_stores_every_value_of_its_own(resource_type: str) -> None:
    driver = driver_of(CONNECTOR, resource_type)
    rows = rows_of(driver)
    chosen = stored(driver, rows)

    own = {
        one
        for one in shown(driver, rows) - shown(driver, chosen)
        if one.what != ALONE
        and not is_spelling(one)
        and not one.field.endswith("/enable")
        and not any(part in one.field for part in ("/ssl", "/resource_opts", "/transport_options"))
    }
    assert not own


@pytest.mark.parametrize("label", [CONNECTOR, "PUT /actions/{id}"])
def test_what_types_share_is_stored_by_one_of_them(label: str) -> None:
    kept: dict[tuple[str, str], set[str]] = {}
    there: set[tuple[str, str]] = set()
    for resource_type in CONTRACT.types("connectors" if label == CONNECTOR else "actions"):
        driver = driver_of(label, resource_type)
        rows = rows_of(driver)
        chosen = stored(driver, rows)
        for one in shown(driver, rows):
            if is_spelling(one):
                there.add((one.field.rpartition("/")[2], one.what))
        for one in shown(driver, chosen):
            if is_spelling(one):
                kept.setdefault((one.field.rpartition("/")[2], one.what), set()).add(resource_type)
    assert kept.keys() == there


def test_fewer_rows_are_stored_than_there_are() -> None:
    driver = driver_of(CONNECTOR, "mysql")
    rows = rows_of(driver)
    assert len(stored(driver, rows)) < len(rows) / 2


def test_what_a_refused_row_would_have_shown_others_show() -> None:
    """A real 5.8.9 crashes on an s3 action without `resource_opts`, and shows a wrong default in one without more."""
    driver = driver_of("PUT /actions/{id}", "s3")
    rows = rows_of(driver)
    least = frozenset(number for number, row in enumerate(rows) if "resource_opts" not in row)
    missed = shown(driver, stored(driver, rows)) - shown(driver, stored(driver, rows, least))
    assert {one.field for one in missed} <= {"", "/resource_opts"}


def test_what_is_stored_is_disabled_and_opens_no_file() -> None:
    row = {"enable": True, "ssl": {"certfile": "a.pem"}, "transport_options": {"ssl": {"enable": True, "keyfile": "b"}}}
    assert storable(row) == {"enable": False, "ssl": {}, "transport_options": {"ssl": {"enable": True}}}
    assert row["ssl"] == {"certfile": "a.pem"}, "the row itself stays"
    off = {"pool_size": 1, "ssl": {"enable": False, "certfile": "a.pem"}}
    assert storable(off) == off
