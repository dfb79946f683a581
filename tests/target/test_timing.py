"""How long a target may take: one record, set by words of the user; reads wait for the nodes of a cluster."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.target.errors import ConfigurationError
from conformance.target.settings.config import Configuration, load_configuration
from conformance.target.timing import BOUNDS, Settling, Timing, eventually

GUIDE = Path(__file__).parent.parent.parent / "docs" / "targets.md"


def bounds(folder: Path, toml: str = "", **options: object) -> Timing:
    (folder / "targets.toml").write_text(f"[targets.a]\n{toml}")
    configuration = load_configuration({"target": "a", **options}, {}, folder)
    assert Configuration(**configuration.model_dump(mode="json")) == configuration, "as workers get it"
    return configuration.bounds


def test_nothing_said_means_the_defaults(tmp_path: Path) -> None:
    assert bounds(tmp_path) == Timing()


@pytest.mark.parametrize(("text", "factor"), [("2x", 2), ("1.5x", 1.5), ("0.5", 0.5), ("100x", 100)])
def test_patience_stretches_every_bound_and_no_lag(text: str, factor: float, tmp_path: Path) -> None:
    patient = bounds(tmp_path, patience=text, replication_lag="2s")
    assert patient == replace(Timing().stretched(factor), lag=2.0)
    assert all(getattr(patient, name) == getattr(Timing(), name) * factor for name in BOUNDS)


def test_single_bounds_are_set_in_the_file_and_stretched_as_well(tmp_path: Path) -> None:
    toml = 'patience = "2x"\ntiming = { statistics = "1m", delivered = 12.5, retained = "500ms" }\n'
    expected = replace(Timing(), statistics=60.0, delivered=12.5, retained=0.5).stretched(2)
    assert bounds(tmp_path, toml) == expected


@pytest.mark.parametrize(
    ("toml", "options", "message"),
    [
        ("", {"patience": "2"}, None),
        ("", {"patience": "two"}, "--patience: 'two' is no factor like 2x or 1.5x"),
        ("", {"patience": "-1x"}, "--patience: '-1x' is no factor"),
        ("", {"patience": "0x"}, "--patience: Input should be greater than 0"),
        ("", {"patience": "101x"}, "--patience: Input should be less than or equal to 100"),
        ('patience = "x"', {}, "target a in targets.toml: patience: 'x' is no factor"),
        ("patience = true", {}, "target a in targets.toml: patience: True is no factor"),
        ('timing = "2x"', {}, "target a in targets.toml: timing: expected a table of durations"),
        (
            "timing = { lag = 1 }",
            {},
            "target a in targets.toml: timing: there is no bound lag, only connected",
        ),
        (
            "timing = { shrink = true }",
            {},
            "target a in targets.toml: timing: shrink = True is no duration of",
        ),
        ("timing = { shrink = 0 }", {}, "shrink = 0 is no duration"),
        ("timing = { shrink = -1.5 }", {}, "shrink = -1.5 is no duration"),
        ("timing = { shrink = nan }", {}, "shrink = nan is no duration"),
        ('timing = { shrink = "2d" }', {}, "shrink = 172800.0 is no duration of up to a day"),
        ('timing = { shrink = "soon" }', {}, "'soon' is not a duration like 30s, 10m or 2h"),
    ],
)
def test_what_is_no_time_is_told_in_one_sentence(
    toml: str, options: dict[str, str], message: str | None, tmp_path: Path
) -> None:
    if message is None:
        bounds(tmp_path, toml, **options)
        return
    with pytest.raises(ConfigurationError) as refused:
        bounds(tmp_path, toml, **options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.dictionaries(st.sampled_from(BOUNDS), st.floats(0.001, 86_400)))
def test_changes_are_what_was_set(settings: dict[str, float]) -> None:
    timing = Timing().with_settings(settings)
    assert Timing().with_settings(timing.changes()) == timing
    assert asdict(timing) == asdict(Timing()) | settings


def test_report_tells_of_other_bounds() -> None:
    assert Timing().sentences() == []
    assert Timing().stretched(2.5).sentences() == ["it is waited for 2.5 times as long as usual (--patience)"]
    told = replace(Timing(), statistics=60.0, shrink=2.5).sentences()
    assert told == ["it may take other times than usual: statistics 60 s, shrink 2.5 s"]


def test_every_bound_is_in_the_guide() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    told = [name for name in BOUNDS if f"| `{name}` | {getattr(Timing(), name):g} s |" in guide]
    assert told == list(BOUNDS)


def test_last_value_counts_also_where_there_is_no_time() -> None:
    values = iter(["", "late"])
    assert eventually(lambda: next(values), 0.0) == ""


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("conformance.target.timing.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("conformance.target.timing.time.sleep", sleep)
    return slept


def test_polling_ends_with_the_time(slept: list[float]) -> None:
    assert not eventually(lambda: False, 1.0)
    assert 1.0 <= sum(slept) < 1.3


def test_one_wait_is_enough_for_a_write(slept: list[float]) -> None:
    settling = Settling()
    settling.wait()
    settling.wrote(0.5)
    settling.wait()
    settling.wait()
    assert slept == [0.5]


def test_without_a_lag_nobody_waits(slept: list[float]) -> None:
    settling = Settling()
    settling.wrote(0.0)
    settling.wait()
    assert slept == []
