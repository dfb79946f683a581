"""Every paged list of the contract, and every filter of it, is tried by a scenario."""

from __future__ import annotations

from collections.abc import Set

import pytest

from conformance.contract import load_contract, paths
from conformance.scenarios.paged import LABELS
from conformance.scenarios.test_list_filters import BAN_FILTERS, CLIENT_FILTERS, USER_FILTERS
from conformance.scenarios.test_rule_lists import FILTERS as RULE_FILTERS

PAGE = {"page", "limit"}
# By the modules on subscriptions (SUB-02 to SUB-04) and retained messages (RET-08), which have no table of them; fields
# selects no element (PAG-11), node is a matter of the cluster (CLI-16), and durable sessions are off (behaviour 8).
COVERED: dict[str, Set[str]] = {
    "GET /clients": CLIENT_FILTERS.keys() | {"fields", "node"},
    "GET /rules": RULE_FILTERS.keys(),
    "GET /banned": BAN_FILTERS.keys(),
    "GET /subscriptions": {"clientid", "topic", "qos", "share_group", "match_topic", "node", "durable"},
    f"GET {paths.USERS}": USER_FILTERS.keys(),
    f"GET {paths.USER_RULES}": {"like_username"},
    f"GET {paths.CLIENT_RULES}": {"like_clientid"},
    f"GET {paths.RETAINED_MESSAGES}": {"topic"},
}
CONTRACT = load_contract()


@pytest.mark.parametrize("label", COVERED)
def test_no_filter_is_forgotten(label: str) -> None:
    known = {parameter.name for parameter in CONTRACT.operation(label).parameters_in("query")}
    assert known - PAGE == COVERED[label]


def test_no_list_is_forgotten() -> None:
    paged = {
        label
        for label, operation in CONTRACT.operations.items()
        if "page" in {parameter.name for parameter in operation.parameters_in("query")}
    }
    assert paged == COVERED.keys()
    assert paged == set(LABELS), "its pages, its count and hasnext are looked at as well"
