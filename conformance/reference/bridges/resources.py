"""A connector and an action with their life: connecting, health checks, status, buffer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from conformance.reference.bridges.buffer import ActionBuffer, Done
from conformance.reference.bridges.choice import make_driver
from conformance.reference.bridges.drivers import Driver
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.network import Unreachable
from conformance.reference.defects import Traits
from conformance.reference.message import now_ms
from conformance.reference.rest.units import parse_duration

NOT_INSTALLED = "Not installed"
NOT_OPERATIONAL = "Resource not operational"
_SHORTEST_INTERVAL = 0.05


class Connector:
    """``config`` is what GET shows before redaction, ``settings`` the same converted, for use."""

    def __init__(
        self,
        resource_type: str,
        name: str,
        config: dict[str, Any],
        settings: Mapping[str, Any],
        *,
        allow_egress: bool,
        traits: Traits,
    ) -> None:
        self.type = resource_type
        self.name = name
        self.config = config
        self.settings = settings
        self._allow_egress = allow_egress
        self._traits = traits
        self.driver: Driver | None = None
        self.connected = False
        self.reason = ""
        self._checking = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        return f"{self.type}:{self.name}"

    @property
    def enabled(self) -> bool:
        return self.settings.get("enable") is not False

    @property
    def status(self) -> str:
        if not self.enabled:
            return "stopped"
        return "connected" if self.connected else "disconnected"

    async def start(self) -> None:
        """Connect and watch; a target out of reach is no error but a status. Raises `BadAddress`."""
        if not self.enabled:
            return
        self.driver = make_driver(
            self.name, self.type, self.settings, allow_egress=self._allow_egress, traits=self._traits
        )
        await self.check()
        self._watch = asyncio.get_running_loop().create_task(self._watching())

    async def check(self) -> bool:
        """Ask the driver now; returns whether it is connected and keeps the reason if not."""
        async with self._checking:
            if self.driver is None:
                return False
            options = self.settings.get("resource_opts") or {}
            try:
                async with asyncio.timeout(parse_duration(options.get("start_timeout", "5s"))):
                    await self.driver.check()
            except Unreachable as error:
                self.connected, self.reason = False, str(error)
            except TimeoutError:
                self.connected, self.reason = False, "Connection timed out"
            else:
                self.connected, self.reason = True, ""
            return self.connected

    async def stop(self) -> None:
        """End every connection and the watch."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self.driver is not None:
            await self.driver.close()
            self.driver = None
        self.connected = False

    async def _watching(self) -> None:
        options = self.settings.get("resource_opts") or {}
        interval = parse_duration(options.get("health_check_interval", "15s"))
        while True:
            await asyncio.sleep(max(interval, _SHORTEST_INTERVAL))
            await self.check()


class Action:
    """An action and its connector. ``was_installed`` False marks one created on a disabled connector."""

    def __init__(self, resource_type: str, name: str, config: dict[str, Any], settings: Mapping[str, Any]) -> None:
        self.type = resource_type
        self.name = name
        self.config = config
        self.settings = settings
        self.metrics = ActionMetrics()
        self.was_installed = False
        self.created_at = self.last_modified_at = now_ms()
        self._connector: Connector | None = None
        self._buffer: ActionBuffer | None = None

    @property
    def id(self) -> str:
        return f"{self.type}:{self.name}"

    @property
    def enabled(self) -> bool:
        return self.settings.get("enable") is not False

    @property
    def connector_id(self) -> str:
        return f"{self.type}:{self.settings['connector']}"

    @property
    def installed(self) -> bool:
        return self._buffer is not None

    @property
    def status(self) -> tuple[str, str]:
        """``(status, status_reason)``; the reason is empty when connected."""
        if not self.installed:
            created_on_disabled = self.enabled and not self.was_installed
            return ("connecting" if created_on_disabled else "disconnected"), NOT_INSTALLED
        assert self._connector is not None
        return ("connected", "") if self._connector.connected else ("disconnected", NOT_OPERATIONAL)

    async def install(self, connector: Connector) -> None:
        """Start sending through ``connector``, with counters at zero, if both are enabled."""
        await self.uninstall()
        if not (self.enabled and connector.enabled):
            return
        self._connector = connector
        self.was_installed = True
        self.metrics = ActionMetrics()
        self._buffer = ActionBuffer(self._deliver, self.metrics, self.settings.get("resource_opts") or {})

    async def uninstall(self) -> None:
        """Stop sending; what is queued is dropped."""
        if self._buffer is not None:
            await self._buffer.close()
            self._buffer = None

    def submit(self, data: Mapping[str, Any], done: Done) -> None:
        """Take a message for the target; a disabled action discards it without counting."""
        if not self.enabled:
            done("discarded")
            return
        self.metrics.matched()
        if self._buffer is None:
            self.metrics.dropped("resource_stopped")
            done("out_of_service")
            return
        self._buffer.add(data, done)

    def render(self, data: Mapping[str, Any], *, counted: bool) -> None:
        """Render as for sending, but send nothing; ``counted`` as matched and failed, as the recorded server does."""
        if counted:
            self.metrics.matched()
            self.metrics.count("failed")
        if self._connector is not None and self._connector.driver is not None:
            self._connector.driver.render(self._parameters, data)

    @property
    def _parameters(self) -> Mapping[str, Any]:
        parameters: Mapping[str, Any] = self.settings.get("parameters") or {}
        return parameters

    async def _deliver(self, data: Mapping[str, Any]) -> None:
        connector = self._connector
        if connector is None or connector.driver is None:
            raise Unreachable(NOT_OPERATIONAL)
        try:
            await connector.driver.send(self._parameters, data)
        except Unreachable:
            # The next status must not claim what this message disproved.
            await connector.check()
            raise
