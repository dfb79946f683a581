"""The base of all models, and how one is run: bounded, seeded, cleaned up, and shrunk to a program one can paste."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings, stateful
from hypothesis.errors import Flaky

from conformance.contract.drawing import seeded_only
from conformance.target.errors import TargetLost
from conformance.target.http.answer import Answer, Deviation
from conformance.target.http.session import NoAnswer
from conformance.target.mqtt import MqttError
from conformance.target.resources.collection import ArrangeFailed
from conformance.target.target import Target
from conformance.worker.context import Context


@dataclass(frozen=True, slots=True)
class Effort:
    """How many programs a model tries, and the most steps of one.

    ``writes``: the most configuration writes of one, with those that delete what it made.
    """

    programs: int
    steps: int
    writes: int = 0


EFFORT = {
    "smoke": Effort(programs=1, steps=10),
    "standard": Effort(programs=8, steps=20),
    "deep": Effort(programs=60, steps=40),
    "acceptance": Effort(programs=8, steps=20),  # with each of its four seeds
}


class _Ended(BaseException):
    """Carries what ends a run through hypothesis, which must not try to shrink it."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class ModelViolation(AssertionError):
    """The target and its model disagree; ``program`` are the lines that show it, the fewest found.

    ``answer``: what was answered in place of what the model expects, if it is an answer that shows the disagreement.
    """

    def __init__(self, message: str, program: Sequence[str], answer: Answer | None) -> None:
        super().__init__(message)
        self.program = program
        self.answer = answer


@dataclass(slots=True)
class Exploration:
    """The programs of one model: what they showed so far, and when to stop looking for a shorter one."""

    context: Context
    violations: list[ModelViolation] = field(default_factory=list)
    _shrink_until: float = float("inf")

    def violated(self, error: AssertionError, program: Sequence[str]) -> None:
        """A program showed a disagreement; the first of them starts the time for finding shorter ones."""
        if not self.violations:
            self._shrink_until = time.monotonic() + self.context.api.timing.shrink
        answer = error.answer if isinstance(error, Deviation) else None
        self.violations.append(ModelViolation(str(error), tuple(program), answer))

    def shortest(self) -> ModelViolation:
        return min(self.violations, key=lambda violation: len(violation.program))

    def begin_program(self) -> None:
        """Ends the run when there was time enough to shorten."""
        if time.monotonic() > self._shrink_until:
            raise _Ended(self.shortest())


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A rule or invariant that ends the run where the target does not answer, and remembers where it disagrees."""

    @functools.wraps(function)
    def guarded(model: Model, **arguments: Any) -> Any:
        try:
            return function(model, **arguments)
        except AssertionError as error:
            model.goes_on = False
            model.exploration.violated(error, model.program)
            raise
        except (TargetLost, NoAnswer, ArrangeFailed, MqttError) as error:
            model.goes_on = False
            raise _Ended(error) from error

    return guarded


def rule(**arguments: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `hypothesis.stateful.rule`, for rules that talk to a target."""
    return lambda function: stateful.rule(**arguments)(_guarded(function))  # type: ignore[no-untyped-call]


def initialize(**arguments: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `hypothesis.stateful.initialize`, for rules that talk to a target."""
    return lambda function: stateful.initialize(**arguments)(_guarded(function))  # type: ignore[no-untyped-call]


def invariant() -> Callable[[Callable[..., None]], Any]:
    """As `hypothesis.stateful.invariant`, for invariants that talk to a target."""
    return lambda function: stateful.invariant()(_guarded(function))


class Model(stateful.RuleBasedStateMachine):
    """One program: rules act on the target and on a model in plain Python, invariants compare the two.

    Each program works on fresh names that start with ``self.mark``, so that no program sees what another left.
    ``self.writes`` are the answers to its writes so far, ``self.program`` is what it did, as lines to paste.
    """

    exploration: ClassVar[Exploration]
    efforts: ClassVar[Mapping[str, Effort]] = EFFORT

    def __init__(self) -> None:
        self.exploration.begin_program()
        super().__init__()
        context = self.exploration.context
        self.effort = self.efforts[context.configuration.profile]
        self.goes_on = True
        self.target: Target = context.target()
        self.mark = self.target.sandbox.name("mdl")
        self.writes: list[Answer] = []
        self._last: Answer | None = None
        self._before = frozenset(context.journal)
        self.target.api.observers.append(self._note)

    def name(self, suffix: str) -> str:
        """A name of this program."""
        return f"{self.mark}-{suffix}"

    def end(self) -> None:
        """The last step of every program that has nothing found so far: it may find something as well."""

    def teardown(self) -> None:
        """End the program and delete what it left; what cannot be deleted stays in the journal for the item's end."""
        try:
            if self.goes_on:
                _guarded(type(self).end)(self)
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        self.target.api.observers.remove(self._note)
        self.target.close()
        try:
            self.exploration.context.tidy_up(keep=self._before)
        except TargetLost as error:
            raise _Ended(error) from error

    def _note(self, answer: Answer) -> None:
        self._last = answer
        if answer.sent.method != "GET":
            self.writes.append(answer)

    @property
    def program(self) -> list[str]:
        """The writes and the last request, or why they cannot show what it showed."""
        last = self._last
        if last is None:
            return []
        shown = [*self.writes, *([last] if last.sent.method == "GET" else [])]
        lines = [f"{answer.curl(self.exploration.context.redact)}  # {answer.status}" for answer in shown]
        beyond = self.exploration.context.recorder.history.beyond
        why = beyond.reason(last.sent, [answer.sent for answer in self.writes], last, judged=False)
        return [*lines, f"# {why}"] if why else lines


def run_model(model: type[Model], context: Context, seed_value: int) -> None:
    """Run as many programs of ``model`` as the profile says.

    Raises `ModelViolation` with the shortest program found that shows a disagreement, and what every scenario raises
    where a target does not answer.
    """
    effort = model.efforts[context.configuration.profile]
    exploration = Exploration(context)
    machine = seed(seed_value)(type(model.__name__, (model,), {"exploration": exploration}))
    limits = settings(
        max_examples=effort.programs,
        stateful_step_count=effort.steps,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        with seeded_only():
            stateful.run_state_machine_as_test(machine, settings=limits)
    except _Ended as ended:
        raise ended.reason from None
    except (AssertionError, Flaky) as error:
        # A disagreement that was seen once counts, also if it does not happen again when its program is repeated.
        raise exploration.shortest() from error
