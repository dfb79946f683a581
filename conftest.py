"""Loads the suite's plugin, for ``pytest conformance`` in a checkout."""

pytest_plugins = ["conformance.plugin"]
