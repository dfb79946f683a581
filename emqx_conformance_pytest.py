"""What every pytest beside the suite loads (entry point ``pytest11``): it does nothing unless items of it are selected.

Outside of the package on purpose: most runs of pytest in an environment with the suite are about something else, where
it must cost nothing, add no option, and not even import a package called ``conformance`` before others find theirs.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from emqx_conformance_extensions import folders, installed

PACKAGE = Path(__file__).resolve().parent / "conformance"


# Last, so that options of others exist: where both have one of the same name, it is the suite that gives way.
@pytest.hookimpl(trylast=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Load the plugin, and with it the options, of a session that collects items of the suite."""
    given = early_config.known_args_namespace
    folder = early_config.invocation_params.dir
    arguments = given.file_or_dir
    if not arguments and folder == early_config.rootpath:
        arguments = early_config.getini("testpaths")
    if selects_suite(arguments or ["."], folder, pyargs=given.pyargs, ignored=early_config.getini("norecursedirs")):
        reason = importlib.import_module(PACKAGE.name).why_not_here()
        if reason is not None:
            raise pytest.UsageError(reason)
        early_config.pluginmanager.import_plugin("conformance.plugin")


def selects_suite(arguments: Iterable[str], folder: Path, *, pyargs: bool, ignored: Sequence[str]) -> bool:
    """Whether pytest, started in ``folder`` with these arguments, collects items of the suite.

    ``pyargs``: they may be names of modules. ``ignored``: patterns of directories in which nothing is collected.
    """
    return any(_is_of_suite(location, ignored) for location in locations(arguments, folder, pyargs=pyargs))


def locations(arguments: Iterable[str], folder: Path, *, pyargs: bool) -> Iterator[Path]:
    """Where pytest collects: the paths of its arguments, without the names of tests behind ``::``.

    Of modules only those of the suite and of extensions are told, since nothing else may be imported to find out.
    """
    for argument in arguments:
        place = argument.partition("[")[0].partition("::")[0]
        package, *modules = place.split(".")
        if pyargs and package == PACKAGE.name and _is_importable():
            inside = PACKAGE.joinpath(*modules)
            yield inside if inside.is_dir() else inside.with_suffix(".py")
        else:
            yield (pyargs and _of_extension(place)) or (folder / place).resolve()


def _of_extension(name: str) -> Path | None:
    """Where a module of an extension is, by its dotted name."""
    for extension in installed():
        if extension.root is not None and f"{name}.".startswith(f"{extension.package}."):
            inside = extension.root.joinpath(*name.split("."))
            return inside if inside.is_dir() else inside.with_suffix(".py")
    return None


def _is_importable() -> bool:
    """Whether the package is found under its name, rather than one of the user."""
    if PACKAGE.name in sys.modules:
        return sys.modules[PACKAGE.name].__file__ == str(PACKAGE / "__init__.py")
    spec = importlib.util.find_spec(PACKAGE.name)
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve().parent == PACKAGE


def _is_of_suite(location: Path, ignored: Sequence[str]) -> bool:
    """Whether collecting ``location`` comes to items of the suite or of an extension: it is in one of their packages,
    or a folder around it."""
    return any(_meets(location, package, ignored) for package in (PACKAGE, *folders()))


def _meets(location: Path, package: Path, ignored: Sequence[str]) -> bool:
    if location.is_relative_to(package):
        return True
    between = [place for place in (package, *package.parents) if location in place.parents]
    return bool(between) and not any(_is_left_out(place, ignored) for place in between)


def _is_left_out(folder: Path, ignored: Sequence[str]) -> bool:
    """Whether pytest does not descend into a folder: virtual environments, and whatever the patterns name."""
    return (folder / "pyvenv.cfg").is_file() or any(folder.match(pattern) for pattern in ignored if pattern)
