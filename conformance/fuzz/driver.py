"""What the fuzz items share, beyond sending: drawing, and deciding what came of it, accepted or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.checks.refusals import expect_refused
from conformance.checks.sightings import concerned, parameters_of
from conformance.checks.values import AFTER_VALUES, was_taken
from conformance.contract import kinds
from conformance.contract.generation import MISSING, Generated, GenerationError, Part, draw, draw_with_each
from conformance.contract.generation import Mode as Validity
from conformance.contract.kept_draws import KeptDraws
from conformance.contract.kinds import CONFIGURATION_WRITES
from conformance.contract.later import completed
from conformance.contract.leniency import Leniency
from conformance.fuzz.boundaries import UNKNOWN_FIELD, without_fields
from conformance.fuzz.repair import Repair, names_of, renamed
from conformance.fuzz.sender import Sender
from conformance.fuzz.space import Subject
from conformance.result import Failure
from conformance.target.guard.bodies import numeric_secrets
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.mode import Mode
from conformance.target.guard.readings import lenient_readings
from conformance.target.http.answer import Answer
from conformance.target.http.session import encode, expand
from conformance.target.resources.collection import ArrangeFailed
from conformance.target.settings.config import RANDOM_SEED
from conformance.target.target import TO_DELETE, Target
from conformance.worker.context import Context

_VALUES_FIRST = AFTER_VALUES.keys() & CONFIGURATION_WRITES


class Driver(Sender):
    """A fuzz item that decides what came of what it sent: accepted or refused, and as it had to be."""

    def __init__(self, context: Context, target: Target, subject: Subject, node_id: str) -> None:
        super().__init__(context, target, subject, node_id)
        self._recorder: Recorder = context.recorder
        self._repair = Repair(context)
        self._taken: dict[str, str] = {}
        self._former: dict[str, str] = {}

    def draw(self, mode: Validity, part: Part, count: int) -> list[Generated]:
        """``count`` draws with each seed, fewer if there are no more; of later seeds what no earlier one drew."""

        def drawn_with(seed: int) -> list[Generated]:
            label, resource_type = self.subject.label, self.subject.resource_type
            asked: dict[str, Any] = {"mode": mode, "part": part, "count": count, "resource_type": resource_type}
            if seed == self.seed:
                return kept_draws(self._context).draw(label, seed_value=seed, **asked)
            return draw(self.contract, label, seed_value=seed, **asked)  # nobody will ask for it again

        try:
            return draw_with_each(self.seeds, drawn_with)
        except GenerationError as error:
            pytest.skip(str(error))

    def certainly_invalid(self, body: Any) -> bool:
        """Whether no reading of a body, given as value or as bytes, is valid."""
        readings = lenient_readings(body) or [MISSING] * (not body.strip()) if isinstance(body, bytes) else [body]
        if self._newer:
            readings = [completed(reading, self.subject.resource_type) for reading in readings]
        return all(
            leniency(self._context).certainly_invalid(
                self.subject.label,
                {} if reading is MISSING else without_fields(reading, self.record.ignored),
                self.subject.resource_type,
            )
            for reading in readings
        )

    def unstored(self, body: Any) -> tuple[Mapping[str, str], Any] | None:
        """Path and body with which a valid body is looked at and stored nowhere; None if that cannot be.

        What is created exists by then, and what is replaced does not: a target that looks at the values first says so
        (`was_taken`), and writes nothing, which would take a real server 0.2 s.
        """
        try:
            can = self.subject.label in _VALUES_FIRST and self._looks_at_values_first
            return self._unstored(body) if can else None
        except ArrangeFailed:
            return None

    def _unstored(self, body: Any) -> tuple[Mapping[str, str], Any]:
        if self.operation.method == "PUT":
            return self.unknown_path(), body
        typed = self.operation.body_chosen_by_type
        known = self.tale.story.id if typed else self._target.lasting(self._target.schemas, "shared")
        return {}, {**body, "name": known.rpartition(":")[2]}

    def offer(self, body: Any) -> Answer | None:
        """Send a valid body where it is not stored; None if that cannot be."""
        where = self.unstored(body)
        return None if where is None else self.send(path=where[0], body=where[1])

    def expect_taken(self, body: Any, what: str = "", requirement: str = "GEN-28") -> None:
        """A valid body is taken where it is not stored, or else accepted; a new rule is left to who deletes one."""
        offered = self.offer(body)
        answer = offered or self.send(query=self.fixed_query(), body=body)
        self.expect_accepted(answer, what, requirement, unstored=offered is not None)
        if answer.status == kinds.RULE.created and self.subject.label == f"POST {kinds.RULE.path}" and answer.is_json:
            self._target.keep(self._target.rules, str(answer.json.get("id")), TO_DELETE)

    @property
    def _looks_at_values_first(self) -> bool:
        """Whether the target refuses an invalid body for itself, whatever is wrong with its resource: tried once."""

        def tried() -> bool:
            path, body = self._unstored({**self.valid_body(), UNKNOWN_FIELD: 1})
            answer = self.send(path=path, body=body)
            return 400 <= answer.status < 500 and not was_taken(answer)

        looks: bool = self._context.once(f"{self.subject.label} looks at values first", tried)
        return looks

    def try_invalid(
        self, body: Any, what: str, requirement: str = "GEN-29", *, query: Mapping[str, str] | None = None
    ) -> None:
        """Send a body with the fault ``what``, which must be refused, unless the guard refuses it in every mode.

        A random body may name somebody else's resource. What needs a mode that allows more is withheld and told. What
        a defective target cannot undo comes when all items are done, for it may spoil the target for them; an embedded
        deployment has no such defects.
        """
        body = renamed(body, self._taken | {old: self.path[name] for old, name in self._former.items()})
        content = _content(body)
        mode = self._least_mode(self.path, content)
        if mode is None:
            return
        if mode > self._context.configuration.mode:
            self._recorder.withheld[mode] += 1
        elif self._spoils(mode):
            self._recorder.postpone(requirement, what, self.operation.label, content, path=self.path, query=query)
        else:
            self._repair.watch(self.operation.label)
            self.expect_refused(self.send(query=query, body=body), what, requirement)

    def is_safe(self, path: Mapping[str, str], body: Any) -> bool:
        """Whether a body may go to what ``path`` names, and spoils nothing for other items."""
        mode = self._least_mode(path, _content(body))
        return mode is not None and mode <= self._context.configuration.mode and not self._spoils(mode)

    def _spoils(self, mode: Mode) -> bool:
        return mode is Mode.DISPOSABLE and not self._context.configuration.embedded

    def _least_mode(self, path: Mapping[str, str], content: bytes) -> Mode | None:
        """The least mode in which a body may be sent to what ``path`` names, None if it may be in none."""
        if self.operation.body_chosen_by_type and any(map(_has_numeric_secret, lenient_readings(content))):
            return None  # it can make lists unreadable for all workers meanwhile: CON-16 tries it while nobody reads
        raw_path = expand(self.operation.path, path)
        request = Outgoing(self.operation.method, raw_path, content, "application/json")
        return self._context.guard.least_mode(request)

    def expect_accepted(
        self, answer: Answer, what: str = "", requirement: str = "GEN-28", *, unstored: bool = False
    ) -> None:
        """A valid request got a 2xx, or says with a documented code why it is impossible right now.

        ``unstored``: it was sent where that is what is wrong with it (`unstored`).
        """
        if answer.status >= 500:
            return  # decided by GEN-15
        accepted = answer.ok or (answer.status, answer.code or "") in self.record.also_accepted
        accepted = accepted or (unstored and was_taken(answer))
        reason = f" ({self._recorder.hide(_message(answer))[:200]})" if answer.status >= 400 else ""
        self._recorder.expect(
            accepted,
            requirement,
            "accepts_valid",
            f"a valid request{f' ({what})' if what else ''} was refused: {answer.status} {answer.code or ''}{reason}",
            answer,
        )

    def expect_refused(self, answer: Answer, what: str, requirement: str = "GEN-29") -> None:
        """An invalid request got a 4xx that is no 404: the body was looked at. What it did otherwise is undone."""
        failure = expect_refused(self._recorder, answer, what, requirement)
        if answer.status < 400 or answer.status == 404:
            self.accepted(answer, failure)

    def accepted(self, answer: Answer, cause: Failure | None) -> None:
        """Undo what an invalid request did if the target accepted it; ``cause`` is the failure that tells of it."""
        label = self.operation.label
        path = parameters_of(label, answer.sent)
        if self._repair.accepted(answer, cause, self.subject.resource_type, lambda: self.valid_body(path)):
            self._forget_path()
            self._former |= {value: name for name, value in path.items()}
            for name in names_of(concerned(label, answer.sent)):
                self._taken[name] = self.sandbox.name("fuzz") if self.sandbox.owns_name(name) else self.sandbox.topic()


def leniency(context: Context) -> Leniency:
    """The lenient validators of a worker, compiled once."""
    validators: Leniency = context.once("leniency", lambda: Leniency(context.contract))
    return validators


def kept_draws(context: Context) -> KeptDraws:
    """The draws of a worker; those of a seed that no other run has are not kept."""

    def make() -> KeptDraws:
        return KeptDraws(context.contract, context.plan.seed, keeps=context.configuration.seed != RANDOM_SEED)

    draws: KeptDraws = context.once("draws", make)
    return draws


def _content(body: Any) -> bytes:
    return body if isinstance(body, bytes) else encode(body)


def _has_numeric_secret(body: Any) -> bool:
    return any(numeric_secrets(body))


def _message(answer: Answer) -> str:
    body = answer.json if answer.is_json else None
    return str(body.get("message", "")) if isinstance(body, dict) else ""
