"""Counters of one connection, under the names GET /clients shows."""

from __future__ import annotations

COUNTERS = (
    "recv_cnt",
    "recv_oct",
    "recv_pkt",
    "recv_msg",
    "recv_msg.qos0",
    "recv_msg.qos1",
    "recv_msg.qos2",
    "recv_msg.dropped",
    "recv_msg.dropped.await_pubrel_timeout",
    "send_cnt",
    "send_oct",
    "send_pkt",
    "send_msg",
    "send_msg.qos0",
    "send_msg.qos1",
    "send_msg.qos2",
    "send_msg.dropped",
    "send_msg.dropped.expired",
    "send_msg.dropped.queue_full",
    "send_msg.dropped.too_large",
    "mqueue_dropped",
)


class Statistics:
    """Counters since the connection was made; they stay readable after it ended.

    ``values`` are live, ``reported`` those of the last report: EMQX shows reports, which it makes at CONNECT, after
    SUBACK and UNSUBACK, and some seconds after other traffic.
    """

    __slots__ = ("reported", "values")

    def __init__(self) -> None:
        self.values = dict.fromkeys(COUNTERS, 0)
        self.reported = self.values

    def report(self) -> None:
        """Take the live values as the reported ones."""
        self.reported = dict(self.values)

    def packet_in(self, size: int) -> None:
        values = self.values
        values["recv_cnt"] += 1
        values["recv_pkt"] += 1
        values["recv_oct"] += size

    def message_in(self, qos: int) -> None:
        self.values["recv_msg"] += 1
        self.values[f"recv_msg.qos{qos}"] += 1

    def packet_out(self, size: int) -> None:
        values = self.values
        values["send_cnt"] += 1
        values["send_pkt"] += 1
        values["send_oct"] += size

    def message_out(self, qos: int) -> None:
        self.values["send_msg"] += 1
        self.values[f"send_msg.qos{qos}"] += 1

    def dropped(self, reason: str) -> None:
        """Count a delivery that never reached the client: ``expired``, ``queue_full``, ``too_large`` or ``qos0_msg``.

        Messages of QoS 0 that are not queued have no counter of their own.
        """
        self.values["send_msg.dropped"] += 1
        if reason != "qos0_msg":
            self.values[f"send_msg.dropped.{reason}"] += 1
        if reason == "queue_full":
            self.values["mqueue_dropped"] += 1
