"""What connectors and actions do while the server that they lead to is away, and once it is back (CON)."""

from __future__ import annotations

import pytest

from conformance.requirements import requirement
from conformance.scenarios.chain import local_topic, settled, witness
from conformance.target.resources.bridges import Bridges
from conformance.target.sink import Delivery, HttpSink
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.needs("sink"), pytest.mark.state("connectors")]

COUNTERS = ("matched", "success", "failed", "dropped")


@requirement("CON-28", "GET /connectors/{id}", "GET /actions/{id}", "GET /connectors")
def test_server_goes_away_and_comes_back(context: Context, target: Target, sink: HttpSink) -> None:
    """A connector whose server goes away says so, and is connected again once it is back; what waited is delivered."""
    action, path = witness(context, target, sink)
    connector = f"http:{target.actions.read(action)['connector']}"
    topic, mark = f"{local_topic(context, target)}/away", target.sandbox.name("mark")

    def publish(when: str) -> None:
        target.publish(topic, f"{mark} {when}", qos=1)

    def accepted(when: str) -> Delivery | None:
        def is_it(delivery: Delivery) -> bool:
            there, body = (delivery.answered, delivery.path), delivery.body.strip()
            return (there, body) == ((200, path), f"{mark} {when}".encode())

        return sink.wait_for(is_it, target.timing.redelivered)

    def status(collection: Bridges, identifier: str) -> str:
        return str(collection.read(identifier)["status"])

    settled(target, action)
    counted_before = target.actions.metrics(action)
    publish("before")
    assert accepted("before"), "the action does not deliver"

    parts = ((target.connectors, connector), (target.actions, action))
    with sink.away():
        for collection, identifier in parts:
            gone = target.eventually(lambda: status(collection, identifier) != "connected", target.timing.delivered)  # noqa: B023
            assert gone, f"{identifier} is {status(collection, identifier)} although its server is away"
        publish("meanwhile")
    for collection, identifier in parts:
        back = target.eventually(lambda: status(collection, identifier) == "connected", target.timing.delivered)  # noqa: B023
        assert back, f"{identifier} is {status(collection, identifier)} although its server is back"

    publish("afterwards")
    assert accepted("afterwards"), "once its server is back, the action does not deliver"
    assert accepted("meanwhile"), "what was published while the server was away is lost"
    expected = {name: counted_before[name] + 3 for name in ("matched", "success")}
    counted = target.actions.counted(action, expected)
    ends = {name: counted[name] - counted_before[name] for name in COUNTERS}
    assert ends == {"matched": 3, "success": 3, "failed": 0, "dropped": 0}, f"three messages are counted as {ends}"

    def others_are_back() -> bool:
        ours = [each for each in target.connectors.listed() if each.get("url") == sink.url and each["enable"]]
        return all(each["status"] == "connected" for each in ours)

    assert target.eventually(others_are_back, target.timing.delivered), "other connectors to the server stay away"
