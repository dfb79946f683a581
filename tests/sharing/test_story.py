"""One life of each type, which the items of a worker share."""

from __future__ import annotations

import pytest

from conformance.contract.value_space import value_space
from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.driver import Driver
from conformance.fuzz.sendings import replaced
from conformance.fuzz.space import Subject
from conformance.fuzz.storable import storable
from conformance.fuzz.values import bodies
from conformance.target.resources.typed import REDACTED, configured
from tests.faults.proxy import Reply, Request
from tests.faults.seeded import error_reply
from tests.sharing.writes import writes


def test_a_type_is_created_once_for_all_items(context, target):
    first, second = (Arrangement(context, context.target()).story(target.actions, "redis") for _ in range(2))

    assert first is second
    assert target.connectors.read(Arrangement(context, target).connector("redis"))["enable"] is False
    assert writes(context) == {"POST /connectors": 1, "POST /actions": 1}
    assert first.created.answer.json["name"] == first.id.partition(":")[2]


def test_a_connector_ends_after_the_action_that_uses_it(context, target):
    arrangement = Arrangement(context, target)
    action, connector = (arrangement.story(of, "redis").id for of in (target.actions, target.connectors))

    arrangement.end(target.connectors, "redis")

    assert target.actions.get(action).status == 404
    assert target.connectors.delete(connector).status == 204
    assert arrangement.told(target.connectors, "redis") is None
    assert arrangement.story(target.connectors, "redis").id != connector


def test_a_story_begins_anew_when_somebody_deleted_what_it_is_about(context, target):
    arrangement = Arrangement(context, target)
    before = arrangement.story(target.connectors, "redis").id
    target.connectors.delete(before).expect(204)

    assert arrangement.told(target.connectors, "redis") is None
    assert arrangement.story(target.connectors, "redis").id != before


@pytest.mark.parametrize("label", ["POST /connectors", "PUT /connectors/{id}"])
def test_what_is_offered_is_stored_nowhere(context, target, label):
    driver = Driver(context, target, Subject(label, "redis"), "an item")
    body = driver.valid_body()
    writes(context)

    answer = driver.offer(body)

    assert answer is not None
    assert answer.code == ("ALREADY_EXISTS" if label.startswith("POST") else "NOT_FOUND")
    assert set(writes(context)) <= {"POST /connectors"}, "what exists has to be created before"
    assert driver.offer(body) is not None
    assert writes(context) == {}


def test_nothing_is_offered_to_a_target_that_looks_at_values_last(context, scene, target):
    def taken_first(request: Request, forward) -> Reply:
        return error_reply(400, "ALREADY_EXISTS") if request.is_for("POST /connectors") and known else forward()

    driver = Driver(context, target, Subject("POST /connectors", "redis"), "an item")
    known = driver.tale.story
    scene.fault = taken_first

    assert driver.offer(driver.valid_body()) is None
    scene.fault = None


def without_secrets(body):
    """A body of an MQTT connector, whose secrets become others that are told apart, or ******."""
    inner = {"ssl": {name: value for name, value in body["ssl"].items() if name != "password"}} if "ssl" in body else {}
    return {**{name: value for name, value in body.items() if name != "password"}, **inner}


def test_a_few_writes_store_all_values_of_a_type(context, scene, target):
    space = value_space(context.contract)
    driver = Driver(context, target, Subject("PUT /connectors/{id}", "mqtt"), "an item")
    rows = list(bodies(driver, space, [1]))
    rows[0]["enable"] = False

    def all_taken() -> bool:
        return all(answer.ok for _, answer, kept in replaced(driver, rows, space, [1]) if kept)

    assert all_taken()
    few = writes(context)["PUT /connectors/{id}"]
    assert driver.tale.story.put_back is not None
    assert driver.tale.story.put_back.varied
    read = configured(driver.tale.story.put_back.read.json)
    plain = [without_secrets(storable(row)) for row in rows]

    def takes_rows(request: Request, forward) -> Reply:
        """A body that is put back as it was read, the one with every field, and rows as they are."""
        if not request.is_for("PUT /connectors/{id}"):
            return forward()
        changes = [name for name, value in request.json.items() if value != rows[0].get(name, read[name])]
        known = without_secrets(request.json) in plain or not set(changes) - {"password", "ssl"}
        return forward() if known else error_reply(400, "BAD_REQUEST")

    scene.fault = takes_rows
    assert all_taken(), "what is not taken with others is stored without them"
    assert writes(context)["PUT /connectors/{id}"] > few
    assert not driver.tale.story.put_back.varied


def test_an_update_is_one_of_what_is_read(context, target):
    driver, created, updated = updated_once(context, target, "mysql")

    assert updated.answer.ok
    assert updated is driver.tale.story.put_back
    assert created.sent["password"] == context.secret
    assert updated.sent["password"] == REDACTED
    assert updated.sent["pool_size"] != created.sent["pool_size"], "what no row changes is varied"
    assert driver.tale.story.switched is not None
    assert writes(context)["PUT /connectors/{id}"] == 1


def test_secrets_that_are_read_are_kept_by_what_stores_values(context, target):
    driver, _, _ = updated_once(context, target, "kafka_producer")
    passwords = [chapter.sent.get("authentication") for chapter in driver.tale.story.stored]
    sent = [one["password"] for one in passwords if isinstance(one, dict) and "password" in one]

    assert sent[0] == context.secret
    assert REDACTED in sent
    assert all(chapter.answer.ok for chapter in driver.tale.story.stored)


def updated_once(context, target, resource_type):
    """The driver of an item about the values of updates, which it stored, with the creation and the last update."""
    space = value_space(context.contract)
    driver = Driver(context, target, Subject("PUT /connectors/{id}", resource_type), "an item")
    rows = list(bodies(driver, space, [1]))
    rows[0]["enable"] = False
    for _ in replaced(driver, rows, space, [1]):
        pass
    return driver, driver.tale.story.created, driver.tale.story.changed


def test_a_story_begins_with_the_example_where_more_is_not_taken(context, scene, target):
    def takes_the_example(request: Request, forward) -> Reply:
        more = request.is_for("POST /connectors") and "tags" in request.json
        return error_reply(400, "BAD_REQUEST") if more else forward()

    scene.fault = takes_the_example
    story = Arrangement(context, target).story(target.connectors, "redis")

    example = next(iter(context.contract.body_examples("POST /connectors", "redis").values()))
    assert story.created.sent.keys() - {"enable"} == example.keys() - {"enable"}
    assert story.created.answer.status == 201
    scene.fault = None
