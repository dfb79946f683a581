"""Whatever names an operation names one that exists: a table with a wrong name says nothing, and nobody notices."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import conformance
from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.contract.document import openapi_root
from conformance.contract.loading import described_versions

PACKAGE = Path(conformance.__file__).parent
REFERENCE = PACKAGE / "reference"
"""It serves more than the contract describes, and is judged by recordings."""
OPERATION = re.compile(r"(GET|PUT|POST|DELETE|PATCH) /\S*")

TYPED = re.compile(r"((?:POST|PUT) /(?:connectors|actions)(?:/\{id\})?)-\w+")
"""An operation on one type, as ids of items name it."""

BESIDE_THE_CONTRACT = {"GET /nodes", "POST /login"}
"""What the suite or its reference deployment uses of the API, and the contract does not describe."""


def known() -> set[str]:
    versions = described_versions(openapi_root())
    return {label for version in versions for label in load_contract("corrected", version).operations}


def unknown(names: Iterable[str], exist: set[str]) -> set[str]:
    return {name for name in names if TYPED.sub(r"\1", name) not in exist}


def literals(source: str) -> Iterator[str]:
    """Text constants of a module that are nothing but the name of an operation; parts of others do not count."""
    tree = ast.parse(source)
    parts = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield from [node.value] * bool(OPERATION.fullmatch(node.value))


def tables(value: object, depth: int = 3) -> Iterator[str]:
    """Names of operations in a constant of a module: its keys and members, computed ones too."""
    if isinstance(value, str):
        yield from [value] * bool(OPERATION.fullmatch(value))
    elif depth and isinstance(value, dict):
        for key, member in value.items():
            yield from (*tables(key, depth - 1), *tables(member, depth - 1))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for member in value:
            yield from tables(member, depth - 1)


def modules() -> Iterator[ModuleType]:
    list(catalogue())
    for found in pkgutil.walk_packages([str(PACKAGE)], "conformance."):
        if not found.name.endswith((".conftest", ".__main__")) and "reference" not in found.name.split("."):
            yield importlib.import_module(found.name)


def test_every_operation_that_is_named_in_the_code_exists() -> None:
    exist = known() | BESIDE_THE_CONTRACT
    wrong = {
        (file.relative_to(PACKAGE).as_posix(), name)
        for file in PACKAGE.rglob("*.py")
        if not file.is_relative_to(REFERENCE)
        for name in unknown(literals(file.read_text(encoding="utf-8")), exist)
    }
    assert wrong == set()


def test_every_operation_in_a_table_exists() -> None:
    exist = known() | BESIDE_THE_CONTRACT
    wrong = set()
    for module in modules():
        for constant, value in vars(module).items():
            if constant.startswith("__") or isinstance(value, ModuleType):
                continue
            wrong |= {(module.__name__, constant, name) for name in unknown(tables(value), exist)}
    assert wrong == set()


def test_names_are_found() -> None:
    assert list(literals("x = {'GET /rules': f'POST /{y}', 'POST /': 'say GET /rules'}")) == ["GET /rules", "POST /"]
    assert set(tables({"a": ("GET /x", 5), "POST /y": [frozenset({"PUT /z"})]})) == {"GET /x", "POST /y", "PUT /z"}
