"""Seeded faults are found as well on a deployment that denies what no authorization rule speaks of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from conformance.run.node_ids import PACKAGE
from tests.faults.catalogue import FAULTS
from tests.run.command import environment

REQUIREMENTS = {"AUTZ-02", "AUTZ-03", "AUTZ-04", "AUTZ-05", "AUTZ-06", "AUTN-10", "PUB-01", "RET-02", "SUB-01"}


def test_faults_are_found_where_everything_is_denied_by_default(tmp_path: Path) -> None:
    seeded = {name: fault for name, fault in FAULTS.items() if fault.requirements & REQUIREMENTS}
    lines = tmp_path / "lines"
    command = [sys.executable, "-m", "tests.faults.session", str(lines), "authorization.no_match=deny"]
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
    assert set().union(*(fault.requirements for fault in seeded.values())) >= REQUIREMENTS
