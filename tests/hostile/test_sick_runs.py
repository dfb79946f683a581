"""Whole runs against sick targets: the verdict, the words and the files that an engineer gets."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.target.timing import Timing
from tests.hostile import command
from tests.hostile.clock import HurryingClock
from tests.hostile.server import Case, Exchange, HostileServer, Request
from tests.hostile.test_endless_answers import bombing, endless
from tests.hostile.test_http_framing import CHUNKED, HTML, LOOP, OK, closing, resetting, wire
from tests.hostile.test_storms import answering
from tests.run.command import environment
from tests.waiting import PATIENCE_S

LARGEST = {"conformance.target.http.connection.LARGEST_ANSWER": 1024 * 1024}
TIMING = Timing(silence=PATIENCE_S, heartbeat=PATIENCE_S, throttled=2.0, recovered=0.05)
AUTHORIZATION = "/authorization/sources/built_in_database/rules"


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


def json_answer(content: bytes) -> Case:
    return wire(OK, b"content-length: %d\r\n\r\n" % len(content), content)


# path, case, words of the failure
SICK = [
    ("/rules", bombing(b"gzip", 1), "the body of 200 is unusable: it is larger than 1 MiB"),
    ("/connectors", endless(OK + b"content-length: 9999\r\n\r\n", b" ", 0.005), f"complete after {2 * PATIENCE_S:g} s"),
    ("/actions", closing(CHUNKED, b"ff\r\n["), "the answer was cut off"),
    ("/schema_registry", json_answer(b"[" * 5000 + b"]" * 5000), "it is nested deeper than 100 levels"),
    ("/clients", json_answer(b'{"data": [], "data": [], "meta": {}}'), "an object has the key 'data' twice"),
    ("/subscriptions", wire(HTML), "200 came as text/html"),
    ("/rule_events", resetting(), "the connection was reset"),
    ("/mqtt/retainer/messages", json_answer(b'{"data": [{"payload": "\xe9"}]}'), "it is not UTF-8 (byte"),
    (f"{AUTHORIZATION}/all", json_answer(rb'["\ud800"]'), r"a text has the lone surrogate '\ud800'"),
    (f"{AUTHORIZATION}/users", wire(LOOP), "answered 302"),
    (f"{AUTHORIZATION}/clients", json_answer(rb'{"data": "\u0000\u001b[31m\u202e"}'), "200: the body: meta is missing"),
]  # fmt: skip


def test_every_sickness_of_one_operation_is_its_failure(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path
) -> None:
    front.cases = {path: case for path, case, _ in SICK}
    items = [positive(f"GET {path}") for path in [*front.cases, "/action_types"]]
    env = environment(reference, BASE_URL=front.base_url)
    # Healthy answers come in far fewer pieces than it takes for one to be late.
    bounds = LARGEST | {"conformance.target.http.connection.time": HurryingClock(PATIENCE_S / 120)}
    ended = command.start(*items, env=env, folder=tmp_path, bounds=bounds, timing=TIMING).end()
    assert ended.code == 1, ended.output
    assert ended.report["verdict"] == "non_conformant"
    assert (ended.report["totals"]["failed"], ended.report["totals"]["errors"]) == (len(SICK), 0)
    assert ended.outcomes["test_positive[GET /action_types]"] == ""
    for path, _, words in SICK:
        assert words in ended.outcomes[f"test_positive[GET {path}]"]
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "\x1b" not in page + ended.output
    assert "\u202e" not in page + ended.output


STORMS = {
    "rate limit": (answering("429 Too Many Requests", retry_after="1"), "(rate limit): use --max-rps"),
    "bad gateway": (answering("502 Bad Gateway"), "the target is not ready any more"),
    "login page": (wire(HTML), "is no EMQX API: GET /action_types answered 200 text/html"),
    "expired token": (
        answering("401 Unauthorized", b'{"code": "TOKEN_TIME_OUT", "message": ""}'),
        "refuses the credentials since mid-run: GET /action_types answered 401 TOKEN_TIME_OUT",
    ),
    "resets": (resetting(), "the target stopped answering"),
}


EVERY_TIME = ("rate limit", "expired token")


def _storms() -> Iterator[Any]:
    for name, values in STORMS.items():
        yield pytest.param(*values, id=name, marks=[] if name in EVERY_TIME else [pytest.mark.nightly])


@pytest.mark.parametrize(("storm", "words"), list(_storms()))
def test_storm_in_mid_run_is_inconclusive(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path, storm: Case, words: str
) -> None:
    front.storm, front.storm_from = storm, "/rule_events"  # nothing asks for it before the items begin
    items = [positive(f"GET {path}") for path in ("/action_types", "/connectors", "/rule_events", "/actions")]
    env = environment(reference, BASE_URL=front.base_url)
    ended = command.start(*items, env=env, folder=tmp_path, timing=TIMING).end()
    assert ended.code == 3, ended.output
    assert ended.report["verdict"] == "inconclusive"
    assert ended.report["failures"] == []
    assert words in ended.output
    assert ended.outcomes["test_positive[GET /connectors]"] == ""
    assert words in ended.outcomes["test_positive[GET /rule_events]"]
    assert ended.outcomes["test_positive[GET /actions]"].startswith("skipped")


@pytest.mark.nightly
def test_gateway_in_place_of_one_operation_leaves_it_undecided(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path
) -> None:
    front.cases = {"/publish": answering("502 Bad Gateway")}
    items = [positive("POST /publish"), positive("GET /rules")]
    env = environment(reference, BASE_URL=front.base_url)
    ended = command.start(*items, env=env, folder=tmp_path, timing=TIMING).end()
    assert ended.code == 3, ended.output
    assert ended.report["failures"] == []
    assert "a gateway answered 502 in place of the target" in ended.outcomes["test_positive[POST /publish]"]
    assert ended.outcomes["test_positive[GET /rules]"] == ""


@pytest.mark.nightly
def test_restart_in_mid_run_is_inconclusive(
    front: HostileServer, reference: EmbeddedDeployment, tmp_path: Path
) -> None:
    """The target comes back at once, without what the item created: its 404 is no failure of the target."""
    released = asyncio.Event()

    async def gate(exchange: Exchange) -> None:
        await released.wait()
        exchange.reset()

    front.choose = lambda request: gate if request.method == "PUT" and not released.is_set() else None
    env = environment(reference, BASE_URL=front.base_url)
    running = command.start(positive("GET /rules"), positive("PUT /rules/{id}"), env=env, folder=tmp_path)
    front.wait_until(lambda request: request.method == "PUT")
    with start_embedded() as another:
        front.upstream = another
        front.call(released.set)
        ended = running.end()
    assert ended.code == 3, ended.output
    assert ended.report["failures"] == []
    assert "the target restarted in mid-run: emqx@127.0.0.1 is up for" in ended.output
    assert ended.outcomes["test_positive[GET /rules]"] == ""


@pytest.mark.parametrize("after", [158, *(pytest.param(early, marks=pytest.mark.nightly) for early in (23, 71))])
def test_target_killed_at_any_moment_is_inconclusive(after: int, tmp_path: Path) -> None:
    with start_embedded() as doomed, HostileServer(upstream=doomed) as front:

        def count(_request: Request) -> Case | None:
            if len(front.seen) == after:
                os.kill(doomed.pid, signal.SIGKILL)
            return None

        front.choose = count
        env = environment(doomed, BASE_URL=front.base_url, MQTT=str(doomed.mqtt))
        ended = command.start("-k", "test_positive or flagship", env=env, folder=tmp_path, timing=TIMING).end()
    assert ended.code == 3, ended.output
    assert ended.report["failures"] == []
    assert "the target stopped answering" in ended.output
