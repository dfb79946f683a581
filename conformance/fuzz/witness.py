"""Witnesses: a valid request of a writing operation, and a way to see whether it was carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.contract.generation import MISSING
from conformance.target.http.answer import Answer
from conformance.target.http.credentials import Signature
from conformance.target.http.session import Api
from conformance.target.resources.collection import Collection
from conformance.target.sink import HttpSink
from conformance.target.target import TO_DELETE, Target

# Says how a resource fares, not what is stored.
_HEALTH = frozenset({"status", "status_reason", "node_status", "error"})


def _nothing() -> None:
    """For writes whose effect shows as soon as they are answered, and that others do not notice."""


@dataclass(frozen=True, slots=True)
class Write:
    """A valid request that nobody sent yet.

    ``seen`` reads the state that it changes. ``settle`` returns when the effect of whatever was sent before would show,
    for operations that are answered before they have one. ``undo`` gives back what the request takes from others.
    ``is_example``: whether the body is the first example of the operation.
    """

    seen: Callable[[], Any]
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = MISSING
    query: Mapping[str, str] = field(default_factory=dict)
    settle: Callable[[], object] = _nothing
    undo: Callable[[], None] = _nothing
    is_example: bool = False

    def send(self, api: Api, label: str, credentials: Signature = "default", body: Any = MISSING) -> Answer:
        """Send it; ``body`` takes the place of its own."""
        body = self.body if body is MISSING else body
        content = {} if body is MISSING else {"json": body}
        return api.call(label, path=self.path, query=self.query, credentials=credentials, **content)


Arrange = Callable[[Target, HttpSink], Write]


def stored(answer: Answer) -> Any:
    """What is stored of an element: its JSON without its health, or the status that says there is none."""
    if not answer.ok:
        return answer.status
    return {name: value for name, value in answer.json.items() if name not in _HEALTH}


def creation(target: Target, collection: Collection, query: Mapping[str, str]) -> Write:
    """A POST of something new, seen by its GET and in the list with ``query``; a `deletion` gets what it made."""
    body = collection.body()
    identifier = collection.identify(body)

    def keep() -> None:
        if collection.kind.configured and collection.get(identifier).ok:
            target.keep(collection, identifier, TO_DELETE)

    return Write(
        lambda: (collection.get(identifier).status, sorted(collection.ids(**query))),
        body=collection.payload(body),
        undo=keep,
    )


def deletion(target: Target, collection: Collection, query: Mapping[str, str]) -> Write:
    """A DELETE of what was created, seen as a creation is."""
    identifier = target.lasting(collection, TO_DELETE) if collection.kind.configured else collection.create()
    return Write(
        lambda: (collection.get(identifier).status, identifier in collection.ids(**query)),
        path=collection.path_of(identifier),
    )


def replacement(collection: Collection, changes: Mapping[str, Any], dropped: tuple[str, ...] = ()) -> Write:
    """A PUT of what was created, without the fields of the identity (``dropped``), with some ``changes``."""
    body = collection.body()
    identifier = collection.create(**body)
    kept = {name: value for name, value in body.items() if name not in dropped}
    return Write(lambda: stored(collection.get(identifier)), collection.path_of(identifier), {**kept, **changes})


def to_change(target: Target, collection: Collection) -> str:
    """The id of something that items may change: a connector or action besides that of its type's story, disabled."""
    if not collection.kind.typed:
        return target.lasting(collection, "shared")
    return target.lasting(collection, "to change", lambda: collection.create(enable=False))


def running_action(target: Target, sink_url: str) -> str:
    """The id of an action on a connected HTTP connector, which gets what is published on its ``local_topic``."""
    actions, connector = target.actions, target.running(sink_url)

    def make() -> str:
        return actions.create(connector=connector, local_topic=target.sandbox.topic("counted"))

    return target.lasting(actions, "running", make)


def change(target: Target, collection: Collection) -> Write:
    """A PUT with another description, of a connector or action that serves all items: its identity left out."""
    identifier = to_change(target, collection)
    kept = {name: value for name, value in collection.body().items() if name not in collection.kind.identity}
    # What `switch` turns on answers as well for who asks for that alone.
    body = {**kept, "description": target.sandbox.name("new"), "enable": False}
    return Write(lambda: stored(collection.get(identifier)), collection.path_of(identifier), body)


def switch(target: Target, collection: Collection) -> Write:
    """Turn off what is on, or on what is off: of what serves all items."""
    identifier = to_change(target, collection)
    enable = "false" if collection.read(identifier)["enable"] else "true"
    return Write(lambda: stored(collection.get(identifier)), {**collection.path_of(identifier), "enable": enable})


def by_name(collection: Collection) -> dict[str, str]:
    """The query that finds what carries a name of the sandbox."""
    return {f"like_{collection.parameter}": collection.sandbox.prefix}
