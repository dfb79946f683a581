"""What connectors and actions do while the server that they lead to is away, and once it is back (CON)."""

from __future__ import annotations

import pytest

from conformance.requirements import requirement
from conformance.scenarios.chain import PASSES, chain_of
from conformance.target.resources.bridges import Bridges
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]

MEANWHILE, AFTERWARDS = PASSES + 1, PASSES + 2


@requirement("CON-28", "GET /connectors/{id}", "GET /actions/{id}", "GET /connectors")
def test_server_goes_away_and_comes_back(context: Context, target: Target, sink: HttpSink) -> None:
    """A connector whose server goes away says so, and is connected again once it is back; what waited is delivered."""
    chain = chain_of(context, target, sink, counts=True)
    chain.publish(PASSES)
    assert chain.arrival(PASSES), "the chain does not deliver"

    def status(collection: Bridges, identifier: str) -> str:
        return str(collection.read(identifier)["status"])

    parts = ((target.connectors, chain.connector), (target.actions, chain.action))
    with sink.away():
        for collection, identifier in parts:
            gone = target.eventually(lambda: status(collection, identifier) != "connected", target.timing.delivered)  # noqa: B023
            assert gone, f"{identifier} is {status(collection, identifier)} although its server is away"
        chain.publish(MEANWHILE)
    for collection, identifier in parts:
        back = target.eventually(lambda: status(collection, identifier) == "connected", target.timing.delivered)  # noqa: B023
        assert back, f"{identifier} is {status(collection, identifier)} although its server is back"

    chain.publish(AFTERWARDS)
    assert chain.accepted(AFTERWARDS), "once its server is back, the action does not deliver"
    assert chain.accepted(MEANWHILE), "what was published while the server was away is lost"
    counted = target.actions.counted(chain.action, {"matched": 3, "success": 3})
    ends = {name: counted[name] for name in ("matched", "success", "failed", "dropped")}
    assert ends == {"matched": 3, "success": 3, "failed": 0, "dropped": 0}, f"three messages are counted as {ends}"

    def others_are_back() -> bool:
        ours = [each for each in target.connectors.listed() if each.get("url") == sink.url and each["enable"]]
        return all(each["status"] == "connected" for each in ours)

    assert target.eventually(others_are_back, target.timing.delivered), "other connectors to the server stay away"
