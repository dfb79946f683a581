"""Bodies of connectors and actions as a server can store them without starting anything or opening files."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_TLS_FILES = ("cacertfile", "certfile", "keyfile")


def storable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it can be stored here: disabled, and with TLS files only where it says that TLS is off, for a server
    that stores it opens them."""
    body = copy.deepcopy(dict(row))
    if body.get("enable"):
        body["enable"] = False
    for tls in tls_of(body):
        if tls.get("enable") is not False:
            name_no_files(tls)
    return body


def tls_of(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The TLS options of a connector or action, also those of its transport."""
    transport = body.get("transport_options")
    for holder in (body, transport if isinstance(transport, dict) else {}):
        if "ssl" in holder:
            yield holder["ssl"]


def name_no_files(tls: dict[str, Any]) -> None:
    """Take the files out of TLS options."""
    for name in _TLS_FILES:
        tls.pop(name, None)
