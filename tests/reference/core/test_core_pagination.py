"""Laws of paged lists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.rest.pagination import envelope

ITEMS = st.integers(0, 40).map(lambda length: list(range(length)))
LIMITS = st.integers(1, 12)


@given(ITEMS, LIMITS, st.booleans())
def test_following_hasnext_gives_every_item_once(items, limit, strict):
    seen: list[int] = []
    page = 1
    while True:
        answer = envelope(items, page, limit, strict=strict)
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
def test_hasnext_is_exact_unless_strict(items, limit, page):
    answer = envelope(items, page, limit, strict=False)
    following = envelope(items, page + 1, limit, strict=False)
    assert answer["meta"]["hasnext"] is bool(following["data"])


@given(ITEMS, LIMITS, st.integers(1, 50))
def test_a_full_page_always_claims_a_next_one_in_strict_mode(items, limit, page):
    answer = envelope(items, page, limit, strict=True)
    assert answer["meta"]["hasnext"] is (len(answer["data"]) == limit)


def test_fuzzy_filters_leave_the_count_out():
    assert "count" not in envelope([1], 1, 10, strict=False, countable=False)["meta"]
