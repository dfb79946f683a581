"""Imports every module with handlers, so that all operations are registered."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import conformance.reference as package

for _module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if _module.name.rpartition(".")[2] not in ("server", "embedded", "__main__", "app", "operations"):
        try:
            import_module(_module.name)
        except ImportError:
            continue
