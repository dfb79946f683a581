"""Start a reference deployment as a child process and stop it again."""

from __future__ import annotations

import contextlib
import json
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from conformance.reference.defects import NO_TRAITS, Traits
from conformance.reference.deployment import Settings
from conformance.reference.node_configuration import NodeConfiguration
from conformance.reference.rest.credentials import ROLES

READY_SECONDS = 60.0
STOP_SECONDS = 20.0

_DEFAULTS = NodeConfiguration()


class EmbeddedError(Exception):
    """The child process did not become ready; the text is one sentence for the user."""


@dataclass
class EmbeddedDeployment:
    """A reference deployment in a child process, which ends with this process at the latest.

    ``base_url`` ends in ``/api/v5``; ``mqtt`` is ``host:port``, or the URL of the WebSocket listener where there is no
    other one, None if it was not asked for. ``ws`` is that URL, None if that listener is not enabled. ``role_keys``:
    API keys with their secrets by role. ``other_base_urls`` and ``other_mqtt`` are those of further nodes. Leaving the
    context stops it.
    """

    base_url: str
    mqtt: str | None
    ws: str | None
    api_key: str
    api_secret: str = field(repr=False)
    bearer_token: str = field(repr=False)
    role_keys: Mapping[str, tuple[str, str]] = field(repr=False)
    pid: int
    other_base_urls: tuple[str, ...]
    other_mqtt: tuple[str, ...]
    _process: subprocess.Popen[bytes]

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        """End the child and return its exit status; calling it again only returns that."""
        return _end(self._process)

    def __enter__(self) -> EmbeddedDeployment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_embedded(
    *,
    traits: Traits = NO_TRAITS,
    mqtt: bool = True,
    allow_egress: bool = False,
    config_write_latency: float = 0.0,
    version: str = "5.8.9",
    configuration: NodeConfiguration = _DEFAULTS,
    nodes: int = 1,
    replication_delay: float = 0.0,
    host: str = "127.0.0.1",
    http_port: int = 0,
    mqtt_port: int = 0,
    ws_port: int = 0,
    log: IO[bytes] | int | None = None,
    ready_seconds: float = READY_SECONDS,
) -> EmbeddedDeployment:
    """Start a deployment with random credentials on free ports of ``host`` and wait until it answers.

    ``traits``: the defects and quirks it has. ``configuration``: what the node allows. ``config_write_latency``:
    seconds each configuration write takes. ``log``: where the child's standard error goes, None for this process' own.
    Raises `EmbeddedError` if it is not ready within ``ready_seconds``.
    """
    settings = Settings(
        api_key="embedded-" + secrets.token_hex(4),
        api_secret=secrets.token_urlsafe(24),
        bearer_token=secrets.token_urlsafe(24),
        role_keys={role: (f"embedded-{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(24)) for role in ROLES[1:]},
        traits=traits,
        allow_egress=allow_egress,
        config_write_latency=config_write_latency,
        version=version,
        configuration=configuration,
        nodes=nodes,
        replication_delay=replication_delay,
    )
    listeners = {"mqtt": [host, mqtt_port], "ws": [host, ws_port]} if mqtt else {"mqtt": None, "ws": None}
    options = {
        **asdict(settings),
        "traits": [trait.id for trait in traits],
        "http": [host, http_port],
        **listeners,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "conformance.reference.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=Path(__file__).resolve().parents[2],
        start_new_session=True,  # Ctrl-C reaches the suite alone, which then cleans up over a living deployment
    )
    try:
        ready = _exchange(process, options, ready_seconds)
    except BaseException:
        process.kill()  # nothing to save in a child that never got ready
        _end(process)
        raise
    assert settings.bearer_token is not None
    clients = ready["mqtt_addresses"] or ready["ws_addresses"]
    return EmbeddedDeployment(
        base_url=ready["base_urls"][0],
        mqtt=next(iter(clients), None),
        ws=next(iter(ready["ws_addresses"]), None),
        api_key=settings.api_key,
        api_secret=settings.api_secret,
        bearer_token=settings.bearer_token,
        role_keys=settings.role_keys,
        pid=ready["pid"],
        other_base_urls=tuple(ready["base_urls"][1:]),
        other_mqtt=tuple(clients[1:]),
        _process=process,
    )


def _exchange(process: subprocess.Popen[bytes], options: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Hand over the options and return the child's ready line."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # the missing answer tells more
        process.stdin.write(json.dumps(options).encode() + b"\n")
        process.stdin.flush()
    line = _first_line(process.stdout, time.monotonic() + seconds)
    if line is None:
        raise EmbeddedError(f"the reference deployment was not ready within {seconds:g} s")
    try:
        answer = json.loads(line)
    except ValueError:
        status = process.wait(STOP_SECONDS)
        raise EmbeddedError(f"the reference deployment ended with status {status} before it was ready") from None
    if "error" in answer:
        raise EmbeddedError(f"the reference deployment cannot start: {answer['error']}")
    return dict(answer)


def _first_line(stream: IO[bytes], deadline: float) -> bytes | None:
    """What arrives up to a newline or the end of ``stream``, or None at the deadline (monotonic seconds)."""
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not received.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            chunk = stream.read1(4096)  # type: ignore[attr-defined]
            if not chunk:
                break
            received += chunk
    return received


def _end(process: subprocess.Popen[bytes]) -> int:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    for end in (process.terminate, process.kill):
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            end()
    return process.wait()
