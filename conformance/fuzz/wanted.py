"""Which values an update of one type stores, and the bodies that store them: as few as show them all.

A write of the configuration costs a real server 0.2 s. So a body that is stored for one value gets as many others as
fit into it, and so does what is read when it is put back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.contract.fields import Path, secret_fields, value_at
from conformance.contract.value_space import ValueSpace
from conformance.contract.values import (
    ALONE,
    NONE,
    ValueClass,
    followed,
    is_member,
    is_spelling,
    is_unit,
    optional_fields,
    shown_classes,
)
from conformance.fuzz.driver import Driver
from conformance.fuzz.grafts import grafted, place_of
from conformance.fuzz.other_values import with_other_values
from conformance.fuzz.owners import is_owner
from conformance.fuzz.storable import storable

_SHARED = ("/resource_opts", "/ssl", "/transport_options")
"""Parts of a configuration that have one schema for all types."""

_ENABLED = re.compile(r"(\(.*\))?/enable")
"""The pointer to the switch of a whole connector or action, also in an alternative."""

_LEAST = ValueClass("", NONE)

Graft = tuple[Path, Mapping[str, Any]]
"""A place, and the row whose value there is set into another body."""


class Wanted:
    """The values that the updates of one type store, besides the first row, which is stored anyway, and ``created``.

    Optional fields alone are only offered, for each would take a write of its own. Whether it is enabled is not asked
    here either: TYP-04 switches each. What types share is stored by one of them (`is_owner`). So is a member of an
    enumeration in fields of one name, unless it fits into what is stored anyway: a body that is sent for its sake alone
    has to be sent for one type only, for all are offered it.
    """

    def __init__(
        self,
        driver: Driver,
        space: ValueSpace,
        seeds: Sequence[int],
        rows: Sequence[Mapping[str, Any]],
        created: Mapping[str, Any],
    ) -> None:
        self._driver = driver
        self._rows = rows
        self._shows = [self._shown_by(row) for row in rows]
        every = set().union(*self._shows[1:])
        stored = {one for one in every if _is_stored(driver, space, seeds, one)}
        begun = self._shown_by(created).union(*self._shows[:1])
        self._left = stored - begun
        self._elsewhere = {one for one in stored if not _is_needed(driver, space, seeds, one)}
        self._show_alike(begun)
        if not any(isinstance(created.get(name), Mapping) for name in self._optional):
            self._left.discard(_LEAST)  # scalars more or less, it was created with the defaults of everything else
        self._untried = set(range(1, len(rows)))
        self._secrets = secret_fields(driver.contract, driver.schema)
        self._back: tuple[set[ValueClass], list[Graft]] = (set(), [])
        self._together = True

    @property
    def _optional(self) -> frozenset[str]:
        return optional_fields(self._driver.contract, followed(self._driver.contract, self._driver.schema))

    def _shown_by(self, body: Mapping[str, Any]) -> set[ValueClass]:
        return set(shown_classes(self._driver.contract, self._driver.schema, body))

    def row(self) -> Mapping[str, Any] | None:
        """The row that shows most of what was not shown yet, told once, as it can be stored; None if none shows any."""
        needed = self._left - self._elsewhere
        most = max(sorted(self._untried), key=lambda number: len(self._shows[number] & needed), default=None)
        if most is None or not self._shows[most] & needed:
            return None
        self._untried.remove(most)
        return storable(self._rows[most])

    def filled(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row with as many more of the values that are left as fit into it."""
        return self._fill(row)[0] if self._together else row

    def shown(self, body: Mapping[str, Any]) -> None:
        """A body was stored: what it shows needs no other."""
        shown = self._shown_by(body)
        self._left -= shown
        self._show_alike(shown)

    def _show_alike(self, shown: set[ValueClass]) -> None:
        """The alternatives of a type take a member alike in fields of one name."""
        members = {(_name(one), one.what) for one in shown if is_member(one)}
        self._elsewhere |= {one for one in self._left if (_name(one), one.what) in members}

    def one_by_one(self) -> None:
        """From now on store rows as they are: a target need not take each value beside any other."""
        self._together = False
        self._left |= self._back[0]
        self._back = (set(), [])

    def keep_for_putting_back(self, body: Mapping[str, Any]) -> None:
        """Set aside what fits into what will be read of ``body``, whose secrets nobody reads."""
        filled, grafts = self._fill(body, without_secrets=True)
        self._back = (self._left & self._shown_by(filled), grafts)
        self._left -= self._back[0]

    @property
    def is_kept_back(self) -> bool:
        """Whether anything was set aside."""
        return bool(self._back[0])

    def put_into(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """What is read, with the values that were set aside."""
        body = dict(read)
        for place, row in self._back[1]:
            body = grafted(body, place, row) or body
        return body

    def put_into_and_vary(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """The same, with other values in the fields that are still as the creation left them."""
        driver, body = self._driver, self.put_into(read)
        answer = driver.tale.story.created.read
        created = answer.json if answer.ok else {}

        def is_old(path: Path) -> bool:
            value = value_at(read, path)
            return value == value_at(body, path) and value_at(created, path) in (None, value)

        return with_other_values(driver.contract, driver.schema, body, is_old, self._fits)

    def is_put_back(self, body: Mapping[str, Any]) -> bool:
        """Whether a body shows what was set aside."""
        return self._back[0] <= self._shown_by(body)

    def _fill(self, body: Mapping[str, Any], *, without_secrets: bool = False) -> tuple[Mapping[str, Any], list[Graft]]:
        shown, grafts = self._left & self._shown_by(body), []
        for one in sorted(self._left - shown, key=lambda one: (one.field.count("/"), one)):
            place = place_of(one.field)
            if one in shown or (without_secrets and self._holds_secrets(place)):
                continue
            for row in (row for row, shows in zip(self._rows, self._shows, strict=True) if one in shows):
                together = grafted(body, place, row)
                if together is None:
                    continue
                candidate = storable(together)
                if without_secrets and candidate != together:
                    continue
                now = self._left & self._shown_by(candidate)
                if now > shown and self._fits(candidate):
                    body, shown = candidate, now
                    grafts.append((place, row))
                    break
        return body, grafts

    def _holds_secrets(self, place: Path) -> bool:
        return any(secret[: len(place)] == place for secret in self._secrets)

    def _fits(self, body: Mapping[str, Any]) -> bool:
        driver = self._driver
        invalid = driver.contract.validate_request(driver.subject.label, body, driver.subject.resource_type)
        return not invalid and driver.is_safe(driver.path, body)


def _is_stored(driver: Driver, space: ValueSpace, seeds: Sequence[int], one: ValueClass) -> bool:
    if one.what == ALONE or _ENABLED.fullmatch(one.field):
        return False
    shared = _shared(one)
    return shared is None or is_owner(driver, space, seeds, one, shared)


def _is_needed(driver: Driver, space: ValueSpace, seeds: Sequence[int], one: ValueClass) -> bool:
    return not is_member(one) or _shared(one) is not None or is_owner(driver, space, seeds, one, _name(one))


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
