"""Run a reference deployment: REST and MQTT listeners in one asyncio loop.

``python -m conformance.reference.server`` is the child process of `conformance.reference.embedded`: it reads one JSON
line of options from its standard input, answers with one JSON line, and ends when that input is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from typing import Any

import uvicorn

from conformance.reference.assembly import AssembledDeployment
from conformance.reference.defects import named
from conformance.reference.deployment import Settings
from conformance.reference.node_configuration import ListenerType, NodeConfiguration
from conformance.reference.pipeline.app import Application
from conformance.reference.pipeline.protocol import ConnectionProtocol
from conformance.reference.rest.http import BASE_PATH

Address = tuple[str, int]

KEEP_ALIVE_SECONDS = 60
GRACE_SECONDS = 2
_BACKLOG = 512


class ServeError(Exception):
    """The deployment cannot start; the text is one sentence for the user."""


class _HttpServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are handled by the loop of `serve`, which also ends MQTT."""
        yield


class RunningDeployment:
    """A deployment with its listeners, inside a running loop. ``http_ports`` and the others are the real ports.

    ``http``, ``mqtt`` and ``ws`` (MQTT over WebSocket) are the addresses of the first node; further nodes listen on the
    ports behind them, or on any where the port is 0. The settings enable and disable ``mqtt`` and ``ws``.
    """

    def __init__(self, settings: Settings, http: Address, mqtt: Address | None, ws: Address | None = None) -> None:
        self.deployment = AssembledDeployment(settings)
        self._http = http
        self._mqtt = mqtt
        self._ws = ws
        self.http_ports: list[int] = []
        self.mqtt_ports: list[int] = []
        self.ws_ports: list[int] = []
        self._servers: list[tuple[_HttpServer, asyncio.Task[None]]] = []

    @property
    def http_port(self) -> int:
        return self.http_ports[0]

    @property
    def mqtt_port(self) -> int | None:
        return self.mqtt_ports[0] if self.mqtt_ports else None

    @property
    def base_url(self) -> str:
        return self.base_urls[0]

    @property
    def base_urls(self) -> list[str]:
        """One per node."""
        return [f"http://{_for_url(self._http[0])}:{port}{BASE_PATH}" for port in self.http_ports]

    @property
    def mqtt_addresses(self) -> list[str]:
        """``host:port`` of each node's MQTT listener."""
        return [f"{_for_url(self._mqtt[0])}:{port}" for port in self.mqtt_ports] if self._mqtt is not None else []

    @property
    def ws_addresses(self) -> list[str]:
        """The URL of each node's listener for MQTT over WebSocket."""
        if self._ws is None:
            return []
        path = self.deployment.settings.configuration.ws_mqtt_path
        return [f"ws://{_for_url(self._ws[0])}:{port}{path}" for port in self.ws_ports]

    async def start(self) -> None:
        """Listen; raises `ServeError` if an address cannot be bound."""
        nodes = self.deployment.nodes
        with contextlib.ExitStack() as bound:
            listeners = [bound.enter_context(_bind(address)) for address in _of_each(self._http, len(nodes))]
            self.mqtt_ports = await self._listen_for_clients("tcp", self._mqtt)
            self.ws_ports = await self._listen_for_clients("ws", self._ws)
            bound.pop_all()
        self.http_ports = [listener.getsockname()[1] for listener in listeners]
        for node, listener in zip(nodes, listeners, strict=True):
            await self._serve(node, listener)

    async def _listen_for_clients(self, type: ListenerType, address: Address | None) -> list[int]:
        if address is None:
            return []
        try:
            return await self.deployment.start(*_of_each(address, len(self.deployment.nodes)), type=type)
        except OSError as error:
            await self.deployment.stop()
            raise _cannot_listen(address, error) from None

    async def _serve(self, node: str, listener: socket.socket) -> None:
        config = uvicorn.Config(
            Application(self.deployment, node),
            http=ConnectionProtocol,
            loop="none",
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            log_level="critical",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            backlog=_BACKLOG,
        )
        server = _HttpServer(config)
        serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        self._servers.append((server, serving))
        while not server.started and not serving.done():
            await asyncio.sleep(0)
        if serving.done():
            serving.result()

    async def stop(self) -> None:
        """Close the listeners and every connection."""
        for server, _ in self._servers:
            server.should_exit = True
        for _, serving in self._servers:
            await serving
        await self.deployment.stop()


def serve(
    settings: Settings,
    http: Address = ("127.0.0.1", 18083),
    mqtt: Address | None = None,
    ws: Address | None = None,
    *,
    announce: Callable[[str], None] = print,
) -> None:
    """Run until SIGTERM or SIGINT; ``announce`` gets one line per listener. Port 0 picks a free one.

    Raises `ServeError` if an address cannot be bound.
    """
    asyncio.run(_serve(RunningDeployment(settings, http, mqtt, ws=ws), announce))


async def _serve(running: RunningDeployment, announce: Callable[[str], None]) -> None:
    stop = _stop_on_signals()
    await running.start()
    for url in running.base_urls:
        announce(f"listening on {url}")
    for address in running.mqtt_addresses:
        announce(f"mqtt://{address}")
    for url in running.ws_addresses:
        announce(url)
    await stop.wait()
    await running.stop()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise _cannot_listen(address, error) from None
    # Accepted sockets inherit it; without it every answer in two writes waits for a delayed acknowledgement (40 ms).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _cannot_listen(address: Address, error: OSError) -> ServeError:
    host, port = address
    return ServeError(f"cannot listen on {_for_url(host)}:{port}: {error.strerror or error}")


def _of_each(first: Address, nodes: int) -> list[Address]:
    """The addresses of all nodes: the ports behind that of the first, or any."""
    host, port = first
    return [(host, port + number if port else 0) for number in range(nodes)]


def _for_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _run_as_child(options: dict[str, Any]) -> None:
    stop = _stop_on_signals()
    http, mqtt, ws = options.pop("http"), options.pop("mqtt"), options.pop("ws")
    configuration = NodeConfiguration(**options.pop("configuration"))
    traits = named(options.pop("traits"))
    settings = Settings(**options, traits=traits, configuration=configuration)
    running = RunningDeployment(settings, tuple(http), mqtt and tuple(mqtt), ws=ws and tuple(ws))
    await running.start()
    addresses = {"mqtt_addresses": running.mqtt_addresses, "ws_addresses": running.ws_addresses}
    _say({"base_urls": running.base_urls, **addresses, "pid": os.getpid()})
    # The parent holds the other end of standard input: its end, however it comes, closes it.
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _stop_at_end_of_input, stop)
    await stop.wait()
    await running.stop()


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Entry of the child process; the options arrive on standard input because an argument list is public."""
    try:
        asyncio.run(_run_as_child(json.loads(sys.stdin.readline())))
    except ServeError as error:
        _say({"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
