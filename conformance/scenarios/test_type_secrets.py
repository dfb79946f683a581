"""Every secret field of every connector and action type, as the contract marks them; and every type probed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract.fields import Path, value_at
from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.space import Subject, contract, subjects
from conformance.fuzz.story import Chapter, Story, put_back
from conformance.requirements import requirement
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.typed import REDACTED, TypedBodies, configured
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

HIDDEN = "A secret is ****** in every answer about the connector or action that has it, and no answer repeats it."
KEPT = "An update with ****** in place of its secrets is accepted, and they stay secret."


def subjects_with_secrets(label: str) -> list[Any]:
    """Those of the types of an operation that have a secret field."""

    def has_secrets(subject: Subject) -> bool:
        assert subject.resource_type is not None
        return bool(TypedBodies(contract(), label, subject.resource_type).secrets)

    found = subjects(lambda operation: operation.label == label)
    return [parameter for parameter in found if has_secrets(parameter.values[0])]


class Secrets:
    """One connector or action of a type, all of whose secrets are ``secret``; ``story``: its story, if it has begun."""

    def __init__(
        self,
        collection: Bridges,
        story: Story | None,
        subject: Subject,
        recorder: Recorder,
        secret: str,
        fields: Mapping[str, Any],
    ) -> None:
        assert subject.resource_type is not None
        self.story = story
        self.collection = collection
        self.bodies = collection.bodies(subject.resource_type)
        self.recorder = recorder
        self.secret = secret
        self.fields = {**fields, "enable": False}

    def check(self, heard: list[Answer]) -> None:
        """Create, change, put back and refuse; secrets are hidden all the way."""
        identifier, last = self._changed(heard) if self._is_told else self._made()
        read = self.collection.get(identifier).expect(200)
        self._hidden(read, last)
        listed = [e for e in self.collection.listed() if self.collection.identify(e) == identifier]
        self._hidden(heard[-1], last, listed[0])

        kept = self._put_back(identifier, last)
        message = f"a PUT of what was read, ****** in place of secrets, answered {kept.answer.status}, expected 200"
        if self.recorder.expect(kept.answer.status == 200, "TYP-05", "accepted", message, kept.answer):
            still = self.bodies.exposed(last, kept.read.expect(200).json)
            message = f"after an update with ****** there is no secret any more: {', '.join(still)}"
            self.recorder.expect(not still, "TYP-05", "still_secret", message, kept.read)

        first = self.collection.adopt(self.bodies.with_secrets(self.secret)[0], **self.fields)
        again = {**first, "name": identifier.partition(":")[2]}
        self.collection.api.call(f"POST {self.collection.path}", json=again).expect(400, code="ALREADY_EXISTS")
        self.collection.put(identifier, {**configured(last), "x_unknown": 1}).expect(400, code="BAD_REQUEST")
        for answer in heard:
            repeats = self.secret.encode() in answer.content
            self.recorder.expect(not repeats, "CON-07", "unrepeated", "the answer repeats a secret", answer)

    def _put_back(self, identifier: str, last: Mapping[str, Any]) -> Chapter:
        """What came of putting back what is read of ``last``."""
        story = self.story
        if story is None:
            return put_back(self.collection, identifier)
        known, changed = story.put_back, story.changed
        if known is None or changed is None or changed.sent is not last or not self._keeps_a_secret(known.sent):
            known = story.put_back = put_back(self.collection, identifier)
        return known

    def _keeps_a_secret(self, sent: Mapping[str, Any]) -> bool:
        """Whether ****** is sent for a secret; a secret that is new to the connector or action says nothing of that."""
        return any(value_at(sent, path) == REDACTED for path in self.bodies.secrets)

    @property
    def _is_told(self) -> bool:
        return self.story is not None and self.story.changed is not None

    def _made(self) -> tuple[str, Mapping[str, Any]]:
        """Create one, and give it in turn every secret there is; returns its id and its last body."""
        first, *others = [self.collection.adopt(body, **self.fields) for body in self.bodies.with_secrets(self.secret)]
        self._hidden(self.collection.api.call(f"POST {self.collection.path}", json=first).expect(201), first)
        identifier = self.collection.identify(first)
        self._give(identifier, others)
        return identifier, [first, *others][-1]

    def _changed(self, heard: list[Answer]) -> tuple[str, Mapping[str, Any]]:
        """Judge what was written of its story, and give it those secrets that it has not had yet."""
        assert self.story is not None
        assert self.story.changed is not None
        story, changed = self.story, self.story.changed
        for chapter in (story.created, *story.stored, changed):
            self._hidden(chapter.answer, chapter.sent)
        heard += [*(chapter.answer for chapter in story.stored), changed.answer, changed.read]
        if self.story.put_back is not None:
            heard += [self.story.put_back.answer, self.story.put_back.read]
        others = [
            self.collection.adopt(body, **self.fields)
            for body in self.bodies.with_secrets(self.secret, besides=self._shown(story, changed))
        ]
        self._give(self.story.id, others)
        return self.story.id, others[-1] if others else changed.sent

    def _shown(self, story: Story, changed: Chapter) -> set[Path]:
        """The secrets that the last update was sent with, or others both as such and as ******."""
        chapters = [story.created, *story.stored]
        values = {path: [value_at(chapter.sent, path) for chapter in chapters] for path in self.bodies.secrets}
        both = {path for path, sent in values.items() if REDACTED in sent and {*sent} - {None, REDACTED}}
        return both | {path for path in self.bodies.secrets if value_at(changed.sent, path) is not None}

    def _give(self, identifier: str, bodies: Iterable[Mapping[str, Any]]) -> None:
        for body in bodies:
            self._hidden(self.collection.put(identifier, configured(body)).expect(200), body)

    def _hidden(self, answer: Answer, sent: Mapping[str, Any], read: Any = None) -> None:
        exposed = self.bodies.exposed(sent, answer.json if read is None else read)
        message = f"not read as ******: {', '.join(exposed)}"
        self.recorder.expect(not exposed, "CON-07", "hidden", message, answer)


@requirement("TYP-05", "PUT /connectors/{id}", sentence=KEPT)
@requirement("CON-07", "GET /connectors", "GET /connectors/{id}", "PUT /connectors/{id}", sentence=HIDDEN)
@pytest.mark.parametrize("subject", subjects_with_secrets("POST /connectors"))
def test_connector(
    subject: Subject, context: Context, target: Target, recorder: Recorder, secret: str, heard: list[Answer]
) -> None:
    """Every secret field of every connector type is hidden, and kept by an update that repeats what was read."""
    story = Arrangement(context, target).told(target.connectors, subject.resource_type or "")
    Secrets(target.connectors, story, subject, recorder, secret, {}).check(heard)


@requirement("TYP-05", "PUT /actions/{id}", sentence=KEPT)
@requirement("CON-07", "GET /actions", "GET /actions/{id}", "PUT /actions/{id}", sentence=HIDDEN)
@pytest.mark.parametrize("subject", subjects_with_secrets("POST /actions"))
def test_action(
    subject: Subject, context: Context, target: Target, recorder: Recorder, secret: str, heard: list[Answer]
) -> None:
    """Every secret field of every action type is hidden, and kept by an update that repeats what was read."""
    arrangement = Arrangement(context, target)
    connector = arrangement.connector(subject.resource_type or "")
    story = arrangement.told(target.actions, subject.resource_type or "")
    Secrets(target.actions, story, subject, recorder, secret, {"connector": connector}).check(heard)


@requirement("CON-10", "GET /connectors")
@pytest.mark.parametrize("subject", subjects(lambda operation: operation.label == "POST /connectors_probe"))
def test_probe(subject: Subject, target: Target, recorder: Recorder, secret: str) -> None:
    """A probe answers 204, or 400 TEST_FAILED if there is no connection, and creates nothing."""
    assert subject.resource_type is not None
    bodies = target.connectors.bodies(subject.resource_type)
    body = target.connectors.adopt(bodies.with_secret(bodies.minimal, secret))
    answer = target.connectors.probe(body)
    decided = answer.status == 204 or (answer.status, answer.code) == (400, "TEST_FAILED")
    message = f"a probe of a closed port answered {answer.status} {answer.code or ''}, expected 204 or 400 TEST_FAILED"
    recorder.expect(decided, "CON-10", "probed", message, answer)
    if secret.encode() in answer.content:
        recorder.failed("CON-07", "unrepeated", "the answer to a probe repeats a secret", answer)
    created = target.connectors.identify(body) in target.connectors.ids()
    recorder.expect(not created, "CON-10", "nothing_created", "the probed connector is listed afterwards")
