"""The journal: every creation is written down, and synced to disk, before its request leaves.

One append-only file of JSON lines per worker in the report directory. Teardown deletes what the journal says may
exist; after a crash the file is all that is needed to do the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from conformance.target.guard import Outgoing, lenient_readings

FILE_NAME = "journal-{worker}.jsonl"

# Dependents first: a rule uses actions, an action uses its connector.
DELETION_ORDER = (
    "client", "rule", "action", "connector", "schema", "user", "authorization_user", "authorization_client", "ban",
    "retained",
)  # fmt: skip

_USERS = "/authentication/password_based:built_in_database/users"
_AUTHZ = "/authorization/sources/built_in_database/rules"


@dataclass(frozen=True, slots=True)
class Resource:
    """Something the suite created: its kind and its id (``type:name``, ``as/who`` for a ban, a topic...)."""

    kind: str
    id: str

    @property
    def deletion(self) -> str:
        """Raw path, below ``/api/v5``, of the DELETE that removes it."""
        encoded = quote(self.id, safe="")
        if self.kind == "ban":
            kind, _, who = self.id.partition("/")
            return f"/banned/{kind}/{quote(who, safe='')}"
        return {
            "client": f"/clients/{encoded}",
            "rule": f"/rules/{encoded}",
            "action": f"/actions/{encoded}?also_delete_dep_actions=true",
            "connector": f"/connectors/{encoded}",
            "schema": f"/schema_registry/{encoded}",
            "user": f"{_USERS}/{encoded}",
            "authorization_user": f"{_AUTHZ}/users/{encoded}",
            "authorization_client": f"{_AUTHZ}/clients/{encoded}",
            "retained": f"/mqtt/retainer/message/{encoded}",
        }[self.kind]


class Journal:
    """What one worker created and has not deleted yet."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stream: IO[str] | None = None
        self._live: dict[Resource, None] = {}
        self._confirmed: set[Resource] = set()

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._live))

    def __len__(self) -> int:
        return len(self._live)

    def intend(self, resources: Iterable[Resource]) -> None:
        """Write down creations about to be sent; returns after they are on disk."""
        new = [resource for resource in resources if resource not in self._live]
        self._live.update(dict.fromkeys(new))
        self._write("create", new, sync=True)

    def confirm(self, resources: Iterable[Resource]) -> None:
        """The target answered that these exist now."""
        self._confirmed.update(resources)

    def confirmed(self, resource: Resource) -> bool:
        """Whether an earlier request of this worker is known to have created ``resource``."""
        return resource in self._confirmed

    def refused(self, resources: Iterable[Resource]) -> None:
        """The target refused these creations (4xx): nothing was stored."""
        self._forget("refused", resources)

    def gone(self, resources: Iterable[Resource]) -> None:
        """These are deleted, or known not to exist."""
        self._forget("gone", resources)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def adopt(self, resources: Iterable[Resource]) -> None:
        """Take over what an earlier worker wrote into the same file."""
        self._live.update(dict.fromkeys(resources))

    def _forget(self, event: str, resources: Iterable[Resource]) -> None:
        known = [resource for resource in resources if resource in self._live]
        for resource in known:
            del self._live[resource]
            self._confirmed.discard(resource)
        self._write(event, known, sync=False)

    def _write(self, event: str, resources: Iterable[Resource], *, sync: bool) -> None:
        lines = [json.dumps({"event": event, "kind": item.kind, "id": item.id}) + "\n" for item in resources]
        if not lines:
            return
        if self._stream is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.file.open("a", encoding="utf-8")
        self._stream.writelines(lines)
        self._stream.flush()
        if sync:
            os.fsync(self._stream.fileno())


def read_journal(file: Path) -> list[Resource]:
    """What a journal says may still exist, oldest first; a torn last line of a crashed run is ignored."""
    live: dict[Resource, None] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            resource = Resource(entry["kind"], entry["id"])
        except (ValueError, KeyError, TypeError):
            continue
        if entry.get("event") == "create":
            live[resource] = None
        else:
            live.pop(resource, None)
    return list(live)


def in_deletion_order(resources: Iterable[Resource]) -> list[Resource]:
    """Dependents first; within a kind the youngest first."""
    youngest_first = list(resources)[::-1]
    return sorted(youngest_first, key=lambda resource: DELETION_ORDER.index(resource.kind))


def creations(label: str | None, parameters: Mapping[str, str], request: Outgoing) -> list[Resource]:
    """The resources a request may create, from its operation and body."""
    if label is None:
        return []
    if label == "PUT /rules/{id}":
        return [Resource("rule", parameters["id"])]
    for suffix, kind, name in (("users", "user", "username"), ("clients", "client", "clientid")):
        if label == f"PUT {_AUTHZ}/{suffix}/{{{name}}}":
            return [Resource(f"authorization_{kind}", parameters[name])]
    find = _BODY_CREATIONS.get(label)
    if find is None:
        return []
    found: dict[Resource, None] = {}
    for reading in lenient_readings(request.body):
        for item in reading if isinstance(reading, list) else [reading]:
            if isinstance(item, dict):
                found.update(dict.fromkeys(find(item)))
    return list(found)


def deletions(label: str | None, parameters: Mapping[str, str]) -> list[Resource]:
    """The resources a successful request, or a 404 to it, proves gone."""
    if label == "DELETE /banned/{as}/{who}":
        return [Resource("ban", f"{parameters['as']}/{parameters['who']}")]
    kind = _DELETIONS.get(label or "")
    return [Resource(kind, next(iter(parameters.values())))] if kind else []


def _typed(kind: str) -> Any:
    def find(body: Mapping[str, Any]) -> Iterator[Resource]:
        if isinstance(body.get("type"), str) and isinstance(body.get("name"), str):
            yield Resource(kind, f"{body['type']}:{body['name']}")

    return find


def _keyed(kind: str, key: str) -> Any:
    def find(body: Mapping[str, Any]) -> Iterator[Resource]:
        if isinstance(body.get(key), str) and body[key]:
            yield Resource(kind, body[key])

    return find


def _ban(body: Mapping[str, Any]) -> Iterator[Resource]:
    if isinstance(body.get("as"), str) and isinstance(body.get("who"), str):
        yield Resource("ban", f"{body['as']}/{body['who']}")


def _retained(body: Mapping[str, Any]) -> Iterator[Resource]:
    if body.get("retain") in (True, "true") and isinstance(body.get("topic"), str) and body["topic"]:
        yield Resource("retained", body["topic"])


_BODY_CREATIONS: Mapping[str, Any] = {
    "POST /connectors": _typed("connector"),
    "POST /actions": _typed("action"),
    "POST /rules": _keyed("rule", "id"),
    "POST /schema_registry": _keyed("schema", "name"),
    f"POST {_USERS}": _keyed("user", "user_id"),
    "POST /authentication/password_based:built_in_database/import_users": _keyed("user", "user_id"),
    f"POST {_AUTHZ}/users": _keyed("authorization_user", "username"),
    f"POST {_AUTHZ}/clients": _keyed("authorization_client", "clientid"),
    "POST /banned": _ban,
    "POST /publish": _retained,
    "POST /publish/bulk": _retained,
}

_DELETIONS: Mapping[str, str] = {
    "DELETE /rules/{id}": "rule",
    "DELETE /actions/{id}": "action",
    "DELETE /connectors/{id}": "connector",
    "DELETE /schema_registry/{name}": "schema",
    f"DELETE {_USERS}/{{user_id}}": "user",
    f"DELETE {_AUTHZ}/users/{{username}}": "authorization_user",
    f"DELETE {_AUTHZ}/clients/{{clientid}}": "authorization_client",
    "DELETE /mqtt/retainer/message/{topic}": "retained",
    "DELETE /clients/{clientid}": "client",
}
