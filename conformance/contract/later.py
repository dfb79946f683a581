"""What releases after the described ones are known to take otherwise, of connectors and actions.

Seen on 5.10.4. A target that is newer than its contract is sent nothing that it rightly refuses or ignores
(`as_later`), and does not have to refuse what it may take (`completed`). It is not asked to wait either (`brief`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LOGIN = {"username": "writer", "password": "not-a-real-password"}

_BRIEF = {"start_timeout": "1ms", "health_check_interval": "1s"}

_IGNORED_BY_KAFKA_CONSUMERS = "health_check_topic"

_OPTIONAL: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "snowflake": {("username",): "writer", ("password",): "not-a-real-password"},
    "rabbitmq": {("parameters", "exchange"): ""},
}
"""By type fields that the contract requires and later releases do not, each with a value that it allows."""


def as_later(body: dict[str, Any], resource_type: str | None) -> None:
    """Change a valid body of a connector into one that later releases take as well, and show as it was sent.

    tdengine has no default of its user name any more, and refuses a token beside it. iotdb refuses what it calls
    outdated, and kafka_consumer leaves out a topic that no consumer needs.
    """
    if resource_type == "tdengine":
        body.pop("token", None)
        for name, value in _LOGIN.items():
            body[name] = body.get(name) or value
    elif resource_type == "iotdb":
        for name, value in (("iotdb_version", "v1.3.x"), ("protocol_version", "protocol_v3")):
            if name in body:
                body[name] = value
    elif resource_type == "kafka_consumer":
        body.pop(_IGNORED_BY_KAFKA_CONSUMERS, None)


def brief(body: dict[str, Any]) -> None:
    """Give a connector that will be disabled the options with which its writes are answered at once.

    5.10 waits for its `start_timeout`, 5 s by default, before it answers, and lets all other writes wait. A probe of an
    action on it waits for its `health_check_interval`, 15 s by default, and for 5 s at least.
    """
    given = body.get("resource_opts", {})
    if isinstance(given, dict):
        body["resource_opts"] = {**given, **_BRIEF}


def completed(body: Any, resource_type: str | None) -> Any:
    """A copy of a body that has whatever the contract requires and later releases do not, and nothing they ignore."""
    if resource_type == "kafka_consumer" and isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != _IGNORED_BY_KAFKA_CONSUMERS}
    for path, value in _OPTIONAL.get(resource_type or "", {}).items():
        body = _with(body, path, value)
    return body


def _with(body: Any, path: tuple[str, ...], value: Any) -> Any:
    if not isinstance(body, dict):
        return body
    first, *rest = path
    if rest:
        return {**body, first: _with(body[first], tuple(rest), value)} if first in body else body
    return {first: value, **body}
