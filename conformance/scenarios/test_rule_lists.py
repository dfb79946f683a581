"""Lists of rules: filters and the parameters of a page (RUL)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest
from paho.mqtt.client import topic_matches_sub

from conformance.checks.recorder import Recorder
from conformance.fuzz.rule_changes import rule_changes
from conformance.requirements import requirement
from conformance.scenarios.listed import listed_rules
from conformance.scenarios.walked import SENTENCE, Walk
from conformance.target.http.answer import Deviation
from conformance.target.target import Target
from conformance.worker.context import Context

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


@dataclass(frozen=True, slots=True)
class Filtered:
    """Rules that differ in all that is filtered by, and queries that find some of them, or none."""

    rules: tuple[str, ...]
    queries: tuple[Mapping[str, Any], ...]


def queries_of(
    rules: Sequence[str], topics: tuple[str, str], actions: Sequence[str], source: str, unused: tuple[str, str]
) -> list[Mapping[str, Any]]:
    """Queries with each filter and with several; ``unused``: a source and an action that no rule has."""
    (root, common), (no_source, no_action) = topics, unused
    return [
        {"enable": True}, {"enable": False}, {"from": f"{root}/1"}, {"from": common}, {"like_id": rules[1]},
        {"like_id": rules[3]}, {"like_id": f"{rules[1][:-1]}%"}, {"like_from": f"{root}/x"}, {"like_from": f"{root}/+"},
        {"like_from": common},
        {"like_description": "half"}, {"like_description": "%_"}, {"like_description": "*"},
        {"match_from": f"{root}/#"}, {"match_from": f"{root}/+"}, {"match_from": f"{root}/2"}, {"match_from": root},
        {"match_from": "$bridges/+"}, {"match_from": f"+/{source}"},
        {"action": [actions[0]]}, {"action": actions}, {"action": [no_action]},
        {"source": [no_source]}, {"source": [source[:-1]]}, {"source": [source]}, {"source": [no_source, source]},
        {"enable": True, "match_from": f"{root}/+"}, {"enable": False, "from": f"{root}/2"},
        {"like_id": rules[2], "like_description": "half"}, {"action": [actions[1]], "like_from": root},
        {"source": [source], "like_id": rules[1]},
    ]  # fmt: skip


@pytest.fixture
def filtered(context: Context, target: Target) -> Filtered:
    """Serves all items of the worker: a rule is costly to create."""
    listed = listed_rules(context, target)
    others = (f"mqtt:{target.sandbox.name('source')}", f"http:{target.sandbox.name('act')}")
    rules, topics = tuple(listed.ids), (listed.root, listed.common)
    return Filtered(rules, tuple(queries_of(rules, topics, listed.actions, listed.source, others)))


def passing(every: Mapping[str, Mapping[str, Any]], query: Mapping[str, Any]) -> list[str]:
    """The ids, sorted, of the rules that pass all filters of a query."""
    return sorted(name for name in every if all(FILTERS[key](every[name], query[key]) for key in query))


def together(
    every: Mapping[str, Mapping[str, Any]], queries: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    """Of every two filters queries that show that both count: what both find is not what one of them finds alone.

    Beside an exact filter a fuzzy one of the same field is not looked at (behaviour 0.4).
    """
    told: defaultdict[frozenset[str], set[str]] = defaultdict(set)
    alone = [query for query in queries if len(query) == 1]
    for first, second in combinations(alone, 2):
        names = frozenset((*first, *second))
        if len(names) == 1 or ("from" in names and not names.isdisjoint(("like_from", "match_from"))):
            continue
        both = {**first, **second}
        found = passing(every, both)
        counts = {name for query, other in ((first, second), (second, first))
                  for name in query if found != passing(every, other)}  # fmt: skip
        if not counts <= told[names]:
            told[names] |= counts
            yield both


@requirement("RUL-18", "GET /rules")
def test_filters_of_the_list(target: Target, filtered: Filtered) -> None:
    """Each filter of the list, and several together, give the rules that pass them and no others."""
    every = {rule["id"]: rule for rule in target.rules.listed() if rule["id"] in filtered.rules}
    assert set(every) == set(filtered.rules), f"the unfiltered list shows {sorted(every)} of {filtered.rules}"
    for query in (*filtered.queries, *together(every, filtered.queries)):
        expected = passing(every, query)
        found = [rule["id"] for rule in target.rules.listed(**query) if rule["id"] in filtered.rules]
        assert sorted(found) == expected, f"{query} found {sorted(found)}, expected {expected}"


@requirement("RUL-43", "GET /rules", "GET /rules/{id}")
def test_rule_is_listed_as_it_is_read(context: Context, target: Target, filtered: Filtered) -> None:
    """A rule is listed as it is read, also after it was changed."""
    changed = rule_changes(context, target, 2).rule
    listed = {rule["id"]: rule for rule in target.rules.listed()}
    for identifier in (changed, *filtered.rules):
        read = target.rules.read(identifier)
        assert listed.get(identifier) == read, f"listed is {listed.get(identifier)}, and read {read}"


@requirement("PAG-13", "GET /rules", sentence=SENTENCE)
def test_pages_of_filtered_rules(target: Target, recorder: Recorder, filtered: Filtered) -> None:
    """Under each filter of rules count and hasnext are those of what it finds."""
    for query in filtered.queries:
        Walk.through(target, target.rules, query).decide(recorder)


@requirement("RUL-17", "GET /rules", level="SHOULD")
@pytest.mark.reads
def test_impossible_page_is_refused(target: Target) -> None:
    """A page or limit that is no positive integer, or is given twice, answers 400."""
    queries: list[list[tuple[str, Any]]] = [
        [("page", "abc")], [("limit", "abc")], [("limit", "1.5")], [("page", 1), ("page", 2)],
        [("page", 0)], [("limit", 0)], [("limit", -1)],
    ]  # fmt: skip
    answers = [(query, target.api.call("GET /rules", query=query)) for query in queries]

    wrong = [(query, answer) for query, answer in answers if answer.status != 400]
    if wrong:
        told = [f"{'&'.join(f'{name}={value}' for name, value in query)}: {answer.status}" for query, answer in wrong]
        raise Deviation(f"answered were {', '.join(told)}, expected 400", wrong[0][1])
