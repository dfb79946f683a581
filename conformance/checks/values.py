"""Which value classes of the contract a run reached: each request that was taken shows some."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from conformance.checks.recorder import Recorder
from conformance.checks.sightings import parameters_of
from conformance.contract import Contract, Operation
from conformance.contract.value_space import value_space
from conformance.target.http.answer import Answer
from conformance.target.http.json_body import decode_json

AFTER_VALUES: Mapping[str, tuple[int, str]] = {
    "POST /connectors": (400, "ALREADY_EXISTS"),
    "POST /actions": (400, "ALREADY_EXISTS"),
    "POST /schema_registry": (400, "ALREADY_EXISTS"),
    "PUT /connectors/{id}": (404, "NOT_FOUND"),
    "PUT /actions/{id}": (404, "NOT_FOUND"),
    "PUT /schema_registry/{name}": (404, "NOT_FOUND"),
    "POST /connectors_probe": (400, "TEST_FAILED"),
    "POST /actions_probe": (400, "TEST_FAILED"),
    "POST /rules/{id}/test": (412, "NOT_MATCH"),
}
"""What a body is answered with when all that is wrong is that its resource exists, or does not, or cannot be had: a
server looks at the values of a body first (behaviour 0.1, steps 5 and 6), so that this costs no write of its
configuration."""


def was_taken(answer: Answer) -> bool:
    """Whether an answer says that the values of its request were valid."""
    return answer.ok or (answer.status, answer.code) == AFTER_VALUES.get(answer.operation or "")


class ValueWatch:
    """Observes a session; one instance per worker, which tells of each class once."""

    def __init__(self, contract: Contract, recorder: Recorder) -> None:
        self._contract = contract
        self._space = value_space(contract)
        self._recorder = recorder
        self._missing: dict[str, set[str]] | None = None

    def __call__(self, answer: Answer) -> None:
        if answer.operation is None or not was_taken(answer):
            return
        if self._missing is None:
            self._missing = {subject: set(classes) for subject, classes in self._space.classes.items()}
        operation = self._contract.operation(answer.operation)
        body, problem = decode_json(answer.sent.body) if answer.sent.body else (None, None)
        resource_type = _type_of(operation, answer, body)
        if problem is not None or (operation.body_chosen_by_type and resource_type not in self._space.types(operation)):
            return
        subjects = {answer.operation, f"{answer.operation}-{resource_type}"}
        if not any(self._missing.get(subject) for subject in subjects):
            return
        query = parse_qs(answer.sent.path.partition("?")[2], keep_blank_values=True)
        path = parameters_of(answer.operation, answer.sent)
        for subject, one in self._space.shown(operation, resource_type, path, query, body):
            if one in self._missing.get(subject, ()):
                self._missing[subject].discard(one)
                self._recorder.reached(subject, one)


def _type_of(operation: Operation, answer: Answer, body: object) -> str | None:
    """The connector or action type that decides the body of a request."""
    if not operation.body_chosen_by_type:
        return None
    if operation.method == "PUT":
        return parameters_of(operation.label, answer.sent)["id"].partition(":")[0]
    stated = body.get("type") if isinstance(body, dict) else None
    return stated if isinstance(stated, str) else None
