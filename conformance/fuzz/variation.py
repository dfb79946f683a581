"""Valid variations of an example: fields every type takes the same way, with values a healthy server must accept.

Free text in a host, a statement or a template is a rule of its own in every type; those stay as the example has them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from conformance.contract import Contract

Choice = Callable[[random.Random], Any]

_DURATIONS = ("1s", "15s", "30s", "1m")
_WORDS = ("", "conformance", "ünïcödé ✓", "a b\tc", "x" * 200)

_FREE_FIELDS: Mapping[str, Choice] = {
    "description": lambda chance: chance.choice(_WORDS),
    "tags": lambda chance: chance.sample(["qa", "conformance", "ünï"], chance.randrange(3)),
    "pool_size": lambda chance: chance.randint(1, 8),
}
_FREE_RESOURCE_OPTIONS: Mapping[str, Choice] = {
    "health_check_interval": lambda chance: chance.choice(_DURATIONS),
    "start_timeout": lambda chance: chance.choice(_DURATIONS),
    "request_ttl": lambda chance: chance.choice((*_DURATIONS, "infinity")),
    "inflight_window": lambda chance: chance.randint(1, 1000),
    "worker_pool_size": lambda chance: chance.randint(1, 16),
    "max_buffer_bytes": lambda chance: chance.choice(("1MB", "256MB", "512KB")),
}


def variations(
    contract: Contract, schema: Mapping[str, Any], example: Mapping[str, Any], count: int, seed: int
) -> list[dict[str, Any]]:
    """``count`` bodies: the example with some of its free fields set, differently in each."""
    chance = random.Random(seed)
    branches = [contract.resolve(branch) for branch in contract.branches(schema)]
    properties = branches[0].get("properties", {})
    bodies: list[dict[str, Any]] = []
    while len(bodies) < count:
        # Never started: that costs a real server a connection attempt, which the example itself gets.
        body = {**deepcopy(dict(example)), "enable": False}
        _vary(body, properties, _FREE_FIELDS, chance)
        options = contract.resolve(properties.get("resource_opts", {})).get("properties", {})
        if options and chance.random() < 0.7:
            _vary(body.setdefault("resource_opts", {}), options, _FREE_RESOURCE_OPTIONS, chance)
        bodies.append(body)
    return bodies


def _vary(
    body: dict[str, Any], properties: Mapping[str, Any], choices: Mapping[str, Choice], chance: random.Random
) -> None:
    for field, choose in choices.items():
        if field in properties and chance.random() < 0.6:
            body[field] = choose(chance)
