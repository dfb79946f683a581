"""TLS that fails, at the start or in mid-run, and TLS that works with a CA of its own."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from conformance.reference.embedded import start_embedded
from conformance.run.beginning import StartError
from conformance.run.controller import Controller
from conformance.target.errors import TargetLost
from conformance.target.http import connection, session
from conformance.target.timing import Timing
from tests.hostile import command
from tests.hostile.client import Client
from tests.hostile.clock import HurryingClock
from tests.hostile.server import Case, Exchange, HostileServer
from tests.run.command import environment
from tests.waiting import PATIENCE_S

CERTIFICATES = Path(__file__).with_name("certificates")
CA = CERTIFICATES / "ca.pem"
NO_CA = "--ca-bundle names its CA"
ONE_ITEM = "conformance/fuzz/test_operations.py::test_positive[GET /rules]"


def serving(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    return context


def refusal(base_url: str, folder: Path, **options: Any) -> StartError:
    """How a run against ``base_url`` ends before it begins."""
    given = {"base_url": base_url, "api_key": "key", "api_secret": "the-api-secret", "report_dir": str(folder)}
    with pytest.raises(StartError) as ended:
        Controller.start(given | options)
    return ended.value


@pytest.mark.parametrize(
    ("certificate", "ca", "reason", "advice"),
    [
        ("self_signed", None, "self-signed certificate", NO_CA),
        ("self_signed", CA, "self-signed certificate", NO_CA),
        ("trusted", None, "unable to get local issuer certificate", NO_CA),
        (
            "elsewhere",
            CA,
            "IP address mismatch, certificate is not valid for '127.0.0.1'",
            "the base URL must name the host as the certificate does",
        ),
        ("expired", CA, "certificate has expired", "its dates, or the clock of this machine, are wrong"),
    ],
)
def test_certificate_that_is_not_trusted_is_2(
    certificate: str, ca: Path | None, reason: str, advice: str, tmp_path: Path
) -> None:
    with HostileServer(tls=serving(certificate)) as server:
        ended = refusal(server.base_url, tmp_path, ca_bundle=str(ca) if ca else None)
    assert ended.exit_code == 2
    assert str(ended) == f"the certificate of {server.base_url} is not trusted ({reason}); {advice}"
    assert server.seen == []


@pytest.mark.parametrize(
    "greeting",
    [b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n", b"\x16\x03\x01\x40\x00" + b"\xff" * 0x4000, b"\0"],
    ids=["plain HTTP", "handshake of garbage", "a byte"],
)
def test_what_is_no_tls_is_3(greeting: bytes, tmp_path: Path) -> None:
    with HostileServer(greeting=greeting) as server:
        url = server.base_url.replace("http:", "https:")
        ended = refusal(url, tmp_path)
    assert ended.exit_code == 3
    assert str(ended).startswith(f"inconclusive: no TLS connection to {url}: ")


def test_handshake_without_end_is_3(tmp_path: Path) -> None:
    with HostileServer() as server:
        url = server.base_url.replace("http:", "https:")
        ended = refusal(url, tmp_path, timing=Timing(connected=0.2))
    assert ended.exit_code == 3
    assert "timed out" in str(ended)


def test_http_to_a_tls_port_is_3(tmp_path: Path) -> None:
    with HostileServer(tls=serving("trusted")) as server:
        ended = refusal(server.base_url.replace("https:", "http:"), tmp_path)
    assert ended.exit_code == 3
    assert "cannot be reached" in str(ended)


def test_tls_that_breaks_in_mid_run_loses_the_target(tmp_path: Path) -> None:
    async def reset(exchange: Exchange) -> None:
        exchange.reset()

    with HostileServer(tls=serving("trusted")) as server, Client(server.base_url, tmp_path, ca_bundle=CA) as client:
        assert client.call("GET /rules").status == 200
        server.storm = reset
        with pytest.raises(TargetLost, match="the target stopped answering"):
            client.call("GET /rules")


def test_slow_answer_over_tls_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(exchange: Exchange) -> None:
        await exchange.endlessly(b"x", 0.1)

    cases: dict[str, Case] = {"/rules": drip}
    with (
        HostileServer(cases, tls=serving("trusted")) as server,
        Client(server.base_url, tmp_path, ca_bundle=CA) as client,
    ):
        monkeypatch.setattr(connection, "time", HurryingClock(PATIENCE_S / 4))
        with pytest.raises(session.NoAnswer, match=f"was not complete after {2 * PATIENCE_S:g} s"):
            client.call("GET /rules")
        assert client.call("GET /connectors").status == 200


def test_own_ca_is_trusted_from_end_to_end(tmp_path: Path) -> None:
    with start_embedded() as reference, HostileServer(upstream=reference, tls=serving("trusted")) as front:
        env = environment(reference, BASE_URL=front.base_url, CA_BUNDLE=str(CA))
        ended = command.start(ONE_ITEM, env=env, folder=tmp_path).end()
    assert ended.code == 0, ended.output
    assert ended.report["target"]["base_url"] == front.base_url
    assert "/rules" in front.paths()
