"""The engine, with workers that are threads of this process: what it is told, what it tolerates, how it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

distributed = pytest.importorskip("distributed")

from conformance.fleet import engine as engine_module  # noqa: E402 - not without distributed
from conformance.fleet.engine import ENDED, Engine, EngineError, connected  # noqa: E402
from conformance.fleet.job import Job  # noqa: E402
from conformance.report.fleet import TargetRun  # noqa: E402


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=3, dashboard_address=None, set_as_default=False
    ) as client:
        yield Engine(client, "local", 3)


def job(fleet: str, target: str) -> Job:
    return Job(fleet, target, f"http://{target}/api/v5", "targets.toml", target)


def everything(engine: Engine, rows: list[list[Job]], told: engine_module.Told) -> list[TargetRun]:
    going = engine.begin(rows, told)
    return list(iter(going.next, None))


def test_a_row_is_done_one_after_the_other_and_what_fails_fails_alone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, seen = threading.Lock(), threading.Event()
    going: set[str] = set()
    together: set[frozenset[str]] = set()

    def pretend(job: Job, worker: str, tell, stopped) -> TargetRun:
        tell("running")
        with lock:
            together.update(frozenset((job.target, other)) for other in going)
            going.add(job.target)
        if job.target == "bad":
            with lock:
                going.discard(job.target)
            raise ValueError("out of order")
        assert not stopped()
        with lock:
            going.discard(job.target)
        return TargetRun(job.target, job.base_url, "conformant", worker=worker)

    events = []

    def told(*event: str) -> None:
        events.append(event)
        if len(events) == 5:
            seen.set()

    monkeypatch.setattr(engine_module, "run_job", pretend)
    names = [["a1", "a2", "a3"], ["bad"], ["b"]]
    results = everything(engine, [[job("one", name) for name in row] for row in names], told)

    assert sorted(result.name for result in results) == ["a1", "a2", "a3", "b", "bad"]
    by_name = {result.name: result for result in results}
    assert by_name["bad"].verdict is None
    assert by_name["bad"].reason == "ValueError: out of order"
    assert all(by_name[name].verdict == "conformant" for name in ("a1", "a2", "a3", "b"))
    assert not [pair for pair in together if len({name for name in pair if name.startswith("a")}) > 1]
    assert seen.wait(30)
    assert {(name, state) for name, state, _ in events} == {(name, "running") for row in names for name in row}


def test_a_fleet_that_is_stopped_begins_nothing_more(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()

    def pretend(job: Job, worker: str, tell, stopped) -> TargetRun:
        began.set()
        while not stopped():
            pass  # each question goes to the scheduler
        return TargetRun(job.target, job.base_url, "inconclusive")

    monkeypatch.setattr(engine_module, "run_job", pretend)
    going = engine.begin([[job("two", "first"), job("two", "second")]], lambda *event: None)
    assert began.wait(30)
    engine.stop("two")
    results = {result.name: result for result in iter(going.next, None)}
    assert results["first"].verdict == "inconclusive"
    assert results["second"].reason == ENDED


def test_a_scheduler_that_is_not_there(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_CONNECT_S", 0.1)
    with pytest.raises(EngineError, match=r"--scheduler: tcp://127.0.0.1:[0-9]+ cannot be reached: "):
        connected(f"tcp://127.0.0.1:{closed_port}", 1).__enter__()
