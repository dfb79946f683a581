"""Which values an update of one type stores, and the bodies that store them: as few as show them all.

A write of the configuration costs a real server 0.2 s. So a body that is stored for one value gets as many others as
fit into it, and the fullest is sent as what is read of the connector or action, with other values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any

from conformance.contract.fields import Path, value_at
from conformance.contract.value_space import ValueSpace
from conformance.contract.values import ALONE, NONE, ValueClass, is_member, is_spelling, is_unit
from conformance.fuzz.grafts import grafted, place_of
from conformance.fuzz.other_values import with_other_values
from conformance.fuzz.owners import is_owner
from conformance.fuzz.replacement import Replacement
from conformance.fuzz.space import Subject
from conformance.fuzz.storable import storable

_SHARED = ("/resource_opts", "/ssl", "/transport_options")
"""Parts of a configuration that have one schema for all types."""

_ENABLED = re.compile(r"(\(.*\))?/enable")
"""The pointer to the switch of a whole connector or action, also in an alternative."""

Storing = tuple[Mapping[str, Any], Mapping[str, Any]]
"""A row as it can be stored, and the same with as many other values as fit into it."""


class Wanted:
    """The values that the updates of one type store, besides those that its creation stored.

    Those are in ``created``, what it was sent with, and the members of enumerations that it has by default in ``read``,
    its configuration then. Optional fields alone are only offered, for each would take a write of its own. Whether it
    is enabled is not asked here either: TYP-04 switches each. What types share is stored by one of them (`is_owner`).
    So is a member of an enumeration in fields of one name, and the least inner object of one name, unless it fits into
    what is stored anyway: a body that is sent for its sake alone has to be sent for one type only, for all are offered
    it.
    """

    def __init__(
        self,
        replacement: Replacement,
        space: ValueSpace,
        seeds: Sequence[int],
        rows: Sequence[Mapping[str, Any]],
        created: Mapping[str, Any],
        read: Mapping[str, Any],
    ) -> None:
        self._replacement = replacement
        self._rows = rows
        self._shows = [replacement.shown_by(row) for row in rows]
        every, subject = set().union(*self._shows), replacement.subject
        stored = {one for one in every if _is_stored(subject, space, seeds, one)}
        self._read = read
        begun = replacement.shown_by(created) | {one for one in replacement.shown_by(read) if is_member(one)}
        self._left = stored - begun
        self._elsewhere = {one for one in stored if not _is_needed(subject, space, seeds, one)}
        self._show_alike(begun)
        self._untried = set(range(len(rows)))
        self._kept: set[ValueClass] = set()
        self._together = True

    def rows(self) -> list[Storing]:
        """The rows that show what was not shown yet, as few as will do, those that show least first; each once."""
        left, elsewhere, chosen = self._left.copy(), self._elsewhere.copy(), []
        while (row := self._next_row()) is not None:
            body = self._fill(row, self._left) if self._together else row
            chosen.append((row, body))
            self.shown(body)
        self._left, self._elsewhere = left, elsewhere
        return chosen[::-1]

    def _next_row(self) -> Mapping[str, Any] | None:
        needed = self._left - self._elsewhere
        most = max(sorted(self._untried), key=lambda number: len(self._shows[number] & needed), default=None)
        if most is None or not self._shows[most] & needed:
            return None
        self._untried.remove(most)
        return storable(self._rows[most])

    def shown(self, body: Mapping[str, Any]) -> None:
        """A body was stored: what it shows needs no other."""
        shown = self._replacement.shown_by(body)
        self._left -= shown
        self._show_alike(shown)

    def _show_alike(self, shown: set[ValueClass]) -> None:
        """The alternatives of a type take a member alike in fields of one name."""
        members = {(_name(one), one.what) for one in shown if is_member(one)}
        self._elsewhere |= {one for one in self._left if (_name(one), one.what) in members}

    def one_by_one(self) -> None:
        """From now on store rows as they are: a target need not take each value beside any other."""
        self._together = False
        self._left |= self._kept
        self._kept = set()

    def fullest(self) -> Mapping[str, Any]:
        """The first row, filled, which is set aside: what it shows no other row needs to."""
        self._untried.discard(0)
        body = self._fill(storable(self._rows[0]), self._left)
        self._kept = self._left & self._replacement.shown_by(body)
        self.shown(body)
        return body

    def begun_with(self, example: Mapping[str, Any]) -> Mapping[str, Any]:
        """``example``, from which something can be created, with as much as fits of what a row would be sent for.

        What it shows of that itself, it goes on showing. Options of TLS and resources decide how it starts, and stay.
        """
        needed = self._left - self._elsewhere
        return self._fill(example, {one for one in needed if not any(part in one.field for part in _SHARED)})

    def varied(self, body: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
        """A body that shows what was set aside, with other values where it would leave what is ``read`` as the creation
        left it."""

        def is_old(path: Path) -> bool:
            value = value_at(read, path)
            return value == value_at(body, path) and value_at(self._read, path) in (None, value)

        def is_fine(candidate: Mapping[str, Any]) -> bool:
            return self.is_kept_by(candidate) and self._replacement.takes(candidate)

        return with_other_values(self._replacement.contract, self._replacement.schema, body, is_old, is_fine)

    def is_kept_by(self, body: Mapping[str, Any]) -> bool:
        """Whether a body shows what was set aside with the fullest row."""
        return self._kept <= self._replacement.shown_by(body)

    def _fill(self, body: Mapping[str, Any], left: Set[ValueClass]) -> Mapping[str, Any]:
        """A body with as many of the values that are ``left`` as fit into it beside those that it shows."""
        replacement = self._replacement
        shown = left & replacement.shown_by(body)
        for one in sorted(left - shown, key=lambda one: (one.field.count("/"), one)):
            if one in shown:
                continue
            for row in (row for row, shows in zip(self._rows, self._shows, strict=True) if one in shows):
                together = grafted(body, place_of(one.field), row)
                if together is None:
                    continue
                candidate = storable(together)
                now = left & replacement.shown_by(candidate)
                if now > shown and replacement.takes(candidate):
                    body, shown = candidate, now
                    break
        return body


def _is_stored(subject: Subject, space: ValueSpace, seeds: Sequence[int], one: ValueClass) -> bool:
    if one.what == ALONE or _ENABLED.fullmatch(one.field):
        return False
    shared = _shared(one)
    return shared is None or is_owner(subject, space, seeds, one, shared)


def _is_needed(subject: Subject, space: ValueSpace, seeds: Sequence[int], one: ValueClass) -> bool:
    alike = _shared(one) is None and (is_member(one) or _is_least_of_an_inner_object(one))
    return not alike or is_owner(subject, space, seeds, one, _name(one))


def _is_least_of_an_inner_object(one: ValueClass) -> bool:
    """Whether a class is an object without optional fields, inside of one that the type has."""
    return one.what == NONE and one.field.count("/") > 1


def _name(one: ValueClass) -> str:
    """The end of its field's pointer that is its name."""
    return one.field[one.field.rfind("/") :]


def _shared(one: ValueClass) -> str | None:
    """The end of its field's pointer that tells which types take a class by the same schema; None if it is its own.

    A unit of a duration or size is read alike in every field, and what has none in every field of its name.
    """
    if is_unit(one):
        return ""
    if is_spelling(one):
        return _name(one)
    start = max(map(one.field.rfind, _SHARED))
    return one.field[start:] if start >= 0 else None
