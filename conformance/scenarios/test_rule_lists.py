"""Lists of rules: filters and the parameters of a page (RUL)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from paho.mqtt.client import topic_matches_sub

from conformance.requirements import requirement
from conformance.target.http.answer import Deviation
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

# What each filter of GET /rules means: whether a rule passes it, by its value in the query.
FILTERS: Mapping[str, Callable[[Mapping[str, Any], Any], bool]] = {
    "enable": lambda rule, value: rule["enable"] is value,
    "from": lambda rule, value: value in rule["from"],
    "like_id": lambda rule, value: value in rule["id"],
    "like_from": lambda rule, value: any(value in topic for topic in rule["from"]),
    "like_description": lambda rule, value: value in rule["description"],
    "match_from": lambda rule, value: any(topic_matches_sub(value, topic) for topic in rule["from"]),
    "action": lambda rule, value: any(action in rule["actions"] for action in value),
    "source": lambda rule, value: any(f"$bridges/{source}" in rule["from"] for source in value),
}


@requirement("RUL-18", "GET /rules")
def test_filters_of_the_list(target: Target) -> None:
    """Each filter of the list, and several together, give the rules that pass them and no others."""
    common, root = target.sandbox.topic("all"), target.sandbox.topic("f")
    actions = [f"http:{target.sandbox.name('act')}" for _ in range(2)]
    source = f"mqtt:{target.sandbox.name('source')}"
    statements = [
        f'SELECT * FROM "{root}/x/0"',
        f'SELECT * FROM "{root}/1", "{common}"',
        f'SELECT * FROM "{root}/2", "{common}", "$bridges/{source}" WHERE topic = \'{common}\'',
    ]
    rules = [
        target.rules.create(
            sql=statements[number],
            enable=number % 2 == 0,
            description=["half %_ of it", "half a of it", "*"][number],
            actions=[[actions[0]], [actions[1], {"function": "console"}], []][number],
        )
        for number in range(3)
    ]

    queries: list[dict[str, Any]] = [
        {"enable": True},
        {"enable": False},
        {"from": f"{root}/1"},
        {"from": common},
        {"like_id": rules[1]},
        {"like_id": f"{rules[1][:-1]}%"},
        {"like_from": f"{root}/x"},
        {"like_from": f"{root}/+"},
        {"like_description": "half"},
        {"like_description": "%_"},
        {"like_description": "*"},
        {"match_from": f"{root}/#"},
        {"match_from": f"{root}/+"},
        {"match_from": f"{root}/2"},
        {"match_from": root},
        {"action": [actions[0]]},
        {"action": actions},
        {"action": [f"http:{target.sandbox.name('act')}"]},
        {"source": [f"mqtt:{target.sandbox.name('source')}"]},
        {"source": [source[:-1]]},
        {"source": [source]},
        {"source": [f"mqtt:{target.sandbox.name('source')}", source]},
        {"source": [source], "like_id": rules[1]},
        {"enable": True, "match_from": f"{root}/+"},
        {"enable": False, "from": f"{root}/2"},
        {"like_id": rules[2], "like_description": "half"},
        {"action": [actions[1]], "like_from": root},
    ]
    every = {rule["id"]: rule for rule in target.rules.listed() if rule["id"] in rules}
    assert set(every) == set(rules), f"the unfiltered list shows {sorted(every)} of the rules {rules}"
    for query in queries:
        expected = [name for name in every if all(FILTERS[key](every[name], query[key]) for key in query)]
        found = [rule["id"] for rule in target.rules.listed(**query) if rule["id"] in rules]
        assert sorted(found) == sorted(expected), f"{query} found {sorted(found)}, expected {sorted(expected)}"


@requirement("RUL-17", "GET /rules", level="SHOULD")
@pytest.mark.reads
def test_impossible_page_is_refused(target: Target) -> None:
    """A page or limit that is no positive integer, or is given twice, answers 400."""
    queries: list[list[tuple[str, Any]]] = [
        [("page", "abc")], [("limit", "abc")], [("limit", "1.5")], [("page", 1), ("page", 2)],
        [("page", 0)], [("limit", 0)], [("limit", -1)],
    ]  # fmt: skip
    answers = [(query, target.api.call("GET /rules", query=query)) for query in queries]

    wrong = [(f"{query}: {answer.status}", answer) for query, answer in answers if answer.status != 400]
    if wrong:
        raise Deviation(f"answered were {[what for what, _ in wrong]}, expected 400", wrong[0][1])
