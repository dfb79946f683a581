"""How far away a target is, and what a write of its configuration takes: what a run costs depends on little else."""

from __future__ import annotations

from statistics import median

from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.session import Api, NoAnswer

_SAMPLES = 5


def latency_s(api: Api) -> float:
    """The median seconds until a cheap read is answered, on a connection that is there."""
    taken = []
    for _ in range(_SAMPLES):
        try:
            taken.append(api.send("GET", "/action_types", observed=False).elapsed_s)
        except NoAnswer:  # a fault of the target, for the items to find
            continue
    return median(taken) if taken else 0.0


def write_price_s(api: Api, sandbox: Sandbox, latency: float) -> float | None:
    """The seconds that a write of the configuration takes beyond the ``latency``; None if that cannot be found out.

    What is written is a rule of the sandbox that does nothing, and its deletion.
    """
    name = sandbox.name("preflight")
    body = {"id": name, "name": name, "sql": f'SELECT * FROM "{sandbox.topic()}"', "actions": [], "enable": False}
    try:
        made = api.send_json("POST", "/rules", body)
        deleted = api.send("DELETE", f"/rules/{name}", observed=False)
    except NoAnswer:
        return None
    if made.status != 201 or deleted.status != 204:
        return None
    return max(0.0, (made.elapsed_s + deleted.elapsed_s) / 2 - latency)
