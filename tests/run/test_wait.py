"""``wait`` ends when a target serves requests, and says what it saw of one that does not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance import __version__
from conformance.commands.cli import main
from conformance.commands.wait import NotReady, until_ready
from conformance.contract import load_contract
from tests.http_server import HttpServer, Received, Reply

KEY = ("--api-key", "key", "--api-secret-file", "secret")
HTML = Reply(404, {"content-type": "text/html"}, b"<h1>default backend</h1>")
REFUSED = Reply(401).with_json({"code": "BAD_API_KEY_OR_SECRET", "message": "Check api_key/api_secret"})
NODES = [{"node": "emqx@node1.emqx.example", "version": "5.8.9"}]


def healthy(request: Received) -> Reply:
    return Reply(200).with_json(NODES if request.target.endswith("/nodes") else ["http", "mqtt"])


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(healthy) as server:
        yield server


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("the-api-secret")
    secret.chmod(0o600)
    return lambda *arguments: CliRunner().invoke(main, ["wait", *arguments])


def test_target_that_becomes_ready(server: HttpServer, wait: Callable[..., Result]) -> None:
    phases: list[Reply | None] = [None, Reply(503), HTML, HTML]
    methods = set()

    def starting(request: Received) -> Reply | None:
        methods.add(request.method)
        return phases.pop(0) if phases else healthy(request)

    server.respond = starting
    result = wait("--base-url", f"{server.url}/api/v5", *KEY)
    assert result.exit_code == 0, result.output
    first, second, third = result.stderr.splitlines()
    assert first.startswith("not ready yet: ")
    assert "cannot be reached" in first
    assert "is not ready: GET /action_types answered 503" in second
    assert "is no EMQX API: GET /action_types answered 404 with text/html" in third, "told once, seen twice"
    assert result.stdout.endswith("s: EMQX 5.8.9, node emqx@node1.emqx.example\n")
    assert methods == {"GET"}


def test_target_that_does_not_become_ready(closed_port: int, wait: Callable[..., Result]) -> None:
    result = wait("--base-url", f"http://127.0.0.1:{closed_port}/api/v5", *KEY, "--timeout", "100ms")
    assert result.exit_code == 3
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"not ready after 100ms: http://127.0.0.1:{closed_port}/api/v5 cannot be reached")


def test_listener_that_is_named_is_waited_for(
    server: HttpServer, closed_port: int, wait: Callable[..., Result]
) -> None:
    target = ("--base-url", f"{server.url}/api/v5", *KEY, "--timeout", "10ms")
    refused = wait(*target, "--mqtt", f"127.0.0.1:{closed_port}")
    assert refused.exit_code == 3
    assert f"MQTT listener 127.0.0.1:{closed_port}: Connection refused" in refused.stderr
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ready = wait(*target, "--mqtt", f"127.0.0.1:{listener.getsockname()[1]}")
    assert ready.exit_code == 0, ready.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "wait needs --base-url"),
        (("--base-url", "URL"), "no credentials"),
        (("--base-url", "URL", *KEY, "--timeout", "soon"), "--timeout: 'soon' is not a duration"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], sentence: str, server: HttpServer, wait: Callable[..., Result]
) -> None:
    result = wait(*(argument.replace("URL", f"{server.url}/api/v5") for argument in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_refused_credentials_are_not_waited_for(server: HttpServer, wait: Callable[..., Result]) -> None:
    asked: list[Received] = []

    def refuse(request: Received) -> Reply:
        asked.append(request)
        return REFUSED

    server.respond = refuse
    result = wait("--base-url", f"{server.url}/api/v5", *KEY)
    assert result.exit_code == 2
    assert "refuses the credentials (401 BAD_API_KEY_OR_SECRET)" in result.stderr
    assert len(asked) == 1
    assert "the-api-secret" not in result.output


def test_last_look_comes_after_the_deadline() -> None:
    """Whatever a look takes, the last one began before anybody gave up."""
    looks: list[str] = []

    def look() -> str:
        looks.append("look")
        raise NotReady(f"look {len(looks)}")

    told: list[str] = []
    with pytest.raises(NotReady, match="look 1"):
        until_ready(look, 0.0, told.append)
    assert (looks, told) == (["look"], [])


def test_versions_are_told_with_the_digest_of_the_contract() -> None:
    result = CliRunner().invoke(main, ["--version"])
    contract = load_contract()
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"emqx-conformance, version {__version__}",
        f"corrected contract of EMQX {contract.version}, {contract.digest}",
    ]
    assert contract.digest.startswith("sha256:")
