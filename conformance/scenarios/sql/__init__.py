"""The golden table of rule SQL: what expressions give, family by family.

A table maps an expression to its value: text, number, bool, None (JSON's null), list or map. `RAISES` stands for an
error, `UNDEFINED` is how a value that is not there is printed. Integers and floats differ; floats agree to 12 digits.
Expressions may read the payload `PAYLOAD`. Only what EMQX documents is listed, and only where 5.8 does as documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.scenarios.sql import arrays, codecs, dates, maps, numbers, operators, searches, texts, types
from conformance.scenarios.sql.payload import PAYLOAD, RAISES, UNDEFINED

__all__ = ["ADDED", "CALENDAR", "ERRORS", "FUNCTIONS", "OPERATORS", "PAYLOAD", "RAISES", "UNDEFINED", "everything"]

Table = Mapping[str, Any]

FUNCTIONS: Mapping[str, Table] = {
    "mathematics": numbers.MATHEMATICS,
    "bits": numbers.BITS,
    "types": types.JUDGEMENT,
    "conversions": types.CONVERSION,
    "null": types.NULL,
    "texts": texts.TEXTS,
    "parts": texts.PARTS,
    "searches": searches.SEARCHES,
    "regular expressions": searches.REGULAR_EXPRESSIONS,
    "formats": searches.FORMATS,
    "maps": maps.MAPS,
    "arrays": arrays.ARRAYS,
    "hashes": codecs.HASHES,
    "compression": codecs.COMPRESSION,
    "encodings": codecs.ENCODINGS,
}
"""By family of functions."""

ADDED: Mapping[str, Table] = {
    "sizes": maps.SIZES,
    "two-byte texts": codecs.TWO_BYTES,
    "texts of arrays": types.TEXTS_OF_ARRAYS,
}
"""What 5.8.4 brought."""

CALENDAR: Mapping[str, Table] = {
    "instants of dates": dates.INSTANTS,
    "leap days": dates.LEAP_DAYS,
    "fractions and offsets": dates.FRACTIONS_AND_OFFSETS,
    "dates of instants": dates.DATES,
    "RFC 3339": dates.RFC_3339,
}

OPERATORS: Mapping[str, Table] = {
    "arithmetic": operators.ARITHMETIC,
    "comparisons": operators.COMPARISONS,
    "conditions": operators.CONDITIONS,
    "paths": operators.PATHS,
}

ERRORS: Mapping[str, Table] = {
    "mathematics": numbers.ERRORS,
    "conversions": types.ERRORS,
    "texts": texts.ERRORS,
    "searches": searches.ERRORS,
    "arrays": arrays.ERRORS,
    "maps": maps.ERRORS,
    "encodings": codecs.ERRORS,
    "dates": dates.ERRORS,
    "operators": operators.ERRORS,
}


def everything() -> dict[str, Any]:
    """All expressions of all tables."""
    tables = (table for group in (FUNCTIONS, ADDED, CALENDAR, OPERATORS, ERRORS) for table in group.values())
    return {expression: value for table in tables for expression, value in table.items()}
