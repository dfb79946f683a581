"""Answers without end: each has its bound in time, in size and in memory."""

from __future__ import annotations

import gzip
import multiprocessing
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.target.http import connection
from conformance.target.http.session import NoAnswer
from tests.hostile.client import Client
from tests.hostile.clock import HurryingClock, StandingClock
from tests.hostile.server import Case, Exchange, HostileServer
from tests.waiting import PATIENCE_S

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
MIB = 1024 * 1024


def endless(begin: bytes, piece: bytes, pause_s: float = 0.0) -> Case:
    async def case(exchange: Exchange) -> None:
        await exchange.send(begin)
        await exchange.endlessly(piece, pause_s)

    return case


def silent(begin: bytes) -> Case:
    async def case(exchange: Exchange) -> None:
        await exchange.send(begin)
        await exchange.silence()

    return case


def bomb(layers: int) -> tuple[bytes, bytes]:
    """The beginning of a gzip stream, and a kilobyte that each time stands for a megabyte (or 200 in two layers)."""
    begin, piece = b"\0" * MIB, b"\0" * MIB
    for layer in range(layers):
        gzipped = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        begin = gzipped.compress(begin) + gzipped.flush(zlib.Z_FULL_FLUSH)
        piece = gzipped.compress(piece * (200 if layer else 1)) + gzipped.flush(zlib.Z_FULL_FLUSH)
    return begin, piece


def bombing(encoding: bytes, layers: int) -> Case:
    begin, piece = bomb(layers)
    return endless(OK + b"content-encoding: " + encoding + b"\r\n\r\n" + begin, piece)


TOO_LARGE = "the answer is larger than 32 MiB"

SILENT = {
    "at once": silent(b""),
    "after the headers": silent(OK + b"content-length: 1000000000\r\n\r\n{"),
    "after an interim answer": silent(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("case", SILENT.values(), ids=SILENT)
def test_silent_answer_is_given_up(
    client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    client.api.timing = replace(client.api.timing, silence=0.3)
    monkeypatch.setattr(connection, "time", StandingClock())
    server.cases = {"/rules": case}
    with pytest.raises(NoAnswer, match="timed out"):
        client.call("GET /rules")
    assert server.paths().count("/rules") == 2, "silence may be a hiccup and is tried again"


DRIPPING = {
    "a header line by the byte": endless(OK, b"x", 0.1),
    "headers by the line": endless(OK, b"x: y\r\n", 0.1),
    "a body by the byte": endless(OK + b"content-length: 999\r\n\r\n", b" ", 0.1),
    "chunks by the byte": endless(CHUNKED, b"1\r\n \r\n", 0.1),
}


@pytest.mark.parametrize("case", DRIPPING.values(), ids=DRIPPING)
def test_dripping_answer_is_given_up(
    client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    monkeypatch.setattr(connection, "time", HurryingClock(PATIENCE_S / 4))
    server.cases = {"/rules": case}
    with pytest.raises(NoAnswer, match=f"the answer was not complete after {2 * PATIENCE_S:g} s"):
        client.call("GET /rules")
    assert server.paths().count("/rules") == 1, "endlessness is no hiccup"


LARGE = {
    "headers": (endless(OK, b"x: y\r\n" * 1000), "more than 100 headers"),
    "header line": (endless(OK, b"y" * MIB), "more than 65536 bytes"),
    "status line": (endless(b"HTTP/1.1 200 ", b"y" * MIB), "more than 65536 bytes"),
    "interim answers": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 9999), TOO_LARGE),
    "chunk extension": (endless(CHUNKED + b"2;", b"y" * MIB), "more than 65536 bytes"),
    "chunk of size -1": (endless(CHUNKED + b"-1\r\n", b"y" * MIB), TOO_LARGE),
    "trailers": (endless(CHUNKED + b"2\r\n[]\r\n0\r\n", b"x: y\r\n" * 9999), TOO_LARGE),
    "empty members of gzip": (endless(OK + b"content-encoding: gzip\r\n\r\n", gzip.compress(b"") * 9999), TOO_LARGE),
    "body": (endless(OK + b"\r\n", b" " * MIB), None),
    "chunks": (endless(CHUNKED, b"100000\r\n" + b" " * MIB + b"\r\n"), None),
    "gzip bomb": (bombing(b"gzip", 1), None),
    "gzip bomb in a gzip bomb": (bombing(b"gzip, gzip", 2), None),
}


@pytest.mark.parametrize(("case", "reason"), LARGE.values(), ids=LARGE)
def test_large_answer_is_cut_off(
    client: Client, server: HostileServer, monkeypatch: pytest.MonkeyPatch, case: Case, reason: str | None
) -> None:
    monkeypatch.setattr(connection, "LARGEST_ANSWER", MIB)
    monkeypatch.setattr(connection, "LARGEST_EXCHANGE", 2 * MIB)
    server.cases = {"/rules": case}
    if reason is None:
        answer = client.call("GET /rules")
        assert (answer.truncated, len(answer.content)) == (True, MIB)
        assert client.found == "GEN-14 the body of 200 is unusable: it is larger than 1 MiB"
    else:
        with pytest.raises(NoAnswer, match=reason.replace("32", "2")):
            client.call("GET /rules")
    assert client.call("GET /connectors").status == 200


def test_memory_is_bounded_whatever_comes(server: HostileServer, tmp_path: Path) -> None:
    greedy = ("chunk of size -1", "body", "chunks", "gzip bomb", "gzip bomb in a gzip bomb")
    server.cases = {f"/{index}": LARGE[name][0] for index, name in enumerate(greedy)}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        grown = pool.submit(memory_taken, server.base_url, tmp_path, list(server.cases)).result()
    assert grown < 200 * MIB


def memory_taken(base_url: str, folder: Path, paths: list[str]) -> int:
    """Bytes by which the largest size of this process grows while it reads what ``paths`` answer."""
    with Client(base_url, folder) as client:
        client.call("GET /rules")
        before = largest_size()
        for path in paths:
            try:
                client.api.send("GET", path)
            except NoAnswer:
                continue
        return largest_size() - before


def largest_size() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
