"""Answers that are no HTTP, or only just: a clear reason, and the next request is not disturbed."""

from __future__ import annotations

import gzip

import pytest

from conformance.target.session import NoAnswer
from tests.hostile.client import Client
from tests.hostile.server import Case, Exchange, HostileServer

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def wire(*parts: bytes) -> Case:
    """Send bytes and leave the connection open."""

    async def case(exchange: Exchange) -> None:
        await exchange.send(*parts)

    return case


def closing(*parts: bytes) -> Case:
    async def case(exchange: Exchange) -> None:
        await exchange.send(*parts)
        exchange.close()

    return case


def resetting(*parts: bytes) -> Case:
    async def case(exchange: Exchange) -> None:
        await exchange.send(*parts)
        exchange.reset()

    return case


# name, case, words of the reason
UNANSWERED = [
    ("HTTP/1.0", closing(OK.replace(b"1.1", b"1.0"), b"\r\n[]"), "GEN-14 200: the body: expected"),
    ("length below zero", closing(OK, b"content-length: -5\r\n\r\n[]"), "GEN-14 200: the body: expected object"),
    ("length of 5000 digits", closing(OK, b"content-length: ", b"9" * 5000, b"\r\n\r\n[]"), "GEN-14 200: the body: "),
    ("length and chunks", wire(OK, BOTH, b"2\r\n[]\r\n0\r\n\r\n"), "GEN-14 200: the body: "),
    ("length too small", wire(OK, b"content-length: 3\r\n\r\n[1,2,3]"), "GEN-14 the body of 200 is unusable: it is not"),
    ("headers and no body", closing(OK, b"\r\n"), "GEN-14 200 came without a body"),
    ("gzip cut off", wire(OK, b"content-encoding: gzip\r\ncontent-length: 99\r\n\r\n", GZIPPED), "GEN-14 the body of 200"),
    ("no media type", wire(NO_MEDIA_TYPE, b"\r\n{}"), "GEN-33 200 came as no media type"),
    ("empty media type", wire(NO_MEDIA_TYPE, b"content-type:\r\n\r\n{}"), "GEN-33 200 came as no media type"),
    ("bytes as media type", wire(NO_MEDIA_TYPE, b"content-type: \xff\x00;;=\r\n\r\n{}"), "GEN-33 200 came as"),
    ("HTML", wire(HTML), "GEN-33 200 came as text/html"),
    ("redirect to itself", wire(LOOP), "GEN-27 answered 302"),
    ("status 999", wire(b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"), "GEN-15 answered 999"),
    ("status 101", wire(b"HTTP/1.1 101 Switching Protocols\r\n\r\nnoise"), "GEN-27 answered 101"),
    ("status 304", wire(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "GEN-27 answered 304"),
    ("204 with a body", wire(b"HTTP/1.1 204 No Content\r\n\r\n{}"), "GEN-13 204 came with 2 bytes of body"),
    ("204 with a length", wire(b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n"), "GEN-13 204 came with an"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "reason"), [case[1:] for case in UNANSWERED], ids=[case[0] for case in UNANSWERED])
def test_what_is_no_answer_says_why(client: Client, server: HostileServer, case: Case, reason: str) -> None:
    server.cases = {"/rules": case, "/schema_registry": case}
    with pytest.raises(NoAnswer) as read:
        client.call("GET /rules")
    assert reason in str(read.value)
    with pytest.raises(NoAnswer):
        client.create()
    assert server.paths("GET").count("/rules") == 2
    assert server.paths("POST").count("/schema_registry") == 1
    assert len(client.worker.journal) == 1
    assert client.call("GET /connectors").status == 200


GZIPPED = gzip.compress(bytes(range(256)))[:99]
BOTH = b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n"
NO_MEDIA_TYPE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
HTML = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
LOOP = b"HTTP/1.1 302 Found\r\nlocation: /api/v5/rules\r\ncontent-length: 0\r\n\r\n"

# name, case, a failure the checks find
ANSWERED = [
    ("HTTP/1.0", closing(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n[]"), "GEN-14 200: the body: expected object"),
    ("length below zero", closing(OK, b"content-length: -5\r\n\r\n[]"), "GEN-14 200: the body: expected object"),
    ("length of 5000 digits", closing(OK, b"content-length: ", b"9" * 5000, b"\r\n\r\n[]"), "GEN-14 200: the body: expected"),
    ("length and chunks", wire(OK, b"transfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n2\r\n[]\r\n0\r\n\r\n"), "GEN-14 200: the body"),
    ("length too small", wire(OK, b"content-length: 3\r\n\r\n[1,2,3]"), "GEN-14 the body of 200 is unusable: it is not JSON"),
    ("headers and no body", closing(OK, b"\r\n"), "GEN-14 200 came without a body"),
    ("gzip cut off", wire(OK, b"content-encoding: gzip\r\ncontent-length: 15\r\n\r\n", gzip.compress(b"[1]")[:15]), "it is not JSON"),
    ("no media type", wire(NO_MEDIA_TYPE, b"\r\n{}"), "GEN-33 200 came as no media type"),
    ("empty media type", wire(NO_MEDIA_TYPE, b"content-type:\r\n\r\n{}"), "GEN-33 200 came as no media type"),
    ("bytes as media type", wire(NO_MEDIA_TYPE, b"content-type: \xff\x00;;=\r\n\r\n{}"), "GEN-33 200 came as"),
    ("HTML", wire(HTML), "GEN-33 200 came as text/html"),
    ("redirect to itself", wire(LOOP), "GEN-27 answered 302"),
    ("status 999", wire(b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"), "GEN-15 answered 999"),
    ("status 101", wire(b"HTTP/1.1 101 Switching Protocols\r\n\r\nnoise"), "GEN-27 answered 101"),
    ("status 304", wire(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "GEN-27 answered 304"),
    ("204 with a body", wire(b"HTTP/1.1 204 No Content\r\n\r\n{}"), "GEN-13 204 came with 2 bytes of body"),
    ("204 with a length", wire(b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n"), "GEN-13 204 came with an"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "failure"), [case[1:] for case in ANSWERED], ids=[case[0] for case in ANSWERED])
def test_answer_is_judged_as_it_came(client: Client, server: HostileServer, case: Case, failure: str) -> None:
    server.cases = {"/rules": case}
    client.call("GET /rules")
    assert failure in client.found
    assert server.paths().count("/rules") == 1
    assert client.call("GET /connectors").status == 200


def test_gzip_is_read_though_nobody_asked_for_it(client: Client, server: HostileServer) -> None:
    body = gzip.compress(b"[1, 2]") + gzip.compress(b"   ")
    server.cases = {
        "/action_types": wire(OK, b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body), body)
    }
    assert client.call("GET /action_types").json == [1, 2]


def test_interim_answers_are_skipped(client: Client, server: HostileServer) -> None:
    server.cases = {"/action_types": wire(b"HTTP/1.1 100 Continue\r\n\r\n", OK, b"content-length: 2\r\n\r\n[]")}
    assert client.call("GET /action_types").json == []
