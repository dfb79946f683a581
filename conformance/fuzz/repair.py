"""What an invalid request did that the target accepted: found out, undone at once, and noted for what follows from it.

Left alone, it would make valid requests of the same item fail (their id is taken), and show up in the lists that other
items and workers read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.checks.sightings import concerned, fields_of, name_of, rows_of
from conformance.fuzz.records import FUZZING
from conformance.result import Damage, Failure
from conformance.target.http.answer import Answer
from conformance.target.http.json_body import decode_json
from conformance.target.http.session import query_string
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.listing import LISTINGS, Listing
from conformance.worker.context import Context

Read = tuple[str, str]
"""Label of a list, and one of its query parameters; "" for the list as a whole."""

_CREATED_IN = {label: listing for listing in LISTINGS for label in listing.kind.created_by}


def listing_of(label: str) -> Listing | None:
    """The collection that a POST or PUT changes, None if nothing is listed that it does."""
    method, _, path = label.partition(" ")
    if method not in ("POST", "PUT") or FUZZING[label].stores_nothing:
        return None
    below = (one for one in LISTINGS if path == one.path or path.startswith(f"{one.path}/"))
    return _CREATED_IN.get(label) or next(below, None)


@dataclass(slots=True)
class Repair:
    """Knows for one item which lists worked before it sent anything invalid, and puts right what it can."""

    context: Context
    _working: dict[str, frozenset[Read]] = field(default_factory=dict)

    def watch(self, label: str) -> None:
        """See which reads of a collection work before anything invalid is sent to it."""
        listing = listing_of(label)
        if listing is not None and listing.path not in self._working:
            self._working[listing.path] = frozenset(filter(self._answers, self._reads(listing)))

    def accepted(
        self,
        answer: Answer,
        cause: Failure | None,
        resource_type: str | None = None,
        again: Callable[[], Any] | None = None,
    ) -> bool:
        """Undo what an invalid request did, and note it as the damage of ``cause``, the failure that tells of it.

        What the request created or replaced is deleted; where that is refused, ``again`` makes the valid body to
        replace it with. Returns whether the request may have stored anything.
        """
        label = answer.operation or ""
        listing = listing_of(label)
        if listing is None or not answer.ok:
            return False
        broken = self._broken(listing)
        written = self._written(answer, listing)
        undone = self._undo(answer, written, again)
        lasting = self._broken(listing) if broken else frozenset()
        self._working[listing.path] = self._working.get(listing.path, frozenset()) - lasting
        if cause is None:
            return True
        now = time.monotonic()
        fields = invalid_fields(self.context, answer, resource_type)
        damage = partial(Damage, cause.id, answer.began)
        # What is broken all the same once the request is undone has another cause.
        damages = [
            damage(None if (read, parameter) in lasting else now, read=read, query=[parameter] if parameter else [])
            for read, parameter in sorted(broken - lasting if undone else broken)
        ]
        for name in written if fields is not None else ():
            damages.append(damage(now if undone else None, resource=name, fields=fields or []))
        for one in damages:
            self.context.recorder.damaged(one, cause)
        return True

    def _written(self, answer: Answer, listing: Listing) -> list[str]:
        """What a request writes, by name, also what no path can name."""
        names = [name_of(resource) for resource in concerned(answer.operation or "", answer.sent)]
        if answer.sent.method == "POST":
            names += rows_of(listing, answer.sent)
        return list(dict.fromkeys(names))

    def _undo(self, answer: Answer, written: Iterable[str], again: Callable[[], Any] | None) -> bool:
        """Whether everything that the request wrote is gone, or valid again."""
        stored = concerned(answer.operation or "", answer.sent)
        gone = [name_of(resource) for resource in stored if self._gone(resource)]
        if stored and set(gone) == set(written):
            return True
        if answer.sent.method != "PUT" or again is None:
            return False
        return self.context.api.send_json("PUT", answer.sent.path.partition("?")[0], again()).ok

    def _gone(self, resource: Resource) -> bool:
        if resource.kind != "rules_of_all":
            return self.context.delete(resource)
        before = self.context.adapter.rules_of_all
        return before is not None and self.context.delete(before)

    def _broken(self, listing: Listing) -> frozenset[Read]:
        """Reads that worked before and do not now."""
        return frozenset(read for read in self._working.get(listing.path, ()) if not self._answers(read))

    def _reads(self, listing: Listing) -> list[Read]:
        label = f"GET {listing.path}"
        names = [parameter.name for parameter in self.context.contract.operation(label).parameters_in("query")]
        return [(label, ""), *((label, name) for name in names if name.startswith("like_"))]

    def _answers(self, read: Read) -> bool:
        label, parameter = read
        query: Mapping[str, str] = {parameter: self.context.sandbox.prefix} if parameter else {}
        path = label.partition(" ")[2] + query_string(query)
        return self.context.api.send("GET", path, observed=False).ok


def invalid_fields(context: Context, answer: Answer, resource_type: str | None) -> list[str] | None:
    """The fields of a request's body that its schema refuses: [] is the whole of it, None that it refuses nothing."""
    body, problem = decode_json(answer.sent.body)
    if problem is not None:
        return []
    violations = context.contract.validate_request(answer.operation or "", body, resource_type)
    fields = [fields_of(violation.path.split("/")[1:], violation) for violation in violations]
    if not fields:
        return None
    return sorted({name for names in fields for name in names}) if all(fields) else []


def names_of(resources: Iterable[Resource]) -> Iterator[str]:
    """The names that resources occupy for some time after they are deleted, for deletions may lag behind."""
    yield from (resource.owner for resource in resources if not resource.is_address_ban)


def renamed(body: Any, names: Mapping[str, str]) -> Any:
    """A copy of a body in which other names take the place of some."""
    if not names:
        return body
    if isinstance(body, list):
        return [renamed(element, names) for element in body]
    if isinstance(body, dict):
        return {key: renamed(value, names) for key, value in body.items()}
    return names.get(body, body) if isinstance(body, str) else body
