"""Faults of connectors whose server goes away for a while (CON-28)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.bridges.resources import Action, Connector
from tests.faults.seeded import broken, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"
AWAY = scenario("outages", "server_goes_away_and_comes_back")


def once_lost(check: Callable[[Connector], Any]) -> Callable[[Connector], Any]:
    """A connector that was connected, and is not any more, is not asked again."""

    async def checked(self: Connector) -> bool:
        if self.reason:
            return False
        return bool(await check(self))

    return checked


seed(
    "a connector that has lost its server does not look for it again",
    broken(Connector, "check", once_lost),
    AWAY,
    "CON-28",
    origin=f"{PULL}8371",
)


def dropped_meanwhile(submit: Callable[..., None]) -> Callable[..., None]:
    def submitted(self: Action, data: Any, done: Any) -> None:
        if self.status[0] == "connected":
            submit(self, data, done)
            return
        self.metrics.matched()
        self.metrics.dropped("resource_stopped")
        done("out_of_service")

    return submitted


seed(
    "what comes while the server is away is dropped",
    broken(Action, "submit", dropped_meanwhile),
    AWAY,
    "CON-28",
    origin=f"{PULL}10997",
)


seed(
    "nobody notices that a server is away",
    broken(Connector, "status", lambda _: property(lambda self: "connected" if self.enabled else "stopped")),
    AWAY,
    "CON-28",
)
