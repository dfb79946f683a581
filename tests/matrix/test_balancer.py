"""Behind a load balancer every request may end up at another node, which learns of writes with a delay."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.report.storage import read_run
from tests.faults.proxy import FaultProxy, Reply, Request
from tests.matrix.trial import DATA_PLANE, told
from tests.run.command import environment, run

DELAY_S = 0.1
CHEAP = ("conformance/scenarios/test_banned.py", "conformance/scenarios/test_authentication.py")


@contextmanager
def balanced(deployment: EmbeddedDeployment) -> Iterator[FaultProxy]:
    """A proxy that asks the nodes of a deployment in turn."""
    upstreams = itertools.cycle((deployment.base_url, *deployment.other_base_urls))

    def pass_on(_request: Request, forward: Callable[[], Reply]) -> Reply:
        proxy.upstream = next(upstreams)
        return forward()

    proxy = FaultProxy(deployment.base_url, pass_on)
    with proxy:
        yield proxy


@pytest.mark.parametrize(
    "items", [pytest.param(DATA_PLANE, id="data-plane", marks=pytest.mark.nightly), pytest.param(CHEAP, id="stores")]
)
def test_reads_that_lag_are_no_defects(items: tuple[str, ...], tmp_path: Path) -> None:
    with start_embedded(nodes=2, replication_delay=DELAY_S) as deployment, balanced(deployment) as proxy:
        env = environment(deployment, BASE_URL=proxy.base_url, MQTT=str(deployment.mqtt), SEED="1", PROFILE="smoke")
        command = ("run", "-n", "0", "--replication-lag", f"{DELAY_S * 1000:g}ms", *items)
        completed = run(*command, env=env, cwd=tmp_path)
    assert completed.returncode in (0, 1), completed.stdout + completed.stderr
    found = read_run(tmp_path / "reports")
    assert found.failures == [], told(found)
    assert found.verdict in ("conformant", "partial"), found.reasons


def test_without_the_lag_they_are_found(tmp_path: Path) -> None:
    with start_embedded(nodes=2, replication_delay=3600.0) as deployment, balanced(deployment) as proxy:
        env = environment(deployment, BASE_URL=proxy.base_url, SEED="1")
        items = (CHEAP[0], "-n", "0", "--replication-lag", "0s")
        completed = run("run", *items, env=env, cwd=tmp_path)
    assert completed.returncode == 1, completed.stdout + completed.stderr
