"""The JSON Schemas of the files that reports consist of, and whether a document fits its own."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


@cache
def schema(file_name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``report.json``, ``statement.json`` and the like."""
    name = f"{file_name.removesuffix('.json')}.schema.json"
    text = files("conformance.report").joinpath("schema", name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def misfit(document: object, file_name: str) -> str | None:
    """Where and how a document does not fit the schema of the file, None if it does."""
    from jsonschema.exceptions import best_match  # collection need not wait for it

    error = best_match(_validator(file_name).iter_errors(document))
    return None if error is None else f"{error.json_path}: {error.message:.200}"


@cache
def _validator(file_name: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(file_name))
