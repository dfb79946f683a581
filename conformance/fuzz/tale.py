"""The story of a connector or action of one type, as an item tells it: the writes that others judge as well."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.story import Chapter, Story, Variation, put_back, switch
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.collection import ArrangeFailed
from conformance.worker.context import Context


class Tale:
    """Of the type of one item, whose connectors or actions are ``collection``."""

    def __init__(self, context: Context, arrangement: Arrangement, collection: Bridges, resource_type: str) -> None:
        self._context = context
        self._arrangement = arrangement
        self._collection = collection
        self._type = resource_type

    @property
    def told(self) -> Story | None:
        """The story, if it has begun."""
        return self._arrangement.told(self._collection, self._type)

    @cached_property
    def story(self) -> Story:
        """The story, which begins here unless it has; raises `ArrangeFailed`."""
        return self._arrangement.story(self._collection, self._type)

    def created(self) -> Answer:
        """The answer to the creation."""
        try:
            return self.story.created.answer
        except ArrangeFailed as error:
            return error.answer

    def switch(self) -> None:
        """Turn it on or off, as the example made it, which can be started: not every combination of valid values
        can."""
        with self._context.recorder.history.lasting():
            self.story.switched = switch(self._collection, self.story.id, self._type)

    def change(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Answer]:
        """Replace it by a body with every field, and return what was sent of that.

        Its secrets become one that occurs nowhere else, and fields that servers ignore get values that are no defaults,
        as far as that leaves it valid: other items judge the answer, too.
        """
        contract, bodies = self._context.contract, self._collection.bodies(self._type)
        sent = {**body, "enable": False}
        marked = bodies.with_ignored(bodies.with_secret(sent, self._context.secret))
        if not contract.validate_request(f"PUT {self._collection.item}", marked, self._type):
            sent = marked
        with self._context.recorder.history.lasting():
            answer = self._collection.put(self.story.id, sent)
            if answer.ok:
                self.story.changed = Chapter(sent, answer, self._collection.get(self.story.id))
        return sent, answer

    def put_back(self, *variations: Variation) -> Chapter:
        """Send what is read of it as its PUT, by the first of the variations that it takes, as it is if by none."""
        with self._context.recorder.history.lasting():
            for vary in (*variations, dict):
                chapter = put_back(self._collection, self.story.id, vary)
                if chapter.answer.ok or not chapter.varied:
                    break
            self.story.put_back = chapter
        return chapter
