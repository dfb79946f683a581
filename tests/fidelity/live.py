"""A reference deployment of its own for every script, all in one background event loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from conformance.reference.assembly import AssembledDeployment
from conformance.reference.defects import Traits
from conformance.reference.deployment import Settings
from conformance.reference.mqtt import session as session_module
from conformance.reference.rest.credentials import ApiKey
from conformance.reference.server import RunningDeployment
from conformance.reference.unguarded import UnguardedWrites
from tests.waiting import PATIENCE_S

KEY, SECRET, TOKEN = "recorded-key", "recorded-secret", "recorded-token"
_LOOPBACK = ("127.0.0.1", 0)


@contextlib.contextmanager
def reports_on_demand() -> Iterator[None]:
    """Statistics of clients are reported by `report_statistics` alone, and not 15 s after traffic."""
    seconds, session_module.REPORT_SECONDS = session_module.REPORT_SECONDS, 1e6
    try:
        yield
    finally:
        session_module.REPORT_SECONDS = seconds


class LiveDeployment:
    """A started deployment; `call` runs a function on it in its loop, by default one that all of them share."""

    def __init__(
        self, *, traits: Traits, version: str = "5.8.9", loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._loop = loop or _loop()
        settings = Settings(KEY, SECRET, bearer_token=TOKEN, traits=traits, version=version)
        self._running = asyncio.run_coroutine_threadsafe(_start(settings), self._loop).result(PATIENCE_S)
        self.rest: tuple[str, int] = ("127.0.0.1", self._running.http_port)
        self.mqtt: tuple[str, int] = ("127.0.0.1", self._running.mqtt_port or 0)
        self.call(_add_dashboard_user)

    def call(self, action: Callable[[AssembledDeployment], Any]) -> Any:
        async def run() -> Any:
            return action(self._running.deployment)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE_S)

    def close(self) -> None:
        """Begin to stop; nobody waits for the end, which uvicorn takes its time for."""
        asyncio.run_coroutine_threadsafe(self._running.stop(), self._loop)


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="deployments", daemon=True).start()
    return loop


async def _start(settings: Settings) -> RunningDeployment:
    running = RunningDeployment(settings, _LOOPBACK, _LOOPBACK)
    await running.start()
    return running


def report_statistics(deployment: AssembledDeployment) -> None:
    """What 15 s after traffic bring: clients are shown with the statistics of now."""
    for session in deployment.broker.sessions.values():
        session.statistics.report()


def age_retained(deployment: AssembledDeployment, seconds: float) -> None:
    """What time brings: retained messages are so many seconds older."""
    for message in deployment.broker.retained.matching():
        message.timestamp -= round(seconds * 1000)


class _Gathering(UnguardedWrites):
    """Keeps writes until a burst of them has arrived, however far apart they come."""

    def __init__(self, wanted: int, passing: int | None = None) -> None:
        super().__init__(0, passing)
        self._wanted = wanted if passing is None else min(wanted, passing)
        self._all_there = asyncio.Event()

    async def wait(self, identifier: str) -> None:
        self._started[identifier] = self._started.get(identifier, 0) + 1
        if self._started[identifier] >= self._wanted:
            self._all_there.set()
        await self._all_there.wait()


def gather_writes(deployment: AssembledDeployment, wanted: int) -> Callable[[AssembledDeployment], None]:
    """Let ``wanted`` writes that are sent at once meet, as they do on a real server; returns what ends that."""
    rules, schemas = deployment.rules, deployment.schemas
    former = rules.writes, schemas.writes
    rules.writes = _Gathering(wanted, rules.writes.passing)
    schemas.writes = _Gathering(wanted, schemas.writes.passing)

    def end(_deployment: AssembledDeployment) -> None:
        rules.writes, schemas.writes = former

    return end


def _add_dashboard_user(deployment: AssembledDeployment) -> None:
    deployment.credentials.users["admin"] = "public"


def add_api_keys(deployment: AssembledDeployment, keys: dict[str, dict[str, Any]]) -> None:
    """Create the keys of a fixture: name -> ``role``, ``enable``, ``expired_at``. Their secret is `SECRET`."""
    for name, options in keys.items():
        expires_at = time.time() - 1 if "expired_at" in options else None
        key = ApiKey(SECRET, options.get("role", "administrator"), options.get("enable", True), expires_at)
        deployment.credentials.put_key(name, key)


def authorization_headers() -> dict[str, str | None]:
    """What the recorded words for credentials stand for."""
    headers = {
        "none": None,
        "empty": "",
        "basic-valid": _basic(KEY, SECRET),
        "basic-wrong-secret": _basic(KEY, "wrong"),
        "basic-unknown-key": _basic("unknown", SECRET),
        "basic-dashboard-user": _basic("admin", "public"),
        "basic-undecodable": "Basic !!!",
        "basic-no-colon": "Basic " + base64.b64encode(b"nocolon").decode(),
        "bearer-valid": f"Bearer {TOKEN}",
        "bearer-unknown": "Bearer unknown",
        "bearer-illegal": "Bearer a b{",
        "digest": 'Digest username="u", realm="r", nonce="n", uri="/", response="x"',
        "unknown-scheme": "Token x",
    }
    for name in ("viewer", "publisher", "disabled", "expired"):
        headers[f"basic-{name}"] = _basic(name, SECRET)
    return headers


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
