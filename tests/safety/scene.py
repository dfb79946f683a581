"""A worker of the suite beside strangers, behind a proxy that lets the target misbehave."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from conformance.contract import load_contract
from conformance.target.capabilities import Capabilities
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import new_run_id
from conformance.target.journal.journal import read_journal
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.cleanup import Left, clean_up, read_rules_of_all
from conformance.target.settings.config import Configuration
from conformance.target.target import Target
from conformance.target.timing import Timing
from conformance.worker.context import Worker
from conformance.worker.plan import Plan
from tests.faults.proxy import Fault, FaultProxy, Reply, Request
from tests.safety.populated import Populated

HURRIED = Timing(cleaned=0.001, retained=0.0, deleted=0.1, vanished=0.2)
"""Nothing here comes late, unless a test wants it so."""

CAPABILITIES = Capabilities(
    version="5.8.9", node=None, action_types=("http",), no_mqtt=None, no_authenticator=None, no_authorization=None,
    no_sink=None, no_viewer=None, no_publisher=None,
)  # fmt: skip


class Scene:
    """A worker of the suite that talks to a populated deployment through a proxy, and what was there before it."""

    def __init__(self, populated: Populated, folder: Path, **settings: Any) -> None:
        self.populated = populated
        self.fault: Fault | None = None
        self.seen: list[str] = []
        self._open = ExitStack()
        self._proxy = FaultProxy(populated.deployment.base_url, self._pass)
        deployment = populated.deployment
        configuration = Configuration(
            base_url=self._proxy.base_url,
            api_key=deployment.api_key,
            api_secret=deployment.api_secret,
            mqtt=deployment.mqtt,
            report_dir=folder,
            **{"timing": HURRIED, **settings},
        )
        self.worker = Worker(configuration, new_run_id(), "gw0", load_contract())
        self.api, self.sandbox, self.journal = self.worker.api, self.worker.sandbox, self.worker.journal
        self.target = Target(
            self.api, self.worker.contract, self.sandbox, CAPABILITIES, configuration, self.journal
        )  # fmt: skip
        self.plan = Plan(
            configuration=configuration,
            run_id=self.sandbox.run_id,
            seed=1,
            started_at="2026-11-23T03:00:00+00:00",
            began=time.monotonic(),
            contract_version="5.8.9",
            capabilities=CAPABILITIES,
        )
        self.before = populated.state()

    def _pass(self, request: Request, forward: Callable[[], Reply]) -> Reply | None:
        self.seen.append(f"{request.method} {request.path}{'?' + request.query if request.query else ''}")
        return self.fault(request, forward) if self.fault is not None else forward()

    def __enter__(self) -> Scene:
        self._open.enter_context(self._proxy)
        self._open.callback(self.worker.close)
        self._open.callback(self.target.close)
        if self.plan.configuration.mode >= Mode.EXCLUSIVE:
            rules = read_rules_of_all(self.api)
            assert rules is not None
            self.worker.adapter.rules_of_all = Resource("rules_of_all", rules)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def clean_up(self) -> list[Left]:
        return clean_up(self.api, self.journal, self.sandbox, self.journal)

    def assert_as_before(self) -> None:
        """Nothing of the run is there, everything else is, and no creation is left in the journal or its file."""
        state = self.populated.state()
        assert state == self.before
        assert len(self.journal) == 0
        assert self.journal.file is not None
        assert not read_journal(self.journal.file).live


def refusing(label: str, reply: Reply, times: int = 1000) -> Fault:
    """Answer the first requests of an operation without doing anything."""
    count = 0

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply:
        nonlocal count
        if request.is_for(label) and count < times:
            count += 1
            return reply
        return forward()

    return fault


def answering(label: str, reply: Reply | None) -> Fault:
    """Do what an operation does, and answer something else; None drops the connection."""

    def fault(request: Request, forward: Callable[[], Reply]) -> Reply | None:
        forwarded = forward()
        return reply if request.is_for(label) else forwarded

    return fault


CRASHED = Reply(500, {"content-type": "application/json"}, b'{"code":"INTERNAL_ERROR","message":"sorry"}')
FORBIDDEN = Reply(403, {"content-type": "application/json"}, b'{"code":"UNAUTHORIZED_ROLE","message":"no"}')
BUSY = Reply(503, {"content-type": "application/json"}, b'{"code":"SERVICE_UNAVAILABLE","message":"timeout"}')
DELETED = Reply(204, {}, b"")
