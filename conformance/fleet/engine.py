"""The engine of a fleet: Dask distributed hands jobs to workers, and again to others when a worker dies."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.fleet.job import Job, run_job
from conformance.report.fleet import TargetRun

LOCAL = "local"
INSTALL = "pip install 'emqx-conformance[fleet]'"
ENDED = "the fleet was ended before it"

_CONNECT_S = 30.0

Told = Callable[[str, str, str], None]
"""Gets the name of a target, what is being done for it, and the worker that does it."""


class EngineError(Exception):
    """Dask distributed is not there, or its scheduler cannot be reached; the text is one sentence for the user."""

    def __init__(self, message: str, *, usage: bool) -> None:
        super().__init__(message)
        self.usage = usage


@dataclass(slots=True)
class Engine:
    """A connection with a scheduler; see `connected`. ``workers``: how many jobs it does at once."""

    client: Any
    scheduler: str
    workers: int

    def begin(self, rows: Sequence[Sequence[Job]], told: Told) -> Going:
        """Let workers do all jobs, those of a row one after the other."""
        return Going(self.client, rows, told)

    def stop(self, fleet: str) -> None:
        """Let the jobs that go on clean up and report, and begin no other."""
        from distributed import Event

        Event(_stop(fleet), client=self.client).set()


class Going:
    """The jobs of a fleet while they are done: `next` until there is none, also after a `KeyboardInterrupt` in it."""

    def __init__(self, client: Any, rows: Sequence[Sequence[Job]], told: Told) -> None:
        from distributed import as_completed

        self._client = client
        self._jobs: dict[str, tuple[Job, Sequence[Job]]] = {}
        self._done = as_completed(loop=client.loop, with_results=True, raise_errors=False)
        client.subscribe_topic(_topic(rows[0][0].fleet), lambda event: told(*event[1]))
        for row in rows:
            self._submit(row)

    def next(self) -> TargetRun | None:
        """What became of a job, each once, as they end; None when all have."""
        try:
            future, result = next(self._done)
        except StopIteration:
            return None
        job, row = self._jobs.pop(future.key)
        future.release()  # a worker that dies after that need not do it again
        if row:
            self._submit(row)
        return result if isinstance(result, TargetRun) else _lost(job, result)

    def _submit(self, row: Sequence[Job]) -> None:
        job, *later = row
        # The key of a job is its own: what was done is not done again for another fleet's sake.
        future = self._client.submit(_on_worker, job, key=f"{job.fleet}-{job.target}", pure=False)
        self._jobs[future.key] = job, later
        self._done.add(future)


@contextlib.contextmanager
def connected(scheduler: str | None, at_once: int) -> Iterator[Engine]:
    """The scheduler at that address, or one of this machine with ``at_once`` workers; raises `EngineError`."""
    try:
        import cryptography  # noqa: F401 - for the certificates of local workers
        from distributed import Client, LocalCluster
    except ImportError:
        raise EngineError(f"fleet runs on Dask distributed, which is not installed: {INSTALL}", usage=True) from None

    with contextlib.ExitStack() as stack:
        address: Any = scheduler
        if scheduler is None:
            with _deaf():
                address = stack.enter_context(
                    LocalCluster(
                        n_workers=at_once,
                        threads_per_worker=1,
                        processes=True,
                        host="127.0.0.1",
                        security=True,  # who else is on this machine may not give its workers anything to do
                        dashboard_address="127.0.0.1:0",
                        worker_dashboard_address="127.0.0.1:0",
                        memory_limit=0,  # a run is a process of its own
                        silence_logs=logging.CRITICAL,
                    )
                )
        try:
            client = stack.enter_context(Client(address, timeout=_CONNECT_S, set_as_default=False))
        except (OSError, ValueError) as error:
            raise EngineError(f"--scheduler: {scheduler} cannot be reached: {error}", usage=False) from None
        known = client.scheduler_info(n_workers=-1)["workers"]
        threads = sum(worker["nthreads"] for worker in known.values())
        if scheduler is not None and not threads:
            raise EngineError(f"--scheduler: {scheduler} has no worker", usage=False)
        yield Engine(client, scheduler or LOCAL, threads or at_once)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """What starts here does not hear Ctrl-C, which is for the fleet to deal with."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _on_worker(job: Job) -> TargetRun:
    from distributed import Event, get_client, get_worker

    worker = get_worker()
    stop = Event(_stop(job.fleet), client=get_client())

    def tell(state: str) -> None:
        worker.log_event(_topic(job.fleet), (job.target, state, worker.address))

    if stop.is_set():
        return TargetRun(job.target, job.base_url, reason=ENDED)
    return run_job(job, worker.address, tell, stop.is_set)


def _lost(job: Job, error: object) -> TargetRun:
    """What is left to say of a job that no worker brought to its end."""
    from distributed import KilledWorker

    error = error[1] if isinstance(error, tuple) else error  # as of sys.exc_info
    why = f"{type(error).__name__}: {error}"
    if isinstance(error, KilledWorker):
        why = "every worker that ran it died"
    elif isinstance(error, (ImportError, AttributeError)):
        why = f"the worker has another version of the suite: {error}"
    return TargetRun(job.target, job.base_url, reason=why)


def _topic(fleet: str) -> str:
    return f"emqx-conformance-{fleet}"


def _stop(fleet: str) -> str:
    return f"emqx-conformance-{fleet}-stop"
