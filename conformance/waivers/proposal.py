"""Propose waivers for the failures of a run, for a person to complete: a reason, a link and an owner are theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from conformance.contract.versions import VersionError, release_of
from conformance.result import Failure, RunResult

VALID_DAYS = 90

_HEADER = """\
# Proposed by emqx-conformance report --write-waivers. Say for each why the deviation is accepted, where it is tracked
# and who answers for it: a waiver without reason, link and owner is refused.
"""


def propose(run: RunResult, today: date) -> str:
    """A file of waivers (TOML), one for each requirement, operation and check of the failures of ``run`` that count.

    They are for the target's release only and expire `VALID_DAYS` after ``today``; reason, link and owner are empty.
    """
    unwaived = [failure for failure in run.failures if failure.counts]
    expires = (today + timedelta(days=VALID_DAYS)).isoformat()
    return "\n".join([_HEADER, *_entries(unwaived, _range(run.target_version), expires)])


def _range(version: str | None) -> str:
    """The release of the target; every version where that is not known."""
    try:
        return f"=={release_of(version or '')}"
    except VersionError:
        return ">=0"


def _entries(failures: Iterable[Failure], versions: str, expires: str) -> Iterator[str]:
    seen: set[tuple[str, str | None, str]] = set()
    for failure in failures:
        key = (failure.requirement, failure.operation, failure.check)
        if key in seen:
            continue
        seen.add(key)
        lines = [f"# {_one_line(failure.message)}", "[[waiver]]", f"id = {_text(_identifier(key))}"]
        lines.append(f"requirement = {_text(failure.requirement)}")
        if failure.operation is not None:
            lines.append(f"operation = {_text(failure.operation)}")
        lines += [f"check = {_text(failure.check)}", f"versions = {_text(versions)}"]
        lines += ['reason = ""', 'link = ""', 'owner = ""', f"expires = {expires}", ""]
        yield "\n".join(lines)


def _identifier(key: tuple[str, str | None, str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", " ".join(part for part in key if part).lower()).strip("-")
    return words[:64].rstrip("-")


def _text(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


def _one_line(message: str) -> str:
    return " ".join(re.sub(r"[^\x20-\x7e\u00a0-\ud7ff]", " ", message).split())[:200]
