"""The start of a run: everything that can be wrong before the first item is said here, in one sentence."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.catalogue.extensions import import_extensions
from conformance.catalogue.registry import catalogue, import_suite
from conformance.checks.extensions import ExtensionError
from conformance.contract import DocumentError, load_contract
from conformance.contract.loading import DEFAULT_VERSION
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.reference.embedded import EmbeddedDeployment, EmbeddedError, start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.run.demands import DemandUnmet, check_options, check_target
from conformance.run.ending import inventory_before
from conformance.run.planning import make_plan
from conformance.run.report_directory import ReportDirectory
from conformance.run.sharding import check_whole
from conformance.run.unstarted import report_unstarted
from conformance.target.errors import ConfigurationError, TargetLost, Unwritable
from conformance.target.leftovers.inventory import Inventory
from conformance.target.settings.config import Configuration, load_configuration, report_directory
from conformance.waivers import WaiverError, load_waivers
from conformance.worker.plan import Plan
from conformance.worker.stopping import INTERRUPTED, Interrupts
from emqx_conformance_extensions import installed


class StartError(Exception):
    """A run could not start; the text is one sentence for the user."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @property
    def reason(self) -> str:
        """Why, without the verdict."""
        return str(self).removeprefix("inconclusive: ")


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run begins with. ``before``: what the target held; ``started``: when, on the monotonic clock."""

    plan: Plan
    directory: ReportDirectory
    embedded: EmbeddedDeployment | None
    before: Inventory
    interrupts: Interrupts
    started: float


def begin(
    options: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    *,
    shard: tuple[int, int] | None = None,
    demanding: bool = True,
) -> Beginning:
    """Check the configuration and the target, starting the embedded deployment if none is named.

    ``options`` and ``environment``: as in `conformance.target.settings.config.load_configuration`. ``shard``: number
    and count of the parts of which the run is one. ``demanding``: whether the run does not start without what its
    profile demands (`conformance.run.demands`). Raises `StartError`; the report directory, if there is one, tells the
    reason as well.
    """
    configuration: Configuration | None = None
    directory: ReportDirectory | None = None
    embedded: EmbeddedDeployment | None = None
    started = time.monotonic()
    interrupts = Interrupts()
    interrupts.install()
    try:
        directory = ReportDirectory(report_directory(options, environment))
        configuration = load_configuration(options, environment)
        if shard is not None:
            check_whole(configuration)
        load_waivers(*configuration.waivers)
        load_contract(configuration.contract, configuration.emqx_version)
        if configuration.base_url is None:
            embedded = start_embedded(
                configuration=NodeConfiguration(authentication_enable=True),
                version=configuration.emqx_version or DEFAULT_VERSION,
            )
            configuration = _for_embedded(configuration, embedded)
        if demanding:
            warnings = (*configuration.warnings, *check_options(configuration))
            configuration = configuration.model_copy(update={"warnings": warnings})
        plan = make_plan(configuration, started, shard)
        if demanding:
            check_target(plan)
        return Beginning(plan, directory, embedded, inventory_before(plan), interrupts, started)
    except (ConfigurationError, WaiverError, DocumentError) as error:
        failure = StartError(str(error), USAGE_ERROR)
    except (TargetLost, EmbeddedError, Unwritable, DemandUnmet) as error:
        failure = StartError(f"inconclusive: {error}", INCONCLUSIVE)
    except KeyboardInterrupt:
        failure = StartError(f"inconclusive: {INTERRUPTED} before the first item", INCONCLUSIVE)
    interrupts.restore()
    if embedded is not None:
        embedded.stop()
    if directory is not None:
        report_unstarted(failure.reason, directory.path, configuration, time.monotonic() - started, shard)
        directory.release()
    raise failure


def check_names(plan: Plan) -> None:
    """Raise `StartError` if a waiver or an extension names something that does not exist, or cannot be used otherwise.

    Not done in `begin`: it imports the test modules, and pytest must be the first to do so.
    """
    configuration = plan.configuration
    contract = load_contract(configuration.contract, plan.contract_version)
    try:
        if installed():
            import_suite()
            import_extensions(contract.operations)
        if not configuration.waivers:
            return
        load_waivers(
            *configuration.waivers,
            requirements={requirement.id for requirement in catalogue()},
            operations=set(contract.operations),
        )
    except (ExtensionError, WaiverError) as error:
        raise StartError(str(error), USAGE_ERROR) from None


def _for_embedded(configuration: Configuration, embedded: EmbeddedDeployment) -> Configuration:
    """The embedded deployment belongs to this run alone and ends with it: everything is allowed on it."""
    return Configuration(
        **{
            **configuration.model_dump(),
            "base_url": embedded.base_url,
            "api_key": embedded.api_key,
            "api_secret": embedded.api_secret,
            "token": embedded.bearer_token,
            **{f"{role}_key": key for role, (key, _) in embedded.role_keys.items()},
            **{f"{role}_secret": secret for role, (_, secret) in embedded.role_keys.items()},
            "mqtt": embedded.mqtt,
            "sink": "127.0.0.1",
            "disposable": not configuration.read_only,
            "embedded": True,
        }
    )
