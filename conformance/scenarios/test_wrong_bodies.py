"""Bodies and filters that look harmless, and that a lenient server takes for something else (GEN)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conformance.contract import load_contract, paths
from conformance.requirements import requirement
from conformance.scenarios.listed import DISABLED, listed_rules
from conformance.target.http.answer import Answer, Deviation
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = pytest.mark.scenario


@requirement("GEN-24", f"PUT {paths.RULES_OF_USER}", f"PUT {paths.RULES_OF_CLIENT}", level="SHOULD")
@pytest.mark.needs("authorization")
@pytest.mark.state("authorization")
def test_error_repeats_no_credentials(target: Target) -> None:
    """The body of an error never contains the credentials of the request."""
    for collection in (target.user_rules, target.client_rules):
        identifier, other = collection.create(), target.sandbox.name("other")
        refused = collection.put(identifier, {collection.parameter: other, "rules": []})
        text = refused.content.decode("utf-8", "replace")
        assert not refused.ok, f"rules of {other} were accepted under the path of {identifier}"
        assert target.api.redact(text) == text, f"the body of {refused.status} repeats a secret of the request"


# Values of a wrong type: who sends them, and the status that says they were taken.
WRONG_TYPES: Mapping[str, Callable[[Target], tuple[Mapping[str, str], Any]]] = {
    f"PUT {paths.RULES_OF_USER}": lambda target: (
        {"username": (name := target.user_rules.create())},
        {"username": name, "rules": [{"topic": 5, "permission": "allow", "action": "all"}]},
    ),
    f"POST {paths.USERS}": lambda target: (
        {},
        {"user_id": target.sandbox.name("user"), "password": PASSWORD, "is_superuser": "false"},
    ),
    "POST /publish": lambda target: ({}, {"topic": target.sandbox.topic("number"), "payload": 5}),
}


@requirement("GEN-25", *WRONG_TYPES, level="SHOULD", sentence="A value of another type is refused with 400.")
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization")
@pytest.mark.parametrize("label", WRONG_TYPES)
def test_value_of_another_type_is_refused(label: str, target: Target) -> None:
    """A number in place of a text, or a text in place of a boolean, is refused with 400."""
    path, body = WRONG_TYPES[label](target)
    target.api.call(label, path=path, json=body).expect(400)


ARRAYS = (
    "POST /clients/kickout/bulk",
    "POST /clients/{clientid}/subscribe/bulk",
    "POST /clients/{clientid}/unsubscribe/bulk",
    "POST /publish/bulk",
    f"POST {paths.USER_RULES}",
    f"POST {paths.CLIENT_RULES}",
)


@requirement("GEN-26", *ARRAYS, level="SHOULD")
@pytest.mark.needs("mqtt", "authorization")
@pytest.mark.parametrize("label", ARRAYS)
def test_no_array_is_refused(label: str, target: Target) -> None:
    """`null` or `{}` in place of an array is refused with 400."""
    path = {"clientid": target.connect().client_id} if "{clientid}" in label else {}
    answers = {text: target.api.call(label, path=path, json=body) for text, body in (("null", None), ("{}", {}))}
    wrong = {text: answer for text, answer in answers.items() if answer.status != 400}
    if wrong:
        raise Deviation(f"in place of an array, answered were {statuses(wrong)}, expected 400", first(wrong))


FUZZY = {
    label: [parameter.name for parameter in operation.parameters_in("query") if parameter.name.startswith("like_")]
    for label, operation in load_contract().operations.items()
}
FUZZY = {label: names for label, names in FUZZY.items() if names}


@requirement("GEN-39", *FUZZY, level="SHOULD")
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization", "bans")
@pytest.mark.parametrize("label", FUZZY)
def test_empty_filter(label: str, context: Context, target: Target) -> None:
    """A filter by a part of a text that is empty filters nothing or is refused: 200 or 400."""
    for collection in (target.users, target.user_rules, target.client_rules, target.bans):
        if label == f"GET {collection.path}":
            collection.create()  # a list of nothing compares nothing
    if label == "GET /rules":
        listed_rules(context, target).rule(DISABLED)
    if label == "GET /clients" and target.capabilities.no_mqtt is None:
        target.connect()
    answers = {name: target.api.call(label, query={name: ""}) for name in FUZZY[label]}
    wrong = {name: answer for name, answer in answers.items() if answer.status not in (200, 400)}
    if wrong:
        raise Deviation(f"empty filters were answered {statuses(wrong)}, expected 200 or 400", first(wrong))


def statuses(answers: Mapping[str, Answer]) -> dict[str, int]:
    return {name: answer.status for name, answer in answers.items()}


def first(answers: Mapping[str, Answer]) -> Answer:
    return next(iter(answers.values()))
