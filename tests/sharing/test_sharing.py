"""What items of a worker share is as each of them needs it, whatever the one before left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conformance.fuzz.witness import creation, deletion
from conformance.scenarios.chain import Chain, chain_of
from conformance.target.target import Target
from tests.checks.test_history import Story, sent
from tests.faults.seeded import EMPTY, edit, swallow
from tests.sharing.writes import writes

# --- a rule that is borrowed ------------------------------------------------------------------------------------------


def test_a_borrowed_rule_is_as_it_would_have_been_created(context, target):
    first = target.borrow_rule(description="first", enable=False, actions=[])
    topic = target.sandbox.topic("from")
    writes(context)
    second = target.borrow_rule(sql=f'SELECT * FROM "{topic}"')

    assert first == second
    assert writes(context) == {"PUT /rules/{id}": 1}
    fresh = target.rules.read(target.rules.create(sql=f'SELECT * FROM "{topic}"'))
    of_its_own = ("id", "name", "created_at", "last_modified_at")
    borrowed = {name: value for name, value in target.rules.read(second).items() if name not in of_its_own}
    assert borrowed == {name: value for name, value in fresh.items() if name not in of_its_own}


def rules_alike(target: Target) -> list[dict[str, Any]]:
    """Fields of rules, each of which reads otherwise than it is sent, or like another one but for one of them."""
    topic, out = target.sandbox.topic("from"), target.sandbox.topic("out")
    args = {"topic": out, "payload": "${.}"}
    republish = {"function": "republish", "args": args}
    plain: dict[str, Any] = {"sql": f'SELECT * FROM "{topic}"', "actions": [republish, {"function": "console"}]}
    return [
        plain,
        {**plain, "enable": False},
        {**plain, "description": "told"},
        {**plain, "sql": f'SELECT payload FROM "{topic}"'},
        {**plain, "actions": [republish]},
        {**plain, "actions": [{"function": "republish", "args": {**args, "qos": 1}}]},
        {"sql": plain["sql"]},
    ]


def test_a_borrowed_rule_that_is_so_already_is_not_written(context, target):
    for fields in rules_alike(target):
        rule = target.borrow_rule(**fields)
        target.publish(target.rules.read(rule)["from"][0])
        written = writes(context)

        assert sum(written.values()) == 1, f"after another rule {fields} took {written}"
        assert target.borrow_rule(**fields) == rule
        assert writes(context) == {}
        assert target.rules.metrics(rule)["matched"] == 0


def test_a_borrowed_rule_of_which_no_statement_is_asked_gets_a_fresh_one(context, target):
    rule = target.borrow_rule()
    before = target.rules.read(rule)["from"]
    writes(context)

    assert target.borrow_rule() == rule
    assert writes(context) == {"PUT /rules/{id}": 1}
    assert target.rules.read(rule)["from"] != before


def test_a_borrowed_rule_that_somebody_changed_is_written_again(context, target):
    sql = f'SELECT * FROM "{target.sandbox.topic("from")}"'
    rule = target.borrow_rule(sql=sql)
    target.rules.put(rule, {"enable": False}).expect(200)
    writes(context)

    assert target.borrow_rule(sql=sql) == rule
    assert writes(context) == {"PUT /rules/{id}": 1}
    assert target.rules.read(rule)["enable"] is True


def test_a_borrowed_rule_counts_from_zero(target, scene):
    topic = target.sandbox.topic("from")
    rule = target.borrow_rule(sql=f'SELECT * FROM "{topic}"')
    target.publish(topic)
    assert target.rules.counted(rule, {"matched": 1})["matched"] == 1
    assert target.rules.metrics(target.borrow_rule())["matched"] == 0

    target.api.timing = replace(target.api.timing, eventually=0.0)
    goes_on = edit(lambda body: body["metrics"].update(matched=7))
    scene.fault = lambda request, forward: (
        goes_on(forward()) if request.path.endswith(f"/{rule}/metrics") else forward()
    )
    assert target.borrow_rule() != rule, "a rule that goes on counting serves nobody"


def test_a_borrowed_rule_that_does_not_serve_does_nothing_beside_the_next(target, scene):
    source, out = (target.sandbox.topic(hint) for hint in ("from", "out"))
    fields = {**target.rules.republishing(source, out), "enable": True}
    rule = target.borrow_rule(**fields)
    target.api.timing = replace(target.api.timing, eventually=0.0)
    goes_on = edit(lambda body: body["metrics"].update(matched=7))
    scene.fault = lambda request, forward: (
        goes_on(forward()) if request.path.endswith(f"/{rule}/metrics") else forward()
    )
    assert target.borrow_rule(**fields) != rule
    scene.fault = None

    listener = target.listen(out)
    target.publish(source, "once")
    assert [message.payload for message in listener.wait_for_messages(2, 0.5)] == [b"once"]


def test_a_borrowed_rule_that_is_gone_is_created(context, target):
    rule = target.borrow_rule()
    target.rules.delete(rule).expect(204)
    writes(context)

    assert target.borrow_rule() != rule
    assert writes(context) == {"POST /rules": 1}


# --- the chain --------------------------------------------------------------------------------------------------------


def delivers(chain: Chain) -> bool:
    chain.publish(42)
    return chain.arrival(42) is not None and chain.witnessed(42)


def disable_action(target: Target, chain: Chain) -> None:
    target.actions.enable(chain.action, False).expect(204)


def disable_connector(target: Target, chain: Chain) -> None:
    target.connectors.enable(chain.connector, False).expect(204)


def delete_action(target: Target, chain: Chain) -> None:
    target.actions.delete(chain.action, also_delete_dep_actions=True).expect(204)


def delete_rule(target: Target, chain: Chain) -> None:
    target.rules.delete(chain.rule).expect(204)


def delete_all(target: Target, chain: Chain) -> None:
    delete_rule(target, chain)
    target.actions.delete(chain.action).expect(204)
    target.connectors.delete(chain.connector).expect(204)


def disable_rule(target: Target, chain: Chain) -> None:
    target.rules.put(chain.rule, {"enable": False, "sql": 'SELECT * FROM "' + target.sandbox.topic() + '"'}).expect(200)


def add_an_action(target: Target, chain: Chain) -> None:
    target.actions.posting(chain.connector, "/elsewhere", enable=False)


@pytest.mark.parametrize(
    "spoil",
    [disable_action, disable_connector, delete_action, delete_rule, delete_all, disable_rule, add_an_action],
)
def test_the_next_item_gets_a_chain_that_works(context, target, spoil):
    first = chain_of(context, target, context.sink)
    assert delivers(first)
    spoil(target, first)

    second = chain_of(context, target, context.sink, counts=True)

    assert target.actions.metrics(second.action)["matched"] == target.rules.metrics(second.rule)["matched"] == 0
    assert target.connectors.read(second.connector)["actions"] == [second.action.partition(":")[2]]
    assert delivers(second)


def test_a_chain_that_works_costs_nothing(context, target):
    first = chain_of(context, target, context.sink)
    assert delivers(first)
    writes(context)

    second = chain_of(context, target, context.sink, counts=True)

    assert writes(context) == {}
    assert (second.connector, second.action, second.rule) == (first.connector, first.action, first.rule)
    assert not second.arrived(42), "what one item sent is not what the next one did"


def test_a_rule_that_counts_late_serves_on(context, target, scene):
    """A rule's counters may lag behind a reset: seen on a real 5.8.9."""
    first = chain_of(context, target, context.sink)
    late = iter([edit(lambda body: body["metrics"].update({"actions.failed": 1}))])
    scene.fault = lambda request, forward: (
        next(late, lambda reply: reply)(forward())
        if request.path.endswith(f"/{first.rule}/metrics") and request.method == "GET"
        else forward()
    )
    writes(context)

    second = chain_of(context, target, context.sink, counts=True)

    assert writes(context) == {}
    assert (second.rule, second.action) == (first.rule, first.action)


def test_a_rule_that_goes_on_counting_does_not_stand_beside_the_next(context, target, scene):
    first = chain_of(context, target, context.sink)
    target.api.timing = replace(target.api.timing, eventually=0.1)
    goes_on = edit(lambda body: body["metrics"].update(matched=7))
    scene.fault = lambda request, forward: (
        goes_on(forward()) if request.path.endswith(f"/{first.rule}/metrics") else forward()
    )

    second = chain_of(context, target, context.sink, counts=True)

    assert second.rule != first.rule
    assert target.rules.get(first.rule).status == 404
    assert delivers(second)
    assert target.actions.counted(second.action, {"matched": 1})["matched"] == 1


# --- what one item made and the next one deletes ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rules", "schemas", "connectors", "actions"])
def test_a_deletion_gets_what_a_creation_left(context, target, kind):
    collection = getattr(target, kind)
    made = creation(target, collection, {})
    made.send(target.api, f"POST {collection.path}").expect(201)
    made.undo()
    context.tidy_up(keep=context.lasting_resources)
    writes(context)

    deleted = deletion(target, collection, {})

    assert writes(context) == {}
    deleted.send(target.api, f"DELETE {collection.item}").expect(204)
    assert deleted.path == collection.path_of(collection.identify(made.body))


def test_what_was_not_created_is_not_kept(context, target, scene):
    scene.fault = swallow("POST /rules", EMPTY)
    made = creation(target, target.rules, {})
    made.send(target.api, "POST /rules")
    made.undo()
    scene.fault = None

    deleted = deletion(target, target.rules, {})

    assert target.rules.get(deleted.path["id"]).ok


def test_lines_of_later_items_begin_with_what_is_kept():
    story = Story()
    connector = story.connector("cft-kept")
    story.history.outlast()
    story.history.begin()
    assert story.history.before(sent("DELETE", "/connectors/http%3Acft-kept")) == [connector]
