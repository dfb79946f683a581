"""Which topics a filter matches, as the suite sees it and as the reference deployment does."""

from __future__ import annotations

import pytest

from conformance.reference.mqtt.topics import matches as delivers
from conformance.target.guard.topics import matches


@pytest.mark.parametrize(
    ("topic", "topic_filter", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/+", True),
        ("a/b", "+/b", True),
        ("a/b", "#", True),
        ("a/b", "a/b/#", True),
        ("a/b/c", "a/#", True),
        ("a//c", "a/+/c", True),
        ("$SYS/x", "$SYS/#", True),
        ("a/b", "a", False),
        ("a", "a/b", False),
        ("a/b/c", "a/+", False),
        ("a/b", "A/b", False),
        ("$SYS/x", "#", False),
        ("$SYS/x", "+/x", False),
    ],
)
def test_a_filter_matches(topic: str, topic_filter: str, expected: bool) -> None:
    assert matches(topic, topic_filter) is expected
    assert delivers(topic, topic_filter) is expected
