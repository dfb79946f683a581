"""A healthy broker sends what is retained some time after it granted a subscription: no item may rely on an order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.reference.mqtt.broker import Broker
from tests.faults.deployment import FaultyDeployment
from tests.faults.seeded import broken, scenario
from tests.run.command import environment, report_of, run

LATE_S = 0.3
ITEMS = (
    scenario("republish", "templates_make_the_message"),
    "conformance/scenarios/test_retainer.py",
    "conformance/scenarios/test_publish.py",
    scenario("action_deliveries", "mqtt_action_publishes_what_it_renders"),
    scenario("client_subscriptions", "options_have_their_effect"),
)


def late(send_retained: Callable[..., None]) -> Callable[..., None]:
    """Wait for a message that is retained, so that it comes twice; or for some time, should there be none."""

    def send_later(broker: Broker, subscription: Any) -> None:
        pending: list[Any] = vars(broker).setdefault("pending", [])

        def send() -> None:
            if subscription in pending:
                pending.remove(subscription)
                send_retained(broker, subscription)

        pending.append(subscription)
        vars(broker).setdefault("senders", []).append(send)
        asyncio.get_running_loop().call_later(LATE_S, send)

    return send_later


def overtaking(publish: Callable[..., int]) -> Callable[..., int]:
    def publish_first(broker: Broker, message: Any) -> int:
        receivers = publish(broker, message)
        if message.retain:
            for send in vars(broker).get("senders", []):
                send()
        return receivers

    return publish_first


def test_retained_messages_may_come_late(tmp_path: Path) -> None:
    """Each is read when it is sent: a message that was retained meanwhile comes twice to who has subscribed before."""
    lateness = broken(Broker, "send_retained", late), broken(Broker, "publish", overtaking)
    with lateness[0].applied(), lateness[1].applied(), FaultyDeployment() as deployment:
        env = environment() | {
            f"EMQX_CONFORMANCE_{name.upper()}": str(deployment.options[name])
            for name in ("base_url", "mqtt", "api_key", "api_secret")
        }
        completed = run("run", "-n", "0", "--exclusive", *ITEMS, env=env, cwd=tmp_path)
    report = report_of(tmp_path / "reports")
    assert report["failures"] == [], completed.stdout
    assert report["totals"]["passed"] > 20, completed.stdout
