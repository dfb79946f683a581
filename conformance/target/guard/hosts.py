"""Which hosts a connector of the suite may name, so that a target is never made to talk to strangers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.target.guard.readings import Several, as_text

CLOSED_LOOPBACK_PORT = 9
"""The discard port: nothing listens there on the hosts the suite runs against."""

HOST_FIELDS = frozenset(
    {
        "server", "servers", "host", "hosts", "url", "base_url", "endpoint", "bootstrap_hosts", "driver_url",
        "aws_endpoint", "proxy", "proxy_host", "resolve", "address", "sentinel_servers", "listen",
        "server_name_indication",
    }
)  # fmt: skip

# Types whose server is not (only) named by a field of the body, whose driver a target may lack, or whose start was
# never observed on a real server: they may exist, but are never started and never probed.
NEVER_STARTED = frozenset(
    {
        "azure_blob_storage", "gcp_pubsub_consumer", "gcp_pubsub_producer", "hstreamdb", "kafka_consumer", "kinesis",
        "oracle", "pulsar", "snowflake", "sqlserver", "syskeeper_proxy", "tablestore",
    }
)  # fmt: skip

# Words that fields of this name take instead of a host.
_NO_HOST = {"server_name_indication": ("auto", "disable"), "proxy": ("none",)}

_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(\[[0-9a-f:.]+\]|[^\s:/?#@\\%\[\]]+)(?::(\d{1,5}))?(?:[/?#][^\s@\\]*)?", re.IGNORECASE
)
_INVALID_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+invalid\.?", re.IGNORECASE)


class HostPolicy:
    """Allows ``*.invalid``, the closed loopback port, and the hosts given by configuration (``host:port``)."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed: set[str] = set()
        for host_and_port in allowed:
            self.allow(host_and_port)

    def allow(self, host_and_port: str) -> None:
        """Add a host of the suite itself, for example its HTTP sink."""
        self.allowed.add(_normal(host_and_port))

    def findings(self, body: Any) -> Iterator[str]:
        """Why the body of a connector, action or probe must not be sent; empty if it is safe."""
        for key, value, port in _host_values(body):
            if value in _NO_HOST.get(key, ()):
                continue
            for part in re.split(r"[,\s]+", value):
                if part and not self.allows(part, port):
                    yield (
                        f"{key} {part[:200]!r} would make the target talk to a stranger: connectors may only name "
                        f"hosts of the configuration, names below .invalid, and loopback port {CLOSED_LOOPBACK_PORT}"
                    )

    def allows(self, value: str, port_beside: int | None = None) -> bool:
        """Whether a URL, ``host:port`` or host is one the suite may make a target contact.

        ``port_beside``: the port of types that keep it in a field of its own.
        """
        match = _ADDRESS.fullmatch(value)
        if match is None or (port_beside is not None and "/" in value):
            return not _looks_like_host(value)  # where a port stands beside, a URL is put together around the host
        host, ports = match[1].strip("[]").lower(), {int(port) for port in (match[2], port_beside) if port is not None}
        if len(ports) == 1 and f"{host}:{min(ports)}" in self.allowed:
            return True
        if _INVALID_NAME.fullmatch(host):
            return True
        if _is_loopback(host):
            return ports == {CLOSED_LOOPBACK_PORT}
        return not _looks_like_host(value)

    def names_configured(self, body: Any) -> bool:
        """Whether a body names a host of the configuration, such as the broker under test."""
        return any(
            (match := _ADDRESS.fullmatch(part)) is not None
            and f"{match[1].strip('[]').lower()}:{match[2] or port}" in self.allowed
            for _, value, port in _host_values(body)
            for part in re.split(r"[,\s]+", value)
        )


def _normal(host_and_port: str) -> str:
    match = _ADDRESS.fullmatch(host_and_port)
    return f"{match[1].strip('[]').lower()}:{match[2]}" if match else host_and_port


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _looks_like_host(text: str) -> bool:
    """Whether a resolver could find anything under ``text``: host names and addresses in any notation are ASCII."""
    return bool(re.search(r"[0-9A-Za-z:]", text)) or not text.isascii()


def _host_values(body: Any) -> Iterator[tuple[str, str, int | None]]:
    """Field name, text and port beside it, of everything at or below a field that holds hosts."""
    pending: list[tuple[Any, str, int | None]] = [(body, "", None)]
    while pending:
        node, field, port = pending.pop()
        if isinstance(node, dict):
            beside = node.get("port")
            beside = beside if isinstance(beside, int) and not isinstance(beside, bool) else None
            pending += [
                (value, name if name in HOST_FIELDS else _inherited(name, field), beside)
                for name, value in node.items()
            ]
        elif isinstance(node, list):
            spelled = None if isinstance(node, Several) else as_text(node)
            if field and spelled and not all(isinstance(item, str) for item in node):
                yield field, spelled, port
            pending += [(value, field, port) for value in node]
        elif isinstance(node, str | int | float) and not isinstance(node, bool) and field:
            yield field, str(node), port


def _inherited(name: str, field: str) -> str:
    """Below a field of hosts everything is one (a list may come as an object), but for the port beside a host."""
    return "" if name == "port" else field
