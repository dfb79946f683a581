"""The parts of a worker that talk to the target, and the context its items use."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from conformance import __version__
from conformance.checks.answers import AnswerChecks
from conformance.checks.behaviour_log import BehaviourLog
from conformance.checks.exchanges import ExchangeLog
from conformance.checks.extensions import import_checks
from conformance.checks.recorder import Recorder
from conformance.checks.values import ValueWatch
from conformance.contract import Contract, load_contract
from conformance.contract.fields import secret_names
from conformance.target.guard.guard import Guard
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.rate import RateLimit
from conformance.target.http.session import Api
from conformance.target.http.transport import GuardedAdapter
from conformance.target.journal.journal import FILE_NAME, Header, Journal, read_journal
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.cleanup import Left, clean_up, tidy_up
from conformance.target.locks import StateLocks
from conformance.target.redaction import Redactor
from conformance.target.settings.config import Configuration
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.plan import Plan
from conformance.worker.stopping import StopFlag

STOPPED = "stopped"
STATE_FOLDER = ".state-{run}"
"""Of a run, in its report directory: what its processes share, as long as it goes on."""


class Worker:
    """The parts of one worker that talk to the target: sandbox, guard, journal and session.

    ``journal``: the file to go on with, by default that of the worker in the report directory.
    """

    def __init__(
        self,
        configuration: Configuration,
        run_id: str,
        worker: str,
        contract: Contract,
        journal: Journal | None = None,
    ) -> None:
        self.configuration = configuration
        self.contract = contract
        self.sandbox = Sandbox(run_id, worker)
        self.redact = redactor(configuration, contract)
        self.journal = journal or Journal(
            journal_file(configuration.report_dir, run_id, worker), journal_header(configuration, run_id, worker)
        )
        self.hosts = HostPolicy([configuration.broker] if configuration.broker else [])
        self.guard = Guard(contract, self.sandbox, self.hosts, configuration.mode)
        rate = RateLimit(configuration.max_rps, state_folder(configuration, run_id) / "rate")
        self.adapter = GuardedAdapter(configuration.base_url or "", self.guard, self.journal, rate)
        self.api = Api(configuration, self.adapter, contract, self.redact, run_id)
        self._open = ExitStack()
        self._open.callback(self.journal.close)
        self._open.callback(self.api.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything the worker holds."""
        self._open.close()


class Context(Worker):
    """Everything the items of one worker use."""

    def __init__(self, plan: Plan, worker: str) -> None:
        contract = load_contract(plan.configuration.contract, plan.contract_version)
        super().__init__(plan.configuration, plan.run_id, worker, contract)
        assert self.journal.file is not None
        if self.journal.file.exists():
            self.journal.adopt(read_journal(self.journal.file).live)  # what the preflight could not delete
        self.plan = plan
        self.capabilities = plan.capabilities
        import_checks()
        self.recorder = Recorder(self.redact, worker)
        self.stop = stop_flag(plan)
        answers = AnswerChecks(contract, self.recorder, plan.capabilities.version)
        self.api.observers += [answers, ValueWatch(contract, self.recorder), self.stop]
        if plan.configuration.har:
            log = ExchangeLog(exchanges_file(plan.configuration, plan.run_id, worker), self.recorder)
            self.api.observers.append(self._open.enter_context(log))
        if plan.configuration.behaviour:
            file = plan.configuration.report_dir / f"behaviour-{worker}.jsonl"
            self.api.observers.append(self._open.enter_context(BehaviourLog(file, self.recorder, self.sandbox)))
        self.api.doubters.append(self.recorder.repeated)
        self.api.health.began = plan.began
        if plan.rules_of_all is not None:
            self.adapter.rules_of_all = Resource("rules_of_all", plan.rules_of_all)
        self.locks = StateLocks(state_folder(plan.configuration, plan.run_id))
        rate = plan.capabilities.profile.limits.connections_per_s
        self._connections = RateLimit(rate, state_folder(plan.configuration, plan.run_id) / "connections")
        self._sink: HttpSink | None = None
        self._once: dict[str, Any] = {}
        self._lasting: dict[str, list[str]] = defaultdict(list)
        self.sample: frozenset[str] | None = None
        """Ids of the items that stand for all others in this run, None if it asks them all."""
        self.lasting_resources: frozenset[Resource] = frozenset()

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """A value that is costly to make and serves every item of the worker."""
        if key not in self._once:
            self._once[key] = make()
        return self._once[key]

    @cached_property
    def secret(self) -> str:
        """A secret for connectors and actions that occurs nowhere else; reports hide it. It is valid base64, too."""
        marker = "Secret" + secrets.token_hex(7)
        self.redact.add(marker)
        return marker

    def lasting(self, key: str, make: Callable[[], str], exists: Callable[[str], bool]) -> str:
        """The id of something on the target that serves many items: made on first use, deleted when the worker ends.

        For what is costly to make (a configuration write takes a real server 0.2 s) and what no item that asks for it
        deletes. ``exists`` tells whether it still does; otherwise it is made again.
        """
        known = self._lasting[key]
        with self.recorder.history.lasting():
            while known and not exists(known[-1]):
                known.pop()
            if not known:
                before = frozenset(self.journal)
                known.append(make())
                self.lasting_resources |= frozenset(self.journal) - before
        return known[-1]

    def keep(self, key: str, resource: Resource) -> None:
        """Let something that the item made last under a key, before what is there; that comes after it (see `lasting`).

        What was not made, or is gone, is not kept.
        """
        if resource in frozenset(self.journal):
            self._lasting[key].append(resource.id)
            self.lasting_resources |= {resource}
            self.recorder.history.outlast()

    def target(self) -> Target:
        """The target for one item."""
        return Target(
            self.api,
            self.contract,
            self.sandbox,
            self.capabilities,
            self.configuration,
            self.journal,
            self.recorder.history.beyond.client,
            self._connections.wait,
            self.lasting,
            self.keep,
        )

    @property
    def sink(self) -> HttpSink:
        """The worker's HTTP sink, started on first use; connectors may name it."""
        if self._sink is None:
            self._sink = self._open.enter_context(HttpSink(*self.configuration.sink_address(self.sandbox.worker)))
            address = f"{self._sink.host}:{self._sink.port}"
            self.hosts.allow(address)
            self.recorder.history.beyond.sink = address
        return self._sink

    def tidy_up(self, keep: frozenset[Resource]) -> None:
        """Delete what an item created; what cannot be deleted now is tried again when the worker ends."""
        created = [resource for resource in self._created() if resource not in keep]
        if created:
            tidy_up(self.api, self.journal, self.sandbox, created)

    def delete(self, resource: Resource) -> bool:
        """Delete one thing of the worker at once; whether it is gone."""
        return not tidy_up(self.api, self.journal, self.sandbox, [resource])

    def clean_up(self) -> list[Left]:
        """Delete what the worker created and did not delete yet; returns what is left."""
        return clean_up(self.api, self.journal, self.sandbox, self._created())

    def _created(self) -> list[Resource]:
        """What the journal says may exist, apart from what waits for the end of the run.

        No worker may need what is to be put back otherwise any more, and what carries no name is known by its time.
        """
        waits = ("rules_of_all",)
        return [resource for resource in self.journal if resource.kind not in waits and not resource.nameless]


def redactor(configuration: Configuration, contract: Contract) -> Redactor:
    """What keeps the secrets of a configuration, and of the contract's secret fields, out of reports."""
    redact = Redactor(configuration.secrets.values(), secret_names(contract))
    for key, secret in configuration.keys.values():
        redact.add_basic(key, secret)
    return redact


def load_target_contract(configuration: Configuration) -> Contract:
    """The contract of a configuration before the target's version is known."""
    return load_contract(configuration.contract, configuration.emqx_version)


def journal_file(report_dir: Path, run_id: str, worker: str) -> Path:
    return report_dir / FILE_NAME.format(worker=f"{run_id}-{worker}")


def journal_header(configuration: Configuration, run_id: str, worker: str) -> Header:
    """The first line of a worker's journal."""
    return Header(
        run=run_id,
        worker=worker,
        base_url=configuration.base_url or "",
        suite=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def state_folder(configuration: Configuration, run_id: str) -> Path:
    """Locks and the shared rate of one run."""
    return configuration.report_dir / STATE_FOLDER.format(run=run_id)


def exchanges_file(configuration: Configuration, run_id: str, worker: str) -> Path:
    """Where a worker keeps its exchanges until the run is over."""
    return state_folder(configuration, run_id) / f"exchanges-{worker}.jsonl"


def stop_flag(plan: Plan) -> StopFlag:
    """What every process of a run looks at to see whether it goes on."""
    folder = state_folder(plan.configuration, plan.run_id)
    return StopFlag(folder / STOPPED, plan.deadline, plan.configuration.time_budget)
