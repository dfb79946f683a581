"""Rates of EMQX's configuration, and buckets that keep to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.rates import Bucket, rate_per_s
from conformance.target import durations

WRITTEN = [
    ("50", 50),
    ("50/s", 50),
    ("100/10s", 10),
    ("1/m", 1 / 60),
    ("3/500ms", 6),
    ("2KB/s", 2048),
    ("1mb/2s", 2**19),
]


@pytest.mark.parametrize(("text", "per_s"), WRITTEN)
def test_a_rate_is_an_amount_per_time(text, per_s):
    assert rate_per_s(text) == pytest.approx(per_s)
    assert durations.rate_per_s(text) == pytest.approx(per_s)


def test_infinity_is_no_limit():
    assert rate_per_s("infinity") is None


@pytest.mark.parametrize("text", ["", "0", "0/s", "5/0s", "-1/s", "5/s ", "5XB/s", "1.5/s", "5/y", "/s", "٥/s"])
def test_what_is_no_rate_is_refused(text):
    for parse in (rate_per_s, durations.rate_per_s):
        with pytest.raises(ValueError, match="rate"):
            parse(text)


@given(
    per_s=st.sampled_from([0.5, 1.0, 10.0, 1000.0]),
    steps=st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30)), max_size=30),
)
def test_no_more_passes_than_the_rate_and_one_second_bring(per_s, steps):
    now, taken, latest = 0.0, 0, 0.0
    bucket = Bucket(per_s, lambda: now)
    for pause, tokens in steps:
        now += pause
        wait_s = bucket.wait_s(tokens)
        if not tokens:
            continue
        taken += tokens
        assert now + wait_s >= latest or wait_s == 0.0, "a later one overtakes"
        latest = max(latest, now + wait_s)
        # Whoever takes what is not there yet has waited until it was.
        assert taken <= (now + wait_s) * per_s + 1e-6 * taken + 1e-6


def test_an_unlimited_bucket_never_waits():
    assert Bucket(None, lambda: 0.0).wait_s(10**9) == 0.0
