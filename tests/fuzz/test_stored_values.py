"""Which values of the rows of an update are stored, and in which bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.value_space import ValueSpace
from conformance.contract.values import ALONE, is_member, is_spelling, is_unit, shown_classes
from conformance.fuzz.covering import Covering
from conformance.fuzz.storable import storable
from conformance.fuzz.wanted import Wanted

CONTRACT = load_contract()
SPACE = ValueSpace(CONTRACT)
CONNECTOR = "PUT /connectors/{id}"
ACTION = "PUT /actions/{id}"
EVERY = [
    *((CONNECTOR, name) for name in CONTRACT.types("connectors")),
    *((ACTION, name) for name in CONTRACT.types("actions")),
]

Takes = Callable[[Mapping[str, Any]], bool]


def driver_of(label: str, resource_type: str) -> Any:
    """What is asked of the driver of an item."""
    schema = CONTRACT.body_schema(label, resource_type)
    subject = SimpleNamespace(label=label, resource_type=resource_type)
    return SimpleNamespace(
        contract=CONTRACT, schema=schema, subject=subject, path={}, is_safe=lambda path, candidate: True
    )


def rows_of(driver: Any) -> list[Any]:
    examples = CONTRACT.body_examples(driver.subject.label, driver.subject.resource_type).values()
    rows = Covering(CONTRACT, examples, lambda one: False).rows(driver.schema)
    return [storable(rows[0]), *rows[1:]]


def created(driver: Any) -> dict[str, Any]:
    """The first example, which creates something of the type."""
    collection = "connectors" if driver.subject.label == CONNECTOR else "actions"
    return next(iter(CONTRACT.body_examples(f"POST /{collection}", driver.subject.resource_type).values()))


def stored(driver: Any, rows: list[Any], takes: Takes = lambda body: True) -> list[Mapping[str, Any]]:
    """What a target takes of the bodies that are stored: the first row, and what is read of it, among them."""
    wanted = Wanted(driver, SPACE, [1], rows, created(driver))
    wanted.keep_for_putting_back(rows[0])
    chosen = []
    while (row := wanted.row()) is not None:
        body = wanted.filled(row)
        if not takes(body) and body != row:
            wanted.one_by_one()
            body = row
        if takes(body):
            wanted.shown(body)
            chosen.append(body)
    return [created(driver), *chosen, rows[0], wanted.put_into(rows[0])]


def shown(driver: Any, rows: list[Any]) -> set[Any]:
    return {one for row in rows for one in shown_classes(CONTRACT, driver.schema, row)}


def own(classes: set[Any]) -> set[Any]:
    """Of some classes those that are for each type that has them."""
    return {
        one
        for one in classes
        if one.what != ALONE
        and one.field
        and not is_spelling(one)
        and not is_member(one)
        and not one.field.endswith("/enable")
        and not any(part in one.field for part in ("/ssl", "/resource_opts", "/transport_options"))
    }


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_a_type_stores_every_value_of_its_own(label: str, resource_type: str) -> None:
    driver = driver_of(label, resource_type)
    rows = rows_of(driver)
    assert own(shown(driver, rows) - shown(driver, stored(driver, rows))) == set()


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_so_it_does_where_values_are_not_taken_together(label: str, resource_type: str) -> None:
    driver = driver_of(label, resource_type)
    rows = rows_of(driver)
    plain = [storable(row) for row in rows]
    assert own(shown(driver, rows) - shown(driver, stored(driver, rows, lambda body: body in plain))) == set()


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_what_is_stored_is_valid(label: str, resource_type: str) -> None:
    driver = driver_of(label, resource_type)
    for body in stored(driver, rows_of(driver))[1:]:
        assert not CONTRACT.validate_request(label, body, resource_type)
        assert storable(body) == body


@pytest.mark.parametrize("label", [CONNECTOR, ACTION])
def test_what_types_share_is_stored_by_one_of_them(label: str) -> None:
    kept: set[tuple[str, str]] = set()
    there: set[tuple[str, str]] = set()
    for resource_type in CONTRACT.types("connectors" if label == CONNECTOR else "actions"):
        driver = driver_of(label, resource_type)
        rows = rows_of(driver)
        there |= shared(shown(driver, rows))
        kept |= shared(shown(driver, stored(driver, rows)))
    assert kept == there


def shared(classes: set[Any]) -> set[tuple[str, str]]:
    """The units of durations and sizes, and by the name of the field that there is none, and the members."""
    return {
        ("" if is_unit(one) else one.field.rpartition("/")[2], one.what)
        for one in classes
        if is_spelling(one) or (is_member(one) and not one.field.endswith("/enable"))
    }


def test_a_member_is_stored_by_more_types_where_it_costs_nothing() -> None:
    members = [
        (one.field.rpartition("/")[2], one.what)
        for resource_type in CONTRACT.types("actions")
        for driver in [driver_of(ACTION, resource_type)]
        for one in own_members(shown(driver, stored(driver, rows_of(driver))))
    ]
    assert len(members) > 1.5 * len(set(members))


def own_members(classes: set[Any]) -> set[Any]:
    return {one for one in classes if is_member(one) and one.field.startswith("/parameters")}


def test_fewer_rows_are_stored_than_there_are() -> None:
    driver = driver_of(CONNECTOR, "mysql")
    rows = rows_of(driver)
    assert len(stored(driver, rows)) < len(rows) / 2


def test_few_bodies_show_many_values() -> None:
    few = plain = 0
    for label, resource_type in EVERY:
        driver = driver_of(label, resource_type)
        rows = rows_of(driver)
        as_they_are = [storable(row) for row in rows]
        few += len(stored(driver, rows))
        plain += len(stored(driver, rows, lambda body, taken=as_they_are: body in taken))  # type: ignore[misc]
    assert few < plain


def test_what_is_read_is_put_back_with_values_that_fit_into_it() -> None:
    driver = driver_of(ACTION, "kafka_producer")
    rows = rows_of(driver)
    *_, first, back = stored(driver, rows)

    assert own(shown(driver, [back]) - shown(driver, [first]))
    assert back.keys() == first.keys()


def test_a_refused_variation_of_what_is_read_is_stored_otherwise() -> None:
    driver = driver_of(ACTION, "kafka_producer")
    wanted = Wanted(driver, SPACE, [1], rows_of(driver), created(driver))
    wanted.keep_for_putting_back(rows_of(driver)[0])
    while (row := wanted.row()) is not None:
        wanted.shown(wanted.filled(row))
    assert wanted.is_kept_back

    wanted.one_by_one()

    assert not wanted.is_kept_back
    assert wanted.put_into({"pool_size": 1}) == {"pool_size": 1}
    assert wanted.row() is not None


def test_what_a_refused_row_would_have_shown_others_show() -> None:
    """A real 5.8.9 crashes on an s3 action without `resource_opts`, and shows a wrong default in one without more."""
    driver = driver_of("PUT /actions/{id}", "s3")
    rows = rows_of(driver)
    missed = shown(driver, stored(driver, rows)) - shown(
        driver, stored(driver, rows, lambda body: "resource_opts" in body)
    )
    assert {one.field for one in missed if not is_unit(one)} <= {"", "/resource_opts"}


def test_what_is_stored_is_disabled_and_opens_no_file() -> None:
    row = {"enable": True, "ssl": {"certfile": "a.pem"}, "transport_options": {"ssl": {"enable": True, "keyfile": "b"}}}
    assert storable(row) == {"enable": False, "ssl": {}, "transport_options": {"ssl": {"enable": True}}}
    assert row["ssl"] == {"certfile": "a.pem"}, "the row itself stays"
    off = {"pool_size": 1, "ssl": {"enable": False, "certfile": "a.pem"}}
    assert storable(off) == off
