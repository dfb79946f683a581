"""What one item changed, or made with more to it, others judge: as long as it is there, and as it was left."""

from __future__ import annotations

import pytest

from conformance.fuzz.rule_changes import changed_by_values, rule_changes, statement, topics_of
from conformance.scenarios.chain import chain_of, reaching_nobody, secret_headers, witness
from conformance.scenarios.changes import switched, updated
from conformance.scenarios.codecs import CODECS, Schemas, schema_of, stored_schema
from conformance.scenarios.listed import DISABLED, FEW, listed_rules
from conformance.scenarios.test_secret_headers import becoming, of_http, of_http_action, of_s3_action
from conformance.target.target import TO_DELETE
from tests.sharing.writes import writes

# --- the chain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "times"), [("action", 2), ("connector", 4)])
def test_a_part_is_switched_once_for_all_items(context, target, part, times):
    chain = chain_of(context, target, context.sink)
    writes(context)

    change = switched(context, chain, part)
    assert writes(context) == {f"PUT /{part}s/{{id}}/enable/{{enable}}": times}
    assert switched(context, chain_of(context, target, context.sink), part) is change
    assert writes(context) == {}
    assert [step.enabled for step in change.steps] == [False] * (times // 2) + [True] * (times // 2)
    assert (change.first.answers, change.first.success, change.leaked, change.late) == ([200], 1, False, False)


@pytest.mark.parametrize("part", ["action", "connector"])
def test_what_was_seen_of_a_chain_that_is_gone_is_seen_anew(context, target, part):
    chain = chain_of(context, target, context.sink)
    before = switched(context, chain, part), updated(context, chain, part)
    target.rules.delete(chain.rule).expect(204)
    target.actions.delete(chain.action).expect(204)
    target.connectors.delete(chain.connector).expect(204)

    again = chain_of(context, target, context.sink)
    after = switched(context, again, part), updated(context, again, part)

    assert all(one is not other for one, other in zip(before, after, strict=True))


def test_an_update_keeps_the_secrets_of_the_chain(context, target):
    chain = chain_of(context, target, context.sink)
    change = updated(context, chain, "connector")

    assert set(secret_headers(context).values()).isdisjoint(change.sent["headers"].values())
    assert {name: change.first.delivery.headers[name.lower()] for name in secret_headers(context)} == secret_headers(
        context
    )


def test_the_witness_and_the_action_that_reaches_nobody_serve_all_items(context, target):
    first = witness(context, target, context.sink), reaching_nobody(target)
    writes(context)
    assert (witness(context, target, context.sink), reaching_nobody(target)) == first
    assert writes(context) == {}


# --- rules ------------------------------------------------------------------------------------------------------------


def test_changes_of_a_rule_go_on_where_they_ended(context, target):
    first = rule_changes(context, target, 1)
    assert writes(context) == {"POST /rules": 1, "PUT /rules/{id}": 1}

    assert rule_changes(context, target, 6) is first
    assert writes(context) == {"PUT /rules/{id}": 5}
    assert [change.sent for change in first.changes] == first.bodies
    assert all(
        later.before == earlier.read.json for earlier, later in zip(first.changes, first.changes[1:], strict=False)
    )

    target.borrow_rule()
    writes(context)
    assert rule_changes(context, target, 2) is first, "what was told needs no rule any more"
    assert writes(context) == {}


def test_changes_of_a_rule_that_somebody_borrowed_begin_anew(context, target):
    first = rule_changes(context, target, 1)
    target.borrow_rule(description="another's")

    second = rule_changes(context, target, 2)

    assert second is not first
    assert second.created["description"] == "kept"
    assert second.changes[0].before == second.created


def test_changes_of_a_rule_that_is_gone_begin_anew(context, target):
    first = rule_changes(context, target, 1)
    target.rules.delete(first.rule).expect(204)
    assert rule_changes(context, target, 1).rule != first.rule


def rows_of_values(target):
    """Changes as they show values: the last one enables the rule again."""
    topics = [target.sandbox.topic(hint) for hint in ("b", "a")]
    return [{"sql": statement(topics)}, {"enable": False}, {}, {"description": "all", "enable": True}]


def test_changes_that_show_values_are_not_made_again(context, target):
    rows = rows_of_values(target)
    changed_by_values(context, target, target.rules.create(), rows)
    writes(context)

    assert [change.sent for change in rule_changes(context, target, 4).changes] == rows
    assert writes(context) == {}

    story = rule_changes(context, target)
    assert writes(context) == {"PUT /rules/{id}": 2}
    assert story.last["enable"] is False, "what comes to a rule that is off tells whether it is"
    assert topics_of(story.last["sql"]) == story.last["from"]


def test_changes_of_which_one_was_refused_are_nobodys_story(context, target):
    rule = target.rules.create()
    answers = changed_by_values(context, target, rule, [{"sql": "no statement"}, *rows_of_values(target)])

    assert [answer.status for _, answer in answers] == [400, 200, 200, 200, 200]
    assert rule_changes(context, target, 1).rule != rule


def test_changes_that_show_values_end_with_their_rule_as_others_left_it(context, target):
    rule = target.rules.create()
    changed_by_values(context, target, rule, rows_of_values(target))
    target.rules.put(rule, {"description": "another's"}).expect(200)

    assert rule_changes(context, target, 4).rule == rule, "what was told needs no rule as it was"
    assert rule_changes(context, target).rule != rule


def test_the_rule_that_prints_counts_from_zero_and_is_as_it_was_created(context, target):
    rule, topic = target.printing()
    target.publish(topic)
    writes(context)
    assert target.printing() == (rule, topic)
    assert writes(context) == {}
    assert target.rules.metrics(rule)["matched"] == 0

    target.rules.put(rule, {"enable": False}).expect(200)
    assert target.printing()[0] != rule, "what somebody changed prints for nobody"


def test_of_the_listed_rules_only_those_are_made_that_are_needed(context, target):
    rule = listed_rules(context, target).rule(DISABLED)
    assert target.rules.read(rule)["enable"] is False
    assert writes(context) == {"POST /rules": 1}

    assert rule in listed_rules(context, target).ids
    assert writes(context) == {"POST /rules": FEW - 1}


# --- schemas ----------------------------------------------------------------------------------------------------------


def test_what_is_stored_of_a_schema_is_known_after_others_changed_it(context, target):
    name = schema_of("avro", context, target)
    writes(context)
    target.schemas.put(name, {"type": "avro", "source": CODECS["avro"].new}).expect(200)
    writes(context)

    stored = stored_schema("avro", context, target)
    assert writes(context) == {}
    assert stored.sent["name"] == name
    assert stored.read.json == stored.sent

    assert schema_of("avro", context, target) == name
    assert writes(context) == {"PUT /schema_registry/{name}": 1}, "who codes gets the first source again"


def test_a_schema_that_is_gone_or_spoiled_gets_another_name(context, target):
    first = schema_of("json", context, target)
    Schemas.of(context).spoiled.add(first)
    second = schema_of("json", context, target)
    assert second != first
    assert Schemas.of(context).names["json"] == second

    target.schemas.delete(second).expect(204)
    assert stored_schema("json", context, target).sent["name"] not in (first, second)


# --- connectors and what is kept --------------------------------------------------------------------------------------


def test_answers_about_a_connector_with_headers_serve_two_items(context, target):
    first, _ = of_http(context, target)
    writes(context)
    assert of_http(context, target)[0] is first
    assert writes(context) == {}

    for connector in target.connectors.ids():
        target.connectors.delete(connector)
    assert of_http(context, target)[0] is not first


@pytest.mark.parametrize("shown", [of_http_action, of_s3_action])
def test_what_was_answered_about_an_action_with_headers_is_asked_once(context, target, shown):
    first = shown(context, target)
    writes(context)

    assert shown(context, target) is first
    assert writes(context) == {}
    assert [answer.status for answer in first.varied] == [201, 200]


def test_a_connector_with_secrets_becomes_another_one(context, target):
    first = becoming(context, target, type="pgsql", password="file:///run/secrets/one")
    writes(context)

    assert becoming(context, target, type="pgsql", password="file:///run/secrets/other") == first
    assert writes(context) == {"PUT /connectors/{id}": 1}
    assert target.connectors.read(first)["password"] == "file:///run/secrets/other"

    target.connectors.delete(first).expect(204)
    assert becoming(context, target, type="pgsql") != first


def test_a_rule_to_delete_is_one_that_another_item_is_done_with(context, target):
    spare = target.rules.create()
    target.keep(target.rules, spare, TO_DELETE)
    writes(context)

    assert target.rule_to_delete(description="its last") == spare
    assert writes(context) == {"PUT /rules/{id}": 1}
    assert target.rules.read(spare)["description"] == "its last"

    target.rules.delete(spare).expect(204)
    writes(context)
    assert target.rule_to_delete(description="another") != spare
    assert writes(context) == {"POST /rules": 1}


def test_what_is_kept_is_deleted_one_by_one(context, target):
    kept = [target.rules.create() for _ in range(3)]
    for rule in kept:
        target.keep(target.rules, rule, TO_DELETE)
    context.tidy_up(keep=context.lasting_resources)
    target.rules.delete(kept[1]).expect(204)
    writes(context)

    deleted = []
    for _ in range(2):
        deleted.append(target.lasting(target.rules, TO_DELETE))
        target.rules.delete(deleted[-1]).expect(204)

    assert deleted == [kept[2], kept[0]]
    assert writes(context) == {"DELETE /rules/{id}": 2}
    assert target.lasting(target.rules, TO_DELETE) not in kept
