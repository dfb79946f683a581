"""What the contract opens for its requests, counted: the value classes of every body, query and path, by subject.

A subject is an operation, or one of its connector or action types (``POST /connectors-http``). Two things are counted
for an operation whatever the type is, because servers share what takes them: an optional field without any other, and
everything of the probes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from conformance.contract.contract import Contract
from conformance.contract.operations import Operation, ResourceKind
from conformance.contract.values import ALONE, Schema, ValueClass, fits, shown_classes, value_classes

QUERY, PATH = "?", "{"
"""Where the classes of parameters begin: ``?limit``, ``{enable}``."""

PROBES = ("POST /connectors_probe", "POST /actions_probe")


@lru_cache(maxsize=4)
def value_space(contract: Contract) -> ValueSpace:
    """That of a contract, whose classes are worked out once."""
    return ValueSpace(contract)


class ValueSpace:
    """The classes of one contract, and those that a request shows; `value_space` gives it."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._alike: dict[tuple[str, str, str], list[str]] = {}

    @cached_property
    def classes(self) -> Mapping[str, frozenset[str]]:
        """Subject -> its classes as texts; subjects without any are left out."""
        found: dict[str, set[str]] = {}
        for (label, resource_type), classes in self._all.items():
            for one in classes:
                found.setdefault(subject_of(label, resource_type, one), set()).add(str(one))
        return {subject: frozenset(classes) for subject, classes in found.items()}

    def types(self, operation: Operation) -> list[str | None]:
        """The types that decide the body of an operation; [None] if none does."""
        if not operation.body_chosen_by_type:
            return [None]
        kind: ResourceKind = "connectors" if operation.path.startswith("/connectors") else "actions"
        return [*self._contract.types(kind)]

    def owners(self, label: str, one: ValueClass, end: str | None = None) -> list[str]:
        """The types whose bodies have a class, of an operation whose body depends on one; with ``end``, those where
        some field whose pointer ends so has it."""
        if end is None:
            return self._owners.get(label, {}).get(one, [])
        asked = (label, one.what, end)
        if asked not in self._alike:
            alike = [
                owners
                for other, owners in self._owners.get(label, {}).items()
                if other.what == one.what and other.field.endswith(end)
            ]
            self._alike[asked] = sorted(set().union(*alike))
        return self._alike[asked]

    def divided(self, label: str) -> frozenset[str]:
        """The types whose bodies of an operation are divided into alternatives."""
        return self._divided.get(label, frozenset())

    @cached_property
    def _divided(self) -> Mapping[str, frozenset[str]]:
        return {
            label: frozenset(owner for one, owners in found.items() if ")/" in one.field for owner in owners)
            for label, found in self._owners.items()
        }

    @cached_property
    def _owners(self) -> Mapping[str, Mapping[ValueClass, list[str]]]:
        owners: dict[str, dict[ValueClass, list[str]]] = {}
        for (label, resource_type), classes in self._all.items():
            if resource_type is not None:
                for one in classes:
                    owners.setdefault(label, {}).setdefault(one, []).append(resource_type)
        return owners

    @cached_property
    def _all(self) -> Mapping[tuple[str, str | None], Collection[ValueClass]]:
        """The classes of each operation and type, each once."""
        return {
            (label, resource_type): dict.fromkeys(self._all_of(operation, resource_type))
            for label, operation in self._contract.operations.items()
            for resource_type in self.types(operation)
        }

    def _all_of(self, operation: Operation, resource_type: str | None) -> Iterator[ValueClass]:
        body = self._contract.body_schema(operation.label, resource_type)
        if body is not None:
            yield from value_classes(self._contract, body)
        yield from value_classes(self._contract, operation.query_schema, QUERY)
        yield from value_classes(self._contract, operation.path_schema, PATH)

    def shown(
        self,
        operation: Operation,
        resource_type: str | None,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        body: Any,
    ) -> Iterator[tuple[str, str]]:
        """Subject and class, for each class that a request shows; ``body``: None if there is none."""
        schema = self._contract.body_schema(operation.label, resource_type)
        found = list(shown_classes(self._contract, schema, body)) if schema is not None and body is not None else []
        given_path = {name: [text] for name, text in path.items()}
        for schema, at, given in ((operation.query_schema, QUERY, query), (operation.path_schema, PATH, given_path)):
            properties = schema["properties"].items()
            value = {name: self._read(one, given[name]) for name, one in properties if name in given}
            found += shown_classes(self._contract, schema, value, at)
        for one in found:
            yield subject_of(operation.label, resource_type, one), str(one)

    def _read(self, schema: Schema, texts: list[str]) -> Any:
        """The value that a parameter stands for: the first reading of its texts that fits."""
        readings: list[Any] = [texts, texts[-1].split(",")]
        if texts[-1] in ("true", "false") or texts[-1].isdecimal():
            readings.append(json.loads(texts[-1].lstrip("0") or "0"))
        return next((value for value in (*readings, texts[-1]) if fits(self._contract, schema, value)), texts[-1])


def subject_of(label: str, resource_type: str | None, one: ValueClass) -> str:
    """The subject that a class counts for."""
    shared = resource_type is None or one.what == ALONE or label in PROBES
    return label if shared else f"{label}-{resource_type}"
