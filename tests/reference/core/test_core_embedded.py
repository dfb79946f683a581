"""The deployment as a child process, and run alone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from conformance.reference.deployment import Settings
from conformance.reference.embedded import EmbeddedError, start_embedded
from conformance.reference.server import RunningDeployment, ServeError
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[3]


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def refuses(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_child_answers_hides_its_secrets_and_stops():
    with start_embedded() as deployment:
        session = requests.Session()
        session.trust_env = False
        basic = session.get(deployment.base_url + "/action_types", auth=(deployment.api_key, deployment.api_secret))
        bearer = session.get(
            deployment.base_url + "/action_types", headers={"Authorization": f"Bearer {deployment.bearer_token}"}
        )
        assert basic.status_code == bearer.status_code == 200
        assert deployment.mqtt is not None
        assert not refuses(deployment.mqtt)
        public = (
            Path(f"/proc/{deployment.pid}/cmdline").read_bytes() + Path(f"/proc/{deployment.pid}/environ").read_bytes()
        )
        role_secrets = [secret for _, secret in deployment.role_keys.values()]
        for secret in (deployment.api_key, deployment.api_secret, deployment.bearer_token, *role_secrets):
            assert secret.encode() not in public
            assert secret == deployment.api_key or secret not in repr(deployment)
        assert deployment.running
        session.close()
    assert deployment.stop() == 0
    assert not deployment.running
    assert ended(deployment.pid)
    assert refuses(deployment.mqtt)


def test_child_brings_a_key_for_each_role_below_administrator():
    with start_embedded(mqtt=False) as deployment:
        url = deployment.base_url + "/action_types"
        statuses = {
            role: requests.get(url, auth=key, timeout=PATIENCE_S).status_code
            for role, key in deployment.role_keys.items()
        }
        assert statuses == {"viewer": 200, "publisher": 403}


def test_child_ends_with_its_parent():
    script = (
        "import sys; from conformance.reference.embedded import start_embedded\n"
        "d = start_embedded(mqtt=False); print(d.pid, d.base_url, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid, url = parent.stdout.readline().split()
    assert not ended(int(pid))
    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    eventually(lambda: ended(int(pid)))
    assert refuses(url.split("/")[2])


def test_occupied_port_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            start_embedded(http_port=port)


@pytest.mark.parametrize("listener", ["http", "mqtt"])
def test_each_listener_says_that_its_port_is_occupied(listener):
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        port = occupied.getsockname()[1]
        addresses = {"http": ("127.0.0.1", 0), "mqtt": ("127.0.0.1", 0), listener: ("127.0.0.1", port)}
        running = RunningDeployment(Settings("k", "s"), **addresses)
        with pytest.raises(ServeError, match=f"^cannot listen on 127.0.0.1:{port}: "):
            asyncio.run(running.start())


def test_a_child_that_is_not_ready_in_time_is_ended():
    with pytest.raises(EmbeddedError, match="not ready within 0 s"):
        start_embedded(ready_seconds=0.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_announces_its_listeners_and_stops_at_a_signal(number):
    script = (
        "from conformance.reference.deployment import Settings\n"
        "from conformance.reference.server import serve\n"
        "serve(Settings('k', 's'), ('127.0.0.1', 0), ('127.0.0.1', 0), announce=lambda line: print(line, flush=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline().strip() for _ in range(2)]
    assert lines[0].startswith("listening on http://127.0.0.1:")
    assert lines[0].endswith("/api/v5")
    assert lines[1].startswith("mqtt://127.0.0.1:")
    os.kill(process.pid, number)
    assert process.wait(PATIENCE_S) == 0
    process.stdout.close()
