"""Filters and paging of GET /rules. This operation has no schema filter, so it reads its query itself (errata D5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.bridges.identifiers import ACTION, parse_id
from conformance.reference.defects import Defect, Quirk
from conformance.reference.deployment import Deployment
from conformance.reference.mqtt.topics import matches
from conformance.reference.rest.http import ApiError, Call, Crash
from conformance.reference.rest.pagination import DEFAULT_LIMIT, DEFAULT_PAGE, envelope
from conformance.reference.rules.rule import Rule

_INTEGER = re.compile(r"[-+]?[0-9]+")
_MAX_DIGITS = 1000
_MAX_LIMIT = 10_000
_SINGLE = ("page", "limit", "enable")

Condition = Callable[[Rule], bool]


def page_of_rules(call: Call, rules: list[Rule]) -> dict[str, Any]:
    """The envelope of the rules that pass all filters (RUL-18); raises `ApiError` 400, or `Crash`."""
    given: dict[str, list[str]] = {}
    for name, value in call.raw_query:
        given.setdefault(name, []).append(value)
    unchecked = call.deployment.has(Defect.RULE_LIST_UNCHECKED)
    if any(len(given.get(name, ())) > 1 for name in _SINGLE):
        if unchecked:
            raise Crash("badarith")  # RUL-17
        raise ApiError(400, "BAD_REQUEST", "page, limit and enable can be given once")
    page = _positive(given, "page", DEFAULT_PAGE, unchecked=unchecked)
    limit = _positive(given, "limit", DEFAULT_LIMIT, unchecked=unchecked)
    if not unchecked and limit > _MAX_LIMIT:
        raise ApiError(400, "BAD_REQUEST", "page_limit_invalid")
    conditions = _conditions(call.deployment, given)
    found = [rule for rule in rules if all(condition(rule) for condition in conditions.values())]
    # Only the filter on "enable" is one that EMQX can count.
    body = envelope(found, page, limit, call.deployment.traits, countable=conditions.keys() <= {"enable"})
    body["data"] = [rule.as_object() for rule in body["data"]]
    return body


def _positive(given: Mapping[str, list[str]], name: str, default: int, *, unchecked: bool) -> int:
    text = given.get(name, [str(default)])[-1]
    is_integer = _INTEGER.fullmatch(text) is not None and len(text) <= _MAX_DIGITS
    if unchecked and not is_integer:
        raise Crash("badarg")  # RUL-17
    if not is_integer or int(text) < 1:
        raise ApiError(400, "BAD_REQUEST", "page_limit_invalid")
    return int(text)


def _conditions(deployment: Deployment, given: Mapping[str, list[str]]) -> dict[str, Condition]:
    conditions: dict[str, Condition] = {}
    for name, make in _FILTERS.items():
        if name in given:
            conditions[name] = make(given[name][-1])
    if "from" in conditions and deployment.has(Quirk.EXACT_SOURCE_WINS):
        # An exact filter hides the fuzzy ones of the same field (behaviour 0.4).
        conditions.pop("like_from", None)
        conditions.pop("match_from", None)
    if "enable" in given:
        conditions["enable"] = _enabled(given["enable"][-1], unchecked=deployment.has(Defect.RULE_LIST_UNCHECKED))
    if "action" in given:
        wanted = {_action_id(deployment, value) for value in given["action"]}
        conditions["action"] = lambda rule: any(rule.uses_action(action_id) for action_id in wanted)
    if "source" in given:
        sources = {f"$bridges/{value}" for value in given["source"]}
        conditions["source"] = lambda rule: not sources.isdisjoint(rule.sources)
    return conditions


_FILTERS: Mapping[str, Callable[[str], Condition]] = {
    "from": lambda value: lambda rule: value in rule.sources,
    "like_id": lambda value: lambda rule: value in rule.id,
    "like_from": lambda value: lambda rule: any(value in source for source in rule.sources),
    "like_description": lambda value: lambda rule: value in rule.description,
    "match_from": lambda value: lambda rule: any(matches(source, value) for source in rule.sources),
}


def _enabled(value: str, *, unchecked: bool) -> Condition:
    if value not in ("true", "false"):
        if unchecked:
            return lambda _rule: False
        raise ApiError(400, "BAD_REQUEST", "enable is true or false")
    return lambda rule: rule.enable is (value == "true")


def _action_id(deployment: Deployment, value: str) -> str:
    """The id in the form rules keep it; one that is none is in no rule, and kills the request on 5.8.9."""
    try:
        kind, name = parse_id(deployment, ACTION, value)
    except (ApiError, Crash) as error:
        if deployment.has(Defect.RULE_LIST_UNCHECKED):
            raise Crash(f"throw, {error}") from None
        return value
    return f"{kind}:{name}"
