"""The story of a connector or action of one type, as an item tells it: the writes that others judge as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from conformance.fuzz.arrange import Arrangement
from conformance.fuzz.story import Chapter, Story, put_back, switch
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.collection import ArrangeFailed
from conformance.target.resources.typed import TypedBodies
from conformance.worker.context import Context

Varied = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
"""Makes of a body, and of what is read, a body with other values."""


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

    def store(self, body: Mapping[str, Any]) -> Answer:
        """Replace it by a body, in which ****** stands for each secret that it has by then; by the body if not so."""
        story = self.story
        last = (story.stored or [story.created])[-1].read
        plain = self._bodies.with_secret(body, self._context.secret)
        plain = plain if self._is_valid(plain) else dict(body)
        kept = self._bodies.keeping_secrets(plain, last.json if last.ok and last.is_json else {})
        for sent in (kept, plain) if kept != plain else (plain,):
            answer = self._collection.put(story.id, sent)
            if answer.ok:
                story.stored.append(Chapter(sent, answer, answer))
                break
        return answer

    def update(self, body: Mapping[str, Any], vary: Varied) -> Chapter:
        """Replace it by a body with every field, in which ****** stands for each secret that is read of it.

        First with other values in fields that would stay as they are; without them, if the target does not take that.
        """

        def as_update(read: Mapping[str, Any]) -> dict[str, Any]:
            return self._bodies.keeping_secrets(self._marked({**body, "enable": False}), read)

        with self._context.recorder.history.lasting():
            for variation in (lambda read: vary(as_update(read), read), as_update):
                chapter = put_back(self._collection, self.story.id, variation)
                if chapter.answer.ok:
                    self.story.changed = self.story.put_back = chapter
                    break
        return chapter

    def change(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Answer]:
        """Replace it by a body with every field, then by what is read of that; returns what was sent, and the answer.

        For a target that takes the same in no `update`.
        """
        sent = self._marked({**body, "enable": False})
        with self._context.recorder.history.lasting():
            answer = self._collection.put(self.story.id, sent)
            if answer.ok:
                self.story.changed = Chapter(sent, answer, self._collection.get(self.story.id))
            self.story.put_back = put_back(self._collection, self.story.id)
        return sent, answer

    def _marked(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A body whose secrets are one that occurs nowhere else, with fields that servers ignore.

        Those get values that are no defaults, as far as that leaves the body valid: other items judge the answer, too.
        """
        marked = self._bodies.with_ignored(self._bodies.with_secret(body, self._context.secret))
        return marked if self._is_valid(marked) else body

    def _is_valid(self, body: Mapping[str, Any]) -> bool:
        return not self._context.contract.validate_request(f"PUT {self._collection.item}", body, self._type)

    @property
    def _bodies(self) -> TypedBodies:
        return self._collection.bodies(self._type)
