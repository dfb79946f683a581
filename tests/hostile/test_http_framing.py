"""Answers that are no HTTP, or only just: a clear reason, and the next request is not disturbed."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from conformance.target.errors import TargetLost
from conformance.target.http.session import NoAnswer
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
    ("closed without a byte", closing(), "the connection was closed without an answer"),
    ("reset without a byte", resetting(), "the connection was reset"),
    ("reset after the headers", resetting(OK, b"content-length: 9\r\n\r\n"), "the connection was reset"),
    ("reset in the body", resetting(OK, b"content-length: 9\r\n\r\n{"), "the connection was reset"),
    ("no status line", closing(b"hello\r\n\r\n"), "no valid HTTP (status line: hello)"),
    ("HTTP/0.9", closing(b"<html>hello</html>"), "no valid HTTP (status line"),
    ("HTTP/3.0", closing(b"HTTP/3.0 200 OK\r\n\r\n"), "no valid HTTP (HTTP/3.0"),
    ("status 99", closing(b"HTTP/1.1 99 No\r\n\r\n"), "no valid HTTP (status line: HTTP/1.1 99 No)"),
    ("status of letters", closing(b"HTTP/1.1 two OK\r\n\r\n"), "no valid HTTP"),
    ("101 headers", closing(OK, b"x: y\r\n" * 101, b"\r\n{}"), "more than 100 headers"),
    ("header of 70 kB", closing(OK, b"x: " + b"y" * 70_000, b"\r\n\r\n{}"), "more than 65536 bytes"),
    ("two lengths", wire(OK, b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"), "multiple unmatching values"),
    ("length of a gigabyte", closing(OK, b"content-length: 1000000000\r\n\r\n{}"), "the answer was cut off"),
    ("chunks cut off", closing(CHUNKED, b"2\r\n{}\r\n"), "no valid HTTP"),
    ("chunk size below zero", closing(CHUNKED, b"-5\r\n{}\r\n0\r\n\r\n"), "no valid HTTP"),
    ("chunk size of -1", closing(CHUNKED, b"-1\r\n{}\r\n0\r\n\r\n"), "the answer was cut off"),
    ("chunk size of words", wire(CHUNKED, b"two\r\n{}\r\n0\r\n\r\n"), "no valid HTTP"),
    ("chunk of 2**70 bytes", closing(CHUNKED, b"%x\r\n{}" % 2**70), "the answer was cut off"),
    ("gzip that is none", wire(OK, b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}"), "no valid HTTP"),
    ("50 encodings", wire(OK, b"content-encoding: ", b"gzip, " * 50, b"\r\ncontent-length: 2\r\n\r\n{}"), "Too many"),
]


@pytest.mark.parametrize(("case", "reason"), [case[1:] for case in UNANSWERED], ids=[case[0] for case in UNANSWERED])
def test_what_is_no_answer_says_why(
    client: Client, server: HostileServer, case: Case, reason: str, request: pytest.FixtureRequest
) -> None:
    server.cases = {"/rules": case, "/schema_registry": case}
    with pytest.raises(NoAnswer) as read:
        client.call("GET /rules")
    assert reason in str(read.value)
    with pytest.raises(NoAnswer) as created:
        client.create()
    assert server.paths("GET").count("/rules") == 2
    # Without a byte on a connection that was used before, it is sent once more, and says so.
    silent = "closed after use" in str(created.value)
    assert silent == ("without a byte" in request.node.name)
    assert server.paths("POST").count("/schema_registry") == 1 + len(created.value.sent.again) == 1 + silent
    assert len(client.worker.journal) == 1
    assert client.call("GET /connectors").status == 200


BOTH = b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n"
GZIPPED = gzip.compress(bytes(range(256)))[:99]
NO_TYPE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
HTML = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
LOOP = b"HTTP/1.1 302 Found\r\nlocation: /api/v5/rules\r\ncontent-length: 0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"

# name, case, a failure the checks find
ANSWERED = [
    ("HTTP/1.0", closing(OK.replace(b"1.1", b"1.0"), b"\r\n[]"), "GEN-14 200: the body: expected object"),
    ("length below zero", closing(OK, b"content-length: -5\r\n\r\n[]"), "GEN-14 200: the body: expected object"),
    ("length of 5000 digits", closing(OK, b"content-length: ", b"9" * 5000, b"\r\n\r\n[]"), "GEN-14 200: the body: "),
    ("length and chunks", wire(OK, BOTH, b"2\r\n[]\r\n0\r\n\r\n"), "GEN-14 200: the body: expected object"),
    ("length too small", wire(OK, b"content-length: 3\r\n\r\n[1,2,3]"), "GEN-14 the body of 200 is unusable"),
    ("headers and no body", closing(OK, b"\r\n"), "GEN-14 200 came without a body"),
    ("gzip cut off", wire(OK, b"content-encoding: gzip\r\ncontent-length: 99\r\n\r\n", GZIPPED), "GEN-14 the body of"),
    ("no media type", wire(NO_TYPE, b"\r\n{}"), "GEN-33 200 came as no media type"),
    ("empty media type", wire(NO_TYPE, b"content-type:\r\n\r\n{}"), "GEN-33 200 came as no media type"),
    ("bytes as media type", wire(NO_TYPE, b"content-type: \xff\x00;;=\r\n\r\n{}"), "GEN-33 200 came as"),
    ("HTML", wire(HTML), "GEN-33 200 came as text/html"),
    ("redirect to itself", wire(LOOP), "GEN-27 answered 302"),
    ("status 999", wire(b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"), "GEN-15 answered 999"),
    ("status 101", wire(b"HTTP/1.1 101 Switching Protocols\r\n\r\nnoise"), "GEN-27 answered 101"),
    ("status 304", wire(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "GEN-27 answered 304"),
    ("204 with a body", wire(NO_CONTENT, b"\r\n{}"), "GEN-13 204 came with 2 bytes of body"),
    ("204 with a length", wire(NO_CONTENT, b"content-length: 2\r\n\r\n"), "GEN-13 204 came with an announced 2 bytes"),
]


@pytest.mark.parametrize(("case", "failure"), [case[1:] for case in ANSWERED], ids=[case[0] for case in ANSWERED])
def test_answer_is_judged_as_it_came(client: Client, server: HostileServer, case: Case, failure: str) -> None:
    server.cases = {"/rules": case}
    client.call("GET /rules")
    assert failure in client.found
    assert server.paths().count("/rules") == 1
    assert client.call("GET /connectors").status == 200


WORDS = (
    *(b"HTTP/1.1 ", b"HTTP/1.0 ", b"200 OK", b"204 No Content", b"100 Continue", b"503 Slow Down", b"\r\n", b"\n"),
    *(b"content-length: ", b"transfer-encoding: chunked\r\n", b"content-encoding: gzip\r\n", b"retry-after: "),
    *(b"content-type: application/json\r\n", b"connection: keep-alive\r\n", b"\r\n\r\n", b";", b":", b" ", b"\t"),
    *(b"-1", b"0", b"2", b"ffffffff", b"1_0", b"{}", b"[", b'{"code": 1}', b"\0", b"\xff", gzip.compress(b"[]")),
)


@settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(parts=strategies.lists(strategies.sampled_from(WORDS), max_size=20))
def test_nothing_that_comes_over_the_wire_surprises(client: Client, server: HostileServer, parts: list[bytes]) -> None:
    server.cases = {"/rules": closing(OK, *parts), "/schema_registry": closing(*parts)}
    for call in (lambda: client.call("GET /rules"), client.create):
        with suppress(NoAnswer, TargetLost):
            call()
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
