"""A stored run is read back as it was, or refused with one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.report.errors import ReportError
from conformance.report.storage import read_run, write_run
from conformance.result import RunResult
from tests.report.samples import failing_items, run_of, runs

in_one_folder = settings(
    max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@in_one_folder
@given(runs)
def test_round_trip(tmp_path: Path, run: RunResult) -> None:
    write_run(run, tmp_path)
    assert read_run(tmp_path) == run


def test_nothing_but_the_file_is_left(tmp_path: Path) -> None:
    write_run(run_of(failing_items()), tmp_path / "new")
    write_run(run_of(failing_items()), tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.json"]


def positions(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, member in members for deeper in positions(member, (*path, key)))]


@in_one_folder
@given(st.data(), json_values)
def test_damage_is_found_or_harmless(tmp_path: Path, data: st.DataObject, value: object) -> None:
    file = write_run(run_of(failing_items()), tmp_path)
    document = json.loads(file.read_text())
    *path, last = data.draw(st.sampled_from([entry for entry in positions(document) if entry]))
    place = document
    for key in path:
        place = place[key]
    place[last] = value
    file.write_text(json.dumps(document))
    run = refusal = None
    try:
        run = read_run(tmp_path)
    except ReportError as error:
        refusal = str(error)
    if run is None:
        assert refusal is not None
        assert "\n" not in refusal
        assert str(file) in refusal
    else:
        write_run(run, tmp_path)
        assert read_run(tmp_path) == run


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not UTF-8 (byte 0)"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a stored run"),
        (b'{"run_version": 1, "run": {}}', "has version 1, this suite reads version 2"),
        (b'{"run_version": 2}', "is damaged: the file: expected an object"),
        (b'{"run_version": 2, "run": {}}', "is damaged: the file: verdict is missing"),
        (b'{"run_version": 2, "run": {"x": 1}}', "is damaged: the file: unknown key 'x'"),
    ],
)
def test_bad_file(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ReportError) as caught:
        read_run(tmp_path)
    assert sentence in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"there is no .*run\.json"):
        read_run(tmp_path)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match="cannot be written"):
        write_run(run_of([]), tmp_path / "file")


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("seed", True, "seed: True is no int"),
        ("seed", "1", "seed: '1' is no int"),
        ("verdict", "fine", "verdict: 'fine' is none of conformant"),
        ("items", {}, "items: expected a list"),
        ("items", [{}], "items[0]: id is missing"),
        ("duration_s", None, "duration_s: None is no float"),
    ],
)
def test_damage_is_located(tmp_path: Path, key: str, value: object, where: str) -> None:
    file = write_run(run_of(failing_items()), tmp_path)
    document = json.loads(file.read_text())
    document["run"][key] = value
    file.write_text(json.dumps(document))
    with pytest.raises(ReportError) as caught:
        read_run(tmp_path)
    assert where in str(caught.value)
