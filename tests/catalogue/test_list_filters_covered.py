"""Every filter of every paged list of the contract is tried by a scenario, and walked through page by page."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Set
from typing import Any

import pytest

from conformance.contract import load_contract, paths
from conformance.scenarios import test_list_filters, test_retainer, test_rule_lists, test_subscriptions
from conformance.scenarios.paged import LABELS
from conformance.scenarios.test_list_filters import BAN_FILTERS, CLIENT_FILTERS, USER_FILTERS
from conformance.scenarios.test_rule_lists import FILTERS as RULE_FILTERS

PAGE = {"page", "limit"}
# What selects no elements, or not by what they are.
OTHERS: Mapping[str, Mapping[str, str]] = {
    "GET /clients": {"fields": "shows less of each element (PAG-11)"},
    "GET /subscriptions": {"node": "a matter of the cluster (SUB-04)", "durable": "durable sessions are off"},
}
COVERED: dict[str, Set[str]] = {
    "GET /clients": CLIENT_FILTERS.keys(),
    "GET /rules": RULE_FILTERS.keys(),
    "GET /banned": BAN_FILTERS.keys(),
    "GET /subscriptions": {"clientid", "topic", "qos", "share_group", "match_topic"},
    f"GET {paths.USERS}": USER_FILTERS.keys(),
    f"GET {paths.USER_RULES}": {"like_username"},
    f"GET {paths.CLIENT_RULES}": {"like_clientid"},
    f"GET {paths.RETAINED_MESSAGES}": {"topic"},
}
# Where the queries are written that are walked through (PAG-13).
WALKED: dict[str, Callable[..., Any]] = {
    "GET /clients": test_list_filters.test_filters_of_clients,
    "GET /rules": test_rule_lists.queries_of,
    "GET /banned": test_list_filters.test_filters_of_bans,
    "GET /subscriptions": test_subscriptions.test_pages_of_filtered_subscriptions,
    f"GET {paths.USERS}": test_list_filters.test_filters_of_users,
    f"GET {paths.USER_RULES}": test_list_filters.test_filters_of_authorization_rules,
    f"GET {paths.CLIENT_RULES}": test_list_filters.test_filters_of_authorization_rules,
    f"GET {paths.RETAINED_MESSAGES}": test_retainer.test_pages_of_filtered_messages,
}
CONTRACT = load_contract()


@pytest.mark.parametrize("label", COVERED)
def test_no_filter_is_forgotten(label: str) -> None:
    known = {parameter.name for parameter in CONTRACT.operation(label).parameters_in("query")}
    assert known - PAGE - OTHERS.get(label, {}).keys() == COVERED[label]
    assert OTHERS.get(label, {}).keys() <= known


@pytest.mark.parametrize("label", WALKED)
def test_every_filter_is_walked_by_itself(label: str) -> None:
    alone = single_keys(WALKED[label])
    assert COVERED[label] - alone == set(), f"queries with one filter: {sorted(alone)}"


def single_keys(function: Callable[..., Any]) -> set[str]:
    """Keys of the dictionaries with one key that are written in a function; ``like_*`` stands for both of its kind."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    dictionaries = [node.keys for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = {ast.unparse(key) for of_one in dictionaries if len(of_one) == 1 for key in of_one if key is not None}
    named = {"like_username", "like_clientid"} if "f'like_{field}'" in keys else set()
    return {key.strip("'") for key in keys} | named


def test_no_list_is_forgotten() -> None:
    paged = {
        label
        for label, operation in CONTRACT.operations.items()
        if "page" in {parameter.name for parameter in operation.parameters_in("query")}
    }
    assert paged == COVERED.keys() == WALKED.keys()
    assert paged == set(LABELS), "its pages, its count and hasnext are looked at as well"
