"""Node ids of items whose cases are covered combinations of factors, by the values that a fault needs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from conformance.scenarios.factors import Case


def case(module: str, test: str, **values: Any) -> str:
    """The node id of the first case with these values: ``case("deliveries", "delivery", when="away", subscriber=5)``.

    A value is given as it is, or by its name.
    """
    for found in _cases(module, test):
        if all(value in (found.values[factor], _name(found.values[factor])) for factor, value in values.items()):
            return f"conformance/scenarios/test_{module}.py::test_{test}[{found.name}]"
    raise AssertionError(f"test_{test} has no case with {values}")


def _cases(module: str, test: str) -> Iterator[Case]:
    function = getattr(importlib.import_module(f"conformance.scenarios.test_{module}"), f"test_{test}")
    for mark in function.pytestmark:
        if mark.name == "parametrize" and mark.args[0] == "case":
            for parameter in mark.args[1]:
                yield parameter.values[0]


def _name(value: Any) -> Any:
    return getattr(value, "name", None)
