"""What a run can leave on a target: kinds of resources, how one is addressed, in which order they are deleted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from conformance.contract import kinds
from conformance.contract.kinds import Kind, in_deletion_order

NAMED_RULE = "named_rule"
"""A rule known by its name alone: the server invented the id, and its answer was lost."""

RECORDS: Mapping[str, Kind] = {
    name: kind
    for kind in in_deletion_order()
    for name in ((kind.name, NAMED_RULE) if kind is kinds.RULE else (kind.name,))
}
"""What a journal calls a kind -> its record, in the order of deletion.

``rules_of_all`` is not deleted but put back: the rules for all clients as they were before a run changed them.
"""

KINDS = tuple(RECORDS)

_LONGEST_SPELLING = 200


@dataclass(frozen=True, slots=True)
class Resource:
    """Something a run created, or may have.

    ``id`` is its id as paths have it decoded: ``type:name``, ``as/who`` for a ban, a topic or filter for what is
    retained; for ``rules_of_all`` it is the rules as JSON. ``name`` is given for a rule whose id the server invented:
    it alone proves whose rule it is. ``no_text``: its id is no text, and ``id`` what `spelled` makes of it.
    """

    kind: str
    id: str
    name: str | None = None
    no_text: bool = False

    @classmethod
    def identified(cls, kind: str, value: Any, prefix: str = "") -> Resource:
        """What has ``value``, of whatever type, as its id, or as the rest of it behind ``prefix``."""
        is_text = isinstance(value, str)
        return cls(kind, prefix + (value if is_text else spelled(value)), no_text=not is_text)

    @property
    def record(self) -> Kind:
        """What is known of its kind."""
        return RECORDS[self.kind]

    @property
    def operation(self) -> str:
        """The path of the contract that addresses it, after a method the label of an operation."""
        return self.record.item

    @property
    def path(self) -> str:
        """Raw path below ``/api/v5``."""
        values = iter(self.record.split(self.id))
        return re.sub(r"\{[a-z_]+\}", lambda _: _segment(next(values, "")), self.operation)

    @property
    def owner(self) -> str:
        """The part of its identity that carries the name of a run, unless it is the ban of an address."""
        return self.record.own_name(self.id) if self.name is None else self.name

    @property
    def is_address_ban(self) -> bool:
        """Whether it bans an address or a network, which carries no name."""
        return self.kind == "ban" and self.id.startswith("peerhost")

    @property
    def nameless(self) -> bool:
        """Whether its id cannot carry the name of a run: only the journal, and its time, tell whose it is."""
        return self.no_text or (not self.record.put_back and self.owner in ("", ".", ".."))

    @property
    def shown(self) -> str:
        """Its id as sentences have it."""
        if self.record.put_back:
            return "as they were"
        return f"{self.id} (no text)" if self.no_text else self.id

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.shown}"


def _segment(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def spelled(value: Any) -> str:
    """The JSON of an id that is no text, in one form for equal values; a digest of it if it is long."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply)"
    if len(text) <= _LONGEST_SPELLING:
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def dependents_first(resources: Iterable[Resource]) -> list[Resource]:
    """Dependents first; within a kind the youngest first."""
    youngest_first = list(resources)[::-1]
    return sorted(youngest_first, key=lambda resource: KINDS.index(resource.kind))
