"""The recorder of one worker: what the current item saw, decided and found wrong."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from conformance.checks.history import MOST_STEPS, History
from conformance.report.model import Attribution, Failure, ItemResult
from conformance.target.answer import Answer, Sent, shortened
from conformance.target.redaction import Redactor

MOST_FAILURES_KEPT = 50


class Recorder:
    """Collects the evidence and the failures of the item that runs now."""

    def __init__(self, redact: Redactor, worker: str) -> None:
        self.redact = redact
        self.worker = worker
        self.last: Answer | None = None
        self.history = History()
        self._begin("", (), None)

    def begin(self, item: str, requirements: tuple[str, ...], operation: str | None) -> None:
        """Start an item; ``operation`` is the label it is about, if it is about one."""
        self.history.begin()
        self._begin(item, requirements, operation)

    def _begin(self, item: str, requirements: tuple[str, ...], operation: str | None) -> None:
        self.item = item
        self.requirements = requirements
        self.operation = operation
        self.last = None
        self._started = time.monotonic()
        self._statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._decided: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._evidence: Counter[str] = Counter()
        self._failures: dict[tuple[str, str | None, str, str], Failure] = {}
        self._secrets: set[str] = set()

    def saw(self, answer: Answer) -> None:
        """Count an answer."""
        self.last = answer
        self.history.note(answer)
        self._secrets |= self.redact.secrets_in(answer.sent.body)
        self._statuses[answer.operation or "(unknown path)"][str(answer.status)] += 1

    def hide(self, text: str) -> str:
        """A text for a report: without known secrets, and without those of connectors the item created."""
        return self.redact.hide(text, self._secrets)

    def transcript(self, answer: Answer) -> str:
        """An exchange for a report."""
        return answer.transcript(self.redact, self._secrets)

    def passed(self, requirement: str, check: str, operation: str | None) -> None:
        """A check was decided in the target's favour: the antecedent of its requirement really happened."""
        self._evidence[requirement] += 1
        self._decided[operation or "(unknown path)"][check] += 1

    def failed(
        self,
        requirement: str,
        check: str,
        message: str,
        exchange: Answer | Sent | None = None,
        *,
        operation: str | None = None,
        attribution: Attribution = "target",
        erratum: str | None = None,
        signature: str | None = None,
        program: Sequence[str] = (),
    ) -> None:
        """A deviation; the same ``signature`` (default: the message) of one item is kept once and counted.

        ``exchange``: the answer that shows it, by default the last one, or the request that got none. ``program``: the
        lines that reproduce it, by default the request after those that made what it names, and a comment where
        something else took part.
        """
        judged = exchange is not None
        exchange = exchange or self.last
        answer, sent = (exchange, exchange.sent) if isinstance(exchange, Answer) else (None, exchange)
        operation = operation or (answer.operation if answer else None) or self.operation
        self._evidence[requirement] += 1
        self._decided[operation or "(unknown path)"][check] += 1
        key = (requirement, operation, check, signature or message)
        if key in self._failures:
            self._failures[key].seen += 1
            return
        if len(self._failures) >= MOST_FAILURES_KEPT:
            return
        self._failures[key] = Failure(
            requirement=requirement,
            operation=operation,
            check=check,
            message=shortened(self.hide(message)),
            curl="\n".join(program or self._program(sent, answer, judged=judged)) or None,
            attribution=attribution,
            erratum=erratum,
            item=self.item,
            request_id=sent.request_id if sent else None,
            exchange=self.transcript(answer) if answer else None,
        )

    def _program(self, sent: Sent | None, answer: Answer | None, *, judged: bool) -> list[str]:
        """The lines that show a failure again, or end in a comment that says why they need not."""
        if sent is None:
            return []
        steps = self.history.before(sent, answer)
        lines = [step.curl(self.redact, self._secrets) for step in (*(steps or ()), sent)]
        why = self.history.beyond.reason(sent, steps or (), answer, judged=judged)
        if steps is None:
            why = why or f"It came after more than {MOST_STEPS} writes, which these lines do not repeat."
        return [*lines, f"# {self.hide(why)}"] if why else lines

    def forget(self) -> None:
        """Take back what the item decided: it turned out that the target could not be judged."""
        self._decided.clear()
        self._evidence.clear()
        self._failures.clear()

    def expect(self, condition: bool, requirement: str, check: str, message: str, answer: Answer | None = None) -> bool:
        """Decide a check either way; returns ``condition``."""
        if condition:
            operation = (answer.operation if answer else None) or self.operation
            self.passed(requirement, check, operation)
        else:
            self.failed(requirement, check, message, answer)
        return condition

    @property
    def failures(self) -> list[Failure]:
        return list(self._failures.values())

    @property
    def evidence(self) -> Counter[str]:
        return self._evidence

    def result(self) -> ItemResult:
        """The item as data; outcome and reason are set by the plugin."""
        return ItemResult(
            id=self.item,
            requirements=self.requirements,
            operation=self.operation,
            outcome="not_run",
            duration_s=time.monotonic() - self._started,
            failures=self.failures,
            statuses={operation: dict(counts) for operation, counts in self._statuses.items()},
            evidence=dict(self._evidence),
            decided={operation: dict(counts) for operation, counts in self._decided.items()},
            worker=self.worker,
        )
