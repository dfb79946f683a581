"""What hypothesis draws depends on its seed alone.

By itself it also draws constants that it finds in whatever modules of the project a process has imported by then: other
ones in a worker than in the process that owns the run, others in a checkout than where the suite is installed. Reading
them costs time as well, for their sources are parsed anew in every run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

_CACHED = 1024
_NONE = Constants()
_permitted: LRUCache[Any, Any] = LRUCache(_CACHED)


@contextlib.contextmanager
def seeded_only() -> Iterator[None]:
    """Inside, hypothesis draws no constants of modules; what others draw in this process is left as it is."""
    theirs = providers._get_local_constants, providers.CONSTANTS_CACHE
    providers._get_local_constants, providers.CONSTANTS_CACHE = (lambda: _NONE), _permitted
    try:
        yield
    finally:
        providers._get_local_constants, providers.CONSTANTS_CACHE = theirs
