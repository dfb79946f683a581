"""What an answer shows to be wrong with: a resource and its fields, or a read as a whole.

Failures and damages are compared by it (`conformance.checks.consequences`): it names resources alike, whoever shows
them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from conformance.contract import kinds
from conformance.contract.schemas import Violation
from conformance.result import Sighting
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.paths import decode, split_path
from conformance.target.http.answer import Answer, Sent
from conformance.target.http.json_body import decode_json
from conformance.target.journal.creations import addressed, creations
from conformance.target.journal.resource import Resource
from conformance.target.leftovers.listing import LISTINGS, Listing

_LISTS = {f"GET {listing.path}": listing for listing in LISTINGS if not listing.kind.put_back}


def refused_read(answer: Answer) -> Sighting | None:
    """That a read was not answered with what it asks for; None for anything else."""
    if answer.operation is None or answer.sent.method != "GET" or answer.status < 400:
        return None
    return Sighting(*_times(answer), read=answer.operation, query=sorted(query_of(answer.sent)))


def wrong_body(answer: Answer, violation: Violation) -> Sighting | None:
    """The resource that the body of an answer shows with something wrong, None if it cannot be named."""
    listing = _LISTS.get(answer.operation or "")
    steps = violation.path.split("/")[1:]
    if listing is not None:
        index = next((position for position, step in enumerate(steps) if step.isdecimal()), None)
        if index is None:
            return None
        element = answer.json
        for step in steps[: index + 1]:
            element = element[int(step)] if isinstance(element, list) else element[step]
        name = name_of_entry(listing, element)
        steps = steps[index + 1 :]
    else:
        # A rule is shown, and not what it may retain.
        shown = [one for one in concerned(answer.operation or "", answer.sent) if one.kind != "retained"]
        name = name_of(shown[0]) if len(shown) == 1 else None
    if name is None:
        return None
    return Sighting(*_times(answer), resource=name, fields=fields_of(steps, violation))


def fields_of(steps: Sequence[str], violation: Violation) -> list[str]:
    """The fields of a resource that a violation is about; ``steps`` lead to it from the resource. None: all of it."""
    named = [step for step in steps if not step.isdecimal()]
    return [_plain(named[0])] if named else sorted(violation.names)


def parameters_of(label: str, sent: Sent) -> dict[str, str]:
    """The decoded path parameters of a request."""
    template, segments = split_path(label.partition(" ")[2]), decode(split_path(sent.path))
    return {part[1:-1]: segment for part, segment in zip(template, segments, strict=False) if part.startswith("{")}


def concerned(label: str, sent: Sent) -> list[Resource]:
    """What a request creates, or addresses by its path."""
    method, _, path = label.partition(" ")
    parameters = parameters_of(label, sent)
    content_type = next((value for name, value in sent.headers.items() if name.lower() == "content-type"), "")
    created = creations(label, parameters, Outgoing(method, sent.path, sent.body, content_type))
    return list(dict.fromkeys([*addressed(path, parameters), *created]))


def rows_of(listing: Listing, sent: Sent) -> Iterator[str]:
    """The names of what the rows of a body would be listed as, also where no path could carry them."""
    value = decode_json(sent.body)[0]
    for row in value if isinstance(value, list) else [value]:
        name = name_of_entry(listing, row)
        if name is not None:
            yield name


def name_of(resource: Resource) -> str:
    """A resource by its kind and id; a rule whose id the server invents by its name."""
    kind = "rule" if resource.kind == "named_rule" else resource.kind
    return f"{kind} {resource.name or resource.id}"


def name_of_entry(listing: Listing, entry: Any) -> str | None:
    """What a list shows as an entry, None if that cannot be told. Values that are no text are named by their JSON."""
    if not isinstance(entry, Mapping):
        return None
    written = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True) for key, value in entry.items()
    }
    try:
        if listing.kind is kinds.SUBSCRIPTION:
            return name_of(Resource("client", written["clientid"]))
        resource = listing.resource(written)
    except KeyError:
        return None
    return None if resource is None else name_of(resource)


def query_of(sent: Sent) -> set[str]:
    """The names of the query parameters of a request."""
    return {name for name, _ in parse_qsl(sent.path.partition("?")[2], keep_blank_values=True)}


def _times(answer: Answer) -> tuple[float, float]:
    return answer.began, answer.began + answer.elapsed_s


def _plain(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
