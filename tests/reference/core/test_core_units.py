"""Durations, byte sizes and routing of raw paths."""

from __future__ import annotations

import math
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.pipeline.routing import BadEncoding, Router, decode_segments, parse_query
from conformance.reference.rest.http import Reply, Route, SchemaFilter
from conformance.reference.rest.units import is_duration_field, is_size_field, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("500ms", 0.5), ("1h30m", 5400), ("1d", 86400), ("2000", 2), (250, 0.25), ("infinity", math.inf)],
)
def test_duration(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "s", "1 fortnight", True, "-1s", "1s!", 2.2e-292, 5.0])
def test_no_duration(value):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(value)


@pytest.mark.parametrize(("text", "size"), [("1MB", 1 << 20), ("256mb", 256 << 20), ("10KB", 10240), ("7", 7), (7, 7)])
def test_size(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("value", ["", "MB", "-1MB", "1TBx", True])
def test_no_size(value):
    with pytest.raises(ValueError, match="not a byte size"):
        parse_size(value)


def test_fields_are_told_by_default_or_name():
    assert is_duration_field("linger", "10ms")
    assert is_duration_field("socket_timeout_ms", None)
    assert not is_duration_field("description", "")
    assert not is_duration_field("name", None)
    assert is_size_field("anything", "1MB")
    assert is_size_field("segment_bytes", None)
    assert not is_size_field("segment_bytes", "plain")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=4))
def test_segments_are_decoded_once(segments):
    raw = "".join("/" + quote(segment, safe="") for segment in segments).encode()
    assert decode_segments(raw, remove_dots=False) == segments


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/a/../b", ["b"]),
        (b"/a/%2E%2E/b", ["b"]),
        (b"/../a", ["a"]),
        (b"/a/./b/", ["a", "b"]),
        (b"/a//b", ["a", "", "b"]),
        (b"/a%2F../b", ["a/..", "b"]),
        (b"/", []),
    ],
)
def test_dots_are_removed_after_decoding(raw, segments):
    assert decode_segments(raw, remove_dots=True) == segments


def test_query():
    assert parse_query(b"a=1&b=x+y%2B&a=2&c&&=") == [("a", "1"), ("b", "x y+"), ("a", "2"), ("c", ""), ("", "")]
    with pytest.raises(BadEncoding):
        parse_query(b"a=%")


def test_a_literal_segment_wins_but_a_parameter_is_tried_too():
    route = Route(lambda _call: Reply(204), SchemaFilter.NONE)
    router = Router(dict.fromkeys(("GET /c/{id}/s", "POST /c/bulk", "GET /{a}", "GET /{a}/x"), route))
    base = ["api", "v5"]

    def found(*path: str) -> tuple[list[str], list[str]] | None:
        node = router.find([*base, *path])
        return (sorted(endpoint.label for endpoint in node[0].methods.values()), node[1]) if node else None

    assert found("c", "bulk") == (["POST /c/bulk"], [])
    assert found("c", "bulk", "s") == (["GET /c/{id}/s"], ["bulk"])
    assert found("c") == (["GET /{a}"], ["c"])
    assert found("c", "x") == (["GET /{a}/x"], ["c"])
    assert found("c", "y") is None
    assert found() is None
