"""The property of the guard: nothing it lets through touches others, escapes the journal, or stays for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, given, seed, settings

from conformance.target.guard.guard import Guard, Outgoing
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.journal.creations import creations
from conformance.target.journal.resource import Resource
from tests.safety.effects import Effects
from tests.safety.generated import BROKER, requests
from tests.safety.network import CONFIGURED_HOSTS
from tests.safety.shared_target import SANDBOX, contract


@dataclass
class Trial:
    """How often the guard refused and passed requests of each operation, and how often a target applied one."""

    refused: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    applied: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [f"{'refused':>8} {'passed':>8} {'applied':>8}"]
        for label in sorted(self.refused | self.passed):
            lines.append(f"{self.refused[label]:>8} {self.passed[label]:>8} {self.applied[label]:>8}  {label}")
        return "\n".join(lines)

    def of_operation(
        self,
        label: str,
        judges: Sequence[Effects],
        examples: int,
        random_seed: int | None = None,
        *,
        shrink: bool = True,
    ) -> None:
        """Generate ``examples`` requests of one operation, some of them several times, and judge each once.

        They are the same ones every time unless ``random_seed`` says otherwise. Raises AssertionError with a request
        that did something to others, the smallest one if ``shrink``.
        """
        guard = Guard(contract(), SANDBOX, HostPolicy(CONFIGURED_HOSTS), Mode.SANDBOXED)
        innocent: set[tuple[str, bytes, str, bool]] = set()

        @settings(
            max_examples=examples,
            derandomize=random_seed is None,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(label))
        def nothing_foreign_is_touched(request: Outgoing) -> None:
            key = (request.path, request.body, request.content_type, request.signed)
            if key in innocent:
                return
            if guard.refusal(request) is not None:
                self.refused[label] += 1
            else:
                self.passed[label] += 1
                announced = creations(*guard.match(request.method, request.path), request)
                answers = [_judged(request, announced, judge) for judge in judges]
                self.applied[label] += any(answers)
            innocent.add(key)

        if random_seed is not None:
            nothing_foreign_is_touched = seed(random_seed)(nothing_foreign_is_touched)
        nothing_foreign_is_touched()


def _judged(request: Outgoing, announced: list[Resource], judge: Effects) -> bool:
    """Whether a deployment applied a request.

    It must have done nothing to others, and what it created must be in the journal and be deleted by the clean-up.
    """
    there = replace(request, body=request.body.replace(BROKER.encode(), judge.broker.encode()))
    status, found = judge.of(there, announced)
    what = f"{request.method} {request.path} with {request.content_type or 'no body'} {request.body!r}"
    assert not found, f"the guard let {what} through, answered {status}: {'; '.join(found)}"
    missed = judge.created - {judge.as_stored(resource) for resource in announced}
    assert not missed, f"the journal did not see what {what} created: {', '.join(map(str, missed))}"
    left = ", ".join(map(str, judge.left))
    assert not left, f"the guard let {what} through, and no clean-up can delete again: {left}"
    return status < 300
