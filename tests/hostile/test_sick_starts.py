"""Targets that are sick from the start: one sentence and an exit code, before any item runs."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.run.beginning import StartError
from conformance.run.controller import Controller
from conformance.target.errors import TargetLost
from conformance.target.http import connection
from conformance.target.http.answer import UnexpectedAnswer
from conformance.target.http.paging import entries
from tests.hostile.client import IMPATIENT, Client
from tests.hostile.clock import HurryingClock, StandingClock
from tests.hostile.server import Case, Exchange, HostileServer
from tests.hostile.test_endless_answers import bombing, endless, silent
from tests.hostile.test_http_framing import HTML, LOOP, OK, closing, resetting, wire
from tests.hostile.test_storms import answering
from tests.hostile.test_unreliable_json import nested
from tests.waiting import PATIENCE_S

# case, exit code, words of the sentence
SICK = {
    "closes": (closing(), 3, "cannot be reached: the connection was closed without an answer"),
    "resets": (resetting(), 3, "cannot be reached: the connection was reset"),
    "never ends": (endless(OK, b"x: y\r\n" * 1000), 3, "no valid HTTP (got more than 100 headers)"),
    "is no HTTP": (closing(b"SSH-2.0-OpenSSH_9.2\r\n"), 3, "no valid HTTP (status line: SSH-2.0-OpenSSH_9.2)"),
    "is a bomb": (bombing(b"gzip", 1), 2, "is no EMQX API: GET /action_types answered 200 with application/json"),
    "is a web page": (wire(HTML), 2, "is no EMQX API: GET /action_types answered 200 with text/html"),
    "redirects": (wire(LOOP), 2, "is no EMQX API: GET /action_types answered 302"),
    "is nested": (wire(OK, b"content-length: 9000\r\n\r\n", nested(4500)), 2, "it is nested deeper than 100 levels"),
    "limits the rate": (answering("429 Too Many Requests", retry_after="99"), 3, "GET /action_types answered 429"),
    "is a gateway": (answering("502 Bad Gateway"), 3, "is not ready: GET /action_types answered 502"),
    "knows nobody": (answering("401 Unauthorized", b"<html>"), 2, "refuses the credentials (401"),
}


def refusal(server: HostileServer, folder: Path, code: int = 3, **options: Any) -> str:
    """The sentence that ends a run before it begins."""
    options = {
        "timing": IMPATIENT,
        "base_url": server.base_url,
        "api_key": "key",
        "api_secret": "the-api-secret",
    } | options
    options["report_dir"] = str(folder)
    with pytest.raises(StartError) as ended:
        Controller.start(options)
    assert ended.value.exit_code == code
    assert "\n" not in str(ended.value)
    return str(ended.value)


@pytest.mark.parametrize(("case", "code", "words"), SICK.values(), ids=SICK)
def test_target_that_is_sick_from_the_start(
    server: HostileServer,
    tmp_path: Path,
    case: Case,
    code: int,
    words: str,
) -> None:
    server.cases = {"/action_types": case}
    assert words in refusal(server, tmp_path, code)
    assert server.paths("POST") == []


def test_target_that_is_silent_from_the_start(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "time", StandingClock())
    server.cases = {"/action_types": silent(b"")}
    hasty = replace(IMPATIENT, silence=0.3)
    assert "cannot be reached: timed out" in refusal(server, tmp_path, timing=hasty)


def test_target_that_drips_from_the_start(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "time", HurryingClock(PATIENCE_S / 4))
    server.cases = {"/action_types": endless(OK, b"x", 0.1)}
    assert "cannot be reached: the answer was not complete after" in refusal(server, tmp_path)


@pytest.mark.parametrize("body", [b'{"data":[]}', b"{}", b"[]", b'[{"node":1}]', b"null"])
def test_service_that_answers_everything_alike_is_no_emqx(body: bytes, server: HostileServer, tmp_path: Path) -> None:
    server.choose = lambda _request: lambda exchange: exchange.answer(body)
    assert refusal(server, tmp_path, 2) == (
        f"{server.base_url} is no EMQX API: GET /action_types names no types, GET /nodes names no node, and a request "
        "without credentials is not refused as EMQX does"
    )
    assert server.paths("POST") == []


@pytest.mark.parametrize("proof", ["/action_types", "/nodes", "refusal"])
def test_emqx_with_a_fault_where_it_is_recognized_is_still_looked_at(
    proof: str, server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One proof is enough: the faults are for the items to find."""
    answers = {"/action_types": b'["http"]', "/nodes": b'[{"node":"emqx@127.0.0.1"}]'}

    async def faulty(exchange: Exchange) -> None:
        signed = b"Authorization" in exchange.request.head
        if proof == "refusal" and not signed:
            await exchange.answer(b'{"code":"BAD_API_KEY_OR_SECRET","message":"no"}', "401 Unauthorized")
        else:
            await exchange.answer(answers[proof] if exchange.request.path == proof else b'{"data":[]}')

    def reached(*_arguments: object) -> None:
        raise TargetLost("reached")

    server.choose = lambda _request: faulty
    monkeypatch.setattr("conformance.target.preflight.preflight._write_check", reached)
    assert refusal(server, tmp_path) == "inconclusive: reached"


def test_sentence_about_a_sick_target_tells_no_secret_and_does_not_act(server: HostileServer, tmp_path: Path) -> None:
    async def mirror(exchange: Exchange) -> None:
        authorization = next(line for line in exchange.request.head.split(b"\r\n") if b"Basic" in line)
        await exchange.send(b"\x1b[31m" + authorization + b" the-api-secret " + b"x" * 1000 + b"\r\n\r\n")

    server.cases = {"/action_types": mirror}
    ended = refusal(server, tmp_path)
    assert "status line" in ended
    assert "[redacted]" in ended
    assert "the-api-secret" not in ended
    assert b64encode(b"key:the-api-secret").decode() not in ended
    assert ended.isprintable()
    assert len(ended) < 600


def test_list_without_end_is_given_up(client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.http.paging.MOST_PAGES", 5)

    async def full_page(exchange: Exchange) -> None:
        await exchange.answer(b'{"data": [1, 2], "meta": {"hasnext": true}}')

    server.cases = {"/rules": full_page}
    with pytest.raises(UnexpectedAnswer, match="expected the list to end within 5 pages"):
        entries(client.api, "GET /rules", limit=2)
