"""Faults of the list of rules (RUL).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.mqtt.topics import matches
from conformance.reference.rules import listing
from conformance.reference.rules.engine import RuleEngine
from conformance.reference.rules.rule import Rule
from tests.faults.seeded import Broken, broken, in_each, json_reply, on, scenario, seed, swallow

FILTERED = scenario("rule_lists", "filters_of_the_list")


def without_filter(name: str) -> Callable[..., Any]:
    return lambda original: (
        lambda deployment, given: {
            key: condition for key, condition in original(deployment, given).items() if key != name
        }
    )


for name in ("enable", "from", "like_id", "like_from", "like_description", "match_from", "action", "source"):
    seed(f"the filter {name} is ignored", broken(listing, "_conditions", without_filter(name)), FILTERED, "RUL-18")


def begins_with(_: Any) -> Callable[[Rule, str], bool]:
    return lambda self, action_id: self.actions[:1] == [action_id]


def filtered(name: str, make: Callable[[str], Callable[[Rule], bool]]) -> Any:
    return broken(listing, "_FILTERS", lambda filters: {**filters, name: make})


def like(pattern: str) -> Callable[[Rule], bool]:
    expression = re.compile(re.escape(pattern).replace("%", ".*").replace("_", "."))
    return lambda rule: expression.search(rule.description) is not None


def any_of(original: Callable[..., Any]) -> Callable[..., Any]:
    def conditions(*args: Any) -> dict[str, Callable[[Rule], bool]]:
        given = original(*args)
        return {"any": lambda rule: any(condition(rule) for condition in given.values())} if given else {}

    return conditions


def first_action(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda deployment, given: original(deployment, {key: values[:1] for key, values in given.items()})


seed("a search in descriptions is one of SQL", filtered("like_description", like), FILTERED, "RUL-18")
seed(
    "the topics of rules are filters for match_from",
    filtered("match_from", lambda value: lambda rule: any(matches(value, source) for source in rule.sources)),
    FILTERED,
    "RUL-18",
)
seed(
    "for match_from a wildcard also stands for what begins with a dollar",
    filtered("match_from", lambda value: lambda rule: any(matches(topic.lstrip("$"), value) for topic in rule.sources)),
    FILTERED,
    "RUL-18",
)
seed(
    "a rule is listed under the first of its topics only",
    filtered("from", lambda value: lambda rule: rule.sources[0] == value),
    FILTERED,
    "RUL-18",
)
seed(
    "like_from looks at the first topic alone",
    filtered("like_from", lambda value: lambda rule: value in rule.sources[0]),
    FILTERED,
    "RUL-18",
)
seed("the filter action looks at the first action alone", broken(Rule, "uses_action", begins_with), FILTERED, "RUL-18")
seed("one of several filters is enough", broken(listing, "_conditions", any_of), FILTERED, "RUL-18")
seed("the first of several actions is looked for", broken(listing, "_conditions", first_action), FILTERED, "RUL-18")
seed(
    "the list shows no disabled rule",
    broken(RuleEngine, "all", lambda original: lambda self: [rule for rule in original(self) if rule.enable]),
    FILTERED,
    "RUL-18",
)


def ignored_beside(ignored: str, other: str) -> Broken:
    """A filter of rules counts for nothing where another one is given."""

    def make(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def conditions(deployment: Any, given: dict[str, list[str]]) -> dict[str, Any]:
            made = original(deployment, given)
            return {name: made[name] for name in made if name != ignored or other not in given}

        return conditions

    return broken(listing, "_conditions", make)


for ignored, other in (
    ("enable", "like_id"),
    ("action", "enable"),
    ("source", "match_from"),
    ("from", "like_id"),
    ("like_description", "action"),
    ("match_from", "like_from"),
):
    seed(f"the filter {ignored} is ignored beside {other}", ignored_beside(ignored, other), FILTERED, "RUL-18")

AS_READ = scenario("rule_lists", "rule_is_listed_as_it_is_read")


def listed_with(**fields: Callable[[dict[str, Any]], Any]) -> Any:
    """The list shows fields of rules otherwise than GET."""
    return on(
        "GET /rules",
        in_each("data", lambda rule: rule.update({name: show(rule) for name, show in fields.items()})),
        200,
    )


for name, fault in {
    "a rule is listed without its line breaks and blanks": listed_with(sql=lambda rule: "".join(rule["sql"].split())),
    "a rule is listed under its id": listed_with(name=lambda rule: ""),
    "a rule is listed with its creation as its modification": listed_with(
        last_modified_at=lambda rule: rule["created_at"]
    ),
}.items():
    seed(name, fault, AS_READ, "RUL-43")
NO_RULES = {"data": [], "meta": {"page": 1, "limit": 100, "count": 0, "hasnext": False}}
for name in ("page=abc", "limit=abc", "limit=1.5", "page=1&page=2"):
    seed(
        f"{name} is a page of rules",
        swallow("GET /rules", json_reply(200, NO_RULES), lambda request, name=name: request.query == name),
        scenario("rule_lists", "impossible_page_is_refused"),
        "RUL-17",
    )
