"""Topic filters: an independent definition of matching, and the table against brute force."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.mqtt.packets import SubscribeOptions
from conformance.reference.mqtt.session import Subscription
from conformance.reference.mqtt.table import SubscriptionTable
from conformance.reference.mqtt.topics import (
    Filter,
    FilterError,
    is_topic_filter,
    is_topic_name,
    matches,
    parse_filter,
)

LEVELS = st.sampled_from(["a", "b", "", "$x"])
NAMES = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(is_topic_name)
FILTERS = st.builds(
    lambda levels, tail: "/".join([*levels, *tail]),
    st.lists(st.sampled_from(["a", "b", "", "+", "$x"]), max_size=4),
    st.sampled_from([[], ["#"]]),
).filter(is_topic_filter)


def as_expression(topic_filter: str) -> str:
    """The filter as a regular expression over names."""
    if topic_filter == "#":
        return r"(?!\$).*"
    pattern = re.escape(topic_filter).replace(r"\+", "[^/]*")
    if topic_filter.startswith("+"):
        pattern = r"(?!\$)" + pattern
    return re.sub(r"/\\\#$", "(/.*)?", pattern)


@given(NAMES, FILTERS)
def test_matching_agrees_with_a_regular_expression(topic, topic_filter):
    assert matches(topic, topic_filter) == bool(re.fullmatch(as_expression(topic_filter), topic))


@given(st.lists(st.tuples(st.integers(0, 3), FILTERS), max_size=12), st.data(), NAMES)
def test_the_table_finds_what_matches(wanted, data, topic):
    """After any additions and removals, a topic's receivers are the matching subscriptions."""
    table = SubscriptionTable()
    present = {}
    for number, text in wanted:
        session = SimpleNamespace(clientid=f"c{number}", connected=True)
        table.add(Subscription(session, Filter(text), SubscribeOptions()))
        present[session.clientid, text] = True
    for key in list(present):
        if data.draw(st.booleans()):
            table.discard(Filter(key[1]), key[0])
            del present[key]
    found = sorted((item.session.clientid, item.filter.topic) for item in table.receivers(topic))
    assert found == sorted(key for key in present if matches(topic, key[1]))


def test_a_group_gets_each_message_once_and_members_take_turns():
    table = SubscriptionTable()
    for clientid in ("a", "b", "c"):
        session = SimpleNamespace(clientid=clientid, connected=clientid != "c")
        table.add(Subscription(session, parse_filter("$share/g/t/+"), SubscribeOptions()))
    got = [[item.session.clientid for item in table.receivers("t/1")] for _ in range(4)]
    assert sorted(got) == [["a"], ["a"], ["b"], ["b"]], "connected members alternate"
    for clientid in ("a", "b"):
        table.discard(parse_filter("$share/g/t/+"), clientid)
    assert [item.session.clientid for item in table.receivers("t/1")] == ["c"], "an offline member is better than none"


# text, parsed
PARSED = [
    ("a/b", Filter("a/b")),
    ("$share/g/a/+", Filter("a/+", "g")),
    ("$queue/a", Filter("a", "$queue")),
    ("$exclusive/a/b", Filter("a/b", exclusive=True)),
    ("$SYS/#", Filter("$SYS/#")),
]


@pytest.mark.parametrize(("text", "parsed"), PARSED)
def test_prefixes_are_split_off_and_shown_again(text, parsed):
    assert parse_filter(text) == parsed
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text",
    ["$share/", "$share/g", "$share/g/", "$share//t", "$share/+/t", "$queue/", "$queue/$share/g/t", "$exclusive/"],
)
def test_malformed_prefixes_are_refused(text):
    with pytest.raises(FilterError):
        parse_filter(text)


@pytest.mark.parametrize("text", ["", "a/#/b", "a#", "+a/b", "a\0b", "t" * 65536])
def test_malformed_filters_are_recognised(text):
    assert not is_topic_filter(text)
