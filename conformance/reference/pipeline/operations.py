"""Imports every module with handlers, so that all operations are registered."""

from conformance.reference import auxiliary
from conformance.reference.access import ban_handlers, import_handlers, rule_handlers, user_handlers
from conformance.reference.bridges import action_handlers, connector_handlers
from conformance.reference.mqtt_operations import (
    client_messages,
    client_subscriptions,
    clients,
    listeners,
    publish,
    retained,
    subscriptions,
)
from conformance.reference.rules import handlers as rules
from conformance.reference.schema_registry import handlers as schema_registry

MODULES = (
    action_handlers,
    auxiliary,
    ban_handlers,
    client_messages,
    client_subscriptions,
    clients,
    connector_handlers,
    import_handlers,
    listeners,
    publish,
    retained,
    rule_handlers,
    rules,
    schema_registry,
    subscriptions,
    user_handlers,
)
