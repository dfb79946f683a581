"""Path parameters of an operation that address something that exists, created on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from conformance.contract import kinds
from conformance.contract.kinds import kind_of
from conformance.contract.later import as_later, brief
from conformance.contract.operations import Operation
from conformance.contract.value_space import value_space
from conformance.fuzz.adapt import into_sandbox
from conformance.fuzz.beginning import beginning
from conformance.fuzz.identities import Identities
from conformance.fuzz.space import Subject
from conformance.fuzz.story import Chapter, Stories, Story
from conformance.fuzz.witness import running_action
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Answer
from conformance.target.http.session import encode, expand
from conformance.target.journal.resource import Resource
from conformance.target.resources.bridges import Bridges
from conformance.target.resources.collection import ArrangeFailed, Collection, arranged
from conformance.target.target import TO_DELETE, Target
from conformance.worker.context import Context

FIXED = {"operation": "start", "enable": "true"}
"""Path parameters that address nothing, with a value that is fine for all."""

_SOON_GIVEN_UP = {"pulsar": {"connect_timeout": "100ms"}}
"""Fields of connectors whose types hold up each probe of an action on them until they give up their host, 5 s on EMQX
5.8, although nobody listens there."""


class Arrangement:
    """Things on the target for operations to work on.

    What is part of the configuration costs a real server 0.2 s each to create, so all items of a worker share one of
    each kind, and the story of each type (`conformance.fuzz.story`), save those that delete it.
    """

    def __init__(self, context: Context, target: Target) -> None:
        self._context = context
        self._target = target

    def path_parameters(self, operation: Operation, resource_type: str | None = None) -> dict[str, str]:
        """Values for the path of ``operation``; ``resource_type``: of the connector or action among them."""
        parameters: dict[str, str] = {}
        for name in (parameter.name for parameter in operation.parameters_in("path")):
            if name not in parameters:
                parameters |= self._parameter(operation, name, resource_type or "http")
        return parameters

    def connector(self, resource_type: str) -> str:
        """The id of a connector for actions of that type."""
        return self.story(self._target.connectors, resource_type).id

    def story(self, collection: Bridges, resource_type: str) -> Story:
        """The story of a connector or action of a type, which begins here unless it has; raises `ArrangeFailed`."""
        told = Stories.of(self._context)

        def begin() -> str:
            connector = self.connector(resource_type) if collection.kind is kinds.ACTION else ""
            label = f"POST {collection.path}"
            example = next(iter(self._target.contract.body_examples(label, resource_type).values()))
            identities = Identities(self._target.sandbox, {}, connector.partition(":")[2], resource_type)
            for begun in (self._beginning(collection, resource_type), example):
                body = into_sandbox(label, begun, identities, valid=True)
                if collection.kind is kinds.CONNECTOR:
                    # What actions are created on must not be busy with a host that does not answer.
                    body |= {"enable": False, **_SOON_GIVEN_UP.get(resource_type, {})}
                    if self._target.is_newer:
                        as_later(body, resource_type)
                        brief(body)
                if begun is example or self._is_safe(collection.path, body):
                    answer = self._target.api.call(label, json=body)
                    if answer.ok:
                        break
            arranged(answer, collection.kind.created)
            identifier = collection.identify(body)
            told.begin(
                collection.path, resource_type, Story(identifier, Chapter(body, answer, collection.get(identifier)))
            )
            return identifier

        self._context.lasting(
            f"{collection.path} {resource_type}", begin, lambda known: self._goes_on(collection, known)
        )
        story = told.get(collection.path, resource_type)
        assert story is not None
        return story

    def _beginning(self, collection: Bridges, resource_type: str) -> dict[str, Any]:
        """The body that a story begins with, its secrets such as occur nowhere else."""
        contract, plan = self._target.contract, self._context.plan
        subject = Subject(f"POST {collection.path}", resource_type)
        space = value_space(contract)
        body = beginning(contract, subject, space, plan.seeds)
        marked = collection.bodies(resource_type).with_secret(body, self._context.secret)
        return body if contract.validate_request(subject.label, marked, resource_type) else marked

    def _is_safe(self, path: str, body: Mapping[str, Any]) -> bool:
        request = Outgoing("POST", path, encode(body), "application/json")
        mode = self._context.guard.least_mode(request)
        return mode is not None and mode <= min(Mode.SANDBOXED, self._context.configuration.mode)

    def told(self, collection: Bridges, resource_type: str) -> Story | None:
        """The story of a type, if it has begun and its connector or action is still there."""
        story = Stories.of(self._context).get(collection.path, resource_type)
        return story if story is not None and self._goes_on(collection, story.id) else None

    def end(self, collection: Bridges, resource_type: str) -> None:
        """Let go of a connector or action that the caller deletes, and delete the action that uses the connector."""
        stories, actions = Stories.of(self._context), self._target.actions
        stories.end(collection.path, resource_type)
        if collection.kind is kinds.CONNECTOR:
            user = stories.end(actions.path, resource_type)
            if user is not None:
                self._context.delete(Resource(actions.kind.name, user.id))

    def _goes_on(self, collection: Collection, identifier: str) -> bool:
        return self._target.api.send("GET", expand(collection.item, collection.path_of(identifier)), observed=False).ok

    def running(self, operation: Operation, sink_url: str) -> str:
        """A connected HTTP connector, or for an operation on actions an action on one; returns its id."""
        of_actions = operation.path.startswith("/actions")
        return running_action(self._target, sink_url) if of_actions else self._target.running(sink_url)

    def _parameter(self, operation: Operation, name: str, resource_type: str) -> dict[str, str]:
        if name in FIXED:
            return {name: FIXED[name]}
        kind = kind_of(operation.path)
        assert kind is not None, f"{operation.label} addresses no kind of resource"
        collection = self._target.of(kind)
        if kind is kinds.CLIENT:
            identifier = self._target.connect().client_id
        elif not kind.configured:
            identifier = collection.create()
        else:
            if operation.method == "DELETE":
                identifier = self._target.lasting(collection, TO_DELETE)
            else:
                identifier = self._shared(collection, resource_type if kind.typed else None)
        return collection.path_of(identifier)

    def _shared(self, collection: Collection, resource_type: str | None) -> str:
        if isinstance(collection, Bridges):
            return self.story(collection, resource_type or "http").id
        return self._target.lasting(collection, "shared", lambda: self._by_example(collection))

    def _by_example(self, collection: Collection) -> str:
        """Create a rule or schema by the first example, or as scenarios do if the target takes no example."""
        label = f"POST {collection.path}"
        example = next(iter(self._target.contract.body_examples(label, None).values()))
        body = into_sandbox(label, example, Identities(self._target.sandbox), valid=True)
        answer = self._target.api.call(label, json=body)
        answers = self._by_examples()
        answers.pop(collection.path, None)
        if not answer.ok:
            return collection.create()
        answers[collection.path] = answer
        return collection.identify(body)

    def created_by_example(self, collection: Collection) -> Answer | None:
        """The answer to the creation of the rule or schema that all items share, if its first example made it."""
        with suppress(ArrangeFailed):
            self._shared(collection, None)
        return self._by_examples().get(collection.path)

    def _by_examples(self) -> dict[str, Answer]:
        answers: dict[str, Answer] = self._context.once("created by examples", dict)
        return answers
