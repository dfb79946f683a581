"""Import what extensions add, and refuse what would make the catalogue ambiguous."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator

from conformance.catalogue.retired import retired_requirements
from conformance.checks.extensions import ExtensionError, import_checks, import_of
from conformance.requirements import REQUIREMENTS, Requirement
from emqx_conformance_extensions import Extension, installed

_ID = re.compile(r"[A-Z][A-Z0-9]{2,11}-\d{2,4}")
_SUITE = "the suite"


def import_extensions(operations: Collection[str] | None = None) -> None:
    """Import every module of the extensions that declares requirements.

    ``operations``: labels of those that exist, others are errors, too. Raises `ExtensionError`.
    """
    import_checks()
    for extension in installed():
        for module in _test_modules(extension):
            import_of(extension, module)
    _check(operations)


def _test_modules(extension: Extension) -> Iterator[str]:
    """Names of the modules with items. Raises `ExtensionError` for one that pytest would call otherwise."""
    root, folder = extension.root, extension.folder
    assert root is not None
    assert folder is not None
    for file in sorted(folder.rglob("test_*.py")):
        between = list(file.relative_to(root).parents)[:-1]
        for package in between:
            if not root.joinpath(package, "__init__.py").is_file():
                raise ExtensionError(f"extension {extension}: {package.as_posix()} holds tests and has no __init__.py")
        yield ".".join(file.relative_to(root).with_suffix("").parts)


def _check(operations: Collection[str] | None) -> None:
    """Every id belongs to one package, and so does every group of ids (what is before the dash)."""
    groups = {entry.id.partition("-")[0]: _SUITE for entry in retired_requirements()}
    for entry in sorted(REQUIREMENTS.values(), key=lambda entry: _owners(entry) != {_SUITE}):
        owners = _owners(entry)
        for owner in sorted(owners - {_SUITE}):
            others = sorted({*owners, groups.get(_group(entry), owner)} - {owner})
            if others:
                raise ExtensionError(f"extension {owner}: requirement {entry.id}: {others[0]} has ids {_group(entry)}-")
            if problem := _problem(entry, operations):
                raise ExtensionError(f"extension {owner}: requirement {entry.id}: {problem}")
        groups.setdefault(_group(entry), min(owners))


def _problem(entry: Requirement, operations: Collection[str] | None) -> str | None:
    if not _ID.fullmatch(entry.id):
        return "an id is like ACME-01: 3 to 12 capital letters and digits, a dash, 2 to 4 digits"
    if operations is not None and (unknown := sorted(set(entry.operations) - set(operations))):
        return f"there is no operation {unknown[0]!r}"
    if inner := [name for name in entry.verified_by if name.rpartition(".")[0] not in sys.modules]:
        return f"{inner[0]} is no function of a module"
    return None


def _group(entry: Requirement) -> str:
    return entry.id.partition("-")[0]


def _owners(entry: Requirement) -> set[str]:
    """The suite, or the names of the extensions whose modules declare a requirement."""
    return {next(_extensions_of(name), _SUITE) for name in entry.verified_by}


def _extensions_of(name: str) -> Iterator[str]:
    for extension in installed():
        if name.startswith(f"{extension.package}."):
            yield extension.name
