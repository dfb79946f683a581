"""What a profile that leaves nothing out is told before its first item: all that is missing, in one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from conformance.catalogue.profiles import PROFILES
from conformance.contract import contract_seed, load_contract
from conformance.contract.editions import OPEN_SOURCE
from conformance.report.left_out import of_version
from conformance.target.errors import ConfigurationError
from conformance.target.guard.mode import Mode
from conformance.target.settings.config import Configuration
from conformance.worker.plan import Plan

_CREDENTIALS: Mapping[str, str] = {
    "api_key": "--api-key and --api-secret-file: a key of the role administrator",
    "token": "--token-file: a bearer token, the other kind of credentials",
    "viewer_key": "--viewer-key and --viewer-secret-file: a key of the role viewer",
    "publisher_key": "--publisher-key and --publisher-secret-file: a key of the role publisher",
}
"""Field of the configuration -> the options that fill it, and why."""

_ONLY_EXCLUSIVE = (
    "what a target may be unable to undo is left out without --disposable, so that the verdict is partial at best"
)
_MOST_TYPES = 8


class DemandUnmet(Exception):
    """The target lacks what the profile demands (exit code 3); the text is a list for the user."""


def check_options(configuration: Configuration) -> tuple[str, ...]:
    """Raise `ConfigurationError` for what the user must give and did not; ``configuration`` names a target.

    Returns warnings: what the run, as it was asked for, cannot decide.
    """
    demands = PROFILES[configuration.profile]
    if demands.starts_without:
        return ()
    lacking = list(_options(configuration))
    if lacking:
        raise ConfigurationError(_list(configuration, "and these options are missing", lacking))
    return (_ONLY_EXCLUSIVE,) if configuration.mode < Mode.DISPOSABLE else ()


def check_target(plan: Plan) -> None:
    """Raise `DemandUnmet` for what the target lacks, and `ConfigurationError` if the seeds are not those demanded."""
    configuration = plan.configuration
    demands = PROFILES[configuration.profile]
    if demands.starts_without:
        return
    fixed = contract_seed(load_contract(configuration.contract, plan.contract_version).digest)
    if plan.seed != fixed or len(plan.more_seeds) < demands.random_seeds:
        raise ConfigurationError(
            f"--seed: --profile {configuration.profile} draws with {fixed}, the seed of the contract, and at least "
            f"{demands.random_seeds} others, which are random unless all are named: --seed {fixed},N,N,N"
        )
    lacking = list(dict.fromkeys(_of_target(plan)))
    if lacking:
        raise DemandUnmet(_list(configuration, "and the target lacks", lacking))


def _options(configuration: Configuration) -> Iterator[str]:
    """Of a target that is not embedded, which brings everything but the mode."""
    if configuration.mode < PROFILES[configuration.profile].mode:
        instead = " instead of --read-only" if configuration.read_only else ""
        yield f"--exclusive or --disposable{instead}: the target is there for this run alone"
    for field, text in _CREDENTIALS.items():
        if getattr(configuration, field) is None:
            yield text
    listener = configuration.listener
    has_tls = urlsplit(configuration.base_url or "").scheme == "https"
    if listener is None:
        yield f"--mqtt {'mqtts://' if has_tls else ''}HOST:PORT: the data plane is part of the contract"
    elif has_tls and not listener.tls:
        yield f"--mqtt mqtts://HOST:PORT: the URL has TLS, and {configuration.mqtt} has none"
    if configuration.sink is None and not configuration.on_loopback:
        yield "--sink HOST[:PORT]: where the target reaches the HTTP sink of the suite, to which actions deliver"


def _of_target(plan: Plan) -> Iterator[str]:
    capabilities = plan.capabilities
    contract = load_contract(plan.configuration.contract, plan.contract_version)
    entry = of_version(capabilities.version, plan.configuration.emqx_version, contract.version)
    if entry is not None and entry.why == "undecided":
        yield f"a contract of its version: {entry.reason}"
    if capabilities.profile.edition == OPEN_SOURCE:
        yield "the enterprise edition: of connectors and actions the open-source one has few types"
    elif absent := [name for name in contract.types("actions") if name not in capabilities.action_types]:
        more = f" and {len(absent) - _MOST_TYPES} more" if len(absent) > _MOST_TYPES else ""
        yield f"types of actions: {', '.join(absent[:_MOST_TYPES])}{more}"
    demanded = PROFILES[plan.configuration.profile].capabilities
    for name, reason in capabilities.missing().items():
        if name == "users" and reason == capabilities.no_mqtt:
            continue
        if name in demanded:
            yield f"{name}: {reason}"


def _list(configuration: Configuration, what: str, lacking: Iterable[str]) -> str:
    """A list; the rows are lines, as nobody would find the third of them in a sentence."""
    head = f"--profile {configuration.profile} leaves nothing out (--profile deep may), {what}:"
    return "\n".join([head, *(f"  - {one}" for one in lacking)])
