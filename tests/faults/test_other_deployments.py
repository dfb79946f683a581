"""Seeded faults are found as well on deployments that are configured in another way, some only there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.run.node_ids import PACKAGE
from tests.faults.catalogue import FAULTS
from tests.faults.seeded import Seeded
from tests.run.command import environment

REQUIREMENTS = {"AUTZ-02", "AUTZ-03", "AUTZ-04", "AUTZ-05", "AUTZ-06", "AUTN-10", "PUB-01", "RET-02", "SUB-01"}


def test_faults_are_found_where_everything_is_denied_by_default(tmp_path: Path) -> None:
    seeded = {name: fault for name, fault in FAULTS.items() if fault.requirements & REQUIREMENTS and not fault.settings}
    assert_found(seeded, ["authorization.no_match=deny"], tmp_path)
    assert set().union(*(fault.requirements for fault in seeded.values())) >= REQUIREMENTS


def test_faults_that_need_a_setting_are_found_with_it(tmp_path: Path) -> None:
    groups: defaultdict[tuple[str, ...], dict[str, Seeded]] = defaultdict(dict)
    for name, fault in FAULTS.items():
        if fault.settings:
            groups[fault.settings][name] = fault
    assert groups, "no fault needs a setting: this test and what it tests can go"
    for settings, seeded in groups.items():
        assert_found(seeded, settings, tmp_path)


def assert_found(seeded: Mapping[str, Seeded], settings: Sequence[str], folder: Path) -> None:
    """Each fault makes fail what it must on a deployment with ``settings``, where nothing fails without it."""
    lines = folder / "lines"
    command = [sys.executable, "-m", "tests.faults.session", str(lines), *settings]
    completed = subprocess.run(
        command, input=json.dumps(list(seeded)), cwd=PACKAGE.parent, env=environment(), capture_output=True, text=True
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in map(json.loads, lines.read_text().splitlines()):
        if line["name"] is None:
            assert line["result"]["failures"] == [], f"{line['item']} fails without a fault"
            assert line["result"]["outcome"] == "passed", line["result"]["reason"]
        else:
            found[line["name"]] += line["result"]["failures"]
    assert found.keys() == seeded.keys(), completed.stdout + completed.stderr
    missed = {name: fault.missed(found[name]) for name, fault in seeded.items() if fault.missed(found[name])}
    assert missed == {}
