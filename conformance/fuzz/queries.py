"""Valid query values: generated from the schema, save where only certain texts make sense."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from conformance.contract import Operation
from conformance.fuzz.records import FUZZING
from conformance.target.capabilities import Capabilities
from conformance.target.guard.sandbox import Sandbox

Domain = Callable[[random.Random, Sandbox, Capabilities], str | None]


def _node(_chance: random.Random, _sandbox: Sandbox, capabilities: Capabilities) -> str | None:
    return capabilities.node


def _filter(chance: random.Random, sandbox: Sandbox, _capabilities: Capabilities) -> str:
    return sandbox.topic_root + chance.choice(("#", "+/x", "a/b"))


def _time(chance: random.Random, _sandbox: Sandbox, _capabilities: Capabilities) -> str:
    past = time.time() - chance.randint(0, 10**6)
    return chance.choice((str(int(past * 1000)), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(past))))


def _none(_chance: random.Random, _sandbox: Sandbox, _capabilities: Capabilities) -> None:
    return None


def _text(chance: random.Random, sandbox: Sandbox, _capabilities: Capabilities) -> str:
    return chance.choice((sandbox.prefix, "a", "100%", "a_b", "ünï", "[.*"))


def _literal(*values: str) -> Domain:
    return lambda chance, _sandbox, _capabilities: chance.choice(values)


_BY_NAME: Mapping[str, Domain] = {
    "page": _literal("1", "2", "7"),
    "node": _node,
    "match_topic": _filter,
    "match_from": _filter,
    "topic": _filter,
    "from": _filter,
    "ip_address": _literal("127.0.0.1", "192.0.2.7"),
    "peerhost": _literal("192.0.2.7", "2001:db8::7"),
    "proto_ver": _literal("3", "4", "5"),
    "position": _none,
    "max_payload_bytes": _literal("1KB", "1MB", "1000"),
    "action": _literal("http:cft-none"),
    "source": _literal("mqtt:cft-none"),
    "gte_created_at": _time,
    "lte_created_at": _time,
    "gte_connected_at": _time,
    "lte_connected_at": _time,
    "fields": _literal("all", "clientid", "clientid,username,connected"),
    "share_group": _literal("g", "cft"),
}
_pattern = _literal("cft-.*", "^a+$", "192\\.0\\.2")


def refine(
    operation: Operation, query: Mapping[str, Any], chance: random.Random, sandbox: Sandbox, capabilities: Capabilities
) -> dict[str, Any]:
    """Replace generated values that would be refused for reasons no schema expresses."""
    record = FUZZING[operation.label]
    refined: dict[str, Any] = {}
    for name, value in query.items():
        domain = _BY_NAME.get(name)
        if name.startswith("like_"):
            domain = _pattern if record.patterns else _text
        replaced = value if domain is None else domain(chance, sandbox, capabilities)
        if replaced is not None:
            refined[name] = replaced
    if record.one_filter:
        filters = [name for name in refined if name not in ("page", "limit")]
        for name in filters[1:]:
            del refined[name]
    return refined
