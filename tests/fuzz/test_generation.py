"""Generated data: reproducible, narrowed, and of the promised kind. Breaks when schemathesis changes underneath."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import cache, kept_draws, load_contract
from conformance.contract.generation import MISSING, Generated, Part, draw, draw_with_each, narrowed
from conformance.contract.kept_draws import KeptDraws
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
        def with_one(seed: int) -> list[Generated]:
            return draw(CONTRACT, "POST /publish", mode="positive", part="body", count=5, seed_value=seed)

        return [one.body for one in draw_with_each(seeds, with_one)]

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


def test_draws_do_not_depend_on_what_a_process_has_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn() -> str:
        generated = draw(CONTRACT, "POST /publish", mode="positive", part="body", count=40, seed_value=5)
        return repr([one.body for one in generated])

    before = drawn()
    module = tmp_path / "of_the_project.py"
    module.write_text("\n".join(f"name_{number} = 'constant {number}'" for number in range(500)), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("of_the_project", module)
    assert spec is not None
    assert spec.loader is not None
    monkeypatch.setitem(sys.modules, "of_the_project", importlib.util.module_from_spec(spec))
    assert drawn() == before


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of draws in a cache of our own."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "emqx-conformance" / "draws"


def publishes(run_seed: int = 1, *, keeps: bool = True) -> list[Generated]:
    draws = KeptDraws(CONTRACT, run_seed, keeps=keeps)
    return draws.draw("PUT /schema_registry/{name}", mode="negative", part="body", count=6, seed_value=3)


def test_draws_are_kept_as_they_are(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = publishes()
    monkeypatch.setattr(kept_draws, "draw", None)  # drawing again would fail
    assert repr(publishes()) == repr(drawn)
    assert len(list(empty_cache.glob("*/*.json"))) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"torn", b'{"key": "x"}'])
def test_damaged_draws_are_drawn_again(empty_cache: Path, content: bytes) -> None:
    drawn = publishes()
    (entry,) = empty_cache.glob("*/*.json")
    entry.write_bytes(entry.read_bytes()[:-40] if content == b"torn" else content)
    assert repr(publishes()) == repr(drawn)
    (again,) = empty_cache.glob("*/*.json")
    assert cache.read(again.stem, f"draws/{again.parent.name}") is not None


def test_many_may_keep_the_same_draws_at_once(empty_cache: Path) -> None:
    (drawn,) = {repr(publishes())}
    for entry in empty_cache.glob("*/*.json"):
        key, folder, value = (
            entry.stem,
            f"draws/{entry.parent.name}",
            cache.read(entry.stem, f"draws/{entry.parent.name}"),
        )
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(cache.keep, key, value, folder) for _ in range(100)]
        seen = {repr(publishes()) for _ in range(20)}
    assert all(write.exception() is None for write in writes)
    assert seen == {drawn}
    assert [file.suffix for file in empty_cache.glob("*/*")] == [".json"]


def test_seeds_of_no_other_run_are_not_kept_and_old_ones_are_forgotten(empty_cache: Path) -> None:
    publishes(keeps=False)
    assert not empty_cache.exists()
    for seed in range(12):
        KeptDraws(CONTRACT, seed, keeps=True)
    assert len(list(empty_cache.iterdir())) == 8


@pytest.mark.parametrize("body", [b"\xe1\x00", 1.0, True, -0.0, 10**40, "\ud800", {"b": 1, "a": [None]}, MISSING])
def test_what_is_kept_is_what_was_drawn(body: Any) -> None:
    draws = [Generated({"q": ["1", "\u2028"]}, body, "what")]
    encoded = kept_draws._encoded(draws)
    assert repr(kept_draws._decoded(encoded)) == repr(draws)


def test_what_json_cannot_hold_is_not_kept() -> None:
    assert kept_draws._encoded([Generated({}, float("inf"), "")]) is None
    assert kept_draws._encoded([Generated({}, {1: "a"}, "")]) is None
