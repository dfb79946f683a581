"""What PUTs make of a rule: a few changes, one after the other, which several items judge.

A write of the configuration costs a real server 0.2 s. Each item asks for as many of the changes as it needs, and those
that were made are not made again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from conformance.target.http.answer import Answer
from conformance.target.target import Target
from conformance.worker.context import Context


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A PUT of a rule: the rule ``before``, ``sent``, its body, with its ``answer``, and the GET after it."""

    before: dict[str, Any]
    sent: dict[str, Any]
    answer: Answer
    read: Answer


@dataclass(slots=True)
class RuleStory:
    """A rule on three ``topics``, as it was ``created``, and what was changed of it."""

    rule: str
    topics: list[str]
    created: dict[str, Any]
    changes: list[RuleChange] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What is sent, in order: another statement, then one field after the other, and none."""
        fields: list[dict[str, Any]] = [{"enable": False}, {"description": "new"}, {"name": "new"}, {"actions": []}, {}]
        return [{"sql": statement(self.topics[1::-1])}, *fields]

    @property
    def last(self) -> dict[str, Any]:
        """The rule as it was read last."""
        return self.changes[-1].read.json if self.changes else self.created


def statement(topics: list[str]) -> str:
    """One that selects everything from topics, which stand in double and in single quotes in turn."""
    quoted = ", ".join(f"{quote}{topic}{quote}" for topic, quote in zip(topics, cycle("\"'"), strict=False))
    return f"SELECT * FROM {quoted}"


def rule_changes(context: Context, target: Target, least: int) -> RuleStory:
    """The story of a rule with at least that many changes of it, made as far as they were not.

    An answer other than 200 to a PUT or GET fails the item. Whoever else borrows the rule ends the story.
    """
    told: list[RuleStory] = context.once("stories of a rule", list)
    if not told or not _goes_on(target, told[-1], least):
        told.append(_begin(target))
    story = told[-1]
    for sent in story.bodies[len(story.changes) : least]:
        answer = target.rules.put(story.rule, sent).expect(200)
        story.changes.append(RuleChange(story.last, sent, answer, target.rules.get(story.rule).expect(200)))
    return story


def _goes_on(target: Target, story: RuleStory, least: int) -> bool:
    read = target.rules.found(story.rule)
    return bool(read) and (len(story.changes) >= least or read == story.last)


def _begin(target: Target) -> RuleStory:
    topics = [target.sandbox.topic("z"), f"{target.sandbox.topic('b')}/+/#", target.sandbox.topic("a")]
    rule = target.borrow_rule(sql=statement(topics), description="kept", enable=True)
    return RuleStory(rule, topics, target.rules.read(rule))
