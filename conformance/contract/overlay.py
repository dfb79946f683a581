"""OpenAPI Overlay 1.0: read overlay documents and apply their actions to the contract.

Differences from the specification, all stricter: an action that selects nothing, selects a primitive value, does
nothing, or merges values of different kinds is an error, so that an overlay cannot silently stop correcting what it
was written for. Arrays are concatenated by a merge; replacing one takes a removal and then an update.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpath
from jsonpath.exceptions import JSONPathError

from conformance.contract.document import Document, DocumentError, read_yaml

Location = tuple[str | int, ...]
"""Where a node is in a document: the keys and indexes from the root."""

_PATHS = jsonpath.JSONPathEnvironment(strict=True)
_OVERLAY_FIELDS = frozenset({"overlay", "info", "extends", "actions"})
_ACTION_FIELDS = frozenset({"target", "description", "update", "remove"})


class OverlayError(DocumentError):
    """An overlay document is malformed, or one of its actions cannot be applied."""


@dataclass(frozen=True, slots=True)
class Action:
    """One correction: ``update`` merged into, or removal of, every node that ``target`` selects.

    ``errata``: the ids in ``x-erratum`` (``"A1"`` or ``"A1, A9"``), ``reason``: ``x-reason``, else the description,
    ``beyond_document``: ``x-beyond-document``, that no published document says this, only the server.
    """

    name: str
    target: str
    path: jsonpath.JSONPath | jsonpath.CompoundJSONPath
    remove: bool
    update: Any
    errata: tuple[str, ...]
    reason: str
    beyond_document: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """One overlay document; ``name`` is its file name and ``info`` its info object with extensions."""

    name: str
    info: Mapping[str, Any]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One node that an action touched, by its location at that moment."""

    action: Action
    location: Location


def read_overlay(file: Path) -> Overlay:
    """Read and check one overlay file. Raises `OverlayError` (or `DocumentError` if it is no YAML)."""
    return parse_overlay(read_yaml(file), file.name)


def parse_overlay(content: Any, name: str) -> Overlay:
    """Check the content of an overlay document called ``name``. Raises `OverlayError`."""
    if not isinstance(content, dict):
        raise OverlayError(f"{name}: an overlay is an object")
    for field in ("overlay", "info", "actions"):
        if field not in content:
            raise OverlayError(f"{name}: the required {field} is missing")
    _refuse_unknown(content, _OVERLAY_FIELDS, name)
    version = content["overlay"]
    if not isinstance(version, str) or version.split(".")[:2] != ["1", "0"]:
        raise OverlayError(f"{name}: overlay is {version!r}, not a 1.0.x version")
    info = content["info"]
    if not isinstance(info, dict) or not {"title", "version"} <= info.keys():
        raise OverlayError(f"{name}: info needs a title and a version")
    actions = content["actions"]
    if not isinstance(actions, list) or not actions:
        raise OverlayError(f"{name}: actions is not a list with at least one member")
    numbered = enumerate(actions, 1)
    return Overlay(name, info, tuple(_action(action, f"{name}: action {number}") for number, action in numbered))


def apply_overlays(document: Document, overlays: Iterable[Overlay]) -> tuple[Document, list[Change]]:
    """Return a corrected copy of ``document`` and what was touched, in order. Raises `OverlayError`."""
    result: Document = _copied(document)
    changes: list[Change] = []
    for overlay in overlays:
        for action in overlay.actions:
            changes.extend(_apply(result, action))
    return result, changes


def _action(content: Any, name: str) -> Action:
    if not isinstance(content, dict):
        raise OverlayError(f"{name} is not an object")
    _refuse_unknown(content, _ACTION_FIELDS, name)
    target = content.get("target")
    if not isinstance(target, str):
        raise OverlayError(f"{name} has no target")
    remove = content.get("remove", False)
    if not isinstance(remove, bool):
        raise OverlayError(f"{name}: remove is {remove!r}, not a boolean")
    if not remove and "update" not in content:
        raise OverlayError(f"{name} ({target}) neither updates nor removes")
    try:
        path = _PATHS.compile(target)
    except JSONPathError as error:
        raise OverlayError(f"{name}: the target {target} is no JSONPath: {str(error).splitlines()[0]}") from error
    errata = str(content.get("x-erratum", ""))
    return Action(
        name=name,
        target=target,
        path=path,
        remove=remove,
        update=content.get("update"),
        errata=tuple(part.strip() for part in errata.split(",") if part.strip()),
        reason=str(content.get("x-reason") or content.get("description") or ""),
        beyond_document=bool(content.get("x-beyond-document", False)),
    )


def _refuse_unknown(content: Mapping[str, Any], known: frozenset[str], name: str) -> None:
    unknown = sorted(str(field) for field in content if field not in known and not str(field).startswith("x-"))
    if unknown:
        raise OverlayError(f"{name}: unknown field {', '.join(unknown)}")


def _apply(document: Document, action: Action) -> Iterator[Change]:
    locations = [tuple(match.parts) for match in action.path.finditer(document)]
    if not locations:
        raise OverlayError(f"{action.name}: {action.target} selects nothing")
    if action.remove:
        # From the last to the first, so that the indexes of earlier members of an array stay valid.
        for location in sorted(locations, key=_removal_order, reverse=True):
            _remove(document, location, action)
    else:
        for location in locations:
            _update(_node(document, location), action, location)
    for location in locations:
        yield Change(action, location)


def _removal_order(location: Location) -> tuple[tuple[bool, int, str], ...]:
    return tuple((isinstance(part, int), part if isinstance(part, int) else 0, str(part)) for part in location)


def _node(document: Any, location: Sequence[str | int]) -> Any:
    for part in location:
        document = document[part]
    return document


def _remove(document: Document, location: Location, action: Action) -> None:
    if not location:
        raise OverlayError(f"{action.name}: {action.target} would remove the whole document")
    parent = _node(document, location[:-1])
    _refuse_primitive(parent[location[-1]], action, location)
    del parent[location[-1]]


def _update(node: Any, action: Action, location: Location) -> None:
    _refuse_primitive(node, action, location)
    if isinstance(node, list):
        node.append(_copied(action.update))
    elif isinstance(action.update, dict):
        _merge(node, action.update, action, location)
    else:
        raise OverlayError(f"{action.name}: an object at {_shown(location)} can only be updated with an object")


def _refuse_primitive(node: Any, action: Action, location: Location) -> None:
    if not isinstance(node, (dict, list)):
        raise OverlayError(f"{action.name}: {_shown(location)} is neither an object nor an array")


def _merge(node: dict[str, Any], update: Mapping[str, Any], action: Action, location: Location) -> None:
    for key, value in update.items():
        present = node.get(key)
        if key not in node:
            node[key] = _copied(value)
        elif isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value, action, (*location, key))
        elif isinstance(present, list) and isinstance(value, list):
            present.extend(_copied(value))
        elif isinstance(present, (dict, list)) or isinstance(value, (dict, list)):
            raise OverlayError(f"{action.name}: {_shown((*location, key))} is of another kind than its update")
        else:
            node[key] = value


def _shown(location: Location) -> str:
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _copied(node: Any) -> Any:
    """A deep copy of JSON-like data; several times faster than `copy.deepcopy`, and without shared parts."""
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_copied(value) for value in node]
    return node
