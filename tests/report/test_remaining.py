"""How long a run still takes, told from its configuration writes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.report.progress import Progress
from conformance.report.remaining import Remaining
from conformance.result import ItemResult
from tests.report.samples import item
from tests.report.screens import console_of


def done(name: str, writes: int = 0, cleanup: int = 0, took_s: float = 0.0, worker: str = "gw0") -> ItemResult:
    result = item(name, None, config_writes={"POST /rules": writes}, config_write_s=took_s, worker=worker)
    result.id, result.config_cleanup = name, {"DELETE /rules/{id}": cleanup}
    return result


def test_writes_to_come_are_counted_at_the_price_that_was_measured() -> None:
    remaining = Remaining({"a": (1.0, 4), "b": (1.0, 10)}, price_s=0.2)
    assert remaining.seconds(0.0) == pytest.approx(2 + 14 * 0.2), "nothing is known but what is expected"
    remaining.done(done("a", writes=2, cleanup=2, took_s=2.0))
    assert remaining.price_s == 0.5
    # Of 4 s half went by in writes: whatever else there is takes twice as long as expected.
    assert remaining.seconds(4.0) == pytest.approx(10 * 0.5 + 1.0 * 2)


def test_workers_share_what_is_left() -> None:
    remaining = Remaining({"a": (1.0, 2), "b": (1.0, 2), "c": (0.0, 10)}, price_s=0.2)
    for name, worker in (("a", "gw0"), ("b", "gw1")):
        remaining.done(done(name, writes=2, took_s=0.8, worker=worker))
    assert remaining.seconds(2.0) == pytest.approx(10 * 0.4 / 2)


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 9), st.floats(0, 9)), max_size=5), st.floats(0, 99))
def test_nothing_is_left_in_the_end_and_never_less(items: list[tuple[float, int, float]], elapsed_s: float) -> None:
    expected = {str(number): (seconds, writes) for number, (seconds, writes, _) in enumerate(items)}
    remaining = Remaining(expected, price_s=0.2)
    for number, (_, writes, took_s) in enumerate(items):
        assert remaining.seconds(elapsed_s) >= 0
        remaining.done(done(str(number), writes=writes, took_s=took_s))
    remaining.done(done("nobody expected it", writes=1))
    assert remaining.seconds(elapsed_s) == pytest.approx(0, abs=1e-6)


def test_progress_tells_what_writes_leave() -> None:
    file, now = io.StringIO(), [100.0]
    progress = Progress(console_of(file), lambda: now[0])
    progress.start(2, Remaining({"a": (1.0, 5), "b": (0.0, 50)}, price_s=0.2))
    now[0] += 2.0
    progress.item(done("a", writes=5, took_s=1.0))
    progress.finish()
    assert "2.0s elapsed, 10.0s to go" in file.getvalue()
