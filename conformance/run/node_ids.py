"""The id of an item, and what it says: the requirements its test verifies and the operation it is about."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from conformance.contract.kinds import Kind, kind_of
from conformance.requirements import VERIFIED
from emqx_conformance_extensions import installed

PACKAGE = Path(__file__).resolve().parent.parent

_OPERATION = re.compile(r"\[((?:GET|PUT|POST|DELETE|PATCH) /[^\s\]]*?)(?:-[^\]/]*)?\]$")

_requirements: dict[str, tuple[str, ...]] = {}


def operation_of(node_id: str) -> str | None:
    """``...::test_positive[POST /connectors-http]`` -> ``POST /connectors``; None for an item about several."""
    match = _OPERATION.search(node_id)
    return match[1] if match else None


def module_of(node_id: str) -> str:
    """``conformance/fuzz/test_operations.py::test_positive[...]`` -> ``conformance/fuzz/test_operations.py``."""
    return node_id.partition("::")[0]


def function_of(node_id: str) -> str:
    """The id of the test whose item it is, without ``[...]``."""
    return node_id.partition("[")[0]


def kind_of_item(node_id: str) -> Kind | None:
    """The kind of resource that an item is about, None for one about several or none."""
    operation = operation_of(node_id)
    return kind_of(operation.partition(" ")[2]) if operation is not None else None


def requirements_of(node_id: str) -> tuple[str, ...]:
    """Ids of the requirements an item verifies, from the registry: it needs no collected item.

    The first is that of the declaration next to the test, whatever was imported before: coming to its end decides it.
    """
    path, _, rest = node_id.partition("::")
    module = path.removesuffix(".py").replace("/", ".")
    function = f"{module}.{rest.partition('[')[0].replace('::', '.')}"
    known = _requirements.get(function)
    if known is None:
        known = tuple(dict.fromkeys(VERIFIED.get(function, ())))
        if known:  # otherwise its module may not have been imported yet
            _requirements[function] = known
    return known


def give_stable_id(item: pytest.Item) -> None:
    """Call an item of the suite by its place in the package: ``conformance/fuzz/test_access.py::test_no_key[...]``.

    So are those of extensions: ``acme_conformance/test_bans.py::test_reason_is_kept``.

    Pytest calls it by its place below the folder that it takes for the root of the project, which is another one for an
    installed suite than for a checkout. The id decides requirements and data; others know the item by it.
    """
    file = _file_of_suite(item.path)
    if file is not None:
        item._nodeid = f"{file}::{item.nodeid.partition('::')[2]}"


@cache
def _file_of_suite(path: Path) -> str | None:
    """A file of the package, or of an extension, as ids name it, None for any other file."""
    resolved = path.resolve()
    packages = [(PACKAGE.parent, PACKAGE), *((extension.root, extension.folder) for extension in installed())]
    for root, package in packages:
        if root is not None and package is not None and resolved.is_relative_to(package):
            return resolved.relative_to(root).as_posix()
    return None


def located(item: str) -> str:
    """The path of an item, given by its id or by the name of a package: ids say it below where Python finds those."""
    for extension in installed():
        inside = extension.package.replace(".", "/")
        if extension.root is not None and (item == inside or item.startswith(f"{inside}/")):
            return str(extension.root / item)
    return str(PACKAGE.parent / item)


def packages() -> list[str]:
    """The whole suite as ids of items begin: the package, and those of the extensions."""
    return [PACKAGE.name, *(extension.package.replace(".", "/") for extension in installed())]
