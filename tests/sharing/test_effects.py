"""What one write of the configuration shows is judged by all items of a worker that ask for it."""

from __future__ import annotations

import pytest

from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.contract.value_space import value_space
from conformance.contract.values import shown_classes
from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.driver import Driver
from conformance.fuzz.effects import Effects, effect_of, expect_effect
from conformance.fuzz.records import FUZZING, witness_of
from conformance.fuzz.space import Subject
from conformance.fuzz.values import bodies
from conformance.target.target import TO_DELETE
from tests.faults.requests import stale
from tests.faults.seeded import EMPTY, error_reply, swallow
from tests.sharing.writes import writes

SEEN = sorted(label for label in CONFIGURATION_WRITES if FUZZING[label].witness is not None)
DELETIONS = sorted(label for label in CONFIGURATION_WRITES if label.startswith("DELETE "))


def effect(context, target, label, **options):
    return effect_of(context, label, lambda: witness_of(label, target, context.sink), **options)


@pytest.mark.parametrize("label", SEEN)
def test_an_effect_is_seen_once(context, target, label):
    first = effect(context, target, label)
    assert first.shows
    assert (first.again is not None) == label.startswith("PUT ")
    writes(context)

    assert effect(context, target, label, again=True) is first
    expect_effect(context, label, witness_of("PUT /rules/{id}", target, context.sink), "GEN-35")
    assert not {one for one in writes(context) if one != "POST /rules"}, "what is known is not sent again"


def test_what_nobody_pays_for_is_sent_by_each(context, target):
    first, second = (effect(context, target, "POST /banned") for _ in range(2))
    assert first.answer is not second.answer
    assert first.shows
    assert second.shows
    assert first.again is None


@pytest.mark.parametrize(
    "fault",
    [
        swallow("PUT /rules/{id}", error_reply(400, "BAD_REQUEST")),
        stale("GET /rules/{id}", "PUT /rules/{id}"),
    ],
    ids=["refused", "late"],
)
def test_what_is_not_as_it_should_be_is_found_by_each(context, scene, target, fault):
    target.lasting(target.rules, "shared")
    scene.fault = fault
    assert not effect(context, target, "PUT /rules/{id}").shows
    scene.fault = None
    assert effect(context, target, "PUT /rules/{id}").shows


@pytest.mark.parametrize("label", DELETIONS)
def test_a_deletion_is_judged_by_the_answer_to_another(context, target, label):
    known = effect(context, target, label)
    driver = Driver(context, target, Subject(label), "an item")
    writes(context)

    assert driver.perform({}) is known.answer
    assert writes(context) == {}


def test_each_query_of_a_deletion_is_sent(context, target):
    known = effect(context, target, "DELETE /actions/{id}")
    driver = Driver(context, target, Subject("DELETE /actions/{id}"), "an item")
    answers = {cascade: driver.perform({"also_delete_dep_actions": cascade}) for cascade in ("true", "false")}

    assert [answer.status for answer in (known.answer, *answers.values())] == [204] * 3
    assert len({answer.sent.path for answer in (known.answer, *answers.values())}) == 3
    writes(context)
    another = Driver(context, target, Subject("DELETE /actions/{id}"), "another item")
    assert another.perform({"also_delete_dep_actions": "true"}) is answers["true"]
    assert writes(context) == {}


def test_what_was_refused_is_sent_again(context, scene, target):
    driver = Driver(context, target, Subject("DELETE /rules/{id}"), "an item")
    scene.fault = swallow("DELETE /rules/{id}", error_reply(400, "BAD_REQUEST"))
    assert driver.perform({}).status == 400
    scene.fault = None
    assert driver.perform({}).status == 204


def test_another_target_is_asked_anew(context, target):
    known = effect(context, target, "DELETE /rules/{id}")
    Effects.of(context).forget()
    assert effect(context, target, "DELETE /rules/{id}").answer is not known.answer
    assert Driver(context, target, Subject("DELETE /rules/{id}"), "an item").perform({}) is not known.answer


def test_a_deletion_takes_what_another_item_made(context, target):
    made = target.rules.create()
    target.keep(target.rules, made, TO_DELETE)
    driver = Driver(context, target, Subject("DELETE /rules/{id}"), "an item")
    assert driver.path == {"id": made}
    assert driver.perform({}).status == 204
    assert driver.path != {"id": made}, "the next deletion needs something else"


def test_a_deletion_that_must_be_refused_names_what_nobody_is_to_delete(context, target):
    driver = Driver(context, target, Subject("DELETE /actions/{id}"), "an item")
    named = driver.path_to_refuse()
    assert named is not None
    assert named not in (driver.path, {"id": driver.tale.story.id})
    assert target.actions.get(named["id"]).ok
    assert Driver(context, target, Subject("GET /actions/{id}"), "an item").path_to_refuse() is None


# --- what the first example makes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "kind"), [("POST /rules", "rules"), ("POST /schema_registry", "schemas")])
def test_the_first_example_makes_what_all_items_share(context, target, label, kind):
    collection = getattr(target, kind)
    driver = Driver(context, target, Subject(label), "an item")
    created = driver.answer_to_example()

    assert created is not None
    assert created.status == 201
    assert collection.identify(created.json) == target.lasting(collection, "shared")
    writes(context)
    assert Driver(context, target, Subject(label), "another item").answer_to_example() is created
    assert writes(context) == {}


@pytest.mark.parametrize("label", ["PUT /rules/{id}", "PUT /schema_registry/{name}"])
def test_the_first_example_of_an_update_shows_its_effect(context, target, label):
    known = effect(context, target, label)
    assert known.is_example
    writes(context)

    driver = Driver(context, target, Subject(label), "an item")
    assert driver.answer_to_example() is known.answer
    assert writes(context) == {}

    Effects.of(context).forget()
    changed = effect(context, target, label)
    assert changed.shows, "what is so already is changed otherwise"


def test_what_is_shared_already_is_created_by_no_example(context, target):
    target.lasting(target.rules, "shared")
    assert Driver(context, target, Subject("POST /rules"), "an item").answer_to_example() is None


def test_a_target_that_refuses_the_example_fails_nobody_else(context, scene, target):
    scene.fault = swallow(
        "POST /rules", error_reply(400, "BAD_REQUEST"), lambda request: b"High readings" in request.body
    )
    driver = Driver(context, target, Subject("POST /rules"), "an item")

    assert driver.answer_to_example() is None
    shared = Arrangement(context, target).path_parameters(context.contract.operation("GET /rules/{id}"))
    assert target.rules.get(shared["id"]).ok


@pytest.mark.parametrize("label", ["PUT /rules/{id}", "POST /publish", "POST /connectors", "POST /banned"])
def test_other_operations_share_no_example(context, target, label):
    writes(context)
    assert Driver(context, target, Subject(label), "an item").answer_to_example() is None
    assert writes(context) == {}


def test_a_creation_that_did_nothing_is_not_remembered(context, scene, target):
    scene.fault = swallow("POST /rules", EMPTY)
    assert not effect(context, target, "POST /rules").shows
    scene.fault = None
    assert "POST /rules" not in Effects.of(context).known


# --- values of a rule -------------------------------------------------------------------------------------------------


def test_a_rule_is_changed_by_each_body_once_and_by_the_fullest_at_last(context, target):
    driver = Driver(context, target, Subject("PUT /rules/{id}"), "an item")
    space = value_space(context.contract)
    sent = list(bodies(driver, space, [1]))
    every = {str(one) for body in sent for one in shown_classes(context.contract, driver.schema, body)}

    assert max(sent, key=len) is sent[-1]
    assert sent[-1]["enable"] is True, "after it was false"
    assert sum(body.get("enable") is False for body in sent) == 1
    assert len(sent) == len(sent[-1]) + 2, "each field alone, none, all"
    missing = space.classes["PUT /rules/{id}"] - every
    assert all("(function)" in one or "as function" in one for one in missing - {"{id}"}), missing
