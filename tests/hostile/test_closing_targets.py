"""Whole runs against targets that close connections: whose fault it is, told in the verdict and in the reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from tests.hostile import command
from tests.hostile.server import Case, Exchange, HostileServer, Request
from tests.recorded import RECORDED
from tests.run.command import environment

AGAIN = "sent again on a new connection, because the one before was closed after use"


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


@pytest.fixture
def front(reference: EmbeddedDeployment) -> Iterator[HostileServer]:
    with HostileServer(upstream=reference) as server:
        yield server


def positive(label: str) -> str:
    return f"conformance/fuzz/test_operations.py::test_positive[{label}]"


def _label(request: Request) -> str:
    return f"{request.method} {request.path}"


class Tired:
    """Serves so many requests on a connection and drops the next.

    ``carries_out``: the label of an operation; then it drops its requests alone, and not without carrying them out.
    """

    def __init__(self, front: HostileServer, count: int, *, carries_out: str | None = None) -> None:
        self._front = front
        self._count = count
        self._carries_out = carries_out
        self._served: dict[int, int] = defaultdict(int)
        self.dropped: list[Request] = []

    def __call__(self, request: Request) -> Case:
        return self.case

    async def case(self, exchange: Exchange) -> None:
        self._served[exchange.connection] += 1
        spared = self._carries_out is not None and self._carries_out != _label(exchange.request)
        if spared or self._served[exchange.connection] <= self._count:
            await self._front.forward(exchange)
            return
        self.dropped.append(exchange.request)
        if self._carries_out is not None:
            await self._front.ask(exchange.request)
        exchange.reset()


def test_target_that_closes_connections_unannounced_is_conformant(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path
) -> None:
    """As RFC 9112 allows it, also when the request was a POST: nothing fails."""
    front.choose = tired = Tired(front, 3)
    items = [positive("POST /schema_registry"), positive("POST /publish"), positive("GET /rules")]
    items += ["conformance/scenarios/test_rules.py", "conformance/scenarios/test_publish.py"]
    ended = command.start(*items, env=environment(reference, BASE_URL=front.base_url), folder=tmp_path).end()
    assert ended.code == 0, ended.output
    assert ended.report["failures"] == []
    assert ended.report["totals"]["passed"] > 10
    assert {request.method for request in tired.dropped} >= {"GET", "POST", "DELETE"}


def test_write_that_may_have_been_carried_out_twice_decides_nothing(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path
) -> None:
    """Its second answer, and what comes of it, are no evidence, and no green either."""
    front.choose = Tired(front, 1, carries_out="POST /schema_registry")
    env = environment(reference, BASE_URL=front.base_url)
    ended = command.start(positive("GET /rules"), positive("POST /schema_registry"), env=env, folder=tmp_path).end()
    assert ended.code == 3, ended.output
    assert ended.report["failures"] == []
    outcome = ended.outcomes["test_positive[POST /schema_registry]"]
    assert "undecided: a valid request was refused: 400 ALREADY_EXISTS" in outcome
    assert AGAIN in outcome
    assert ended.outcomes["test_positive[GET /rules]"] == ""


def test_target_that_drops_an_operation_is_non_conformant(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path
) -> None:
    async def dropped(exchange: Exchange) -> None:
        exchange.reset()

    front.choose = lambda request: dropped if request.method == "POST" and "schema" in request.path else None
    env = environment(reference, BASE_URL=front.base_url)
    # The first item leaves a connection that the second uses.
    ended = command.start(positive("GET /rules"), positive("POST /schema_registry"), env=env, folder=tmp_path).end()
    assert ended.code == 1, ended.output
    assert [failure["requirement"] for failure in ended.report["failures"]] == ["GEN-31"]
    assert AGAIN in ended.report["failures"][0]["message"]
    assert AGAIN in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert front.paths("POST").count("/schema_registry") == 2


def test_recorded_server_that_closes_after_early_answers_has_no_failure_for_it(tmp_path: Path) -> None:
    """Every operation without credentials, with the wrong method, under the wrong media type: many early answers."""
    with start_embedded(traits=RECORDED) as deployment:
        items = ["conformance/fuzz/test_access.py", "--waivers", "emqx-5.8"]
        env = environment(deployment, BASE_URL=deployment.base_url)
        ended = command.start(*items, env=env, folder=tmp_path).end(600)
    assert ended.code == 0, ended.output
    assert [failure for failure in ended.report["failures"] if failure["waived_by"] is None] == []
    assert "sent again" not in ended.output
    assert ended.report["totals"]["passed"] > 100
