"""Writes the table of costs that ships with the suite, from a run of all of it against the embedded deployment, and
from others in which fewer items shared what they made, or none.

Run: emqx-conformance run --report-dir DIR
     python -m tests.sharing.alone DIR2
     python benchmarks/item_costs.py DIR DIR2...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from conformance.report.errors import ReportError
from conformance.report.storage import read_run
from conformance.run import costs


def text_of(table: dict[str, object]) -> str:
    """A line for each function, so that a change of one shows as one."""
    functions = table["functions"]
    assert isinstance(functions, dict)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in functions.items())
    head = json.dumps({name: value for name, value in table.items() if name != "functions"})
    return f'{head[:-1]}, "functions": {{\n{lines}\n}}}}\n'


def main(arguments: list[str]) -> str | None:
    if not arguments:
        return "give the report directories of runs, first that of a whole one"
    try:
        run, *others = (read_run(Path(argument)) for argument in arguments)
    except ReportError as error:
        return str(error)
    if not (run.embedded and run.selection is None and run.complete):
        return "the table is that of a whole run against the embedded deployment"
    file = Path(costs.__file__).with_name(costs.TABLE)
    file.write_text(text_of(costs.table_of(run, others)), encoding="utf-8")
    print(f"{file}: {file.stat().st_size} bytes")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
