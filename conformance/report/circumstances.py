"""What differs between two runs besides what failed: target, contract and options, speed, and values that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contract.fields import value_at
from conformance.report.changes import Entry

FEWEST_ANSWERS = 20
"""How many answers of an operation each run needs, so that they say anything about its speed."""
LEAST_MS = 20
"""Answers that come faster than this are not called slow."""
SLOWER = 2.0
"""By which factor half of the answers, or 95 % of them, must take longer. Latencies are counted in buckets of 1.6."""

_FACTS: Mapping[str, tuple[str, ...]] = {
    "target": ("target", "base_url"),
    "version of the target": ("target", "version"),
    "contract": ("contract", "digest"),
    "variant of the contract": ("contract", "variant"),
    "version of the contract": ("contract", "described_version"),
    "suite": ("suite",),
    "extensions": ("extensions",),
    "seed": ("seed",),
    "other seeds": ("more_seeds",),
    "profile": ("profile",),
    "mode": ("mode",),
    "selection": ("selection",),
}
"""Fact -> where a report has it."""


def circumstances(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Entry]:
    """What the runs were not the same in: an entry for each fact."""
    for name, path in _FACTS.items():
        # Earlier reports lack what is empty now.
        before, after = value_at(old, path) or None, value_at(new, path) or None
        if before != after:
            yield Entry(name, _told(before), _told(after))
    configured = [set(report["target"].get("deployment", ())) for report in (old, new)]
    if configured[0] != configured[1]:
        gone, come = sorted(configured[0] - configured[1]), sorted(configured[1] - configured[0])
        yield Entry("configuration of the target", _told(gone), _told(come))


def slower(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Entry]:
    """Operations that answer more slowly, where both runs say how fast and had enough answers, the slowest first."""
    earlier = {entry["operation"]: entry for entry in old["operations"]}
    found = []
    for entry in new["operations"]:
        before = earlier.get(entry["operation"], {})
        was, now = before.get("latency_ms"), entry.get("latency_ms")
        if was and now and min(before["requests"], entry["requests"]) >= FEWEST_ANSWERS and _is_slower(was, now):
            found.append((now["p95"], Entry(entry["operation"], _latency(was), _latency(now))))
    yield from (entry for _, entry in sorted(found, key=lambda pair: (-pair[0], pair[1].name)))


def missed_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Entry]:
    """Of each operation or type which value classes were taken once and no more, those that lost most first."""
    missed = {entry["subject"]: set(entry["missed"]) for entry in old.get("values", ())}
    found = []
    for entry in new.get("values", ()):
        lost = [name for name in entry["missed"] if name not in missed.get(entry["subject"], entry["missed"])]
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            found.append((len(lost), Entry(entry["subject"], "taken", f"not taken: {lost[0]}{more}")))
    yield from (entry for _, entry in sorted(found, key=lambda pair: -pair[0]))


def _is_slower(was: Mapping[str, int], now: Mapping[str, int]) -> bool:
    return any(now[share] >= max(SLOWER * was[share], LEAST_MS) for share in ("median", "p95"))


def _latency(latency: Mapping[str, int]) -> str:
    return f"half within {latency['median']} ms, 95 % within {latency['p95']} ms"


def _told(value: Any) -> str:
    """A fact in words."""
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if isinstance(value, Mapping):
        parts = [part for key in ("items", "options", "deselected") for part in value.get(key, ())]
        parts += [str(value[key]) for key in ("expression", "markers") if value.get(key)]
        return ", ".join(parts) or "a part"
    return str(value)
