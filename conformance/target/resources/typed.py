"""Bodies for every connector and action type, from the contract, and what must be read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any

from conformance.contract.contract import Contract
from conformance.contract.fields import EACH, Path, deprecated_fields, left_out, secret_fields, value_at, with_field

REDACTED = "******"

READ_ONLY = frozenset(
    {
        "type", "name", "status", "status_reason", "node_status", "error", "actions", "sources", "rules",
        "created_at", "last_modified_at",
    }
)  # fmt: skip
"""What is read of a connector or action and is no part of its configuration."""

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization"})

_EXTRAS: Mapping[str, Any] = {
    "description": "of the sandbox",
    "tags": ["conformance"],
    "resource_opts": {"health_check_interval": "30s"},
}

# One object at a time is uploaded in direct mode, whatever the defaults say (recording act_s3_without_resource_opts).
_UNBATCHED_TYPES = frozenset({"s3", "azure_blob_storage"})
_BATCHES = frozenset({("resource_opts", "batch_size"), ("resource_opts", "batch_time")})

IGNORED: Mapping[str, Any] = {
    "auto_reconnect": False,
    "last_modified_at": 5,
    "mode": "cluster_shareload",
    "parameters.auto_reconnect": False,
    "parameters.request_timeout": "7s",
    "reconnect_interval": "7s",
    "request": {"method": "put", "path": "/ignored", "body": "ignored", "headers": {}},
    "request_timeout": "7s",
    "resource_opts.auto_restart_interval": "7s",
    "resource_opts.enable_queue": True,
    "resource_opts.request_ttl": "7s",
    "retry_interval": "7s",
    "ssl.cacerts": True,
    "transport_options.enable_pipelining": 7,
    "transport_options.ssl.cacerts": True,
}
"""Fields that the contract calls deprecated, or overwritten by the server, each with a value that is no default."""


def configured(element: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a connector or action as it is read: a body for PUT."""
    return {name: value for name, value in element.items() if name not in READ_ONLY}


class TypedBodies:
    """Bodies that create (``label`` POST /connectors or POST /actions) something of one type; names are examples."""

    def __init__(self, contract: Contract, label: str, resource_type: str) -> None:
        self.resource_type = resource_type
        self._contract = contract
        self._label = label
        self._schema = contract.body_schema(label, resource_type) or {}
        self.examples: Mapping[str, dict[str, Any]] = contract.body_examples(label, resource_type)

    @cached_property
    def secrets(self) -> frozenset[Path]:
        """Fields that hold a secret in some alternative."""
        return frozenset(secret_fields(self._contract, self._schema))

    @property
    def minimal(self) -> dict[str, Any]:
        """The first example: little more than what is required."""
        return deepcopy(next(iter(self.examples.values())))

    @property
    def full(self) -> dict[str, Any]:
        """The example ``<type>_full``; where the contract has none, the first one with what every type takes."""
        example = self.examples.get(f"{self.resource_type}_full")
        if example is not None:
            return deepcopy(example)
        body = self.minimal
        for name, value in _EXTRAS.items():
            richer = {**body, name: {**body.get(name, {}), **value} if isinstance(value, dict) else value}
            if self._valid(richer):
                body = richer
        return body

    def with_ignored(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of ``body`` with the fields that servers ignore, as far as the type has them beside the others."""
        result = dict(body)
        for dotted, value in IGNORED.items():
            path = tuple(dotted.split("."))
            if path in self.ignored:
                candidate = with_field(self._contract, self._schema, result, path, value)
                if self._valid({**candidate, "type": self.resource_type, "name": "any"}):
                    result = candidate
        return result

    @cached_property
    def ignored(self) -> frozenset[Path]:
        """Fields without effect: the deprecated ones, and what the server says whatever was sent."""
        told = {(name,) for name in READ_ONLY & IGNORED.keys()}
        return deprecated_fields(self._contract, self._schema) | frozenset(told)

    def with_secrets(self, secret: str, besides: Collection[Path] = ()) -> list[dict[str, Any]]:
        """The fewest bodies in which every secret field outside of lists, ``besides`` some, is once ``secret``."""
        missing = {path for path in self.secrets if EACH not in path} - set(besides)
        bodies = []
        for example in sorted(self.examples.values(), key=len, reverse=True):
            body, placed = deepcopy(example), set()
            for path in sorted(missing):
                candidate = with_field(self._contract, self._schema, body, path, secret)
                if self._valid(candidate):
                    body = candidate
                    placed.add(path)
            if placed:
                bodies.append(self.with_secret(body, secret))
                missing -= placed
        return bodies

    def with_secret(self, body: Mapping[str, Any], secret: str) -> dict[str, Any]:
        """A copy of ``body`` with ``secret`` in place of every secret it holds."""
        result = dict(body)
        for path in [path for path, _ in _leaves(body) if self.is_secret(path)]:
            result = with_field(self._contract, self._schema, result, path, secret)
        return result

    def keeping_secrets(self, body: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of ``body`` in which ****** stands for each of its secrets that is ``read`` as that."""
        result = dict(body)
        for path in self.secrets:
            if value_at(read, path) == REDACTED and value_at(body, path) is not None:
                result = with_field(self._contract, self._schema, result, path, REDACTED)
        return result

    def unlike(self, sent: Mapping[str, Any], read: Mapping[str, Any]) -> list[str]:
        """How what is ``read`` differs from what was ``sent``: a sentence each.

        What was sent is read unchanged, secrets as ``******``; what was left out is read with its default.
        """
        expected = [*_leaves(sent), *self._defaults(sent)]
        found = []
        for path, value in expected:
            if self.is_ignored(path) or path[0] in READ_ONLY - {"type", "name"} or self.is_overruled(path):
                continue
            if self.is_secret(path) and is_hidden(value):
                value = REDACTED
            if not self._shows(value_at(read, path), value):
                found.append(f"{'.'.join(path)} is {value_at(read, path)!r}, expected {value!r}")
        return found

    def is_ignored(self, path: Path) -> bool:
        """Whether a field, or one that it is in, has no effect."""
        return any(path[: len(ignored)] == ignored for ignored in self.ignored)

    def exposed(self, sent: Mapping[str, Any], read: Mapping[str, Any]) -> list[str]:
        """Dotted names of the secrets in ``sent`` that are read as anything but ``******``."""
        secrets = [path for path, value in _leaves(sent) if self.is_secret(path) and is_hidden(value)]
        return [".".join(path) for path in secrets if value_at(read, path) != REDACTED]

    def is_secret(self, path: Path) -> bool:
        """Whether the contract says so, or it is a header that authorizes."""
        return path in self.secrets or ("headers" in path[-2:-1] and path[-1].lower() in SECRET_HEADERS)

    def _defaults(self, sent: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
        yield from left_out(self._contract, self._schema, sent)

    def is_overruled(self, path: Path) -> bool:
        """Whether the server says what a field is, by the others."""
        return self.resource_type in _UNBATCHED_TYPES and path in _BATCHES

    def _shows(self, read: Any, sent: Any) -> bool:
        """Whether a value is read as it was sent; elements of lists with their defaults, and secrets as ``******``."""
        if sent == {} and isinstance(read, Mapping):
            return True  # it is read with its defaults
        if not (isinstance(read, list) and isinstance(sent, list)) or len(read) != len(sent):
            return bool(read == sent)
        hidden = {path[-1] for path in self.secrets if EACH in path}
        return all(_is_part(one, other, hidden) for one, other in zip(sent, read, strict=True))

    def _valid(self, body: Mapping[str, Any]) -> bool:
        return not self._contract.validate_request(self._label, body, self.resource_type)


def is_hidden(value: Any) -> bool:
    """Whether a secret is shown as ``******``: references to files and pure variables are shown as they are."""
    return not (isinstance(value, str) and (value.startswith("file://") or (value[:2] + value[-1:]) == "${}"))


def differing(before: Mapping[str, Any], after: Mapping[str, Any], at: Path = ()) -> Iterator[Path]:
    """The places where two bodies differ: those of objects that have not the same fields, else of what is in them."""
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
            yield from differing(one, other, (*at, name))
        elif one != other:
            yield (*at, name)


def _leaves(body: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is no object, with its place."""
    for name, value in body.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*at, name))
        else:
            yield (*at, name), value


def _is_part(sent: Any, read: Any, hidden: Collection[str]) -> bool:
    """Whether an element of a list is read with all that was sent of it; ``hidden``: names of secrets."""
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(_is_part(a, b, hidden) for a, b in zip(sent, read, strict=True))
    if isinstance(sent, str) and isinstance(read, Mapping):
        return [*read.values()] == [sent]  # a word may stand for an object with nothing else
    if not (isinstance(sent, Mapping) and isinstance(read, Mapping)):
        return bool(sent == read)
    return all(
        read.get(name) == REDACTED if name in hidden else _is_part(value, read.get(name), hidden)
        for name, value in sent.items()
    )
