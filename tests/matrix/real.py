"""What runs said about a real node that was configured as other people configure theirs: facts for docs/targets.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RealRun:
    """All items, of some types, in the sandbox, with keys of all roles; ``waived`` by ``--waivers emqx-5.8``."""

    what: str
    settings: tuple[str, ...]
    passed: int
    waived: int
    failed: int
    skipped: int

    @property
    def line(self) -> str:
        settings = "<br>".join(f"`{setting}`" for setting in self.settings)
        return f"| {self.what} | {settings} | {self.passed} | {self.waived} | {self.failed} | {self.skipped} |"


REAL_RUNS = (
    RealRun("MQTT clients need a user", ("authentication.enable=true",), 1875, 88, 0, 863),
    RealRun("nothing is allowed that no rule allows", ("authorization.no_match=deny",), 1868, 86, 0, 872),
    RealRun(
        "users are known by their client id",
        ("authentication.enable=true", "authentication.user_id_type=clientid"),
        1505,
        84,
        0,
        858,
    ),
    RealRun("the retainer is off", ("retainer.enable=false",), 1606, 78, 0, 904),
    RealRun(
        "neither authenticator nor authorization source",
        ("authentication=none", "authorization.sources=none"),
        1197,
        51,
        0,
        1199,
    ),
    RealRun(
        "the listener limits rates",
        (
            "listeners.tcp.default.max_conn_rate=10/s",
            "listeners.tcp.default.messages_rate=50/s",
            "listeners.tcp.default.bytes_rate=100KB/s",
        ),
        1499,
        82,
        0,
        866,
    ),
)
"""A single node of EMQX Enterprise 5.8.9, with other versions of the suite: how many items there were differs."""
