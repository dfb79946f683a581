"""Addresses, durations and rates as users write them; each parser raises ValueError with one sentence."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, NamedTuple

ListenerType = Literal["tcp", "ssl", "ws", "wss"]

_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)"
MQTT_PATH = "/mqtt"
"""Where EMQX takes MQTT over WebSocket if nobody says otherwise."""

_BYTES = {"": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Listener(NamedTuple):
    """An MQTT listener; ``tls`` for ``mqtts://`` and ``wss://``. ``host`` has no brackets.

    ``path``: where it takes MQTT over WebSocket, None if it speaks MQTT as it is.
    """

    host: str
    port: int
    tls: bool
    path: str | None = None

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        return join_address(self.host, self.port)

    @property
    def type(self) -> ListenerType:
        """What EMQX calls listeners of this kind."""
        if self.path is None:
            return "ssl" if self.tls else "tcp"
        return "wss" if self.tls else "ws"

    def __str__(self) -> str:
        return self.address if self.path is None else f"{self.type}://{self.address}{self.path}"


def split_listener(value: str) -> Listener:
    """``[mqtt://|mqtts://]host:port``, or ``ws[s]://host[:port][/path]`` with the port of HTTP and the path ``/mqtt``.

    An IPv6 host is in brackets.
    """
    match = re.fullmatch(rf"(?:mqtt(s?)://)?{_HOST}:(\d{{1,5}})", value)
    if match is not None and _is_port(match[3]):
        return Listener(match[2].strip("[]"), int(match[3]), bool(match[1]))
    match = re.fullmatch(rf"ws(s?)://{_HOST}(?::(\d{{1,5}}))?(/[!-~]*)?", value)
    if match is not None and _is_port(match[3] or "80"):
        port = match[3] or (443 if match[1] else 80)
        return Listener(match[2].strip("[]"), int(port), bool(match[1]), match[4] or MQTT_PATH)
    raise ValueError(f"{value!r} is not HOST:PORT, mqtts://HOST:PORT, ws://HOST:PORT/PATH or wss://HOST:PORT/PATH")


def split_address(value: str) -> tuple[str, int | None]:
    """``host[:port]`` or ``[v6][:port]`` as host and port."""
    match = re.fullmatch(rf"{_HOST}(?::(\d{{1,5}}))?", value)
    if match is None or (match[2] is not None and not _is_port(match[2])):
        raise ValueError(f"{value!r} is not HOST or HOST:PORT")
    return match[1].strip("[]"), None if match[2] is None else int(match[2])


def join_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, means the machine itself."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def duration_s(value: str) -> float:
    """``500ms``, ``30s``, ``10m``, ``2h`` or ``1d`` in seconds."""
    match = re.fullmatch(r"(\d{1,9})(ms|[smhd])", value)
    if match is None:
        raise ValueError(f"{value!r} is not a duration like 30s, 10m or 2h")
    return int(match[1]) / 1000 if match[2] == "ms" else float(int(match[1]) * _UNITS_S[match[2]])


def duration_text(seconds: float) -> str:
    """The shortest way to write a duration so that `duration_s` reads it, to the ms: ``600.0`` -> ``10m``."""
    if not float(seconds).is_integer():
        return f"{round(seconds * 1000)}ms"
    whole = int(seconds)
    unit = next(unit for unit in reversed(_UNITS_S) if whole % _UNITS_S[unit] == 0)
    return f"{whole // _UNITS_S[unit]}{unit}"


def rate_per_s(value: str) -> float:
    """``50``, ``50/s``, ``100/10s`` or ``500KB/s``, as EMQX writes rates, in pieces or bytes per second."""
    match = re.fullmatch(r"(\d{1,12})(KB|MB|GB|)(?:/(\d{0,9})(ms|[smhd]))?", value, re.IGNORECASE | re.ASCII)
    if match is not None:
        amount = int(match[1]) * _BYTES[match[2].upper()]
        interval_s = duration_s(f"{match[3] or 1}{(match[4] or 's').lower()}")
        if amount and interval_s:
            return amount / interval_s
    raise ValueError(f"{value!r} is not a rate like 50/s, 100/10s or 500KB/s")


def _is_port(text: str) -> bool:
    return 0 < int(text) < 65536
