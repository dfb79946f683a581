"""Which values of the rows of an update are stored, and in which bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.value_space import value_space
from conformance.contract.values import ALONE, NONE, ValueClass, is_member, is_spelling, is_unit, shown_classes
from conformance.fuzz.beginning import beginning
from conformance.fuzz.covering import Covering
from conformance.fuzz.replacement import Replacement
from conformance.fuzz.space import Subject
from conformance.fuzz.storable import storable
from conformance.fuzz.wanted import Wanted
from conformance.target.resources.typed import configured

CONTRACT = load_contract()
SPACE = value_space(CONTRACT)
CONNECTOR = "PUT /connectors/{id}"
ACTION = "PUT /actions/{id}"
EVERY = [
    *((CONNECTOR, name) for name in CONTRACT.types("connectors")),
    *((ACTION, name) for name in CONTRACT.types("actions")),
]

Takes = Callable[[Mapping[str, Any]], bool]


def replacement_of(label: str, resource_type: str) -> Replacement:
    return Replacement(CONTRACT, Subject(label, resource_type), lambda body: True)


def rows_of(replacement: Replacement) -> list[Any]:
    examples = CONTRACT.body_examples(replacement.subject.label, replacement.subject.resource_type).values()
    rows = Covering(CONTRACT, examples, lambda one: False).rows(replacement.schema)
    return [storable(rows[0]), *rows[1:]]


def example(replacement: Replacement) -> dict[str, Any]:
    subject = creation(replacement)
    return dict(next(iter(CONTRACT.body_examples(subject.label, subject.resource_type).values())))


def creation(replacement: Replacement) -> Subject:
    collection = "connectors" if replacement.subject.label == CONNECTOR else "actions"
    return Subject(f"POST /{collection}", replacement.subject.resource_type)


def begun(replacement: Replacement) -> dict[str, Any]:
    """What creates something of the type, without what is read of it only."""
    return configured(beginning(CONTRACT, creation(replacement), SPACE, [1]))


def stored(replacement: Replacement, rows: list[Any], takes: Takes = lambda body: True) -> list[Mapping[str, Any]]:
    """What a target takes of the bodies that are stored, from the creation to the fullest row."""
    first = begun(replacement)
    wanted = Wanted(replacement, SPACE, [1], rows, first, {})
    fullest = wanted.fullest()
    if not takes(fullest) and fullest != rows[0]:
        wanted.one_by_one()
        fullest = rows[0]
    chosen = []
    while wanted_rows := wanted.rows():
        for row, filled in wanted_rows:
            body = filled
            if not takes(body) and body != row:
                wanted.one_by_one()
                body = row
            if takes(body):
                wanted.shown(body)
                chosen.append(body)
    return [first, *chosen, fullest]


def shown(replacement: Replacement, rows: list[Any]) -> set[Any]:
    return {one for row in rows for one in shown_classes(CONTRACT, replacement.schema, row)}


def own(classes: set[Any]) -> set[Any]:
    """Of some classes those that are for each type that has them."""
    return {
        one
        for one in classes
        if one.what != ALONE
        and one.field
        and not is_spelling(one)
        and not is_member(one)
        and not is_inner_least(one)
        and not one.field.endswith("/enable")
        and not any(part in one.field for part in ("/ssl", "/resource_opts", "/transport_options"))
    }


def is_inner_least(one: ValueClass) -> bool:
    parts = ("/ssl", "/resource_opts", "/transport_options")
    return one.what == NONE and one.field.count("/") > 1 and not any(part in one.field for part in parts)


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_a_type_stores_every_value_of_its_own(label: str, resource_type: str) -> None:
    replacement = replacement_of(label, resource_type)
    rows = rows_of(replacement)
    assert own(shown(replacement, rows) - shown(replacement, stored(replacement, rows))) == set()


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_so_it_does_where_values_are_not_taken_together(label: str, resource_type: str) -> None:
    replacement = replacement_of(label, resource_type)
    rows = rows_of(replacement)
    plain = [storable(row) for row in rows]
    assert (
        own(shown(replacement, rows) - shown(replacement, stored(replacement, rows, lambda body: body in plain)))
        == set()
    )


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_what_is_stored_is_valid(label: str, resource_type: str) -> None:
    replacement = replacement_of(label, resource_type)
    for body in stored(replacement, rows_of(replacement))[1:]:
        assert not CONTRACT.validate_request(label, body, resource_type)
        assert storable(body) == body


@pytest.mark.parametrize("label", [CONNECTOR, ACTION])
def test_what_types_share_is_stored_by_one_of_them(label: str) -> None:
    kept: set[tuple[str, str]] = set()
    there: set[tuple[str, str]] = set()
    for resource_type in CONTRACT.types("connectors" if label == CONNECTOR else "actions"):
        replacement = replacement_of(label, resource_type)
        rows = rows_of(replacement)
        there |= shared(shown(replacement, rows))
        kept |= shared(shown(replacement, stored(replacement, rows)))
    assert kept == there


def shared(classes: set[Any]) -> set[tuple[str, str]]:
    """The units of durations and sizes, and by the name of the field that there is none, members and least objects."""
    return {
        ("" if is_unit(one) else one.field.rpartition("/")[2], one.what)
        for one in classes
        if is_spelling(one) or is_inner_least(one) or (is_member(one) and not one.field.endswith("/enable"))
    }


def test_a_member_is_stored_by_more_types_where_it_costs_nothing() -> None:
    members = [
        (one.field.rpartition("/")[2], one.what)
        for resource_type in CONTRACT.types("actions")
        for replacement in [replacement_of(ACTION, resource_type)]
        for one in own_members(shown(replacement, stored(replacement, rows_of(replacement))))
    ]
    assert len(members) > 1.4 * len(set(members))


def own_members(classes: set[Any]) -> set[Any]:
    return {one for one in classes if is_member(one) and one.field.startswith("/parameters")}


def test_fewer_rows_are_stored_than_there_are() -> None:
    replacement = replacement_of(CONNECTOR, "mysql")
    rows = rows_of(replacement)
    assert len(stored(replacement, rows)) < len(rows) / 2


def test_few_bodies_show_many_values() -> None:
    few = plain = 0
    for label, resource_type in EVERY:
        replacement = replacement_of(label, resource_type)
        rows = rows_of(replacement)
        as_they_are = [storable(row) for row in rows]
        few += len(stored(replacement, rows))
        plain += len(stored(replacement, rows, lambda body, taken=as_they_are: body in taken))  # type: ignore[misc]
    assert few < plain


def test_the_fullest_row_is_the_first_with_what_fits_into_it() -> None:
    replacement = replacement_of(CONNECTOR, "iotdb")
    rows = rows_of(replacement)
    wanted = Wanted(replacement, SPACE, [1], rows, begun(replacement), {})

    fullest = wanted.fullest()

    assert own(shown(replacement, [fullest])) >= own(shown(replacement, rows[:1]))
    assert shown(replacement, [fullest]) - shown(replacement, rows[:1])
    assert wanted.is_kept_by(fullest)
    assert not wanted.is_kept_by({})


def test_the_row_that_shows_least_is_stored_first() -> None:
    replacement = replacement_of(CONNECTOR, "redis")
    wanted = Wanted(replacement, SPACE, [1], rows_of(replacement), begun(replacement), {})
    wanted.fullest()
    sizes = [len(shown(replacement, [body])) for _, body in wanted.rows()]

    assert len(sizes) > 2
    assert sizes[0] < sizes[-1]


def test_a_refused_fullest_row_is_stored_otherwise() -> None:
    replacement = replacement_of(CONNECTOR, "mysql")
    wanted = Wanted(replacement, SPACE, [1], rows_of(replacement), begun(replacement), {})
    wanted.fullest()
    for _, body in wanted.rows():
        wanted.shown(body)

    wanted.one_by_one()

    assert wanted.is_kept_by({}), "nothing is set aside any more"
    assert wanted.rows()


@pytest.mark.parametrize(("label", "resource_type"), EVERY)
def test_what_begins_a_story_is_the_example_with_more_values(label: str, resource_type: str) -> None:
    replacement = replacement_of(label, resource_type)
    subject = creation(replacement)
    body = beginning(CONTRACT, subject, SPACE, [1])

    assert not CONTRACT.validate_request(subject.label, body, resource_type)
    assert body.keys() >= example(replacement).keys()
    for option in ("ssl", "resource_opts"):
        assert body.get(option) == example(replacement).get(option), "how it starts does not change"


def test_stories_that_begin_with_more_values_need_fewer_updates() -> None:
    needed = {"the example": 0, "more values": 0}
    for label, resource_type in EVERY:
        replacement = replacement_of(label, resource_type)
        beginnings = {"the example": configured(example(replacement)), "more values": begun(replacement)}
        for name, first in beginnings.items():
            wanted = Wanted(replacement, SPACE, [1], rows_of(replacement), first, {})
            wanted.fullest()
            needed[name] += len(wanted.rows())
    assert needed["more values"] < 0.8 * needed["the example"]


def test_what_was_not_written_varies() -> None:
    replacement = replacement_of(CONNECTOR, "mysql")
    before = {"server": "127.0.0.1:1", "database": "d", "pool_size": 8}
    wanted = Wanted(replacement, SPACE, [1], rows_of(replacement), before, before)

    assert wanted.varied({**before, "pool_size": 9}, before) == {
        "server": "nobody.invalid:1",
        "database": "d2",
        "pool_size": 9,
    }


def test_what_a_refused_row_would_have_shown_others_show() -> None:
    """A real 5.8.9 crashes on an s3 action without `resource_opts`, and shows a wrong default in one without more."""
    replacement = replacement_of("PUT /actions/{id}", "s3")
    rows = rows_of(replacement)
    missed = shown(replacement, stored(replacement, rows)) - shown(
        replacement, stored(replacement, rows, lambda body: "resource_opts" in body)
    )
    assert {one.field for one in missed if not is_unit(one)} <= {"", "/resource_opts"}


def test_what_is_stored_is_disabled_and_opens_no_file() -> None:
    row = {"enable": True, "ssl": {"certfile": "a.pem"}, "transport_options": {"ssl": {"enable": True, "keyfile": "b"}}}
    assert storable(row) == {"enable": False, "ssl": {}, "transport_options": {"ssl": {"enable": True}}}
    assert row["ssl"] == {"certfile": "a.pem"}, "the row itself stays"
    off = {"pool_size": 1, "ssl": {"enable": False, "certfile": "a.pem"}}
    assert storable(off) == off
