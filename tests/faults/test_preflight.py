"""No fault is taken for a configuration: the preflight leaves nothing out for what a target only does wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import paths
from conformance.reference.access.access import Access
from conformance.reference.access.users import Authenticated, Refused
from conformance.reference.rest.http import Call, Reply
from conformance.run.planning import make_plan
from conformance.target.capabilities import Capabilities
from conformance.target.settings.config import load_configuration
from tests.faults.catalogue import FAULTS
from tests.faults.deployment import FaultyDeployment
from tests.faults.proxy import Fault
from tests.faults.proxy import Reply as Answered
from tests.faults.seeded import EMPTY, Broken, Seeded, always, broken, broken_handler, error_reply, on

MISLED_ONCE = (
    "a bulk subscription that fails in part subscribes to nothing",
    "a refused message costs the connection",
    "a rule about all is about publishing",
    "nobody asks whether a client may publish its will",
    "rules deny nothing",
    "subscribers receive nothing",
    "subscriptions through the API receive nothing",
)
"""Faults for which a run once left out what could have shown them."""


@pytest.fixture(scope="module")
def deployment() -> Iterator[FaultyDeployment]:
    with FaultyDeployment() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def healthy(deployment: FaultyDeployment, tmp_path_factory: pytest.TempPathFactory) -> Capabilities:
    return found(deployment, tmp_path_factory.mktemp("healthy"))


def found(deployment: FaultyDeployment, folder: Path, **options: object) -> Capabilities:
    options = {**deployment.options, "report_dir": str(folder), **options}
    return make_plan(load_configuration(options, {}), 0.0).capabilities


def expect_nothing_left_out(deployment: FaultyDeployment, seeded: Seeded, healthy: Capabilities, folder: Path) -> None:
    deployment.seed(seeded)
    try:
        capabilities = found(deployment, folder)
    finally:
        deployment.lift()
        deployment.renew()
    assert capabilities.missing() == healthy.missing()
    assert (capabilities.profile.identity, capabilities.profile.ruled) == ("username", False)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in MISLED_ONCE else [pytest.mark.nightly])
        for name, seeded in FAULTS.items()
        if not seeded.settings
    ],
)
def test_seeded_faults_leave_nothing_out(
    name: str, deployment: FaultyDeployment, healthy: Capabilities, tmp_path: Path
) -> None:
    expect_nothing_left_out(deployment, FAULTS[name], healthy, tmp_path)


def _whoever(original: Any) -> Any:
    return lambda self, clientid, username, password, peerhost: (
        original(self, clientid, username, password, peerhost) if username else Authenticated()
    )


def _only_under_its_name(original: Any) -> Any:
    return lambda self, clientid, username, password, peerhost: (
        Refused(0x87) if clientid != username else original(self, clientid, username, password, peerhost)
    )


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(broken(Access, "authenticate", always(Refused(0x86))), id="no user gets in"),
        pytest.param(broken(Access, "authenticate", always(Authenticated())), id="everybody gets in"),
        pytest.param(broken(Access, "authenticate", _whoever), id="who has no name gets in"),
        pytest.param(broken(Access, "authenticate", _only_under_its_name), id="a user has one client"),
        pytest.param(broken(Access, "authorize", always(False)), id="nobody may do anything"),
        pytest.param(broken(Access, "authorize", always(True)), id="everybody may do everything"),
        pytest.param(broken_handler(f"GET {paths.USERS}", lambda _: _not_found), id="there are no users"),
        pytest.param(broken_handler(f"GET {paths.USER_RULES}", lambda _: _not_found), id="there are no rules"),
        pytest.param(broken_handler("GET /schema_registry", lambda _: _not_found), id="there are no schemas"),
        pytest.param(on(f"GET {paths.USERS}", lambda _: None), id="nobody learns of users"),
        pytest.param(on("GET /action_types", lambda _: None, 403), id="a publisher learns of no types"),
    ],
)
def test_other_faults_leave_nothing_out(
    fault: Broken | Fault, deployment: FaultyDeployment, healthy: Capabilities, tmp_path: Path
) -> None:
    expect_nothing_left_out(deployment, made_up(fault), healthy, tmp_path)


def made_up(fault: Broken | Fault) -> Seeded:
    traffic, broken = (None, (fault,)) if isinstance(fault, Broken) else (fault, ())
    return Seeded("made up here", traffic, broken, (), ("AUTN-01",), None)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(error_reply(400, "TEST_FAILED"), id="a probe fails"),
        pytest.param(EMPTY, id="a probe does nothing"),
        pytest.param(error_reply(500, "INTERNAL_ERROR"), id="a probe crashes"),
        pytest.param(None, id="a probe is not answered"),
    ],
)
def test_a_sink_that_is_reached_is_there(reply: Answered | None, deployment: FaultyDeployment, tmp_path: Path) -> None:
    deployment.seed(made_up(lambda request, forward: reply if request.is_for("POST /connectors_probe") else forward()))
    try:
        assert found(deployment, tmp_path, sink=None).no_sink is None
    finally:
        deployment.lift()
        deployment.renew()


def _not_found(_call: Call) -> Reply:
    return Reply(404, {"code": "NOT_FOUND", "message": "nothing"})
