"""Connector and action types that the contract does not describe: nobody can say which of their fields hold hosts.

So the guard fails closed. A body of such a type passes only if each of its members is known and harmless: negative
tests need bodies that are valid but for their type, which servers refuse for the type alone. What could be the name of
a type on some server may besides not be started, for it could find its host by itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from conformance.contract import Contract
from conformance.target.guard.hosts import HOST_FIELDS, NEVER_STARTED, HostPolicy
from conformance.target.guard.readings import Several, as_text, elements, fields
from conformance.target.guard.sandbox import Owned

_TYPED = ("POST /connectors", "PUT /connectors/{id}", "POST /actions", "PUT /actions/{id}")

# Durations, sizes, and paths without a dot: no resolver is asked for any of them where it stands for itself.
_NO_HOST = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:ms|[smhd]|[KMG]?B)|(?:/[A-Za-z0-9_-]+)*/?")
# Every type of every version is such a word; what holds anything else is the name of none.
_NAME_OF_A_TYPE = re.compile(r"[a-z][a-z0-9_]*")
_LEAST_ADDRESS = 1 << 24
"""Numbers below are addresses of the network 0.0.0.0/8, which no packet goes to."""


class KnownTypes:
    """The types of a contract, and what their bodies are made of: names of fields, and words that a field takes."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    @cached_property
    def names(self) -> frozenset[str]:
        """Every connector and action type."""
        return self._contract.every_type

    @cached_property
    def _words(self) -> Mapping[str, set[str]]:
        """Name of a field -> the texts that the contract enumerates for it anywhere, for the fields of all types."""
        words: defaultdict[str, set[str]] = defaultdict(set)
        seen: set[str] = set()
        pending: list[tuple[str, Mapping[str, Any]]] = [
            ("", self._contract.operation(label).json_body or {}) for label in _TYPED
        ]
        while pending:
            name, schema = pending.pop()
            reference = schema.get("$ref", "")
            if f"{name} {reference}" in seen:
                continue
            if reference:
                seen.add(f"{name} {reference}")
            schema = self._contract.resolve(schema)
            words[name].update(word for word in schema.get("enum", ()) if isinstance(word, str))
            pending += [(name, part) for key in ("oneOf", "anyOf", "allOf") for part in schema.get(key, ())]
            parts = (schema.get("items"), schema.get("additionalProperties"))
            pending += [(name, part) for part in parts if isinstance(part, dict)]
            pending += schema.get("properties", {}).items()
        return words

    def findings(self, body: Any, path: Mapping[str, str], hosts: HostPolicy, owned: Owned) -> Iterator[str]:
        """Why a body must not be sent that is of a type the contract lacks; empty for known types and what is safe."""
        unknown = stated_types(body, path) - self.names
        for item in elements(body) if unknown else ():
            for name, value in item.items() if isinstance(item, dict) else ():
                if name != "type" and not self.is_harmless(name, value, hosts, owned):
                    yield (
                        f"the contract has no type {min(unknown)[:60]!r}, so nobody can say whether {name[:60]!r} "
                        "names a host: of such a type only what certainly names none may be sent"
                    )

    def never_started(self, body: Any, path: Mapping[str, str]) -> set[str]:
        """The types a body states that may contact a host it does not name, and so may only exist disabled."""
        stated = stated_types(body, path)
        unknown = {name for name in stated - self.names if _NAME_OF_A_TYPE.fullmatch(name)}
        return unknown | (stated & NEVER_STARTED)

    def is_harmless(self, name: str, value: Any, hosts: HostPolicy, owned: Owned) -> bool:
        """Whether a member of a body, with all that is in it, cannot name a stranger, whatever reads it.

        Fields that hold hosts in known types are: what they hold is judged for bodies of any type.
        """
        pending = [(name, value)]
        while pending:
            name, value = pending.pop()
            if name not in self._words:
                return False
            if name in HOST_FIELDS:
                continue
            if isinstance(value, dict):
                pending += value.items()
            elif isinstance(value, list):
                pending += [(name, item) for item in value]
            elif isinstance(value, int | float) and not -_LEAST_ADDRESS < value < _LEAST_ADDRESS:
                return False
            text = None if isinstance(value, Several) else as_text(value)
            if text is not None and not self._is_harmless_text(name, text, hosts, owned):
                return False
        return True

    def _is_harmless_text(self, name: str, text: str, hosts: HostPolicy, owned: Owned) -> bool:
        if text in self._words[name] or _NO_HOST.fullmatch(text):
            return True
        return owned.owns_name(text) or owned.owns_topic(text) or hosts.allows(text)


def stated_types(body: Any, path: Mapping[str, str]) -> set[str]:
    """Every connector or action type a server could take a body for: those it states, and that of the path's id.

    Only texts name types: the recorded server refuses a number, and nothing else is ever compared with one.
    """
    stated = (as_text(value) for item in elements(body) for value in fields(item, "type"))
    addressed = path.get("id", "").rpartition(":")[0].rpartition(":")[2]
    return {name for text in (*stated, addressed) if text and (name := text.strip().lower())}
