"""Setting a value of one body into another."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract.fields import value_at
from conformance.fuzz.grafts import grafted, place_of

NAMES = st.sampled_from("abc")
BODIES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
).filter(lambda body: isinstance(body, dict))
PLACES = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", ()),
        ("/pool_size", ("pool_size",)),
        ("(driver=restapi)/ssl/verify", ("ssl", "verify")),
        ("/parameters(mode=aggregated)/container/type", ("parameters", "container", "type")),
        ("/ssl/versions/*", ("ssl", "versions")),
        ("/static_clientids/*/ids/*", ("static_clientids",)),
    ],
)
def test_a_pointer_leads_to_a_place_whatever_alternative_it_belongs_to(pointer: str, place: tuple[str, ...]) -> None:
    assert place_of(pointer) == place


@given(BODIES, PLACES, BODIES)
def test_the_value_is_there_and_everything_else_stays(
    body: dict[str, Any], place: tuple[str, ...], source: dict[str, Any]
) -> None:
    before = copy.deepcopy(body)

    result = grafted(body, place, source)

    assert body == before
    if result is None:
        parents = [value_at(body, place[:depth]) for depth in range(1, len(place))]
        assert value_at(source, place) is None or any(not isinstance(parent, dict | None) for parent in parents)
        return
    assert value_at(result, place) == value_at(source, place)
    assert {name: value for name, value in result.items() if name != place[0]} == {
        name: value for name, value in body.items() if name != place[0]
    }


def test_of_an_object_that_is_not_there_all_is_taken() -> None:
    source = {"topology": {"pool_size": 1, "timeout": "1s"}}
    assert grafted({"a": 1}, ("topology", "pool_size"), source) == {"a": 1, **source}


def test_nothing_is_set_into_what_is_no_object() -> None:
    assert grafted({"ssl": "off"}, ("ssl", "verify"), {"ssl": {"verify": "verify_none"}}) is None
