"""Propose waivers for the failures of a run, for a person to complete: a reason, a link and an owner are theirs."""

from __future__ import annotations

import re
from datetime import date, timedelta

from conformance.contract.versions import VersionError, release_of
from conformance.report.causes import Cause, causes, failing
from conformance.result import RunResult

VALID_DAYS = 90

_HEADER = """\
# Proposed by emqx-conformance report --write-waivers. Say for each why the deviation is accepted, where it is tracked
# and who answers for it: a waiver without reason, link and owner is refused.
"""


def propose(run: RunResult, today: date) -> str:
    """A file of waivers (TOML), one for each cause of the failures of ``run`` that count, the gravest first.

    They are for the target's release only and expire `VALID_DAYS` after ``today``; reason, link and owner are empty.
    """
    expires = (today + timedelta(days=VALID_DAYS)).isoformat()
    versions = _range(run.target_version)
    return "\n".join([_HEADER, *(_entry(cause, versions, expires) for cause in failing(causes(run)))])


def _range(version: str | None) -> str:
    """The release of the target; every version where that is not known."""
    try:
        return f"=={release_of(version or '')}"
    except VersionError:
        return ">=0"


def _entry(cause: Cause, versions: str, expires: str) -> str:
    counting = cause.counting
    deviations = dict.fromkeys((failure.requirement, failure.operation, failure.check) for failure in counting)
    lines = [f"# {_one_line(cause.headline)}", f"# {_one_line(cause.facts)}", "[[waiver]]", f"id = {_text(cause.id)}"]
    lines += ["deviations = [", *(f"  {_deviation(*deviation)}," for deviation in deviations), "]"]
    lines += [f"versions = {_text(versions)}", 'reason = ""', 'link = ""', 'owner = ""', f"expires = {expires}", ""]
    return "\n".join(lines)


def _deviation(requirement: str, operation: str | None, check: str) -> str:
    where = f"operation = {_text(operation)}, " if operation is not None else ""
    return f"{{requirement = {_text(requirement)}, {where}check = {_text(check)}}}"


def _text(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


def _one_line(message: str) -> str:
    return " ".join(re.sub(r"[^\x20-\x7e\u00a0-\ud7ff]", " ", message).split())[:200]
