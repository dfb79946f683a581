"""Addresses as users write them on a command line; each parser raises ValueError with one sentence."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_HOST = r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)"


class Listener(NamedTuple):
    """An MQTT listener; ``tls`` for ``mqtts://``. ``host`` has no brackets."""

    host: str
    port: int
    tls: bool

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        return join_address(self.host, self.port)


def split_listener(value: str) -> Listener:
    """``[mqtt://|mqtts://]host:port`` or ``[v6]:port``."""
    match = re.fullmatch(rf"(?:(mqtts?)://)?{_HOST}:(\d{{1,5}})", value)
    if match is None or not _is_port(match[3]):
        raise ValueError(f"{value!r} is not HOST:PORT")
    return Listener(match[2].strip("[]"), int(match[3]), match[1] == "mqtts")


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
