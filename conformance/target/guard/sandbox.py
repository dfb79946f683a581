"""The sandbox: the namespace of names, topics and addresses one worker of one run may touch.

A run id starts with the time of the run in base 36, so that `emqx-conformance sweep` can tell how old a leftover is
without any other record.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Protocol

PREFIX = "cft-"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_RUN_ID = re.compile(r"cft-(([0-9a-z]{7})[0-9a-z]{4})-")

_NETWORK = re.compile(r"[0-9a-fA-F.:]+(?:/[0-9]{1,3})?")
_DELAYED = re.compile(r"\A\$delayed/[0-9]/")
_PREFIXES = ("$queue/", "$exclusive/")
_QUANTIFIERS = ("?", "*", "+", "{")

# Documentation ranges (RFC 5737, RFC 3849): no client of anybody connects from them.
DOCUMENTATION_NETWORKS = tuple(
    ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


class Owned(Protocol):
    """What may be touched: a `Sandbox`, or exactly the leftovers that are being swept."""

    @property
    def prefix(self) -> str:
        """How its names start, for messages."""

    @property
    def topic_root(self) -> str:
        """How its topics start, for messages."""

    def owns_name(self, name: object) -> bool: ...

    def owns_rule(self, identifier: object) -> bool: ...

    def adopt_rule(self, identifier: str) -> None: ...

    def owns_topic(self, topic: object) -> bool: ...

    def owns_network(self, network: object) -> bool: ...

    def owns_pattern(self, pattern: object) -> bool: ...


def new_run_id(now: float | None = None, part: tuple[int, int] = (0, 1)) -> str:
    """Seven base-36 digits of the time in seconds, then four random ones.

    ``part``: the remainder and the divisor of what those four make. Runs that begin together, as shards do, never get
    the same id if each takes another remainder.
    """
    remainder, divisor = part
    chance = remainder + divisor * secrets.randbelow(36**4 // divisor)
    return _base_36(int(time.time() if now is None else now), 7) + _base_36(chance, 4)


def _base_36(number: int, length: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(length, "0")


def bare_name(name: str) -> str:
    """A name without the ``-`` and ``_`` before it: none may start with them, and the suite tries some that do."""
    return name.lstrip("-_")


def run_of(name: str) -> str | None:
    """The id of the run that owns a name or topic, None for a foreign one."""
    match = _RUN_ID.match(bare_name(name))
    return match[1] if match else None


def started_at(name: str) -> float | None:
    """When the run that owns ``name`` started (seconds since the epoch), None for a foreign name."""
    match = _RUN_ID.match(bare_name(name))
    return float(int(match[2], 36)) if match else None


@dataclass(slots=True)
class Sandbox:
    """Names of one worker: ``cft-<run id>-<worker>-...``; topics start with ``cft-<run id>-<worker>/``."""

    run_id: str
    worker: str = "main"
    _counter: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _invented: set[str] = field(default_factory=set)

    @property
    def prefix(self) -> str:
        return f"{PREFIX}{self.run_id}-{self.worker}-"

    @property
    def topic_root(self) -> str:
        return f"{PREFIX}{self.run_id}-{self.worker}/"

    def name(self, hint: str = "n") -> str:
        """A fresh name, valid as id of every kind of resource, as client id and as user name."""
        return f"{self.prefix}{hint}-{next(self._counter)}"

    def topic(self, hint: str = "t") -> str:
        """A fresh topic; append ``/#`` for a filter that stays inside."""
        return f"{self.topic_root}{hint}-{next(self._counter)}"

    def address(self) -> str:
        """An address of a documentation range, for bans of the kind peerhost."""
        return str(DOCUMENTATION_NETWORKS[next(self._counter) % 3][1 + next(self._counter) % 250])

    def owns_name(self, name: object) -> bool:
        """True for names that start with the prefix, see `bare_name`."""
        return isinstance(name, str) and bare_name(name).startswith(self.prefix)

    def owns_rule(self, identifier: object) -> bool:
        """True for rules named by the sandbox, and for those whose id the server invented (see `adopt_rule`)."""
        return self.owns_name(identifier) or identifier in self._invented

    def adopt_rule(self, identifier: str) -> None:
        """Own a rule whose id the server invented; its name must have been seen to lie inside the sandbox."""
        self._invented.add(identifier)

    def owns_topic(self, topic: object) -> bool:
        """True for topics and filters all of whose matches lie inside: the first level must be literal.

        It may begin with a ``$``. Behind a ``+`` the second level must be literal, and a name of the sandbox.
        """
        if not isinstance(topic, str):
            return False
        bare = bare_topic(topic)
        return bare.removeprefix("$").startswith(self.topic_root) or bare.startswith(f"+/{self.prefix}")

    @staticmethod
    def owns_network(network: object) -> bool:
        """True for addresses and networks inside the documentation ranges, in the notation every server reads alike."""
        if not isinstance(network, str) or not _NETWORK.fullmatch(network):
            return False
        try:
            parsed = ipaddress.ip_network(network, strict=False)
        except ValueError:
            return False
        return any(
            parsed.version == documentation.version and parsed.subnet_of(documentation)  # type: ignore[arg-type]
            for documentation in DOCUMENTATION_NETWORKS
        )

    def owns_pattern(self, pattern: object) -> bool:
        """True for regular expressions that provably match names of the sandbox only.

        The whole prefix stands behind ``^``, no quantifier takes its last character away, and there is no alternative.
        """
        start = "^" + self.prefix
        if not isinstance(pattern, str) or not pattern.startswith(start) or "|" in pattern:
            return False
        return not pattern.startswith(_QUANTIFIERS, len(start))


def goal(topic: str) -> str:
    """Where a message to a topic goes in the end: ``$delayed/<seconds>/`` in front of it only delays it.

    More than nine seconds are not looked behind: such a message may come when the run is over.
    """
    return _DELAYED.sub("", topic, count=1)


def is_prefixed(topic: str) -> bool:
    """Whether a topic filter begins with what `bare_topic` takes away, or might have it."""
    return topic.startswith(("$share", *_PREFIXES, "$delayed"))


def bare_topic(topic: str) -> str:
    """A filter without its ``$share/<group>/``, ``$queue/`` or ``$exclusive/`` prefix."""
    if topic.startswith("$share/"):
        return topic.split("/", 2)[2] if topic.count("/") >= 2 else ""
    for prefix in _PREFIXES:
        if topic.startswith(prefix):
            return topic[len(prefix) :]
    return topic
