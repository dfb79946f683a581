"""Requests that together show every value class of an operation, fit for a target."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from conformance.contract import Operation, paths
from conformance.contract.later import as_later, brief
from conformance.contract.value_space import QUERY, ValueSpace
from conformance.contract.values import ALL, ALONE, Schema, ValueClass, is_spelling, labelled, shown_classes
from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.covering import Covering
from conformance.fuzz.driver import Driver
from conformance.fuzz.identities import Identities
from conformance.fuzz.owners import TLS_ALWAYS, is_owner
from conformance.fuzz.queries import refine
from conformance.fuzz.records.rules import SOURCES
from conformance.fuzz.rule_changes import statement
from conformance.fuzz.storable import name_no_files, tls_of
from conformance.target.guard.texts import CONFIGURED

_PROBE = "POST /connectors_probe"
_RULE_FUNCTIONS = frozenset({"console", "republish"})

Fit = Callable[[dict[str, Any], Identities], None]


def bodies(driver: Driver, space: ValueSpace, seeds: Sequence[int]) -> Iterator[Any]:
    """Bodies of an operation, each with some class that none before it shows; identities lie inside the sandbox.

    An update of what has no type ends with its first body once more; that of a rule only ends with it, for each body
    costs a real server 0.2 s.

    ``seeds`` decide which types show what counts for all of them.
    """
    label, resource_type = driver.subject.label, driver.subject.resource_type

    def due(one: ValueClass) -> bool:
        if resource_type is None or (one.what != ALONE and "probe" not in label):
            return True
        if label == _PROBE and (one.what == ALONE or is_spelling(one)):
            return False  # each costs a connection; what is stored is read by the same schema
        return is_owner(driver.subject, space, seeds, one)

    covering = Covering(driver.contract, driver.examples().values(), due)
    seen: set[ValueClass] = set()
    first: Any = None
    once = label == "PUT /rules/{id}"
    for number, row in enumerate(covering.rows(driver.schema)):
        for body in _fitted(label, row, driver.identities()):
            if number == 0 and resource_type is None and label in CONFIGURED and "enable" in body:
                body["enable"] = True  # false comes alone
            shown = {one for one in shown_classes(driver.contract, driver.schema, body) if due(one)}
            if number == 0 or shown - seen:
                seen |= shown
                first = body if number == 0 else first
                if number > 0 or not once:
                    yield body
    if driver.operation.method == "PUT" and resource_type is None:
        yield first  # what was changed since changes back: false after true, less after more


def _fitted(label: str, row: Any, identities: Identities) -> Iterator[Any]:
    """One body of a row, or none, or several: rows of an import are told apart by its type."""
    body = into_sandbox(label, row, identities)
    fit = _FITS.get(label)
    for item in body if isinstance(body, list) else [body]:
        if fit is not None:
            fit(item, identities)
    if label == f"POST {paths.IMPORT_USERS}":
        yield [item for item in body if "password" in item]
        yield [item for item in body if "password" not in item]
    else:
        yield body


def queries(driver: Driver) -> Iterator[dict[str, Any]]:
    """Queries of an operation, each with some class that none before it shows."""
    operation = driver.operation
    schema = operation.query_schema
    chance = random.Random(driver.seed)
    shown: set[ValueClass] = set()
    for row in Covering(driver.contract, (), lambda one: True).rows(schema, QUERY):
        classes = set(shown_classes(driver.contract, schema, row, QUERY))
        if driver.record.one_filter and ValueClass(QUERY, ALL) in classes:
            continue
        if classes - shown:
            shown |= classes
            yield _as_query(driver, operation, row, chance)


def _as_query(driver: Driver, operation: Operation, row: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """A row as texts; those that are free are such as a server takes for this parameter."""
    free = {one.name: one.schema for one in operation.parameters_in("query") if _is_text(driver, one.schema)}
    refined = refine(operation, {name: row[name] for name in free if name in row}, chance, driver.sandbox,
                     driver.capabilities)  # fmt: skip
    query = {**row, **refined}
    # A list that may also be a word is one text; others repeat the name of their parameter.
    unions = {one.name for one in operation.parameters_in("query") if labelled(driver.contract, one.schema)}
    return {
        name: ",".join(value) if name in unions and isinstance(value, list) else value for name, value in query.items()
    }


def _is_text(driver: Driver, schema: Schema) -> bool:
    schema = schema.get("items", schema)
    return schema.get("type") == "string" and "enum" not in schema


def _configured(body: dict[str, Any], identities: Identities) -> None:
    """A configuration without what a server looks at beyond its values: TLS files, ids that must differ."""
    if identities.newer:
        as_later(body, identities.resource_type)
        if "resource_opts" in body:
            brief(body)
    for tls in tls_of(body):
        if tls.get("enable") or identities.resource_type in TLS_ALWAYS:
            name_no_files(tls)
    fixed: dict[str, dict[str, Any]] = {}
    for static in body.get("static_clientids", []):
        ids = [
            {**one, "clientid": identities.name()} if isinstance(one, dict) else identities.name()
            for one in static["ids"]
        ]
        fixed.setdefault(static["node"], {**static, "ids": []})["ids"] += ids
    if fixed:
        body["static_clientids"] = list(fixed.values())


def _probed(body: dict[str, Any], identities: Identities) -> None:
    """A probe that may not start waits until it gives up, 15 s on EMQX 5.8."""
    _configured(body, identities)
    if "start_after_created" in body.get("resource_opts", {}):
        body["resource_opts"]["start_after_created"] = True


def _new_rule(body: dict[str, Any], identities: Identities) -> None:
    """A rule is known by its id; one that has nothing but a name, by that."""
    _rule(body, identities)
    if body.keys() == {"id", "name", "sql"}:
        del body["id"]
        body["name"] = identities.name()


def _rule(body: dict[str, Any], identities: Identities) -> None:
    """Actions that a rule may have here: no code of the target."""
    actions = body.get("actions", [])
    actions[:] = [one for one in actions if isinstance(one, str) or one.get("function") in _RULE_FUNCTIONS]


def _changed_rule(body: dict[str, Any], identities: Identities) -> None:
    """A rule on several topics, which are not in order."""
    _rule(body, identities)
    if "sql" in body:
        first, second, third = (identities.topic() for _ in range(3))
        body["sql"] = statement([third, f"{second}/+/#", first])


def _schema(body: dict[str, Any], identities: Identities) -> None:
    body["source"] = SOURCES[body["type"]]


def _rules_of_a_kind(body: dict[str, Any], identities: Identities) -> None:
    """Rules on topics that nobody uses. One about subscriptions has no retain flag: it is about no message."""
    flags = [rule.pop("retain") for rule in body["rules"] if rule["action"] == "subscribe" and "retain" in rule]
    body["rules"] += [{"permission": "deny", "action": "all", "retain": flag} for flag in flags]
    for rule in body["rules"]:
        rule["topic"] = identities.topic()


def _rules_of(key: str) -> Fit:
    def fit(body: dict[str, Any], identities: Identities) -> None:
        _rules_of_a_kind(body, identities)
        body[key] = identities.path[key]

    return fit


def _message(body: dict[str, Any], identities: Identities) -> None:
    body["payload"] = "aGVsbG8="  # in either encoding
    if "response_topic" in body.get("properties", {}):
        body["properties"]["response_topic"] = identities.topic()


def _ban(body: dict[str, Any], identities: Identities) -> None:
    """A ban that has not ended yet."""
    if body.get("until") == 0:
        del body["until"]


def _imported(body: dict[str, Any], identities: Identities) -> None:
    body["user_id"] = identities.name()


_FITS: Mapping[str, Fit] = {
    "POST /connectors": _configured,
    "PUT /connectors/{id}": _configured,
    _PROBE: _probed,
    "POST /rules": _new_rule,
    "PUT /rules/{id}": _changed_rule,
    "POST /schema_registry": _schema,
    "PUT /schema_registry/{name}": _schema,
    f"POST {paths.RULES_OF_ALL}": _rules_of_a_kind,
    f"POST {paths.USER_RULES}": _rules_of_a_kind,
    f"POST {paths.CLIENT_RULES}": _rules_of_a_kind,
    f"PUT {paths.RULES_OF_USER}": _rules_of("username"),
    f"PUT {paths.RULES_OF_CLIENT}": _rules_of("clientid"),
    f"POST {paths.IMPORT_USERS}": _imported,
    "POST /banned": _ban,
    "POST /publish": _message,
    "POST /publish/bulk": _message,
}
