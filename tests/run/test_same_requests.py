"""The same contract, seed, version and profile give the same requests, however many workers share the items."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.run.command import environment, run

ITEMS = (
    "conformance/fuzz/test_operations.py",
    "conformance/models/test_bans.py",
    "conformance/scenarios/test_rules.py",
    "conformance/scenarios/test_banned.py",
)
# All of the kinds that draw: bodies with and without types, queries, boundaries that are sampled, a state machine.
SELECTED = (
    "test_negative and (kickout or schema_registry or connectors-http or rules) or test_boundaries and publish"
    " or test_positive and (actions-mqtt or clients or banned) or model or created_rule or ban_is"
)

_OF_RUN = re.compile(r"[0-9a-z]{11}-(?:main|gw\d+)")
_COUNTED = re.compile(r"(@(?:-|/|%2F)[a-z]+)-\d+")
_ADDRESSES = re.compile(r"127\.0\.0\.1:\d+|(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+")
_TIMES = re.compile(r"\b17\d{8}(?:\d{3})?\b|\b20\d\d-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d")
# The length of a name is that of its run's and worker's: what fills it up to a length is another number of characters.
_FILLED = re.compile(r"(.)\1{40,}")


@pytest.fixture(scope="module")
def deployment() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as started:
        yield started


def requests_of(deployment: EmbeddedDeployment, folder: Path, workers: int) -> dict[str, list[str]]:
    """What each item sent, without the names that tell the run, the worker and how many came before."""
    folder.mkdir()
    options = ("--profile", "smoke", "--exclusive", "--har", "-n", str(workers), "-k", SELECTED)
    completed = run("run", *options, *ITEMS, env=environment(deployment), cwd=folder)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    by_item: defaultdict[str, list[str]] = defaultdict(list)
    for line in (folder / "reports" / "exchanges.jsonl").read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        sent = exchange["request"]
        told = normalised(f"{sent['method']} {sent['path']} {sent['body']}")
        is_poll = told.startswith("GET ") and by_item[exchange["item"]][-1:] == [told]
        if not exchange["lasting"] and not is_poll:
            by_item[exchange["item"]].append(told)
    return by_item


def normalised(text: str) -> str:
    for pattern, instead in ((_OF_RUN, "@"), (_COUNTED, r"\1"), (_ADDRESSES, "ADDRESS"), (_TIMES, "TIME")):
        text = pattern.sub(instead, text)
    return _FILLED.sub(r"\1...", text)


@pytest.mark.parametrize(
    "workers", [pytest.param(1, marks=pytest.mark.nightly), 2, pytest.param(4, marks=pytest.mark.nightly)]
)
def test_requests_do_not_depend_on_the_number_of_workers(
    workers: int, deployment: EmbeddedDeployment, alone: dict[str, list[str]], tmp_path: Path
) -> None:
    shared = requests_of(deployment, tmp_path / "shared", workers)
    assert shared.keys() == alone.keys()
    for item, sent in alone.items():
        assert shared[item] == sent, item


@pytest.fixture(scope="module")
def alone(deployment: EmbeddedDeployment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    sent = requests_of(deployment, tmp_path_factory.mktemp("alone") / "run", 0)
    assert len(sent) > 15
    assert sum(map(len, sent.values())) > 100
    return sent
