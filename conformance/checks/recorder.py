"""The recorder of one worker: what the current item saw, decided and found wrong."""

from __future__ import annotations

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from conformance.checks.consequences import cause_of, follow
from conformance.checks.english import english
from conformance.checks.history import MOST_STEPS, History
from conformance.checks.sightings import refused_read
from conformance.latency import bucket
from conformance.result import Attribution, Damage, Failure, ItemResult, Postponed, Sighting
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Answer, Sent, shortened
from conformance.target.redaction import Redactor

MOST_FAILURES_KEPT = 50
MOST_SIGHTINGS_KEPT = 1000
"""Of one failure: of one that is seen more often it is not looked whether it follows from another."""


class Recorder:
    """Collects the evidence and the failures of the item that runs now.

    ``withheld``: how many of its requests need a mode that allows more. ``postponed``: those that come last.
    """

    def __init__(self, redact: Redactor, worker: str) -> None:
        self.redact = redact
        self.worker = worker
        self.last: Answer | None = None
        self.history = History()
        self.damages: list[Damage] = []
        """What the items of this worker did to the target so far."""
        self._causes: dict[str, Failure] = {}
        self._numbers = itertools.count(1)
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
        self._latencies: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._decided: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._evidence: Counter[str] = Counter()
        self._failures: dict[tuple[str, str | None, str, str], Failure] = {}
        self._values: defaultdict[str, list[str]] = defaultdict(list)
        self._secrets: set[str] = set()
        self.withheld: Counter[Mode] = Counter()
        self.postponed: list[Postponed] = []
        self._damages_before = len(self.damages)
        self._repeated: list[str] = []
        self.doubted: list[str] = []
        """What went wrong after a write that may have been carried out twice: it proves nothing."""

    def repeated(self, sent: Sent) -> None:
        """Take note of a write that was sent again, and may have been carried out twice."""
        self._repeated.append(f"{sent.method} {sent.path} (request id {sent.request_id}) was {sent.again[-1]}")

    def saw(self, answer: Answer) -> None:
        """Count an answer."""
        self.last = answer
        self.history.note(answer)
        self._secrets |= self.redact.secrets_in(answer.sent.body)
        label = answer.operation or "(unknown path)"
        self._statuses[label][str(answer.status)] += 1
        self._latencies[label][bucket(answer.elapsed_s)] += 1

    def reached(self, subject: str, value_class: str) -> None:
        """Take note that a request with such a value was taken, for the first time in this worker."""
        self._values[subject].append(value_class)

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
        by_itself: bool = False,
        sighting: Sighting | None = None,
    ) -> Failure | None:
        """A deviation; the same ``signature`` (default: the message) of one item is kept once and counted.

        ``exchange``: the answer that shows it, by default the last one, or the request that got none. ``program``: the
        lines that reproduce it, by default the request after those that made what it names, and a comment where
        something else took part. ``by_itself``: the exchange shows it whatever was sent before; anything else is only
        doubted once a write may have been carried out twice. ``sighting``: what of the answer is wrong, if that could
        follow from an earlier request. Returns the failure, None if it is not kept.
        """
        judged = exchange is not None
        exchange = exchange or self.last
        answer, sent = (exchange, exchange.sent) if isinstance(exchange, Answer) else (None, exchange)
        operation = operation or (answer.operation if answer else None) or self.operation
        notes = [] if sent is None else list(sent.again)
        notes += [note for note in self._repeated if sent is None or sent.request_id not in note]
        told = shortened(self.hide(english(self.hide(f"{message} ({'; '.join(notes)})" if notes else message))))
        if self._repeated and not by_itself:
            self.doubted.append(told)
            return None
        self._evidence[requirement] += 1
        self._decided[operation or "(unknown path)"][check] += 1
        key = (requirement, operation, check, signature or message)
        failure = self._failures.get(key)
        if failure is not None:
            failure.seen += 1
        elif len(self._failures) >= MOST_FAILURES_KEPT:
            return None
        else:
            failure = self._failures[key] = Failure(
                requirement=requirement,
                operation=operation,
                check=check,
                message=told,
                curl="\n".join(program or self._program(sent, answer, judged=judged)) or None,
                attribution=attribution,
                erratum=erratum,
                item=self.item,
                request_id=sent.request_id if sent else None,
                exchange=self.transcript(answer) if answer else None,
                id=f"{self.worker}-{next(self._numbers)}",
            )
        if sighting is not None and len(failure.sightings) < MOST_SIGHTINGS_KEPT:
            failure.sightings.append(sighting)
        return failure

    def damaged(self, damage: Damage, cause: Failure) -> None:
        """Take note of what an invalid request of the item did to the target; ``cause`` tells of the request."""
        self.damages.append(damage)
        self._causes[cause.id] = cause

    @property
    def causes(self) -> list[Failure]:
        """What failures of the item follow from."""
        followed = [failure.consequence_of for failure in self.failures]
        return [self._causes[identifier] for identifier in followed if identifier is not None]

    def settle(self) -> None:
        """Tell the failures of the item that follow from what it, or an item before it, did to the target."""
        for failure in self.failures:
            cause = cause_of(failure, self.damages) if failure.consequence_of is None else None
            if cause is not None:
                follow(failure, cause, self._evidence)

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

    def postpone(
        self,
        requirement: str,
        what: str,
        operation: str,
        content: bytes,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> None:
        """Leave an invalid request to the end of the run, when it can spoil the target for no other item.

        ``content`` is its JSON body, ``what`` the fault in it; see `conformance.run.postponed`.
        """
        body = content.decode("latin-1")
        self.postponed.append(Postponed(operation, requirement, what, body, dict(path or {}), dict(query or {})))

    def forget(self) -> None:
        """Take back what the item decided: it turned out that the target could not be judged."""
        self._decided.clear()
        self._evidence.clear()
        self._failures.clear()
        self.doubted.clear()

    def expect(self, condition: bool, requirement: str, check: str, message: str, answer: Answer | None = None) -> bool:
        """Decide a check either way; returns ``condition``."""
        if condition:
            operation = (answer.operation if answer else None) or self.operation
            self.passed(requirement, check, operation)
        else:
            sighting = refused_read(answer) if answer is not None else None
            self.failed(requirement, check, message, answer, sighting=sighting)
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
            damages=self.damages[self._damages_before :],
            withheld={mode.words: count for mode, count in sorted(self.withheld.items())},
            postponed=self.postponed,
            values=dict(self._values),
            latencies={operation: dict(counts) for operation, counts in self._latencies.items()},
        )
