"""Which driver a connector gets: by its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.bridges.drivers import Driver, ReachabilityDriver
from conformance.reference.bridges.http_driver import HttpDriver
from conformance.reference.bridges.mqtt_driver import MqttDriver
from conformance.reference.defects import Traits

_FACTORIES: Mapping[str, Callable[..., Driver]] = {"http": HttpDriver, "mqtt": MqttDriver}


def make_driver(
    name: str, resource_type: str, config: Mapping[str, Any], *, allow_egress: bool, traits: Traits
) -> Driver:
    """Driver for a connector's converted configuration; raises `BadAddress`."""
    factory = _FACTORIES.get(resource_type, ReachabilityDriver)
    return factory(name, resource_type, config, allow_egress=allow_egress, traits=traits)
