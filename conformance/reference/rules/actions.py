"""What a rule does with a row: console, republish, or handing it to an action of a connector."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.bridges.bridges import Bridges
from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.template import evaluate, lookup, render, render_bytes
from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.message import Message
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.topics import is_topic_name
from conformance.reference.rules.rule import Action, Rule
from conformance.reference.rules.values import EvaluationError, exported, to_bytes, to_text

_log = logging.getLogger(__name__)
_MAX_ROUNDS = 32
"""Rules that feed each other in a circle stop after so many republished messages."""
_ORIGINAL_USER_PROPERTIES = ("${user_properties}", "${pub_props.'User-Property'}")
_PLACEHOLDER = re.compile(r"\$\{([^${}]+)\}")
_PROPERTIES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "Payload-Format-Indicator": ("payload_format_indicator", int),
    "Message-Expiry-Interval": ("message_expiry_interval", int),
    "Content-Type": ("content_type", str),
    "Response-Topic": ("response_topic", str),
    "Correlation-Data": ("correlation_data", to_bytes),
}

Row = dict[str, Any]


class ActionError(Exception):
    """The action cannot be carried out for this row."""


class ActionRunner:
    """Carries out the actions of rules."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._asks_for_booleans = deployment.has(Defect.DIRECT_DISPATCH_MUST_BE_A_BOOLEAN)

    def run(self, rule: Rule, action: Action, row: Row, columns: Row, origin: Message | None) -> None:
        """Carry out one action and count how it ends, now or later; ``origin`` is the message the event is about."""
        metrics = rule.metrics
        metrics.action_started()
        try:
            data = exported(row)
            if isinstance(action, str):
                self._deployment.part(Bridges).submit(action, data, metrics.action_ended)
                return
            if action["function"] == "console":
                _log.info("rule %s: %s", rule.id, data)
            else:
                self._republish(rule, action["args"], data, columns, origin)
        except (ActionError, EvaluationError):
            metrics.action_ended("failed")
        else:
            metrics.action_ended("success")

    def render_only(self, rule: Rule, action: Action, row: Row, columns: Row) -> None:
        """What the rule test does by default: render the templates and stop.

        With `Defect.RULE_TEST_COUNTS_FAILURES` such an action counts as failed (RUL-19), otherwise not at all.
        """
        if self._deployment.has(Defect.RULE_TEST_COUNTS_FAILURES):
            rule.metrics.action_started()
            rule.metrics.action_ended("unknown")
        try:
            if isinstance(action, str):
                self._deployment.part(Bridges).render(action, exported(row))
            elif action["function"] == "republish":
                _message(rule, action["args"], exported(row), columns)
        except (ActionError, EvaluationError, Rejected) as error:
            # The answer says "ok" all the same: it is about the statement.
            _log.info("rule %s: nothing to do for %s: %s", rule.id, action, error)

    def _republish(self, rule: Rule, args: Mapping[str, Any], data: Row, columns: Row, origin: Message | None) -> None:
        if origin is not None and origin.headers.get("republish_by") == rule.id:
            # The rule sees its own message: one round only, and still a success (RUL-13).
            _log.info("rule %s: recursive republish to %s", rule.id, origin.topic)
            return
        direct = evaluate(args["direct_dispatch"], data)
        if self._asks_for_booleans and direct not in (None, True, False, "true", "false"):
            raise ActionError(f"not a boolean: {direct!r}")
        message = _message(rule, args, data, columns)
        rounds = 1 if origin is None else origin.headers.get("republish_rounds", 0) + 1
        if rounds > _MAX_ROUNDS:
            raise ActionError("rules feed each other in a circle")
        message.headers["republish_rounds"] = rounds
        self._deployment.part(Broker).publish(message)


def _message(rule: Rule, args: Mapping[str, Any], data: Row, columns: Row) -> Message:
    """The message to republish; ``data`` is the exported row. Raises `ActionError` if the values make no message."""
    topic = render(args["topic"], data)
    if not is_topic_name(topic):
        raise ActionError(f"not a topic: {topic!r}")
    message = Message(
        topic=topic,
        # No template means the whole row.
        payload=render_bytes(args["payload"] or "${.}", data),
        qos=_qos(evaluate(args["qos"], data)),
        retain=_truth(evaluate(args["retain"], data)),
        from_clientid=rule.id,
        properties=_properties(args.get("mqtt_properties") or {}, data),
        user_properties=_user_properties(args["user_properties"], data, columns),
        headers={"republish_by": rule.id},
    )
    if _truth(evaluate(args["direct_dispatch"], data)):
        # Neither the rules nor the store of retained messages see it.
        message.headers["direct_dispatch"] = True
    return message


def _truth(value: Any) -> bool:
    return value in (True, "true", "1")


def _qos(value: Any) -> int:
    """0 if the row has no such value."""
    text = "0" if value is None else to_text(value)
    if text not in ("0", "1", "2"):
        raise ActionError(f"not a QoS: {value!r}")
    return int(text)


def _properties(templates: Mapping[str, str], data: Row) -> dict[str, Any]:
    """MQTT properties under the names of `Message`; one that cannot be rendered or converted is left out."""
    properties = {}
    for name, template in templates.items():
        key, convert = _PROPERTIES[name]
        if all(lookup(reference, data) is not None for reference in _PLACEHOLDER.findall(template)):
            try:
                properties[key] = convert(render(template, data))
            except ValueError:
                continue
    return properties


def _user_properties(template: str, data: Row, columns: Row) -> list[tuple[str, str]]:
    """Of a repeated key only the last value is left, because rules see user properties as a map."""
    if template in _ORIGINAL_USER_PROPERTIES:
        published = columns.get("pub_props")
        value = published.get("User-Property", {}) if isinstance(published, dict) else {}
    else:
        value = evaluate(template, data)
    return [(key, to_text(item)) for key, item in value.items()] if isinstance(value, dict) else []
