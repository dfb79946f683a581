"""What the id of an item says does not depend on which items were named before it."""

from __future__ import annotations

import subprocess
import sys

from conformance.run.node_ids import PACKAGE
from tests.run.command import environment

ITEM = "conformance/scenarios/test_list_filters.py::test_filters_of_users"


def test_first_requirement_is_the_one_next_to_the_test_whatever_was_imported_before() -> None:
    modules = "conformance.scenarios.test_subscriptions, conformance.scenarios.test_list_filters"
    code = f"import {modules}; from conformance.run.node_ids import requirements_of; print(*requirements_of({ITEM!r}))"
    command = [sys.executable, "-c", code]
    completed = subprocess.run(
        command, cwd=PACKAGE.parent, env=environment(), capture_output=True, text=True, check=True
    )
    assert completed.stdout.split() == ["PAG-07", "PAG-13"]
