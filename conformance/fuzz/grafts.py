"""Setting a value of one body into another, at the place that a value class names."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from conformance.contract.fields import Path, value_at

_ALTERNATIVE = re.compile(r"\([^)]*\)")
_ANY_ELEMENT = "*"


def place_of(pointer: str) -> Path:
    """Where the field of a value class (`ValueClass.field`) is, whichever alternative it belongs to.

    Of elements of a list it is the list.
    """
    names = _ALTERNATIVE.sub("", pointer).split("/")[1:]
    return tuple(names[: names.index(_ANY_ELEMENT)] if _ANY_ELEMENT in names else names)


def grafted(body: Mapping[str, Any], place: Path, source: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy of ``body`` with what ``source`` has at a place; of an object that ``body`` has not, all of it.

    None if the source has nothing there, or there is no object to set it into.
    """
    result = copy.deepcopy(dict(body))
    into: Any = result
    for depth, name in enumerate(place, 1):
        value = value_at(source, place[:depth])
        if value is None or not isinstance(into, dict):
            return None
        if depth == len(place) or name not in into:
            into[name] = copy.deepcopy(value)
            return result
        into = into[name]
    return None
