"""What a request may create, or proves gone: read from its operation, path and body before it leaves.

Bodies are read as leniently as any server could read them: a creation that is not recognised is one that is not
cleaned up, while one that never happens costs a single DELETE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from conformance.contract import kinds
from conformance.contract.kinds import KINDS, Kind
from conformance.target.guard.bodies import NOT_RETAINED
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.readings import Several, lenient_readings, query_reading
from conformance.target.guard.uploads import csv_rows, files, is_upload
from conformance.target.journal.resource import NAMED_RULE, Resource

Finder = Callable[[Mapping[str, Any]], Iterator[Resource]]


def creations(label: str | None, parameters: Mapping[str, str], request: Outgoing) -> list[Resource]:
    """The resources a request may create; ``parameters`` are the decoded ones of its path."""
    found: dict[Resource, None] = {}
    upsert = _UPSERTS.get(label or "")
    if upsert is not None:
        found[_named(upsert, parameters)] = None
    for body in _bodies(label, request) if label in _IN_BODIES else ():
        for finder in _IN_BODIES[label]:
            found.update(dict.fromkeys(finder(body)))
    return list(found)


def addressed(path: str, parameters: Mapping[str, str]) -> list[Resource]:
    """What the path of an operation names; ``path`` is its template."""
    for kind in KINDS:
        if kind.item and (path == kind.item or path.startswith(f"{kind.item}/")):
            return [_named(kind, parameters)]
    return []


def deletions(label: str | None, parameters: Mapping[str, str]) -> list[Resource]:
    """The resources that a 204 to this request, or a 404, proves gone."""
    kind = _DELETIONS.get(label or "")
    return [] if kind is None else [_named(kind, parameters)]


def _named(kind: Kind, parameters: Mapping[str, str]) -> Resource:
    """What path parameters address."""
    return Resource(kind.name, kind.join(*(parameters[name] for name in kind.parameters)))


def _bodies(label: str | None, request: Outgoing) -> Iterator[Mapping[str, Any]]:
    """Every object that the body could be read as, or that is an element of it where the operation takes several.

    In other bodies the guard does not look at elements either: nobody would take them for a resource.
    """
    if "?" in request.path:
        yield query_reading(request.path)
    upload = is_upload(request.content_type)
    for content in files(request.body, request.content_type) if upload else [request.body]:
        for reading in lenient_readings(content):
            if label in _TAKES_SEVERAL:
                yield from _objects(reading)
            elif isinstance(reading, dict):
                yield reading
        if upload:
            yield from csv_rows(content)


def _objects(reading: Any) -> Iterator[Mapping[str, Any]]:
    """Elements of a list body; EMQX reads an object with numeric keys as a list as well."""
    if isinstance(reading, dict):
        yield reading
        yield from (value for value in reading.values() if isinstance(value, dict))
    elif isinstance(reading, list):
        for element in reading:
            yield from _objects(element)


def _values(body: Mapping[str, Any], key: str) -> list[Any]:
    """The values of a key: several where it is repeated."""
    if key not in body:
        return []
    value = body[key]
    return list(value) if isinstance(value, Several) else [value]


def _texts(body: Mapping[str, Any], key: str) -> list[str]:
    """The values of a key that are texts, or that a server could take for one, as it would write them into a path."""
    return [str(value) for value in _values(body, key) if isinstance(value, str | int | float) and value is not True and
            value is not False and value != ""]  # fmt: skip


def _identified(kind: Kind) -> Finder:
    """What the fields of its identity name."""
    *qualifiers, key = kind.identity

    def find(body: Mapping[str, Any]) -> Iterator[Resource]:
        for values in product(*(_texts(body, field) for field in qualifiers)):
            prefix = kind.join(*values, "")
            yield from (Resource.identified(kind.name, name, prefix) for name in _values(body, key))

    return find


def _nameless_rule(body: Mapping[str, Any]) -> Iterator[Resource]:
    """A rule whose id the server invents is found again by its name."""
    if not _texts(body, "id") and "sql" in body:
        yield from (Resource(NAMED_RULE, name) for name in _texts(body, "name"))


def _retained(body: Mapping[str, Any]) -> Iterator[Resource]:
    if any(value not in NOT_RETAINED for value in _values(body, "retain")):
        yield from (Resource("retained", topic) for topic in _texts(body, "topic"))


def _republished(body: Mapping[str, Any]) -> Iterator[Resource]:
    """What the rule's republish actions may retain: by default as the message that triggered them was."""
    for actions in _values(body, "actions"):
        for action in _objects(actions):
            for arguments in _values(action, "args"):
                if isinstance(arguments, dict) and _values(arguments, "retain") not in ([False], ["false"]):
                    yield from (Resource("retained", _filter_of(topic)) for topic in _texts(arguments, "topic"))


def _filter_of(template: str) -> str:
    """A topic filter for every topic that a template (``a/b/${c}``) can become."""
    literal, placeholder, _ = template.partition("${")
    return literal.rpartition("/")[0] + "/#" if placeholder else template


_FINDERS: Mapping[Kind, tuple[Finder, ...]] = {
    kinds.RULE: (_identified(kinds.RULE), _nameless_rule),
    kinds.RETAINED: (_retained,),
}
"""Kinds of which bodies tell otherwise than by their identity alone."""


def _finders(label: str) -> tuple[Finder, ...]:
    """What finds in the bodies of an operation what they create."""
    creating = [kind for kind in KINDS if label in kind.created_by and not kind.put_back]
    found = [finder for kind in creating for finder in _FINDERS.get(kind, (_identified(kind),))]
    return (*found, _republished) if label in _RULES else tuple(found)


_RULES = (*kinds.RULE.created_by, f"PUT {kinds.RULE.item}")

_TAKES_SEVERAL = frozenset(label for kind in KINDS for label in kind.several)

_UPSERTS: Mapping[str, Kind] = {f"PUT {kind.item}": kind for kind in KINDS if kind.upserted}

_IN_BODIES: Mapping[str | None, tuple[Finder, ...]] = {
    label: _finders(label) for label in (*(label for kind in KINDS for label in kind.created_by), *_RULES)
}

_DELETIONS: Mapping[str, Kind] = {f"DELETE {kind.item}": kind for kind in KINDS if kind.item and not kind.put_back}

CHANGES_RULES_OF_ALL = frozenset(kinds.RULES_OF_ALL.created_by)
"""Operations after which the rules for all clients have to be put back."""
