"""Read how fast the target's MQTT listener takes connections, and what becomes of what its clients send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from conformance.target.addresses import Listener
from conformance.target.deployment_profile import MqttLimits
from conformance.target.durations import rate_per_s
from conformance.target.http.session import expand
from conformance.target.preflight.survey import Reads, read_json, read_object
from conformance.target.settings.config import Configuration

_DEFAULT_ZONE = "default"


def listeners(reads: Reads, configuration: Configuration) -> list[dict[str, Any]]:
    """The configurations of the listeners that may be the one that the configuration names, none if it names none.

    Behind a load balancer a listener has another port than it tells, so that it may be any of its type.
    """
    listener = configuration.listener
    candidates = _candidates(reads, listener) if listener is not None else []
    return [read_object(reads, expand("/listeners/{id}", {"id": each["id"]})) for each in candidates]


def ask_who_connects(described: Sequence[dict[str, Any]]) -> bool:
    """Whether all of some listeners say that they ask their clients who they are."""
    return bool(described) and all(each.get("enable_authn") in (True, "quick_deny_anonymous") for each in described)


def with_listener(limits: MqttLimits, described: Sequence[dict[str, Any]], configuration: Configuration) -> MqttLimits:
    """``limits`` with the rates that the configuration names, or the listeners that may be meant tell, and with what
    those put before the topics of their clients.

    Where several may be meant, the lowest rates count, and any mountpoint or zone. Rates that limit nothing the suite
    does are left out.
    """
    if configuration.listener is None:
        return limits

    def lowest(setting: str, enough: float) -> float | None:
        given = getattr(configuration, setting)
        rates = [given] if given is not None else [_rate(each.get(setting)) for each in described]
        return min((rate for rate in rates if rate is not None and rate < enough), default=None)

    return replace(
        limits,
        connections_per_s=lowest("max_conn_rate", 200.0),
        messages_per_s=lowest("messages_rate", 5000.0),
        bytes_per_s=lowest("bytes_rate", 10 * 1024.0**2),
        mountpoint=_other_than("", "mountpoint", described),
        zone=_other_than(_DEFAULT_ZONE, "zone", described),
    )


def _candidates(reads: Reads, listener: Listener) -> list[dict[str, Any]]:
    """The enabled listeners that may be meant: those on its port, else of its type, else all."""
    entries = read_json(reads, "/listeners")
    known = [
        entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry.get("enable") is not False
    ]
    return (
        _those(known, (str(entry.get("bind")).rpartition(":")[2] == str(listener.port) for entry in known))
        or _those(known, (entry.get("type") == listener.type for entry in known))
        or known
    )


def _those(entries: list[dict[str, Any]], wanted: Iterable[bool]) -> list[dict[str, Any]]:
    return [entry for entry, is_wanted in zip(entries, wanted, strict=True) if is_wanted]


def _other_than(usual: str, setting: str, described: Iterable[dict[str, Any]]) -> str | None:
    """The first value of a setting that is another text than the usual one."""
    values = (each.get(setting) for each in described)
    return next((value for value in values if isinstance(value, str) and value != usual), None)


def _rate(value: object) -> float | None:
    """A rate as EMQX writes it; infinity and what is none are no limit."""
    try:
        return rate_per_s(str(value))
    except ValueError:
        return None
