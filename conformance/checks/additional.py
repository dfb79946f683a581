"""Checks of every answer that extensions add to those of the suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.contract import Operation
from conformance.requirements import Level, universal_requirement
from conformance.target.http.answer import Answer

Judgment = bool | str | None
"""True: the answer keeps the requirement; a sentence: what is wrong with it; None: the requirement says nothing about
it."""

Judge = Callable[[Answer, Operation], Judgment]


@dataclass(frozen=True, slots=True)
class AdditionalCheck:
    """``name``: as reports call it; ``judge`` decides about one answer of an operation of the contract."""

    requirement: str
    name: str
    judge: Judge

    def decide(self, answer: Answer, operation: Operation) -> Judgment:
        """The judgment; raises TypeError if it is none."""
        judgment = self.judge(answer, operation)
        if judgment is not None and judgment is not True and not (isinstance(judgment, str) and judgment.strip()):
            raise TypeError(f"{self.name} of {self.requirement} returned {judgment!r:.60}, no judgment")
        return judgment


ADDITIONAL: list[AdditionalCheck] = []
"""In the order of their declaration."""


def answer_check(identifier: str, *, level: Level = "MUST", of_writes: bool = False) -> Callable[[Judge], Judge]:
    """Declare that a function judges every answer; its docstring's first line is the sentence of the requirement.

    ``of_writes``: it says nothing about answers to GET.
    """

    def declare(judge: Judge) -> Judge:
        universal_requirement(identifier, level=level, of_writes=of_writes)(judge)
        ADDITIONAL.append(AdditionalCheck(identifier, judge.__name__, judge))
        return judge

    return declare
