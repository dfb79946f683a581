"""The schema registry: named Avro, JSON and protobuf schemas, and coding by their names."""

from conformance.reference.schema_registry.registry import SchemaRegistry

__all__ = ["SchemaRegistry"]
