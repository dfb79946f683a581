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

from conformance.contract import Contract
from conformance.reference.app import Application
from conformance.reference.deployment import Deployment, Settings
from conformance.reference.http import BASE_PATH
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.protocol import ConnectionProtocol

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
    """A deployment with its listeners, inside a running loop. ``http_port`` and ``mqtt_port`` are the real ports.

    ``contract``: that of the settings' version, if it is loaded already.
    """

    def __init__(
        self, settings: Settings, http: Address, mqtt: Address | None, contract: Contract | None = None
    ) -> None:
        self.deployment = Deployment(settings, contract)
        self._http = http
        self._mqtt = mqtt
        self.http_port = 0
        self.mqtt_port: int | None = None
        self._server: _HttpServer | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def base_url(self) -> str:
        return f"http://{_for_url(self._http[0])}:{self.http_port}{BASE_PATH}"

    @property
    def mqtt_address(self) -> str | None:
        """``host:port`` of the MQTT listener."""
        return f"{_for_url(self._mqtt[0])}:{self.mqtt_port}" if self._mqtt is not None else None

    async def start(self) -> None:
        """Listen; raises `ServeError` if an address cannot be bound."""
        listener = _bind(self._http)
        try:
            self.mqtt_port = await self.deployment.start(self._mqtt)
        except OSError as error:
            listener.close()
            raise _cannot_listen(self._mqtt, error) from None
        self.http_port = listener.getsockname()[1]
        config = uvicorn.Config(
            Application(self.deployment),
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
        self._server = _HttpServer(config)
        self._serving = asyncio.get_running_loop().create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0)
        if self._serving.done():
            self._serving.result()

    async def stop(self) -> None:
        """Close the listeners and every connection."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await self.deployment.stop()


def serve(
    settings: Settings,
    http: Address = ("127.0.0.1", 18083),
    mqtt: Address | None = None,
    *,
    announce: Callable[[str], None] = print,
) -> None:
    """Run until SIGTERM or SIGINT; ``announce`` gets one line per listener. Port 0 picks a free one.

    Raises `ServeError` if an address cannot be bound.
    """
    asyncio.run(_serve(settings, http, mqtt, announce))


async def _serve(settings: Settings, http: Address, mqtt: Address | None, announce: Callable[[str], None]) -> None:
    stop = _stop_on_signals()
    running = RunningDeployment(settings, http, mqtt)
    await running.start()
    announce(f"listening on {running.base_url}")
    if running.mqtt_address is not None:
        announce(f"mqtt://{running.mqtt_address}")
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


def _cannot_listen(address: Address | None, error: OSError) -> ServeError:
    host, port = address or ("?", 0)
    return ServeError(f"cannot listen on {_for_url(host)}:{port}: {error.strerror or error}")


def _for_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _run_as_child(options: dict[str, Any]) -> None:
    stop = _stop_on_signals()
    http, mqtt = options.pop("http"), options.pop("mqtt")
    configuration = NodeConfiguration(**options.pop("configuration"))
    settings = Settings(**options, configuration=configuration)
    running = RunningDeployment(settings, (http[0], http[1]), (mqtt[0], mqtt[1]) if mqtt else None)
    await running.start()
    _say({"base_url": running.base_url, "mqtt": running.mqtt_address, "pid": os.getpid()})
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
