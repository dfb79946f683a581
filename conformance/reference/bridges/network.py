"""Where connectors lead, and the one place that opens connections for them."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CONNECT_SECONDS = 3.0
_SCHEME_PORTS = {
    "http": 80,
    "https": 443,
    "mqtt": 1883,
    "mqtts": 8883,
    "pulsar": 6650,
    "pulsar+ssl": 6651,
    "hstream": 6570,
}
_TLS_SCHEMES = frozenset(("https", "mqtts", "pulsar+ssl"))
_TYPE_PORTS = {
    "azure_event_hub_producer": 9093,
    "cassandra": 9042,
    "confluent_producer": 9092,
    "couchbase": 8093,
    "datalayers": 8361,
    "elasticsearch": 9200,
    "greptimedb": 4001,
    "influxdb": 8086,
    "iotdb": 6667,
    "kafka_consumer": 9092,
    "kafka_producer": 9092,
    "matrix": 5432,
    "mongodb": 27017,
    "mqtt": 1883,
    "mysql": 3306,
    "opents": 4242,
    "oracle": 1521,
    "pgsql": 5432,
    "rabbitmq": 5672,
    "redis": 6379,
    "rocketmq": 9876,
    "snowflake": 443,
    "sqlserver": 1433,
    "syskeeper_forwarder": 9092,
    "tdengine": 6041,
    "timescale": 5432,
}
_URL_FIELDS = ("url", "base_url", "endpoint", "aws_endpoint")
_SERVER_FIELDS = ("server", "servers", "bootstrap_hosts")
_SERVER = re.compile(r"\[(?P<ipv6>[^\]]+)\](?::(?P<port6>[0-9]+))?|(?P<host>[^\s:/\[\]]+)(?::(?P<port>[0-9]+))?")


class Unreachable(Exception):
    """No connection; the text is the ``status_reason``. Trying again later may help."""


class BadAddress(ValueError):
    """A field that should hold a URL or ``host:port`` holds neither."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place to connect to; ``tls`` None is plain TCP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


def endpoint_of_url(url: str, tls: ssl.SSLContext | None = None) -> Endpoint:
    """Endpoint of a URL; raises `BadAddress`."""
    if "://" not in url:
        raise BadAddress(f"Missing scheme in URL: {url}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"Invalid URL {url}: {error}") from None
    scheme = parts.scheme.lower()
    if not parts.hostname or scheme not in _SCHEME_PORTS:
        raise BadAddress(f"Unsupported URL: {url}")
    secure = scheme in _TLS_SCHEMES
    return Endpoint(parts.hostname, port or _SCHEME_PORTS[scheme], (tls or tls_context({})) if secure else tls)


def endpoints_of_servers(text: str, default_port: int, tls: ssl.SSLContext | None = None) -> list[Endpoint]:
    """Endpoints of ``"h1:p1,h2"``, schemes tolerated; raises `BadAddress`."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        scheme, separator, rest = part.rpartition("://")
        match = _SERVER.fullmatch(rest.rstrip("/"))
        if match is None or (separator and scheme not in _SCHEME_PORTS):
            raise BadAddress(f"Bad server address: {part}")
        port = int(match["port"] or match["port6"] or default_port)
        if not 0 < port < 65536:
            raise BadAddress(f"Bad port number: {part}")
        found.append(Endpoint(match["host"] or match["ipv6"], port, tls))
    if not found:
        raise BadAddress("A server address is missing")
    return found


def endpoints(resource_type: str, config: Mapping[str, Any]) -> list[Endpoint]:
    """All places a connector's converted configuration names, in order; raises `BadAddress`.

    Empty where the type names none (cloud services with an address of their own).
    """
    tls = _tls_of(config)
    found: list[Endpoint] = []
    for settings in _levels(config):
        for name in _URL_FIELDS:
            if isinstance(settings.get(name), str) and settings[name]:
                found.append(endpoint_of_url(settings[name], tls))
        for name in _SERVER_FIELDS:
            value = settings.get(name)
            text = ",".join(map(str, value)) if isinstance(value, list) else value
            if isinstance(text, str):
                port = settings.get("port", _TYPE_PORTS.get(resource_type, 0))
                found.extend(endpoints_of_servers(text, port, tls))
        if isinstance(settings.get("host"), str) and "port" in settings:
            found.append(Endpoint(settings["host"], int(settings["port"]), tls))
    return found


def _levels(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield config
    for name in ("parameters", "connection"):
        if isinstance(config.get(name), dict):
            yield config[name]


def _tls_of(config: Mapping[str, Any]) -> ssl.SSLContext | None:
    for settings in (config, config.get("transport_options") or {}):
        options = settings.get("ssl")
        if isinstance(options, dict) and options.get("enable") is True:
            return tls_context(options)
    return None


def tls_context(options: Mapping[str, Any]) -> ssl.SSLContext:
    """Client context for ``ssl`` options; peers are verified only where ``verify`` says so.

    Raises `BadAddress` if a certificate file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if options.get("verify") == "verify_peer" else ssl.CERT_NONE
    try:
        if options.get("cacertfile"):
            context.load_verify_locations(cadata=options["cacertfile"]) if "BEGIN" in options[
                "cacertfile"
            ] else context.load_verify_locations(options["cacertfile"])
        if options.get("certfile") and options.get("keyfile"):
            context.load_cert_chain(options["certfile"], options["keyfile"], options.get("password"))
    except (OSError, ssl.SSLError) as error:
        raise BadAddress(f"bad_ssl_config: {error}") from None
    return context


def is_loopback(host: str) -> bool:
    """Whether a host is this machine for certain, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def connect(
    endpoint: Endpoint, *, allow_egress: bool, seconds: float = CONNECT_SECONDS
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection; raises `Unreachable` with the reason a status shows."""
    if not allow_egress and not is_loopback(endpoint.host):
        raise Unreachable(f"{endpoint.host} is beyond loopback, and the deployment runs without --allow-egress")
    # "localhost" is not looked up either: what a hosts file says of it may leave this machine.
    host = "127.0.0.1" if endpoint.host == "localhost" else endpoint.host
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.open_connection(host, endpoint.port, ssl=endpoint.tls)
    except TimeoutError:
        raise Unreachable("Connection timed out") from None
    except ssl.SSLError as error:
        raise Unreachable(f"TLS handshake failed: {error.reason or error}") from None
    except ConnectionRefusedError:
        raise Unreachable("Connection refused") from None
    except (OSError, ValueError) as error:
        # asyncio also raises ValueError subclasses for names that are no host names.
        raise Unreachable(getattr(error, "strerror", None) or "Connection failed") from None


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection without caring how the peer takes it."""
    writer.close()
    try:
        await writer.wait_closed()
    except (OSError, ssl.SSLError):
        return
