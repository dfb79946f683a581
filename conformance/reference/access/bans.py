"""Banned clients: the six kinds, their normal forms and their expiry (behaviour 11)."""

from __future__ import annotations

import re
import socket
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from conformance.reference.defects import NO_TRAITS, Defect, Quirk, Traits
from conformance.reference.replication import Store

KINDS = ("clientid", "username", "peerhost", "clientid_re", "username_re", "peerhost_net")
INFINITY = "infinity"
MAX_EPOCH = 253_402_214_400
DEFAULT_BY = "mgmt_api"
# The real server removes expired bans once a minute, so they stay listed for a while.
PURGE_SECONDS = 60

_RULE_KINDS = frozenset(("clientid_re", "username_re", "peerhost_net"))
_MASK = re.compile(r"[0-9]{1,3}")

Key = tuple[str, str]


class BadSubject(ValueError):
    """Not an IP address, not a network or not a regular expression, where one is needed."""


class BadTime(ValueError):
    """Neither seconds since the epoch nor an RFC 3339 date and time."""


@dataclass(frozen=True, slots=True)
class Ban:
    """One ban; ``at`` and ``until`` are seconds since the epoch, ``until`` None for ever."""

    kind: str
    who: str
    by: str
    reason: str
    at: int
    until: int | None

    def active(self, now: float) -> bool:
        """Whether the ban still holds at ``now``."""
        return self.until is None or self.until > now

    def shown(self) -> dict[str, Any]:
        """The ban as REST answers show it."""
        return {
            "as": self.kind,
            "who": self.who,
            "by": self.by,
            "reason": self.reason,
            "at": format_time(self.at),
            "until": INFINITY if self.until is None else format_time(self.until),
        }


@dataclass(slots=True)
class BanTable:
    """All bans by kind and normalised subject; those of the pattern kinds are listed first, as EMQX does."""

    traits: Traits = NO_TRAITS
    _patterns: dict[Key, Ban] = field(default_factory=dict)
    _individuals: dict[Key, Ban] = field(default_factory=dict)

    def stores(self) -> Iterator[Store]:
        """The two tables, for the replication of a cluster."""
        yield Store(self, "_patterns")
        yield Store(self, "_individuals")

    def normalise(self, kind: str, who: str) -> str:
        """The form in which a subject is stored and shown; raises `BadSubject`."""
        match kind:
            case "peerhost":
                return _address_text(parse_address(who, self.traits))
            case "peerhost_net":
                return parse_network(who, self.traits)
            case "clientid_re" | "username_re":
                compile_pattern(who)
        return who

    def find(self, kind: str, who: str) -> Ban | None:
        """The stored ban of a normalised subject."""
        self._purge()
        return self._table(kind).get((kind, who))

    def put(self, ban: Ban) -> None:
        table = self._table(ban.kind)
        table.pop((ban.kind, ban.who), None)
        table[ban.kind, ban.who] = ban

    def remove(self, kind: str, who: str) -> bool:
        """Lift a ban; False if there was none."""
        self._purge()
        return self._table(kind).pop((kind, who), None) is not None

    def clear(self) -> None:
        self._patterns.clear()
        self._individuals.clear()

    def listed(self) -> list[Ban]:
        """All bans, newest first within the two tables."""
        self._purge()
        return [*reversed(self._patterns.values()), *reversed(self._individuals.values())]

    def covers(self, clientid: str, username: str | None, peerhost: str) -> bool:
        """Whether a client may not connect now."""
        if not self._individuals and not self._patterns:
            return False
        now = time.time()
        return any(ban.active(now) for ban in self._hits(clientid, username, peerhost))

    def covers_client(self, clientid: str) -> bool:
        """Whether there is a ban of a client id, whatever its user name and address."""
        now = time.time()
        named = [self._individuals[key] for key in (("clientid", clientid),) if key in self._individuals]
        matching = (
            ban
            for ban in self._patterns.values()
            if ban.kind == "clientid_re" and compile_pattern(ban.who).search(clientid)
        )
        return any(ban.active(now) for ban in (*named, *matching))

    def _hits(self, clientid: str, username: str | None, peerhost: str) -> Iterator[Ban]:
        for key in (("clientid", clientid), ("username", username), ("peerhost", peerhost)):
            if key in self._individuals:
                yield self._individuals[key]
        for ban in self._patterns.values():
            if ban.kind == "peerhost_net":
                if ip_address(peerhost) in ip_network(ban.who):
                    yield ban
                continue
            subject = clientid if ban.kind == "clientid_re" else username
            if subject is not None and compile_pattern(ban.who).search(subject):
                yield ban

    def _table(self, kind: str) -> dict[Key, Ban]:
        return self._patterns if kind in _RULE_KINDS else self._individuals

    def _purge(self) -> None:
        # A deployment as it should be shows no ban that no longer holds; the recorded one may, for a minute.
        oldest = time.time() - (PURGE_SECONDS if Quirk.EXPIRED_BANS_LISTED in self.traits else 0)
        for table in (self._patterns, self._individuals):
            for key in [key for key, ban in table.items() if not ban.active(oldest)]:
                del table[key]


def compile_pattern(text: str) -> re.Pattern[str]:
    """A regular expression (compiled ones are cached by `re`); raises `BadSubject`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadSubject(str(error)) from None


def parse_address(text: str, traits: Traits = NO_TRAITS) -> IPv4Address | IPv6Address:
    """An IP address, with `Quirk.SHORT_ADDRESSES` also in the forms Erlang reads (``10.1``); raises `BadSubject`."""
    try:
        return ip_address(text)
    except ValueError:
        if Quirk.SHORT_ADDRESSES in traits and text.isascii() and not any(character.isspace() for character in text):
            try:
                return IPv4Address(socket.inet_aton(text))
            except OSError:
                pass
        raise BadSubject("bad peerhost") from None


def parse_network(text: str, traits: Traits = NO_TRAITS) -> str:
    """CIDR text with the host bits cleared; without a mask it is one address. Raises `BadSubject`."""
    host, slash, mask = text.partition("/")
    try:
        address = parse_address(host, traits)
    except BadSubject:
        crashes = Defect.BAN_OF_NO_NETWORK in traits
        raise BadSubject("{badmatch,{error,einval}}" if crashes else "bad peerhost") from None
    if slash and not (mask.isascii() and _MASK.fullmatch(mask)):
        raise BadSubject(f"bad network mask {mask!r}")
    try:
        network = ip_network((address, int(mask)) if slash else address, strict=False)
    except ValueError:
        raise BadSubject(f"bad network mask {mask!r}") from None
    return f"{_address_text(network.network_address)}/{network.prefixlen}"


def _address_text(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return f"::ffff:{address.ipv4_mapped}"
    return str(address)


def parse_time(value: int | str) -> int:
    """Seconds since the epoch of an epoch number or an RFC 3339 text; raises `BadTime`."""
    if isinstance(value, int):
        if not 0 <= value <= MAX_EPOCH:
            raise BadTime("bad_epoch")
        return value
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise BadTime("bad_rfc3339_timestamp") from None
    if moment.tzinfo is None:
        raise BadTime("bad_rfc3339_timestamp")
    return int(moment.timestamp() // 1)


def format_time(seconds: int) -> str:
    """RFC 3339 text in the offset of the deployment, which is UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
