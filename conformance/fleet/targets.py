"""The targets of a fleet: those of ``targets.toml``, and which of them are the same deployment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from conformance.target.errors import ConfigurationError
from conformance.target.settings.targets_file import tables

_FOLDER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True, slots=True)
class FleetTarget:
    """A named target. ``max_rps``: requests per second that its table allows, None without a limit."""

    name: str
    base_url: str
    max_rps: float | None = None

    @property
    def deployment(self) -> str:
        """What two names for one deployment have in common: its address."""
        parts = urlsplit(self.base_url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        return f"{(parts.hostname or '').lower()}:{port}"

    @property
    def folder(self) -> str:
        """Its name as that of a folder."""
        return (
            "".join(letter if letter in _FOLDER else f"%{ord(letter):x}" for letter in self.name).lstrip(".") or "%2e"
        )


def fleet_targets(file: Path, only: Sequence[str] = ()) -> list[FleetTarget]:
    """The targets of ``file``, those named by ``only`` if it names some; raises `ConfigurationError`.

    The rest of a table is checked where the run begins: what it refers to may be known there alone.
    """
    known = tables(file)
    if unknown := [name for name in only if name not in known]:
        raise ConfigurationError(f"{file}: no target {unknown[0]!r}, only {', '.join(sorted(known)) or 'none'}")
    targets = [_target(file, name, known[name]) for name in known if not only or name in only]
    if not targets:
        raise ConfigurationError(f"{file} names no target")
    return targets


def _target(file: Path, name: str, table: object) -> FleetTarget:
    url = table.get("base_url") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(url, str):
        raise ConfigurationError(f"{file}: target {name} has no base_url")
    most = table.get("max_rps")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int | float) or most <= 0):
        raise ConfigurationError(f"{file}: target {name}: max_rps: {most!r} is no number above 0")
    target = FleetTarget(name, url, most)
    try:
        _ = target.deployment
    except ValueError as error:
        raise ConfigurationError(f"{file}: target {name}: base_url is no URL ({error})") from None
    return target


def in_turn(targets: Iterable[FleetTarget], durations: Mapping[str, float] | None = None) -> list[list[FleetTarget]]:
    """The targets in rows: those of a row are one deployment, which gets one run at a time.

    ``durations``: name -> seconds of the run before. What takes longest begins first, so that nobody waits for it in
    the end; a target that is not among them counts as the longest.
    """
    rows: dict[str, list[FleetTarget]] = {}
    for target in targets:
        rows.setdefault(target.deployment, []).append(target)
    known = durations or {}
    unknown = max(known.values(), default=0.0)
    return sorted(rows.values(), key=lambda row: -sum(known.get(target.name, unknown) for target in row))
