"""Connectors and actions: their operations, their connections and the delivery of what rules produce."""

from conformance.reference.bridges.bridges import Bridges

__all__ = ["Bridges"]
