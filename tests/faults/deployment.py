"""A reference deployment in a thread of this process, behind a proxy: what a seeded fault is applied to."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from conformance.reference.defects import NO_TRAITS, Traits
from conformance.reference.deployment import Settings
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.server import RunningDeployment
from tests.faults.proxy import FaultProxy, Reply, Request
from tests.faults.seeded import Seeded
from tests.waiting import PATIENCE_S

LOOPBACK = "127.0.0.1"


def unchanged(_request: Request, forward: Callable[[], Reply]) -> Reply:
    """The fault that is none."""
    return forward()


def _unused_port() -> int:
    """A port below those that systems give to clients: closed for a moment, it is not taken by somebody else."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server((LOOPBACK, port)):
            return port


def _with_users(settings: Iterable[str]) -> list[str]:
    settings = list(settings)
    said = any(setting.startswith(f"{_USERS}=") for setting in settings)
    return settings if said else [f"{_USERS}=true", *settings]


_USERS = "authentication.enable"


class FaultyDeployment:
    """Keeps its addresses while deployments come and go. Use as a context manager, in one thread.

    ``settings`` are those of ``serve --setting``; unless they say otherwise its clients need users. ``traits``: the
    defects and quirks it has.
    """

    def __init__(self, settings: Iterable[str] = (), *, traits: Traits = NO_TRAITS) -> None:
        self.settings = Settings(
            api_key="administrator",
            api_secret=f"secret-{secrets.token_hex(8)}",
            bearer_token=f"token-{secrets.token_hex(8)}",
            role_keys={role: (role, f"secret-{secrets.token_hex(8)}") for role in ("viewer", "publisher")},
            configuration=NodeConfiguration.parse(_with_users(settings)),
            traits=traits,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._running: RunningDeployment | None = None
        self._retired: set[asyncio.Task[None]] = set()
        self._proxy = FaultProxy("", unchanged)
        self._broken = contextlib.ExitStack()
        self._open = contextlib.ExitStack()
        self._mqtt_port = _unused_port()
        self._traits = traits

    @property
    def options(self) -> dict[str, object]:
        """Configuration of a run against it, as in `conformance.target.settings.config.load_configuration`."""
        return {
            "base_url": self._proxy.base_url,
            "mqtt": f"{LOOPBACK}:{self._mqtt_port}",
            "api_key": self.settings.api_key,
            "api_secret": self.settings.api_secret,
            "token": self.settings.bearer_token,
            **{f"{role}_key": key for role, (key, _) in self.settings.role_keys.items()},
            **{f"{role}_secret": secret for role, (_, secret) in self.settings.role_keys.items()},
            "sink": LOOPBACK,
            "disposable": True,
            "embedded": True,
        }

    def exchange_s(self) -> float:
        """Seconds that one exchange takes just now."""
        started = time.monotonic()
        connection = http.client.HTTPConnection(LOOPBACK, self._proxy.port, timeout=PATIENCE_S)
        connection.request("GET", "/api/v5/action_types")
        connection.getresponse().read()
        connection.close()
        return time.monotonic() - started

    def renew(self) -> None:
        """Replace the deployment by a new one without any state."""
        asyncio.run_coroutine_threadsafe(self._renew(), self._loop).result(PATIENCE_S)

    def seed(self, seeded: Seeded) -> None:
        """Apply a fault, to a new deployment if it is one of the deployment."""
        self._proxy.fault = seeded.fault or unchanged
        for broken in seeded.broken:
            self._broken.enter_context(broken.applied())
        if seeded.traits:
            self._traits = seeded.traits
        if seeded.broken or seeded.traits:
            self.renew()

    def lift(self) -> None:
        """Apply no fault any more."""
        self._proxy.fault = unchanged
        self._broken.close()
        self._traits = self.settings.traits

    async def _renew(self) -> None:
        former = self._running
        if former is not None:
            await former.deployment.stop()
        settings = replace(self.settings, traits=self._traits)
        mqtt = LOOPBACK, self._mqtt_port
        self._running = running = RunningDeployment(settings, (LOOPBACK, 0), mqtt)
        await running.start()
        self._proxy.upstream = running.base_url
        if former is not None:
            # An HTTP server takes its time to stop, and nobody talks to this one any more.
            task = asyncio.create_task(former.stop())
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)

    async def _stop(self) -> None:
        await asyncio.gather(*self._retired)
        if self._running is not None:
            await self._running.stop()

    def __enter__(self) -> FaultyDeployment:
        self._thread.start()
        self._open.enter_context(self._proxy)
        self.renew()
        return self

    def __exit__(self, *_: object) -> None:
        self.lift()
        self._open.close()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
