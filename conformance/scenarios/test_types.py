"""Every connector and action type of the contract through its whole life.

Types, bodies and defaults come from the contract (`conformance.target.resources.typed`). Connectors lead
to a closed port: what is checked is what the API says of a configuration, not what a driver does with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.checks.values import was_taken
from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.space import Subject, subjects
from conformance.fuzz.story import Chapter, Story, put_back, switch
from conformance.requirements import requirement
from conformance.scenarios.impossible import impossible
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.typed import configured, differing
from conformance.target.target import Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

CONNECTORS = subjects(lambda operation: operation.label == "POST /connectors")
ACTIONS = subjects(lambda operation: operation.label == "POST /actions")

_OF_THE_MOMENT = ("status", "status_reason", "node_status", "error")


class Life:
    """The life of one connector or action; ``ids`` are the requirements of acceptance, round trip and fixed point."""

    def __init__(
        self,
        collection: Bridges,
        arrangement: Arrangement,
        subject: Subject,
        recorder: Recorder,
        ids: tuple[str, str, str],
    ) -> None:
        assert subject.resource_type is not None
        self.collection = collection
        self._arrangement = arrangement
        self._type = subject.resource_type
        self.bodies = collection.bodies(subject.resource_type)
        self.recorder = recorder
        self.accepted, self.read_as_sent, self.put_back = ids
        self.id = ""
        self._story: Story | None = None

    def create(self, **fields: Any) -> bool:
        """Create the minimal body, or judge how its story began; returns whether there is something now."""
        self._story = self._arrangement.told(self.collection, self._type)
        if self._story is not None:
            self.id, created = self._story.id, self._story.created
            self._answered(created.answer, 201, self.accepted, "POST of the first example of its type")
            self._read(created)
            return True
        body = self.collection.adopt(self.bodies.minimal, **fields)
        self.id = self.collection.identify(body)
        answer = self.collection.api.call(f"POST {self.collection.path}", json=body)
        if self._answered(answer, 201, self.accepted, "POST of the first example of its type"):
            self._reads(answer, body)
        return answer.status == 201

    def change(self, **fields: Any) -> None:
        """Replace it by the full body, with what is ignored, then by what is read of it, which changes nothing."""
        self._offer_back()
        if self._story is not None and self._story.changed is not None:
            self.recorder.passed(self.read_as_sent, "answered", self._story.changed.answer.operation)
            self._read(self._story.changed)
        else:
            self._replace(fields)
        self._put_back(self._story.put_back if self._story is not None else None)

    def _offer_back(self) -> None:
        """What was read of it at first is taken as it is, under an id where it is not stored: what is, changes more."""
        path = {"id": f"{self._type}:{self.collection.sandbox.name('missing')}"}
        first = self.collection.get(self.id) if self._story is None else self._story.created.read
        read = configured(first.expect(200).json)
        answer = self.collection.api.call(f"PUT {self.collection.item}", path=path, json=read)
        message = f"what is read is no body of a PUT: {answer.status} {answer.code or ''}"
        self.recorder.expect(was_taken(answer), self.put_back, "taken_back", message, answer)

    def _replace(self, fields: Mapping[str, Any]) -> None:
        full = self.bodies.with_ignored(configured(self.collection.adopt(self.bodies.full, enable=False, **fields)))
        answer = self.collection.put(self.id, full)
        if self._answered(answer, 200, self.read_as_sent, "PUT of a full body"):
            self._reads(answer, full)

    def _put_back(self, known: Chapter | None) -> None:
        chapter = known or put_back(self.collection, self.id)
        answer = chapter.answer
        if self._answered(answer, 200, self.put_back, "PUT of what was read"):
            after = configured(chapter.read.expect(200).json)
            changed = [
                ".".join(place)
                for place in sorted(differing(chapter.sent, after))
                if not any(place[: len(varied)] == varied for varied in chapter.varied)
                and not (chapter.varied and self.bodies.is_overruled(place))
            ]
            message = f"a PUT of what was read changed {', '.join(changed)}"
            if chapter.varied and not changed:
                changed = self.bodies.unlike(chapter.sent, after)
                message = f"after a PUT of what was read, other values in some fields, {'; '.join(changed)}"
            self.recorder.expect(not changed, self.put_back, "fixed_point", message, answer)

    def list(self) -> None:
        """It is listed once, as it is read."""
        element = _lasting(self.collection.read(self.id))
        listed = [e for e in self.collection.listed() if self.collection.identify(e) == self.id]
        self.recorder.expect(len(listed) == 1, "TYP-03", "listed", f"listed {len(listed)} times after its creation")
        for other in listed[:1]:
            places = sorted(".".join(place) for place in differing(element, _lasting(other)))
            message = f"the list and the element differ in {', '.join(places)}"
            self.recorder.expect(not places, "TYP-03", "listed_as_read", message)

    def refuse(self, **fields: Any) -> None:
        """What its type cannot be is neither created, nor what an update makes of it."""
        label, before = f"POST {self.collection.path}", configured(self.collection.read(self.id))
        for one in impossible(self.collection.api.contract, label, self._type):
            example = self.bodies.examples[one.example] if one.example else self.bodies.minimal
            body = one.make(self.collection.adopt(example, **fields))
            change = one.make(configured(body) if one.example else before)
            for answer in (self.collection.api.call(label, json=body), self.collection.put(self.id, change)):
                refused = (answer.status, answer.code) == (400, "BAD_REQUEST")
                message = f"{one.shown} answered {answer.status} {answer.code or ''}, expected 400 BAD_REQUEST"
                self.recorder.expect(refused, "TYP-06", "refused", message, answer)
        after = configured(self.collection.read(self.id))
        changed = sorted(".".join(place) for place in differing(before, after))
        message = f"what was refused changed {', '.join(changed)}"
        self.recorder.expect(not changed, "TYP-06", "unchanged", message)

    def enable(self) -> None:
        """Switch it, and see ``enable`` follow."""
        known = self._story.switched if self._story is not None else None
        one = known or switch(self.collection, self.id, self._type)
        what = f"enable/{str(one.state).lower()}"
        if self._answered(one.answer, 204, "TYP-04", what):
            read = one.read.expect(200).json
            message = f"enable is {read['enable']} after {what}"
            self.recorder.expect(read["enable"] is one.state, "TYP-04", "enabled", message, one.answer)
            changed = set(differing(_switched(one.before), _switched(read)))
            message = f"{what} changed {', '.join(sorted(map('.'.join, changed)))} as well"
            self.recorder.expect(not changed, "TYP-04", "nothing_else", message, one.answer)

    def delete(self) -> None:
        """Delete it; nothing is left of it."""
        if self._story is not None:
            self._arrangement.end(self.collection, self._type)
        self._answered(self.collection.delete(self.id), 204, "TYP-03", "DELETE")
        self._answered(self.collection.get(self.id), 404, "TYP-03", "GET after the DELETE")
        listed = self.id in self.collection.ids()
        self.recorder.expect(not listed, "TYP-03", "unlisted", "it is listed after its DELETE")

    def _answered(self, answer: Answer, status: int, requirement: str, what: str) -> bool:
        message = f"{what} answered {answer.status} {answer.code or ''}, expected {status}"
        return self.recorder.expect(answer.status == status, requirement, "answered", message, answer)

    def _reads(self, answer: Answer, sent: Mapping[str, Any]) -> None:
        self._read(Chapter(sent, answer, self.collection.get(self.id)))

    def _read(self, chapter: Chapter) -> None:
        for shown in (chapter.answer, chapter.read.expect(200)):
            differences = self.bodies.unlike(chapter.sent, shown.json)
            message = f"read otherwise than sent: {'; '.join(differences)}"
            self.recorder.expect(not differences, self.read_as_sent, "read_as_sent", message, shown)


LISTED = "A connector or action of any type is listed as it is read, and neither listed nor found once it is deleted."
ENABLED = (
    "A connector or action of any type is switched as asked, on or off; its `enable` says so, and nothing else changes."
)


REFUSED = "Addresses, durations and combinations that a type cannot have are refused with 400, wherever they are sent."


# An action ends before the connector that it uses.
@requirement("TYP-06", "POST /actions", "PUT /actions/{id}", sentence=REFUSED)
@requirement("TYP-04", "PUT /actions/{id}/enable/{enable}", "GET /actions/{id}", sentence=ENABLED)
@requirement("TYP-03", "GET /actions", "GET /actions/{id}", "DELETE /actions/{id}", sentence=LISTED)
@requirement(
    "TYP-02",
    "PUT /actions/{id}",
    sentence="A PUT of what is read of an action, without its read-only fields, is accepted and changes nothing.",
)
@requirement(
    "TYP-01",
    "GET /actions/{id}",
    "PUT /actions/{id}",
    sentence="An action is read as it was sent, its secrets as ******, what was left out with its default.",
)
@requirement(
    "ACT-09",
    "GET /action_types",
    sentence="Every type in GET /action_types is a type of actions, and nothing else is.",
)
@pytest.mark.parametrize("subject", ACTIONS)
def test_action(subject: Subject, context: Context, target: Target, recorder: Recorder) -> None:
    """An action of every type is created, read, listed, changed, switched and deleted."""
    arrangement = Arrangement(context, target)
    connector = arrangement.connector(subject.resource_type or "")
    life = Life(target.actions, arrangement, subject, recorder, ("ACT-09", "TYP-01", "TYP-02"))
    if not life.create(connector=connector):
        return
    life.list()
    life.refuse(connector=connector)
    life.change(connector=connector)
    life.enable()
    life.delete()


@requirement("TYP-06", "POST /connectors", "PUT /connectors/{id}", sentence=REFUSED)
@requirement("TYP-04", "PUT /connectors/{id}/enable/{enable}", "GET /connectors/{id}", sentence=ENABLED)
@requirement("TYP-03", "GET /connectors", "GET /connectors/{id}", "DELETE /connectors/{id}", sentence=LISTED)
@requirement(
    "CON-06",
    "PUT /connectors/{id}",
    sentence="A PUT of what is read of a connector, without its read-only fields, is accepted and changes nothing.",
)
@requirement(
    "CON-01",
    "GET /connectors/{id}",
    "PUT /connectors/{id}",
    sentence="A connector is read as it was sent, its secrets as ******, what was left out with its default.",
)
@pytest.mark.parametrize("subject", CONNECTORS)
def test_connector(subject: Subject, context: Context, target: Target, recorder: Recorder) -> None:
    """A connector of every type is created, read, listed, changed, switched and deleted."""
    arrangement = Arrangement(context, target)
    life = Life(target.connectors, arrangement, subject, recorder, ("CON-01", "CON-01", "CON-06"))
    if not life.create():
        return
    life.list()
    life.refuse()
    life.change()
    life.enable()
    life.delete()


def _switched(element: Mapping[str, Any]) -> dict[str, Any]:
    """What of an element stays when it is switched."""
    kept = {"created_at": element.get("created_at"), **configured(element)}
    return {name: value for name, value in kept.items() if name != "enable"}


def _lasting(element: Mapping[str, Any]) -> dict[str, Any]:
    """What of an element does not change by itself."""
    return {name: value for name, value in element.items() if name not in _OF_THE_MOMENT}
