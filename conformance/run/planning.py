"""The plan of a run: the target is checked, and everything a run needs is decided."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from conformance.catalogue.profiles import PROFILES
from conformance.contract import Contract, contract_seed, load_contract
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import new_run_id
from conformance.target.leftovers.cleanup import clean_up, read_rules_of_all
from conformance.target.preflight.preflight import preflight
from conformance.target.settings.config import Configuration
from conformance.worker.context import Worker, load_target_contract
from conformance.worker.plan import Plan
from conformance.worker.stopping import deadline


def make_plan(configuration: Configuration, started: float, shard: tuple[int, int] | None = None) -> Plan:
    """Check the target and decide everything a run needs; ``configuration`` names a target.

    ``started``: since when the time budget is spent, on the monotonic clock. ``shard``: number and count of the parts
    of which the run is one; no two of them have the same names. Raises `TargetLost` or `ConfigurationError` (see
    `conformance.target.preflight.preflight`).
    """
    run_id = new_run_id() if shard is None else new_run_id(part=(shard[0] - 1, shard[1]))
    contract = load_target_contract(configuration)
    with Worker(configuration, run_id, "main", contract) as worker:
        try:
            capabilities = preflight(worker.api, configuration, worker.sandbox, worker.hosts)
            rules_of_all = read_rules_of_all(worker.api) if configuration.mode >= Mode.EXCLUSIVE else None
        finally:
            clean_up(worker.api, worker.journal, worker.sandbox, worker.journal)
            writes = dict(worker.adapter.writes.since().counts)
    contract_version = configuration.emqx_version or capabilities.version
    first, *more = choose_seeds(configuration, load_contract(configuration.contract, contract_version))
    return Plan(
        configuration=configuration.model_copy(update={"replication_lag": capabilities.profile.lag_s}),
        run_id=run_id,
        seed=first,
        more_seeds=tuple(more),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        began=time.monotonic(),
        contract_version=contract_version,
        capabilities=capabilities,
        deadline=deadline(started, configuration.time_budget),
        rules_of_all=rules_of_all,
        preflight_writes=writes,
    )


def choose_seeds(configuration: Configuration, contract: Contract) -> tuple[int, ...]:
    """The seeds of a run, with each of which generated data is drawn.

    Unless told otherwise the first one changes with the contract alone, never from day to day, and as many random ones
    follow as the profile demands.
    """
    if isinstance(configuration.seed, tuple):
        return configuration.seed
    if configuration.seed is None:
        first = contract_seed(contract.digest)
    else:
        first = secrets.randbelow(2**32) if configuration.seed == "random" else configuration.seed
    seeds = {first: None}
    while len(seeds) <= PROFILES[configuration.profile].random_seeds:
        seeds[secrets.randbelow(2**32)] = None
    return tuple(seeds)
