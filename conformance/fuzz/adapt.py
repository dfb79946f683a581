"""Make a generated or example body fit for a target: identities from the sandbox, and what no schema can express.

What that is for each operation says its record (`conformance.fuzz.records`).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from conformance.fuzz.identities import Identities
from conformance.fuzz.records import FUZZING


def into_sandbox(label: str, body: Any, identities: Identities, *, valid: bool = False) -> Any:
    """A copy of ``body`` whose identities lie inside the sandbox.

    ``valid``: also replace what the schema cannot express, so that a correct server must accept the result.
    """
    record = FUZZING[label]
    body = deepcopy(body)
    adapters = [adapter for adapter in (record.identities, record.grammar if valid else None) if adapter is not None]
    for item in body if isinstance(body, list) else [body]:
        for adapter in adapters if isinstance(item, dict) else ():
            adapter(item, identities)
    return body if record.whole is None else record.whole(body, identities, valid)
