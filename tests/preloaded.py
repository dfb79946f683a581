"""Imported once by the process that runs are forked from (see `tests.forked`)."""

# ruff: noqa: F401

import jsonschema_rs
import schemathesis.specs.openapi.schemas

import conformance.commands.cli
import conformance.commands.run
import conformance.contract.generation
import conformance.plugin
import conformance.report.html
