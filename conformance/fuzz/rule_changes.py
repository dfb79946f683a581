"""What PUTs make of a rule: a few changes, one after the other, which several items judge.

A write of the configuration costs a real server 0.2 s. Each item asks for as many of the changes as it needs, and those
that were made are not made again: neither those of a story of its own, nor those that show the values of a rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    sent: Mapping[str, Any]
    answer: Answer
    read: Answer


@dataclass(slots=True)
class RuleStory:
    """A rule as it was ``created``, or found, what was changed of it, and all ``bodies`` of changes, in order.

    With the last of these it is disabled, and still so after one that does not speak of that.
    """

    rule: str
    created: dict[str, Any]
    bodies: Sequence[Mapping[str, Any]]
    changes: list[RuleChange] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        """The rule as it was read last."""
        return self.changes[-1].read.json if self.changes else self.created


DISABLED: Mapping[str, Any] = {"enable": False}
EMPTIED: Mapping[str, Any] = {"actions": [], "name": "", "description": ""}


def statement(topics: Sequence[str]) -> str:
    """One that selects everything from topics, which stand in double and in single quotes in turn."""
    quoted = ", ".join(f"{quote}{topic}{quote}" for topic, quote in zip(topics, cycle("\"'"), strict=False))
    return f"SELECT * FROM {quoted}"


def topics_of(sql: str) -> list[str]:
    """The topics after the FROM of a `statement`, or another one, in order."""
    sources = sql.partition(" FROM ")[2].partition(" WHERE ")[0]
    return [topic for _, topic in re.findall(r"""(["'])(.*?)\1""", sources)]


def rule_changes(context: Context, target: Target, least: int | None = None) -> RuleStory:
    """The story of a rule with at least that many changes of it, or all, made as far as they were not.

    An answer other than 200 to a PUT or GET fails the item. Whoever else borrows the rule ends the story.
    """
    told = _told(context)
    if not told or not _goes_on(target, told[-1], least):
        told.append(_begin(target))
    story = told[-1]
    for sent in story.bodies[len(story.changes) : least]:
        change = _change(context, target, story, sent)
        change.answer.expect(200)
        change.read.expect(200)
        story.changes.append(change)
    return story


def changed_by_values(
    context: Context, target: Target, rule: str, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Answer]]:
    """Change a rule by each of ``rows``; each with its answer. If it takes all of them, they are a story."""
    story = RuleStory(rule, target.rules.found(rule), [*rows, DISABLED, EMPTIED])
    answers = []
    for sent in rows:
        change = _change(context, target, story, sent)
        answers.append((sent, change.answer))
        if change.answer.status == change.read.status == 200:
            story.changes.append(change)
    if story.created and len(story.changes) == len(rows):
        _told(context).append(story)
    return answers


def _told(context: Context) -> list[RuleStory]:
    told: list[RuleStory] = context.once("stories of a rule", list)
    return told


def _change(context: Context, target: Target, story: RuleStory, sent: Mapping[str, Any]) -> RuleChange:
    with context.recorder.history.lasting():
        answer = target.rules.put(story.rule, sent)
        return RuleChange(story.last, sent, answer, target.rules.get(story.rule))


def _goes_on(target: Target, story: RuleStory, least: int | None) -> bool:
    read = target.rules.found(story.rule)
    return bool(read) and (len(story.changes) >= (least or len(story.bodies)) or read == story.last)


def _begin(target: Target) -> RuleStory:
    """A story of its own: another statement, then one field after the other, and none."""
    topics = [target.sandbox.topic("z"), f"{target.sandbox.topic('b')}/+/#", target.sandbox.topic("a")]
    rule = target.borrow_rule(sql=statement(topics), description="kept", enable=True)
    bodies = [{"sql": statement(topics[1::-1])}, DISABLED, {"description": "new"}, {"name": "new"}, EMPTIED, {}]
    return RuleStory(rule, target.rules.read(rule), bodies)
