"""JSON that two readers may understand differently, or that is made to hurt one."""

from __future__ import annotations

import json

import pytest

from conformance.target.http.answer import NotJson
from conformance.target.http.json_body import DEEPEST, decode_json
from tests.hostile.client import Client
from tests.hostile.server import Case, Exchange, HostileServer


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


UNRELIABLE = [
    ("empty text", b" ", "it is not JSON (Expecting value"),
    ("HTML", b"<html>", "it is not JSON (Expecting value"),
    ("trailing garbage", b"{} {}", "it is not JSON (Extra data"),
    ("cut off", b'{"data": [', "it is not JSON (Expecting value"),
    ("raw control character", b'"\0"', "it is not JSON (Invalid control character"),
    ("byte order mark", b"\xef\xbb\xbf{}", "it starts with a byte order mark"),
    ("invalid UTF-8", b'"\xff"', "it is not UTF-8 (byte 1)"),
    ("latin-1", '"é"'.encode("latin-1"), "it is not UTF-8 (byte 1)"),
    ("UTF-16", '"é"'.encode("utf-16"), "it is not UTF-8 (byte 0)"),
    ("lone surrogate", rb'["\ud800"]', r"a text has the lone surrogate '\ud800', which UTF-8 cannot hold"),
    ("lone surrogate as key", rb'{"\udfff": 1}', r"a text has the lone surrogate '\udfff', which UTF-8 cannot hold"),
    ("surrogates in the wrong order", rb'"\ude00\ud83d"', "a text has the lone surrogate"),
    ("NaN", b"[NaN]", "NaN is not JSON"),
    ("Infinity", b"[-Infinity]", "-Infinity is not JSON"),
    ("float beyond a double", b"[1e999]", "the number 1e999 is beyond the range of a double"),
    ("integer of 5000 digits", b"9" * 5000, "an integer has more than 4300 digits"),
    ("key twice", b'{"id": 1, "id": 1}', "an object has the key 'id' twice"),
    ("key twice in the depth", b'[{"a": {"b": 1, "c": 2, "b": 3}}]', "an object has the key 'b' twice"),
    ("nested too deeply", nested(DEEPEST + 1), "it is nested deeper than 100 levels"),
    ("objects nested too deeply", b'{"a":' * 101 + b"1" + b"}" * 101, "it is nested deeper than 100 levels"),
    ("deeper than any stack", nested(100_000), "it is nested deeper than 100 levels"),
    ("deeper than any stack, cut off", b"[" * 1_000_000, "it is nested deeper than 100 levels"),
]


@pytest.mark.parametrize(
    ("content", "problem"), [case[1:] for case in UNRELIABLE], ids=[case[0] for case in UNRELIABLE]
)
def test_unreliable_json_says_why(content: bytes, problem: str) -> None:
    assert (decode_json(content)[1] or "").startswith(problem)


@pytest.mark.parametrize(
    "content",
    [
        nested(DEEPEST),
        b"[" + b"[]," * 1000 + b"{}]",
        rb'"\ud83d\ude00"',
        '{"name": "ü", "NAME": "\0"}'.replace("\0", "\\u0000").encode(),
        b"[1e308, 123456789012345678901234567890, -0.0]",
        b'\n[{"id": 1}, {"id": 1}]\n',
    ],
)
def test_reliable_json_is_taken_as_it_is(content: bytes) -> None:
    assert decode_json(content) == (json.loads(content), None)


def answering(content: bytes, **answer: str) -> Case:
    async def case(exchange: Exchange) -> None:
        await exchange.answer(content, **answer)

    return case


@pytest.mark.parametrize(
    "content", [case[1] for case in UNRELIABLE if case[1]], ids=[case[0] for case in UNRELIABLE if case[1]]
)
def test_unreliable_json_fails_the_target(client: Client, server: HostileServer, content: bytes) -> None:
    server.cases = {"/rules": answering(content)}
    answer = client.call("GET /rules")
    assert client.found.startswith("GEN-14 the body of 200 is unusable: ")
    with pytest.raises(NotJson, match="the body of 200 is unusable"):
        answer.json  # noqa: B018


def test_charset_is_no_excuse(client: Client, server: HostileServer) -> None:
    """JSON between systems is UTF-8, whatever the parameter says (RFC 8259 8.1)."""
    latin = '{"code": "BAD_REQUEST", "message": "é"}'.encode("latin-1")
    server.cases = {
        "/rules": answering(latin, status="400 Bad Request", content_type="application/json; charset=latin-1")
    }
    client.call("GET /rules")
    assert "GEN-14 the body of 400 is unusable: it is not UTF-8" in client.found
    assert "GEN-11" in client.found


def filled(begin: bytes, piece: bytes, end: bytes) -> bytes:
    """A megabyte of ``piece``."""
    return begin + piece * (1_000_000 // len(piece)) + end


@pytest.mark.parametrize(
    ("status", "content", "failure"),
    [
        ("200 OK", filled(b'{"meta": {}, "data": [1', b",1", b"]}"), "GEN-14 200: "),
        ("400 Bad Request", filled(b'{"code": "', b"X", b'", "message": ""}'), "GEN-12 400 has the unknown code 'XXX"),
        ("400 Bad Request", filled(b'{"message": "', b"{error,{", b'"}'), "GEN-11 400 has keys message instead of"),
        ("200 OK", b"{" + b",".join(b'"%d":1' % key for key in range(100_000)) + b"}", "GEN-14 200: the body: "),
    ],
    ids=["half a million wrong elements", "a code of a megabyte", "a message of a megabyte", "100,000 keys"],
)
def test_failure_of_a_huge_body_is_short(
    client: Client, server: HostileServer, status: str, content: bytes, failure: str
) -> None:
    server.cases = {"/rules": answering(content, status=status)}
    client.call("GET /rules")
    assert failure in client.found
    assert len(client.recorder.failures) <= 5
    for found in client.recorder.failures:
        assert len(found.message) + len(found.exchange or "") < 20_000


def test_control_characters_of_an_error_reach_the_report_as_data(client: Client, server: HostileServer) -> None:
    content = rb'{"code": "\u0000\u001b[31m", "message": "\u0007\u202e"}'
    server.cases = {"/rules": answering(content, status="400 Bad Request")}
    client.call("GET /rules")
    assert r"has the unknown code '\x00\x1b[31m'" in client.found
