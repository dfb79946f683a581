"""Laws of paged lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.defects import NO_TRAITS
from conformance.reference.rest.pagination import envelope
from tests.recorded import RECORDED

ITEMS = st.integers(0, 40).map(lambda length: list(range(length)))
LIMITS = st.integers(1, 12)


@given(ITEMS, LIMITS, st.sampled_from([NO_TRAITS, RECORDED]))
def test_following_hasnext_gives_every_item_once(items, limit, traits):
    seen: list[int] = []
    page = 1
    while True:
        answer = envelope(items, page, limit, traits)
        assert len(answer["data"]) <= limit
        assert answer["meta"] == {"page": page, "limit": limit, "count": len(items)} | {
            "hasnext": answer["meta"]["hasnext"]
        }
        seen += answer["data"]
        if not answer["meta"]["hasnext"]:
            break
        page += 1
    assert seen == items


@given(ITEMS, LIMITS, st.integers(1, 50))
def test_hasnext_is_exact_by_default(items, limit, page):
    answer = envelope(items, page, limit)
    following = envelope(items, page + 1, limit)
    assert answer["meta"]["hasnext"] is bool(following["data"])


@given(ITEMS, LIMITS, st.integers(1, 50))
def test_a_full_page_always_claims_a_next_one_on_the_recorded_server(items, limit, page):
    answer = envelope(items, page, limit, RECORDED)
    assert answer["meta"]["hasnext"] is (len(answer["data"]) == limit)


def test_fuzzy_filters_leave_the_count_out():
    assert "count" not in envelope([1], 1, 10, countable=False)["meta"]
