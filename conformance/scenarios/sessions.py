"""Sessions that outlive their connections, of clients of every version of MQTT."""

from __future__ import annotations

from typing import Any

from conformance.omission import not_demanded
from conformance.target.errors import Inapplicable
from conformance.target.mqtt import MqttClient
from conformance.target.target import Target

KEPT_S = 300
"""How long a session waits for its client."""

_SHORT_S = 60
"""A session that waits less may be gone before its item is over."""


def kept(target: Target, protocol: int) -> dict[str, Any]:
    """Options of `Target.connect` for a new session that is kept; raises `Inapplicable` where it lasts too short."""
    if protocol == 5:
        return {"session_expiry_s": KEPT_S, "clean_start": True}
    expiry_s = target.capabilities.profile.limits.expiry_of_old_clients_s
    if expiry_s is not None and expiry_s < _SHORT_S:
        raise Inapplicable(f"sessions of clients before MQTT 5 last {expiry_s} s (mqtt.session_expiry_interval)")
    return {"clean_start": False}


def expect_window(client: MqttClient, count: int) -> None:
    """Skip the item where an MQTT 5 ``client`` is not sent ``count`` messages before it acknowledges one of them."""
    window = client.limits.get("ReceiveMaximum", count)
    if window < count:
        not_demanded(f"the target sends a client {window} messages at once (mqtt.max_inflight)")


def is_away(target: Target, client_id: str) -> bool:
    """Whether the API shows no connection of that client, soon."""

    def away() -> bool:
        answer = target.clients.get(client_id).expect(200, 404)
        return answer.status == 404 or answer.json["connected"] is False

    return target.eventually(away)
