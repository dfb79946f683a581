"""Imported once by the process that runs are forked from (see `tests.hostile.command`)."""

import conformance.cli
import conformance.contract.generation
import conformance.plugin
import conformance.report.html
import conformance.runner  # noqa: F401
