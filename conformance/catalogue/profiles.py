"""What each profile demands of a run, and on whose word a run does without what its target lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.requirements import Requirement
from conformance.result import Omission
from conformance.target.capabilities import CAPABILITIES, Capabilities
from conformance.target.guard.mode import Mode
from conformance.target.settings.config import Configuration, Profile


@dataclass(frozen=True, slots=True)
class Budget:
    """What the items of a run may cost, besides those that carry each operation out, by the table of costs: accepted
    configuration writes, and requests."""

    writes: float
    requests: float


@dataclass(frozen=True, slots=True)
class Demands:
    """What a profile demands besides `demanded`, which they all do.

    ``every_type``: that each connector and action type is looked at, rather than some that the seed chooses.
    ``budget``: of what may be asked, as much is as it pays for (`conformance.run.sample`); None for all of it.
    ``capabilities``: those of the target, or of what the user gives with it, without which a requirement counts as one
    that could not be decided; without any other a run does on the user's word. ``random_seeds``: how many seeds more
    than the one of the contract generated data is drawn with. ``mode``: the least that a run must be allowed.
    ``starts_without``: whether a run starts where something of it is missing (`conformance.run.demands`).
    """

    every_type: bool
    capabilities: frozenset[str]
    random_seeds: int = 0
    mode: Mode = Mode.READ_ONLY
    starts_without: bool = True
    budget: Budget | None = None


PROFILES: Mapping[Profile, Demands] = {
    # Whoever waits for a pull request waits less than a minute. Carrying each operation out is about 40 writes; with
    # those besides it is fewer than a hundred, which take a real server 20 s.
    "smoke": Demands(False, frozenset(), budget=Budget(writes=22, requests=2700)),
    # Without them whole operations could not be looked at. Listeners, sinks and keys are the user's to give; whether
    # clients must log in is for whoever set the target up.
    "standard": Demands(True, frozenset({"authenticator", "authorization", "retainer", "schemas"})),
    "deep": Demands(True, frozenset(CAPABILITIES)),
    # What nobody can talk about afterwards: everything that `deep` looks at, or no run at all.
    "acceptance": Demands(True, frozenset(CAPABILITIES), random_seeds=3, mode=Mode.EXCLUSIVE, starts_without=False),
}

_NAMED_BY = {"mqtt": "mqtt", "sink": "sink", "viewer": "viewer_key", "publisher": "publisher_key"}
"""Capability -> the field of the configuration by which the user names it."""


def demanded(requirements: Iterable[Requirement], version: str | None) -> list[Requirement]:
    """What every profile demands of a target of that version: what applies to it and is not provisional."""
    return [entry for entry in requirements if counts([entry]) and entry.applies_to(version)]


def counts(requirements: Iterable[Requirement]) -> bool:
    """Whether a profile demands any of the requirements: provisional ones are reported and do not count."""
    return any(not requirement.provisional for requirement in requirements)


def why_missing(capability: str, configuration: Configuration, capabilities: Capabilities) -> Omission:
    """Why what needs a missing capability is not looked at.

    What the user named and cannot be used, and what the profile demands, leaves it undecided.
    """
    if capability == "users" and capabilities.no_mqtt is not None:
        capability = "mqtt"
    if configuration.mode is Mode.READ_ONLY and capability in ("mqtt", "sink"):
        return "chosen"
    field = _NAMED_BY.get(capability)
    named = field is not None and getattr(configuration, field) is not None
    demanded = capability in PROFILES[configuration.profile].capabilities
    return "undecided" if named or demanded else "chosen"
