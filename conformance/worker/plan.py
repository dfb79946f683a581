"""What is decided once per run, for all of its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.target.capabilities import Capabilities
from conformance.target.settings.config import Configuration
from conformance.target.settings.options import SECRETS


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided once per run; it reaches the workers over xdist's channel, never a command line.

    ``began``: when the target was found healthy, as of `conformance.target.http.health.Health`. ``deadline``: when the
    time budget is used up, on the monotonic clock. ``rules_of_all``: the authorization rules for all clients as JSON,
    where the run may change them and they could be read. ``more_seeds``: those that generated data is drawn with
    besides ``seed``. ``preflight_writes``: operation -> configuration writes of the preflight; no worker needs them.
    """

    configuration: Configuration
    run_id: str
    seed: int
    started_at: str
    began: float
    contract_version: str | None
    capabilities: Capabilities
    deadline: float | None = None
    rules_of_all: str | None = None
    more_seeds: tuple[int, ...] = ()
    preflight_writes: Mapping[str, int] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, the first of which decides everything that is not drawn again with each."""
        return (self.seed, *self.more_seeds)

    def as_json(self) -> dict[str, Any]:
        configuration = self.configuration.model_dump(mode="json", exclude=set(SECRETS))
        return {
            "configuration": configuration | self.configuration.secrets,
            "run_id": self.run_id,
            "seed": self.seed,
            "started_at": self.started_at,
            "began": self.began,
            "contract_version": self.contract_version,
            "capabilities": self.capabilities.as_json(),
            "deadline": self.deadline,
            "rules_of_all": self.rules_of_all,
            "more_seeds": list(self.more_seeds),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Plan:
        return cls(
            **{
                **value,
                "configuration": Configuration(**value["configuration"]),
                "capabilities": Capabilities.from_json(value["capabilities"]),
                "more_seeds": tuple(value["more_seeds"]),
            }
        )
