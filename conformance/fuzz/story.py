"""One connector or action of each type, whose life the items of a worker tell together.

A write of the configuration costs a real server 0.2 s, and most of a run's are spent on types. So each type's life is
one story: it is created once, and whoever only reads, refuses or probes uses what is there; a write that several items
judge is sent by the first of them, and the others judge its answer. Alone, an item sends what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.contract.fields import Path
from conformance.contract.kinds import CONNECTOR
from conformance.target.guard.hosts import NEVER_STARTED
from conformance.target.http.answer import Answer
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.typed import configured, differing
from conformance.worker.context import Context


@dataclass(frozen=True, slots=True)
class Chapter:
    """A write: ``sent``, its body, with its ``answer``, and ``read``, the GET after it.

    ``varied``: places in the body that have another value than was read before, where the others have the same.
    """

    sent: Mapping[str, Any]
    answer: Answer
    read: Answer
    varied: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Switch:
    """That it was switched to ``state``: as it was ``before``, the ``answer``, and ``read``, the GET after it."""

    before: Mapping[str, Any]
    state: bool
    answer: Answer
    read: Answer


def switch(collection: Bridges, identifier: str, resource_type: str) -> Switch:
    """Turn a connector or action on if it is off, unless its type is never started, and off if it is on.

    The other way the next update turns it, whose body says that it is disabled.
    """
    started, before = (
        collection.kind is not CONNECTOR or resource_type not in NEVER_STARTED,
        collection.read(identifier),
    )
    state = started and not before["enable"]
    return Switch(before, state, collection.enable(identifier, state), collection.get(identifier))


Variation = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes of what is read a body with other values in some fields."""


def put_back(collection: Bridges, identifier: str, vary: Variation = dict) -> Chapter:
    """Send what is read of a connector or action as its PUT, with other values in some of its fields."""
    before = configured(collection.read(identifier))
    sent = vary(before)
    varied = frozenset(differing(before, sent))
    return Chapter(sent, collection.put(identifier, sent), collection.get(identifier), varied)


@dataclass(slots=True)
class Story:
    """What was written of one connector or action so far; ``id`` is its id.

    ``created``: by the first example of its type. ``switched``: on or off; ``stored``: updates with values of its type,
    ``read`` in their answers; then ``changed``: by a body with every field, and ``put_back``: by what was read of it.
    As a rule both are one write, which repeats ****** where a secret was read.
    """

    id: str
    created: Chapter
    stored: list[Chapter] = field(default_factory=list)
    switched: Switch | None = None
    changed: Chapter | None = None
    put_back: Chapter | None = None


@dataclass(slots=True)
class Stories:
    """Those of a worker, by path of the collection and type."""

    _of: dict[tuple[str, str], Story] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context) -> Stories:
        """The stories of a worker."""
        stories: Stories = context.once("stories", cls)
        return stories

    def begin(self, path: str, resource_type: str, story: Story) -> None:
        self._of[path, resource_type] = story

    def get(self, path: str, resource_type: str) -> Story | None:
        """The story of a type, if one has begun and not ended."""
        return self._of.get((path, resource_type))

    def end(self, path: str, resource_type: str) -> Story | None:
        """Forget the story of a type, whose resource is about to be deleted."""
        return self._of.pop((path, resource_type), None)
