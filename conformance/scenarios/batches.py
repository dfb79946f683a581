"""The operations on several things at once: what an element is, and how to see what became of it."""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from conformance.contract import paths
from conformance.scenarios.imports import upload
from conformance.target.http.answer import Answer
from conformance.target.resources.access import PASSWORD, Rulings
from conformance.target.target import Target

ABSENT = "absent"


class Batch(ABC):
    """One operation on several things at once. A thing has a key and one of two contents, 0 and 1.

    ``label``: the operation. ``many``: a number of elements that is no effort. ``empty``: statuses for a batch without
    any. ``refusing``: the status of a batch with a bad element. ``marks``: what it needs.
    """

    label: ClassVar[str]
    many: ClassVar[int] = 25
    empty: ClassVar[tuple[int, ...]] = (200, 202, 204)
    refusing: ClassVar[int] = 400
    marks: ClassVar[tuple[pytest.MarkDecorator, ...]] = ()

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    def key(self) -> str:
        """A fresh key, with whatever must be there for it."""

    @abstractmethod
    def element(self, key: str, content: int) -> Any:
        """An element of the batch."""

    @abstractmethod
    def bad(self) -> Any:
        """An element that must be refused, with a key of its own."""

    @abstractmethod
    def state(self, key: str) -> Any:
        """What is there under a key now."""

    def done(self, content: int) -> Any:
        """The state under a key once an element with it was carried out."""
        return content

    def untouched(self) -> Any:
        """The state under a fresh key."""
        return ABSENT

    def outcome(self, pairs: Sequence[tuple[str, int]]) -> dict[str, Any]:
        """The states after elements with these keys and contents were carried out in order."""
        return {key: self.done(content) for key, content in pairs}

    def send(self, elements: Sequence[Any]) -> Answer:
        return self.target.api.call(self.label, json=list(elements))

    def settle(self) -> None:
        """Return when the effect of what was sent before would show; most show as soon as they are answered."""
        return

    def wrong_answer(self, answer: Answer, elements: Sequence[Any], keys: Sequence[str]) -> str | None:
        """What is wrong with the answer to a batch that was carried out; ``keys``: those of the elements, in order."""
        return None


class Publishing(Batch):
    """Messages that are retained; the key is the topic, the content the payload and the QoS."""

    label = "POST /publish/bulk"
    empty = (200, 202, 400)
    marks = (pytest.mark.needs("retainer"), pytest.mark.state("retained"))

    def key(self) -> str:
        return self.target.sandbox.topic("batch")

    def element(self, key: str, content: int) -> Any:
        return {"topic": key, "payload": str(content), "qos": content, "retain": True}

    def bad(self) -> Any:
        return {"topic": f"{self.key()}/#", "payload": "0", "retain": True}

    def state(self, key: str) -> Any:
        answer = self.target.retained.get(key)
        if not answer.ok:
            return ABSENT
        payload, qos = int(base64.b64decode(answer.json["payload"])), answer.json["qos"]
        return payload if payload == qos else f"{payload} with QoS {qos}"

    def settle(self) -> None:
        self.target.retained.create()

    def wrong_answer(self, answer: Answer, elements: Sequence[Any], keys: Sequence[str]) -> str | None:
        return None if len(answer.json) == len(elements) else f"{len(answer.json)} answers to {len(elements)} messages"


class Importing(Batch):
    """Users that are imported; the content is whether they are superusers."""

    label = f"POST {paths.IMPORT_USERS}"
    empty = (400,)
    marks = (pytest.mark.needs("authenticator"),)

    def key(self) -> str:
        return self.target.sandbox.name("batch")

    def element(self, key: str, content: int) -> Any:
        return {"user_id": key, "password": f"{PASSWORD}{content}", "is_superuser": bool(content)}

    def bad(self) -> Any:
        return {"user_id": self.key(), "is_superuser": True}

    def state(self, key: str) -> Any:
        answer = self.target.users.get(key)
        return int(answer.json["is_superuser"]) if answer.ok else ABSENT

    def send(self, elements: Sequence[Any]) -> Answer:
        return self.target.api.call(self.label, query={"type": "plain"}, json=list(elements))

    def wrong_answer(self, answer: Answer, elements: Sequence[Any], keys: Sequence[str]) -> str | None:
        if not answer.content:
            return None  # before 5.8.2 nothing is told
        told = {name: answer.json.get(name) for name in ("total", "success", "override", "failed")}
        again, unchanged = len(keys) - len(set(keys)), 0
        if not self.target.capabilities.profile.hashing.salted:
            # What is stored of the password is the same then, and the row is skipped.
            before: dict[str, Any] = {}
            for key, element in zip(keys, elements, strict=True):
                unchanged += before.get(key) == element
                before[key] = element
        due = {"total": len(elements), "success": len(elements) - again, "override": again - unchanged, "failed": 0}
        return None if told == due else f"{told}, expected {due}"


class Uploading(Importing):
    """The same from an uploaded CSV file."""

    def send(self, elements: Sequence[Any]) -> Answer:
        names = ("user_id", "password", "is_superuser")
        rows = [",".join(json.dumps(row[name]).strip('"') for name in names if name in row) for row in elements]
        return upload(self.target, "users.csv", "\r\n".join([",".join(names), *rows]))

    def bad(self) -> Any:
        """A row without the other columns."""
        return {"user_id": self.key()}


class Ruling(Batch):
    """Authorization rules of several users or clients; the content is whether something is allowed."""

    marks = (pytest.mark.needs("authorization"), pytest.mark.state("authorization"))
    permissions = ("allow", "deny")

    @property
    def collection(self) -> Rulings:
        return self.target.user_rules

    def key(self) -> str:
        return self.target.sandbox.name("batch")

    def element(self, key: str, content: int) -> Any:
        rule = {"topic": self.target.sandbox.topic("batch"), "permission": self.permissions[content], "action": "all"}
        return {self.collection.parameter: key, "rules": [rule]}

    def bad(self) -> Any:
        element = self.element(self.key(), 0)
        element["rules"][0]["permission"] = "perhaps"
        return element

    def state(self, key: str) -> Any:
        answer = self.collection.get(key)
        return self.permissions.index(answer.json["rules"][0]["permission"]) if answer.ok else ABSENT


class RulingUsers(Ruling):
    label = f"POST {paths.USER_RULES}"


class RulingClients(Ruling):
    label = f"POST {paths.CLIENT_RULES}"

    @property
    def collection(self) -> Rulings:
        return self.target.client_rules


class RulesOfOne(Batch):
    """The rules of one user; the key is the topic, and all rules about it are kept, in order."""

    label = f"PUT {paths.RULES_OF_USER}"
    empty = (204,)
    marks = Ruling.marks
    permissions = Ruling.permissions

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.user = target.user_rules.create()

    def key(self) -> str:
        return self.target.sandbox.topic("batch")

    def element(self, key: str, content: int) -> Any:
        return {"topic": key, "permission": self.permissions[content], "action": "all"}

    def bad(self) -> Any:
        return {**self.element(self.key(), 0), "action": "perhaps"}

    def state(self, key: str) -> Any:
        rules = self.target.user_rules.read(self.user)["rules"]
        return [self.permissions.index(rule["permission"]) for rule in rules if rule["topic"] == key]

    def untouched(self) -> Any:
        return []

    def outcome(self, pairs: Sequence[tuple[str, int]]) -> dict[str, Any]:
        return {key: [content for one, content in pairs if one == key] for key, _ in pairs}

    def send(self, elements: Sequence[Any]) -> Answer:
        return self.target.user_rules.put(self.user, {"username": self.user, "rules": list(elements)})


class OfClient(Batch):
    """Subscriptions of one client; the key is the topic filter."""

    marks = (pytest.mark.needs("mqtt"),)

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.client = target.connect()

    def key(self) -> str:
        return self.target.sandbox.topic("batch")

    def state(self, key: str) -> Any:
        found = {entry["topic"]: entry for entry in self.target.clients.subscriptions(self.client.client_id)}
        return found[key]["qos"] if key in found else ABSENT

    def send(self, elements: Sequence[Any]) -> Answer:
        return self.target.api.call(self.label, path={"clientid": self.client.client_id}, json=list(elements))

    def settle(self) -> None:
        """A client does what it is told in order: subscribe it to something else and see that."""
        last = self.target.sandbox.topic("settled")
        self.target.clients.subscribe(self.client.client_id, last)
        self.target.eventually(lambda: self.state(last) != ABSENT)


class Subscribing(OfClient):
    """The content is the QoS."""

    label = "POST /clients/{clientid}/subscribe/bulk"

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._keys = 0

    def key(self) -> str:
        self._keys += 1
        self.target.capabilities.profile.limits.check_subscriptions(self._keys)
        return super().key()

    def element(self, key: str, content: int) -> Any:
        return {"topic": key, "qos": content}

    def bad(self) -> Any:
        return {"topic": self.key(), "qos": 3}


class Unsubscribing(OfClient):
    """Whatever is named is gone."""

    label = "POST /clients/{clientid}/unsubscribe/bulk"

    def key(self) -> str:
        topic = super().key()
        self.client.subscribe(topic, 0)
        return topic

    def element(self, key: str, content: int) -> Any:
        return {"topic": key}

    def bad(self) -> Any:
        return {"topic": {"filter": self.target.sandbox.topic("batch")}}

    def done(self, content: int) -> Any:
        return ABSENT

    def untouched(self) -> Any:
        return 0


class Kicking(Batch):
    """Clients that are kicked out."""

    label = "POST /clients/kickout/bulk"
    marks = (pytest.mark.needs("mqtt"),)
    many = 3

    def key(self) -> str:
        return self.target.connect().client_id

    def element(self, key: str, content: int) -> Any:
        return key

    def bad(self) -> Any:
        return {"clientid": self.target.sandbox.name("batch")}

    def state(self, key: str) -> Any:
        return "connected" if self.target.clients.get(key).ok else ABSENT

    def done(self, content: int) -> Any:
        return ABSENT

    def untouched(self) -> Any:
        return "connected"


BATCHES: Mapping[str, type[Batch]] = {
    batch.label: batch
    for batch in (Publishing, Importing, RulingUsers, RulingClients, RulesOfOne, Subscribing, Unsubscribing, Kicking)
}
"""Operations on several things at once by label; `Uploading` is another way to call one."""
