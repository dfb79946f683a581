"""Generated data: reproducible, narrowed, and of the promised kind. Breaks when schemathesis changes underneath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.contract import load_contract
from conformance.contract.generation import MISSING, Part, draw, draw_with_each, narrowed
from conformance.fuzz.space import sample

CONTRACT = load_contract()


def test_the_same_seed_gives_the_same_draws() -> None:
    draws = [
        draw(CONTRACT, "POST /publish", mode="positive", part="body", count=5, seed_value=seed) for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert len(draws[0]) == 5


def test_several_seeds_draw_what_each_of_them_draws_and_nothing_twice() -> None:
    def drawn(*seeds: int) -> list[Any]:
        return [
            one.body for one in draw_with_each(seeds, CONTRACT, "POST /publish", mode="positive", part="body", count=5)
        ]

    assert drawn(1) == drawn(1, 1)
    together = drawn(1, 2, 3)
    assert together[:5] == drawn(1)
    assert len(together) > 10
    assert all(together.count(one) == 1 for one in together[5:])
    assert all(body in together for seed in (2, 3) for body in drawn(seed))


def test_a_sample_is_one_of_each_seed_in_turns() -> None:
    population = list(range(100))
    one, other = (sample(population, 5, [seed]) for seed in (1, 2))
    together = sample(population, 5, [1, 2])
    assert together == list(dict.fromkeys(member for pair in zip(one, other, strict=True) for member in pair))
    assert sorted(sample(population, 1000, [1, 2, 3])) == population


def test_positive_bodies_satisfy_the_schema_and_carry_no_query() -> None:
    for generated in draw(CONTRACT, "POST /banned", mode="positive", part="body", count=10, seed_value=3):
        assert generated.query == {}
        assert isinstance(generated.body, dict)
        assert {"as", "who"} <= set(generated.body)


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, names of fields as well."""
    if isinstance(value, str):
        yield value
    for part in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(part)


@pytest.mark.parametrize(("label", "part"), [("POST /publish", "body"), ("GET /clients", "query")])
def test_texts_of_positive_draws_are_printable(label: str, part: Part) -> None:
    unprintable = CONTRACT.unprintable
    assert unprintable is not None
    drawn = {
        contract.variant: [
            text
            for generated in draw(contract, label, mode="positive", part=part, count=60, seed_value=3)
            for text in texts([generated.body, dict(generated.query)])
        ]
        for contract in (CONTRACT, load_contract("published"))
    }
    assert not [text for text in drawn["corrected"] if unprintable.search(text)]
    assert [text for text in drawn["published"] if unprintable.search(text)], "the document alone promises nothing"
    assert len({character for text in drawn["corrected"] for character in text}) > 50, "and nothing else is left out"


def test_query_draws_have_no_body() -> None:
    for generated in draw(CONTRACT, "GET /rules", mode="positive", part="query", count=5, seed_value=3):
        assert generated.body is MISSING


def test_negative_bodies_say_what_they_violate() -> None:
    draws = draw(CONTRACT, "POST /banned", mode="negative", part="body", count=10, seed_value=3)
    assert all(generated.body is not MISSING for generated in draws)
    assert any(generated.description for generated in draws)


@pytest.mark.parametrize(("label", "resource_type"), [("POST /connectors", "mqtt"), ("PUT /actions/{id}", "s3")])
def test_a_typed_operation_is_narrowed_to_one_branch(label: str, resource_type: str) -> None:
    document = narrowed(CONTRACT, label, "body", resource_type)
    assert 0 < len(document["components"]["schemas"]) < 20
    draws = draw(CONTRACT, label, mode="positive", part="body", count=2, seed_value=1, resource_type=resource_type)
    assert len(draws) == 2
