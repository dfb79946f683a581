"""Addresses as users write them on a command line; each parser raises ValueError with one sentence."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, NamedTuple

ListenerType = Literal["tcp", "ssl", "ws", "wss"]

_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)"

MQTT_PATH = "/mqtt"
"""Where EMQX takes MQTT over WebSocket if nobody says otherwise."""


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


def split_host_port(value: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port`` to listen on, where port 0 means any."""
    match = re.fullmatch(rf"{_HOST}:(\d{{1,5}})", value)
    if match is None or int(match[2]) > 65535:
        raise ValueError(f"{value!r} is not HOST:PORT")
    return match[1].strip("[]"), int(match[2])


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


def _is_port(text: str) -> bool:
    return 0 < int(text) < 65536
