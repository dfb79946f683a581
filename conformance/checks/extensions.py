"""Import the packages of extensions, and what of them looks at every answer."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

from conformance.target.errors import ConfigurationError
from emqx_conformance_extensions import Extension, installed

API_VERSION = 1
"""Of `conformance.api`; it grows when something that extensions use is changed or taken away."""

DECLARATION = "CONFORMANCE_API"
"""The name under which the package of an extension says which version of the API it was written for."""

CHECKS = "checks"
"""The module of an extension whose checks look at every answer."""


class ExtensionError(ConfigurationError):
    """An extension cannot be used (exit code 2); the text is one sentence that names it."""


def import_checks() -> None:
    """Import what looks at every answer: it takes part whichever items are selected. Raises `ExtensionError`."""
    for extension in installed():
        if extension.folder is None:
            raise ExtensionError(f"extension {extension}: there is no package {extension.package}")
        package = import_of(extension, extension.package)
        version = getattr(package, DECLARATION, None)
        if version != API_VERSION:
            raise ExtensionError(
                f"extension {extension}: {extension.package}.{DECLARATION} is {version!r:.20}, "
                f"and this suite has version {API_VERSION} of conformance.api"
            )
        checks = f"{extension.package}.{CHECKS}"
        if find_spec(checks) is not None:
            import_of(extension, checks)


def import_of(extension: Extension, name: str) -> ModuleType:
    """A module of an extension; raises `ExtensionError` for whatever is wrong with it."""
    try:
        return import_module(name)
    except (Exception, pytest.skip.Exception) as error:
        reason = " ".join(str(error).split())
        raise ExtensionError(
            f"extension {extension}: {name} cannot be imported: {type(error).__name__}: {reason:.300}"
        ) from error
