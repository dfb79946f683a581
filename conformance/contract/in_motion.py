"""What a list shows of something that is being made or ended at that moment.

EMQX writes a subscription into two tables, one after the other: that a client has it, and with which options. Whoever
lists the subscriptions of a client in between sees one without options (a real 5.8.9, a moment after POST
/clients/{clientid}/subscribe). It is as good as none.
"""

from __future__ import annotations

from typing import Any

_OF_CLIENT = "GET /clients/{clientid}/subscriptions"
_OPTIONS = frozenset({"nl", "qos", "rap", "rh"})


def without_what_moves(label: str, body: Any) -> Any:
    """The body of an answer to the operation ``label``, without subscriptions that have none of their options."""
    if label != _OF_CLIENT or not isinstance(body, list):
        return body
    return [entry for entry in body if not isinstance(entry, dict) or _OPTIONS & entry.keys()]
