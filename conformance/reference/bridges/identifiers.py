"""Ids ``{type}:{name}`` of connectors and actions, and the rule for names (behaviour 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.contract.operations import Operation
from conformance.reference.defects import NO_TRAITS, Defect, Quirk, Traits
from conformance.reference.deployment import Deployment
from conformance.reference.rest.http import ApiError, Crash

MAX_NAME_BYTES = 254
_NAME = re.compile(r"[0-9a-zA-Z][-0-9a-zA-Z_]*")
_NAME_RULE = (
    "Invalid name format. The name must begin with a letter or number (0-9, a-z, A-Z) and can only include"
    " underscores and hyphens as non-initial characters. Got: "
)
# A type must be a word the Erlang node already knows; these are known without being a connector or action type.
_WORDS_OF_THE_NODE = frozenset(
    ("error", "ok", "true", "false", "undefined", "webhook", "bridge", "connector", "action", "source", "rule", "none")
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between connectors and actions in ids and their error texts."""

    plural: str
    label: str
    prefix: str


CONNECTOR = Kind("connectors", "connector", "connector")
ACTION = Kind("actions", "bridge", "bridge")


class InvalidName(ValueError):
    """The name breaks the rule; ``unprintable`` marks the two reasons that crash the real server in an id."""

    def __init__(self, reason: str, *, unprintable: bool = False) -> None:
        super().__init__(reason)
        self.unprintable = unprintable


def validate_name(name: str, traits: Traits = NO_TRAITS) -> None:
    """Raise `InvalidName` unless ``name`` is a connector, action or schema name (CON-03).

    With `Defect.NAME_WITH_A_LINE_BREAK` a trailing newline passes.
    """
    if not name:
        raise InvalidName("Name cannot be empty string", unprintable=True)
    if len(name.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
        raise InvalidName("Name length must be less than 255", unprintable=True)
    if not _NAME.fullmatch(name.removesuffix("\n") if Defect.NAME_WITH_A_LINE_BREAK in traits else name):
        raise InvalidName(_NAME_RULE + name)


def parse_id(deployment: Deployment, kind: Kind, identifier: str, *, in_filter: bool = False) -> tuple[str, str]:
    """Type and name of an id from a path, the prefix tolerated; raises `ApiError` 404 for an id that is none.

    ``in_filter``: the id of a PUT is read before the handler, where a crash has no body.
    """
    noun = "id" if in_filter else "ID"
    parts = identifier.split(":")
    if len(parts) == 3 and parts[0] == kind.prefix:
        parts = parts[1:]
    if len(parts) != 2:
        raise _invalid(kind, noun, f"should be of pattern {{type}}:{{name}}, but got: {identifier}")
    resource_type, name = parts
    try:
        validate_name(name, deployment.traits)
    except InvalidName as error:
        if error.unprintable and deployment.has(Defect.IMPOSSIBLE_NAME_IN_AN_ID):
            raise Crash("badarg", silent=in_filter) from None  # CON-05
        raise _invalid(kind, noun, str(error)) from None
    if resource_type not in _WORDS_OF_THE_NODE and not _is_type(deployment, resource_type):
        raise _invalid(kind, noun, f"unknown resource type: {resource_type}")
    return resource_type, name


def type_for_filter(deployment: Deployment, operation: Operation, identifier: str) -> str:
    """Type whose schema checks the body of a PUT; raises `ApiError` 400 or 404, or `Crash`."""
    kind = ACTION if operation.path.startswith("/actions") else CONNECTOR
    resource_type, name = parse_id(deployment, kind, identifier, in_filter=True)
    known = deployment.types("actions" if kind is ACTION else "connectors")
    if resource_type in known:
        return resource_type
    if not deployment.has(Quirk.TYPE_UNKNOWN_TO_PUT):
        raise not_found(kind, resource_type, name)
    if kind is ACTION:
        raise ApiError(400, "BAD_REQUEST", "unknown bridge type")
    raise Crash(f"{{badkey,{resource_type}}}", silent=True)


def not_found(kind: Kind, resource_type: str, name: str) -> ApiError:
    """404 of an id nothing has."""
    noun = kind.label
    return ApiError(
        404,
        "NOT_FOUND",
        f"{noun.capitalize()} lookup failed: {noun} named '{name}' of type {resource_type} does not exist.",
    )


def _is_type(deployment: Deployment, word: str) -> bool:
    return word in deployment.types("connectors") or word in deployment.types("actions")


def _invalid(kind: Kind, noun: str, reason: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"Invalid {kind.label} {noun}, {reason}")
