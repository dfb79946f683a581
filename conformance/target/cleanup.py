"""Delete what the journal says may exist: dependents first, with retries, and say what could not be deleted."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from conformance.target.journal import Journal, Resource, in_deletion_order

if TYPE_CHECKING:
    from conformance.target.session import Api

_PAUSES_S = (0.0, 0.3, 1.0)


def clean_up(api: Api, journal: Journal, resources: Iterable[Resource]) -> list[str]:
    """Delete ``resources``; returns one sentence for each that is still there. Raises `TargetLost`."""
    left = []
    for resource in in_deletion_order(resources):
        problem = _delete(api, resource)
        if problem is None:
            journal.gone([resource])
        else:
            left.append(f"{resource.kind} {resource.id}: {problem}")
    return left


def _delete(api: Api, resource: Resource) -> str | None:
    from conformance.target.session import NoAnswer

    problem = ""
    for pause in _PAUSES_S:
        time.sleep(pause)
        try:
            answer = api.send("DELETE", resource.deletion, observed=False)
        except NoAnswer as error:
            return str(error)
        if answer.status in (204, 404):
            return None
        problem = f"DELETE answered {answer.status}"
    return problem
