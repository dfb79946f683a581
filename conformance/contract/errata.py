"""The errata: what the overlays correct and why, which operations that touches, and whether an alarm is due to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from conformance.contract.contract import Contract
from conformance.contract.document import Document, DocumentError, openapi_root, read_yaml
from conformance.contract.loading import correct, load_contract
from conformance.contract.operations import METHODS
from conformance.contract.schemas import Violation

if TYPE_CHECKING:  # see conformance.contract.loading
    from conformance.contract.overlay import Change, Location

ERRATA_FILE = "errata.yaml"

Steps = tuple[str, ...]
"""A location in a document with all steps as text."""


class AnswerLike(Protocol):
    """What is looked at of an answer."""

    @property
    def content(self) -> bytes: ...
    @property
    def media_type(self) -> str: ...
    @property
    def is_json(self) -> bool: ...
    @property
    def json(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Erratum:
    """One entry of ``overlays/errata.yaml`` with what its actions touch in one version of the document.

    ``operations``: labels, in the order of the document; ``inexpressible`` says why there is no action.
    """

    id: str
    title: str
    evidence: str
    inexpressible: str
    operations: tuple[str, ...]
    reasons: tuple[str, ...]


def errata(version: str) -> list[Erratum]:
    """All errata with what they touch in the corrected document of a described ``version``, in their written order."""
    root = openapi_root()
    document, changes = _corrected(version)
    users = _users(document)
    touched: dict[str, dict[str, None]] = {}
    reasons: dict[str, dict[str, None]] = {}
    for change in changes:
        labels = [label for location in leaves(change) for label in _operations(document, location, users)]
        for name in change.action.errata:
            touched.setdefault(name, {}).update(dict.fromkeys(labels))
            reasons.setdefault(name, {})[change.action.reason] = None
    order = {label: position for position, label in enumerate(_labels(document))}
    return [
        Erratum(
            id=entry["id"],
            title=entry["title"],
            evidence=entry["evidence"],
            inexpressible=entry.get("inexpressible", ""),
            operations=tuple(sorted(touched.get(entry["id"], ()), key=order.__getitem__)),
            reasons=tuple(reasons.get(entry["id"], ())),
        )
        for entry in read_errata(root)
    ]


def read_errata(root: Path) -> list[dict[str, str]]:
    """The entries of ``overlays/errata.yaml``. Raises `DocumentError` if one lacks its id, title or evidence."""
    file = root / "overlays" / ERRATA_FILE
    content = read_yaml(file)
    entries = content.get("errata") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DocumentError(f"{file}: no list of errata")
    for entry in entries:
        if not isinstance(entry, dict) or not {"id", "title", "evidence"} <= entry.keys():
            raise DocumentError(f"{file}: an erratum needs id, title and evidence: {entry}")
    return entries


def explain(contract: Contract, label: str, status: int, answer: AnswerLike) -> tuple[str, ...]:
    """Ids of the errata that make an answer look wrong under the published contract.

    Empty under the corrected contract, and where the answer is wrong under the corrected one as well.
    """
    if contract.variant == "corrected" or label not in contract.operations:
        return ()
    twin = load_contract("corrected", contract.version)
    if not _conforms(twin, label, status, answer) or _conforms(contract, label, status, answer):
        return ()
    published = contract.operation(label).responses.get(status)
    if published is not None and published.schema is not None and answer.is_json:
        found = {
            name: None
            for violation in contract.validate_response(label, status, answer.json)
            for name in attribute_violation(contract, label, status, answer.json, violation)
        }
        if found:
            return tuple(found)
    return _ids(contract.version, _response_location(label, status))


def attribute_violation(
    contract: Contract, label: str, status: int, body: Any, violation: Violation
) -> tuple[str, ...]:
    """Ids of the errata that ``violation``, found in ``body`` under the published contract, is due to.

    Empty if it does not disappear under the corrected contract, that is, if the target is to blame.
    """
    twin = load_contract("corrected", contract.version)
    remaining = twin.validate_response(label, status, body)
    if any(_related(_steps(other.path), _steps(violation.path)) for other in remaining):
        return ()
    keyword = _steps(violation.schema_path)
    return (
        _ids(contract.version, keyword[:-1])
        or _ids_of_components(contract, keyword)
        or _ids(contract.version, _response_location(label, status))
    )


def leaves(change: Change) -> Iterator[Location]:
    """Where a change really changes something: the removed node, or the leaves of what was merged in."""
    if change.action.remove or not isinstance(change.action.update, dict):
        yield change.location
    else:
        yield from _leaves(change.action.update, change.location)


def _leaves(update: Mapping[str, Any], location: Location) -> Iterator[Location]:
    for key, value in update.items():
        if isinstance(value, dict) and value and not (location[:1] == ("components",) and len(location) == 2):
            yield from _leaves(value, (*location, key))
        else:
            # New components count as a whole.
            yield (*location, key)


@lru_cache(maxsize=4)
def _corrected(version: str) -> tuple[Document, list[Change]]:
    return correct(openapi_root(), version)


@lru_cache(maxsize=4)
def _index(version: str) -> tuple[dict[Steps, dict[str, None]], dict[Steps, dict[str, None]]]:
    """Errata by the location of a leaf, and by every location on the way to one."""
    at: dict[Steps, dict[str, None]] = {}
    below: dict[Steps, dict[str, None]] = {}
    for change in _corrected(version)[1]:
        names = dict.fromkeys(change.action.errata)
        for leaf in leaves(change):
            steps = tuple(str(step) for step in leaf)
            at.setdefault(steps, {}).update(names)
            for length in range(len(steps)):
                below.setdefault(steps[:length], {}).update(names)
    return at, below


def _ids(version: str, location: Steps) -> tuple[str, ...]:
    """Errata whose leaves lie on the way to ``location`` or below it."""
    at, below = _index(version)
    found = dict(below.get(location, {}))
    for length in range(len(location) + 1):
        found.update(at.get(location[:length], {}))
    return tuple(found)


def _ids_of_components(contract: Contract, location: Steps) -> tuple[str, ...]:
    """Errata of the components that the schema at ``location`` (its last step is a keyword) reaches."""
    node: Any = contract.document
    for step in location:
        node = node[int(step)] if isinstance(node, list) else node.get(step, {}) if isinstance(node, dict) else {}
    reached: dict[str, None] = {}
    _reach(contract.document, node, reached)
    return tuple({name: None for component in reached for name in _ids(contract.version, _component(component))})


def _component(name: str) -> Steps:
    return ("components", "schemas", name)


def _related(one: Steps, other: Steps) -> bool:
    """Whether one is a prefix of the other."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _steps(pointer: str) -> Steps:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _response_location(label: str, status: int) -> Steps:
    method, path = label.split(" ", 1)
    return ("paths", path, method.lower(), "responses", str(status))


def _conforms(contract: Contract, label: str, status: int, answer: AnswerLike) -> bool:
    response = contract.operation(label).responses.get(status)
    if response is None:
        return False
    if not answer.content:
        return response.schema is None or status >= 400
    if response.media_types and answer.media_type not in response.media_types:
        return False
    if response.schema is None:
        return not response.media_types and status >= 400
    return answer.is_json and not contract.validate_response(label, status, answer.json)


def _labels(document: Document) -> Iterator[str]:
    for path, item in document["paths"].items():
        yield from (f"{method.upper()} {path}" for method in METHODS if method in item)


def _users(document: Document) -> dict[tuple[str, str], list[str]]:
    """Component (section, name) -> labels of the operations that reach it."""
    users: dict[tuple[str, str], list[str]] = {}
    for label in _labels(document):
        method, path = label.split(" ", 1)
        reached: dict[str, None] = {}
        _reach(document, document["paths"][path][method.lower()], reached, whole=True)
        for reference in reached:
            section, name = reference.removeprefix("#/components/").split("/", 1)
            users.setdefault((section, name), []).append(label)
    return users


def _reach(document: Document, node: Any, reached: dict[str, None], *, whole: bool = False) -> None:
    """Collect the components below ``node``: names of schemas, or ``whole`` references of every section."""
    if isinstance(node, list):
        for member in node:
            _reach(document, member, reached, whole=whole)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            section, name = value.removeprefix("#/components/").split("/", 1)
            found = value if whole else name
            if found not in reached and (whole or section == "schemas"):
                reached[found] = None
                _reach(document, document["components"][section][name], reached, whole=whole)
        elif key not in ("example", "examples", "default"):
            _reach(document, value, reached, whole=whole)


def _operations(document: Document, location: Location, users: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
    match [str(step) for step in location]:
        case ["paths", path, method, *_]:
            yield f"{method.upper()} {path}"
        case ["components", section, name, *_]:
            yield from users.get((section, name), ())
