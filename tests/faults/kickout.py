"""Faults of ending the sessions of clients (CLI-02, CLI-03).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.sessions import Sessions
from conformance.reference.rest.http import Reply as Answer
from tests.faults.seeded import EMPTY, broken, broken_handler, error_reply, nothing, on, scenario, seed, twice

PULL = "https://github.com/emqx/emqx/pull/"

KICKED = tuple(scenario("kickout", f"kicked_client_is_gone[{version}]") for version in ("mqtt5", "mqtt3.1.1"))
ABSENT = scenario("kickout", "session_of_an_absent_client_is_kicked")
SEVERAL = scenario("kickout", "several_clients_are_kicked")
seed("kicking a client does nothing", broken(Broker, "kick", nothing), (*KICKED, ABSENT, SEVERAL), "CLI-02", "CLI-03")
seed(
    "a kicked client is told that its session was taken over",
    broken(Broker, "kick", lambda kick: lambda self, clientid: kick(self, clientid, Reason.SESSION_TAKEN_OVER)),
    (KICKED[0], SEVERAL),
    "CLI-02",
    "CLI-03",
)


def only_the_connection(broker: Broker, clientid: str) -> bool:
    session = broker.sessions.get(clientid)
    if session is None or session.connection is None:
        return False
    session.connection.close("kicked", Reason.ADMINISTRATIVE_ACTION)
    return True


seed(
    "a kicked client keeps its session",
    broken(Broker, "kick", lambda _: only_the_connection),
    (*KICKED, ABSENT),
    "CLI-02",
)
seed(
    "a client that is away is not kicked",
    broken(
        Broker,
        "kick",
        lambda kick: lambda self, clientid: self.sessions[clientid].connected and kick(self, clientid),
    ),
    ABSENT,
    "CLI-02",
)
seed("the will of a kicked client is not published", broken(Sessions, "_publish_will", nothing), KICKED, "CLI-02")
seed("the will of a kicked client is published twice", broken(Broker, "publish", twice), KICKED, "CLI-02")
seed(
    "kicking somebody unknown is fine",
    on("DELETE /clients/{clientid}", lambda _: EMPTY, 404),
    scenario("kickout", "unknown_client_cannot_be_kicked"),
    ("CLI-02", "DELETE /clients/{clientid}", "unknown_client_cannot_be_kicked"),
    origin=f"{PULL}6180",
)


def kickout(choose: Callable[[Any], list[str]]) -> Any:
    """The bulk form kicks those that are chosen from the call."""

    def handler(call: Any) -> Answer:
        for clientid in choose(call):
            call.deployment.broker.kick(clientid)
        return Answer(204)

    return broken_handler("POST /clients/kickout/bulk", lambda _: handler)


seed("only the first of several is kicked", kickout(lambda call: call.body[:1]), SEVERAL, "CLI-03")
seed("all clients are kicked", kickout(lambda call: list(call.deployment.broker.sessions)), SEVERAL, "CLI-03")
seed(
    "an unknown client among several is an error",
    on("POST /clients/kickout/bulk", lambda _: error_reply(404, "CLIENTID_NOT_FOUND"), 204),
    SEVERAL,
    "CLI-03",
    "GEN-27",
)


def who_are_here(call: Any) -> list[str]:
    sessions = call.deployment.broker.sessions
    return [clientid for clientid in call.body if clientid in sessions and sessions[clientid].connected]


seed("of several clients those that are away are not kicked", kickout(who_are_here), SEVERAL, "CLI-03")
for which, same in {
    "in any case": lambda named, clientid: named.lower() == clientid.lower(),
    "that begins with a name": lambda named, clientid: clientid.startswith(named),
}.items():
    seed(
        f"a client id {which} is kicked",
        kickout(
            lambda call, same=same: [
                clientid
                for clientid in call.deployment.broker.sessions
                if any(same(named, clientid) for named in call.body)
            ]
        ),
        SEVERAL,
        "CLI-03",
    )
