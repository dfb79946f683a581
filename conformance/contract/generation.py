"""Generated request data: the only module that knows schemathesis' objects.

A strategy is built for one operation, narrowed to one body branch and to the body or the query: building it for the
whole document costs seconds, for a narrowed one milliseconds (the oneOf of 34 action types is what makes the whole
document unusable, errata A7 and A9).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import HealthCheck, Phase, given, seed, settings

from conformance.contract.contract import Contract
from conformance.contract.drawing import seeded_only
from conformance.contract.operations import JSON_MEDIA_TYPE

Part = Literal["body", "query"]
Mode = Literal["positive", "negative"]

MISSING: Any = object()
"""Stands for "no body at all"."""

_INSTEAD = "\ufffd"
"""Takes the place of what is not printable: a printable character that is none of ASCII, as what it replaces."""


class GenerationError(Exception):
    """No data can be generated for an operation: its schema cannot be satisfied."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One draw. ``body`` is `MISSING` if none is to be sent; bytes are sent as they are. ``description``: what a
    negative draw violates, in schemathesis' words."""

    query: Mapping[str, Any]
    body: Any
    description: str


def draw(
    contract: Contract,
    label: str,
    *,
    mode: Mode,
    part: Part,
    count: int,
    seed_value: int,
    resource_type: str | None = None,
) -> list[Generated]:
    """``count`` draws (fewer if the schema allows no more) for the body or the query of an operation.

    The same arguments give the same draws, and the texts of positive ones are printable where the contract demands
    that (erratum B26). Raises `GenerationError` if there is nothing to draw.
    """
    import schemathesis.openapi
    from schemathesis import GenerationMode

    document = narrowed(contract, label, part, resource_type)
    if mode == "negative":
        document = _without_patterns(document)
    method, path = label.split(" ", 1)
    with seeded_only(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operation = schemathesis.openapi.from_dict(document)[path][method]
        strategy = operation.as_strategy(
            generation_mode=GenerationMode.POSITIVE if mode == "positive" else GenerationMode.NEGATIVE,
            path_parameters={parameter.name: "x" for parameter in contract.operation(label).parameters_in("path")},
        )
        draws: list[Generated] = []

        @seed(seed_value)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(case: Any) -> None:
            draws.append(_generated(case, contract.unprintable if mode == "positive" else None))

        try:
            collect()
        except Exception as error:  # schemathesis and hypothesis raise many kinds; all mean that nothing was drawn
            if not draws:
                raise GenerationError(f"{label}: no {mode} {part} can be generated: {error}") from error
    return draws


def draw_with_each(seeds: Iterable[int], drawn_with: Callable[[int], Iterable[Generated]]) -> list[Generated]:
    """What is drawn with each seed, one after the other; of later ones what no earlier one drew."""
    found: list[Generated] = []
    for seed_value in seeds:
        known = {repr((one.query, one.body)) for one in found}
        found += [one for one in drawn_with(seed_value) if repr((one.query, one.body)) not in known]
    return found


def _generated(case: Any, unprintable: re.Pattern[str] | None) -> Generated:
    phase = getattr(getattr(case, "meta", None), "phase", None)
    body = case.body
    return Generated(
        query=_printable(dict(case.query or {}), unprintable),
        body=MISSING if type(body).__name__ == "NotSet" else _printable(body, unprintable),
        description=str(getattr(getattr(phase, "data", None), "description", "") or ""),
    )


def _printable(value: Any, unprintable: re.Pattern[str] | None) -> Any:
    """``value`` with `_INSTEAD` for every character that ``unprintable`` matches; lengths stay."""
    if unprintable is None:
        return value
    if isinstance(value, str):
        return unprintable.sub(_INSTEAD, value)
    if isinstance(value, dict):
        return {_printable(name, unprintable): _printable(member, unprintable) for name, member in value.items()}
    return [_printable(member, unprintable) for member in value] if isinstance(value, list) else value


def narrowed(contract: Contract, label: str, part: Part, resource_type: str | None = None) -> dict[str, Any]:
    """A document with one operation, without security, with only its body or only its query."""
    operation = contract.operation(label)
    kept = [
        contract.resolve(parameter)
        for parameter in operation.definition.get("parameters", ())
        if contract.resolve(parameter)["in"] in ("path", *(("query",) if part == "query" else ()))
    ]
    definition: dict[str, Any] = {"responses": {"default": {"description": "any"}}, "parameters": kept}
    if part == "body":
        schema = contract.body_schema(label, resource_type) or {}
        definition["requestBody"] = {"required": True, "content": {JSON_MEDIA_TYPE: {"schema": schema}}}
    schemas: dict[str, Any] = {}
    _collect(contract, definition, schemas)
    return {
        "openapi": contract.document["openapi"],
        "info": {"title": "narrowed", "version": "1"},
        "paths": {operation.path: {operation.method.lower(): definition}},
        "components": {"schemas": schemas},
    }


def _without_patterns(node: Any, *, names: bool = False) -> Any:
    """Drop ``pattern`` from the schemas of a document (``names``: the keys of ``node`` are field names).

    Generating text for patterns is most of the cost of a negative body, whose fault lies elsewhere; what comes out is
    judged by the whole contract.
    """
    if isinstance(node, dict):
        return {
            key: _without_patterns(value, names=key == "properties" and not names)
            for key, value in node.items()
            if names or key != "pattern"
        }
    return [_without_patterns(value) for value in node] if isinstance(node, list) else node


def _collect(contract: Contract, node: Any, schemas: dict[str, Any]) -> None:
    for name in _references(node):
        if name not in schemas:
            schemas[name] = contract.document["components"]["schemas"][name]
            _collect(contract, schemas[name], schemas)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str) and value.startswith("#/components/schemas/"):
                yield value.rpartition("/")[2]
            elif key not in ("example", "examples", "default", "enum"):
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
