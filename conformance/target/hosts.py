"""Which hosts a connector of the suite may name, so that a target is never made to talk to strangers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

CLOSED_LOOPBACK_PORT = 9
"""The discard port: nothing listens there on the hosts the suite runs against."""

HOST_FIELDS = frozenset(
    {
        "server", "servers", "host", "hosts", "url", "base_url", "endpoint", "bootstrap_hosts", "driver_url",
        "aws_endpoint", "proxy", "proxy_host", "resolve", "address", "sentinel_servers", "server_name_indication",
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


class HostPolicy:
    """Allows ``*.invalid``, the closed loopback port, and the hosts given by configuration (``host:port``)."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed = set(allowed)

    def allow(self, host_and_port: str) -> None:
        """Add a host of the suite itself, for example its HTTP sink."""
        self.allowed.add(host_and_port)

    def findings(self, body: Any) -> Iterator[str]:
        """Why the body of a connector, action or probe must not be sent; empty if it is safe."""
        for value, port in _host_values(body):
            for part in re.split(r"[,\s]+", value):
                if part and not self.allows(part, port):
                    yield f"{part!r} is neither a configured host, nor below .invalid, nor a closed loopback port"

    def allows(self, value: str, port_beside: int | None = None) -> bool:
        """Whether a URL, ``host:port`` or host is one the suite may make a target contact.

        ``port_beside``: the port of types that keep it in a field of its own.
        """
        if "${" in value or value in ("auto", "disable", "none"):
            return True
        match = re.fullmatch(
            r"(?:[a-z0-9+.-]+://)?(?:[^/@]*@)?(\[[^\]]*\]|[^:/?#@\\]+)(?::(\d+))?(?:[/?#].*)?", value, re.I
        )
        if match is None:
            return not _looks_like_host(value)
        host, port = match[1].strip("[]").rstrip("."), match[2] or port_beside
        if f"{host}:{port}" in self.allowed:
            return True
        if host.endswith(".invalid"):
            return True
        if _is_loopback(host):
            return port is not None and int(port) == CLOSED_LOOPBACK_PORT
        return not _looks_like_host(host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _looks_like_host(text: str) -> bool:
    """Whether a resolver could find anything under ``text``: host names and addresses in any notation are ASCII."""
    return bool(re.search(r"[0-9A-Za-z]", text)) or not text.isascii()


def _host_values(node: Any, key: str = "", port: int | None = None) -> Iterator[tuple[str, int | None]]:
    if isinstance(node, dict):
        beside = node.get("port")
        for name, value in node.items():
            yield from _host_values(value, name, beside if isinstance(beside, int) else None)
    elif isinstance(node, list):
        for value in node:
            yield from _host_values(value, key, port)
    elif isinstance(node, str) and key in HOST_FIELDS:
        yield node, port
    elif isinstance(node, int) and not isinstance(node, bool) and key in HOST_FIELDS:
        yield str(node), port
