"""emqx-conformance: does a deployment keep the EMQX Dedicated REST API v5 contract? A verdict with its proof."""

import sys

__version__ = "0.1.0"


def why_not_here() -> str | None:
    """Why the suite does not run on this platform, a sentence; None where it does."""
    if sys.platform in ("win32", "cygwin"):
        return "emqx-conformance runs on Linux and macOS; on Windows use WSL, or its container image"
    return None
