"""Every collection of a target as a whole: how it is listed, what names an entry, and which run an entry belongs to.

Read by the inventory and by ``sweep``, at bounded cost: a collection with more entries than `MOST_ENTRIES` is not
walked; then only its size is known, and what a search for the names of a run finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.contract import paths
from conformance.target.guard.sandbox import PREFIX, Sandbox, bare_topic, run_of
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api, NoAnswer, query_string
from conformance.target.journal.resource import Resource

MOST_ENTRIES = 10_000
_PAGE = 1000

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One collection.

    ``kinds``: of resources that it lists, none if its entries are deleted with others. ``resource``: what an entry
    is. ``names``: the texts of an entry that may carry the name of a run. ``stable``, or all but ``unstable``: fields
    that only change when somebody changes them; neither is given where entries come and go by themselves.
    ``optional``: a target may lack the whole collection. ``searches``: query parameters that find entries by a part of
    their names; with ``topics`` they are found by the topics of a run's sandboxes. ``temporary``: whether an entry
    goes away by itself. ``of_the_target``: whether the target itself made it, and keeps changing it.
    """

    name: str
    kinds: tuple[str, ...]
    path: str
    resource: Callable[[Entry], Resource | None]
    names: Callable[[Entry], Sequence[object]]
    stable: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    paged: bool = True
    optional: bool = False
    searches: tuple[str, ...] = ()
    topics: bool = False
    key: Callable[[Entry], str] | None = None
    fields: str = ""
    temporary: Callable[[Entry], bool] = lambda _: False
    of_the_target: Callable[[Entry], bool] = lambda _: False

    @property
    def judged(self) -> bool:
        """Whether an entry stays as it is until somebody changes it."""
        return bool(self.stable or self.unstable)

    def key_of(self, entry: Entry) -> str:
        """What names an entry in its collection."""
        if self.key is not None:
            return self.key(entry)
        resource = self.resource(entry)
        return resource.shown if resource else ""

    def configuration(self, entry: Entry) -> dict[str, Any]:
        """What only changes when somebody changes it."""
        if self.stable:
            return {name: entry.get(name) for name in self.stable}
        return {name: value for name, value in entry.items() if name not in self.unstable}

    def run_of(self, entry: Entry) -> str | None:
        """The id of the run that created an entry, None for an entry of somebody else."""
        return next((run for name in self.names(entry) if isinstance(name, str) and (run := run_of(name))), None)


@dataclass(slots=True)
class Reading:
    """What was read of a collection.

    ``count``: its size, None if it is unknown. ``complete``: whether ``entries`` are all of them. ``absent``: the
    target does not have it. ``problem``: why it could not be read.
    """

    entries: list[Entry] = field(default_factory=list)
    count: int | None = None
    complete: bool = True
    absent: bool = False
    problem: str | None = None
    requests: int = 0


class Unreadable(Exception):
    """A list was not answered as one; the text says how instead."""


class Reader:
    """Reads collections; raises `TargetLost` alone, everything else is told by the `Reading`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._requests = 0

    def read(self, listing: Listing, sandboxes: Sequence[Sandbox] = (), prefix: str = PREFIX) -> Reading:
        """Read a collection. A huge one is searched for ``prefix``, for topics of ``sandboxes``."""
        self._requests = 0
        reading = Reading()
        try:
            self._read(listing, reading)
            if not reading.complete:
                reading.entries = list(self._searched(listing, sandboxes, prefix))
        except Unreadable as error:
            reading.entries, reading.count, reading.problem = [], None, str(error)
        except NoAnswer as error:
            reading.entries, reading.count, reading.problem = [], None, str(error)
        reading.requests = self._requests
        return reading

    def _read(self, listing: Listing, reading: Reading) -> None:
        if not listing.paged:
            answer = self._get(listing.path)
            if self._is_absent(listing, answer):
                reading.absent = True
                return
            reading.entries = _checked(listing, answer, _value(listing, answer))
            reading.count = len(reading.entries)
            return
        for page in self._pages(listing, {}):
            if page is None:
                reading.absent = True
                return
            data, meta = page
            reading.entries += data
            total = meta.get("count")
            if isinstance(total, int) and total > MOST_ENTRIES:
                reading.count, reading.complete = total, False
                return
            if len(reading.entries) > MOST_ENTRIES:
                reading.complete = False
                return
        reading.count = len(reading.entries)

    def _pages(self, listing: Listing, query: Mapping[str, str]) -> Iterator[tuple[list[Entry], Entry] | None]:
        """Pages of a list with what they say about themselves; None where the target has no such collection."""
        extra = {"fields": listing.fields} if listing.fields else {}
        for number in range(1, MOST_ENTRIES // _PAGE + 2):
            answer = self._get(listing.path + query_string({"page": number, "limit": _PAGE, **extra, **query}))
            if number == 1 and self._is_absent(listing, answer):
                yield None
                return
            value = _value(listing, answer)
            meta = value.get("meta") if isinstance(value, dict) else None
            data = _checked(listing, answer, value.get("data") if isinstance(value, dict) else None)
            meta = meta if isinstance(meta, dict) else {}
            yield data, meta
            if len(data) < _PAGE or meta.get("hasnext") is False:
                return

    def _searched(self, listing: Listing, sandboxes: Sequence[Sandbox], prefix: str) -> Iterator[Entry]:
        queries = [{name: prefix} for name in listing.searches]
        if listing.topics:
            queries += [{"topic": f"{sandbox.topic_root}#"} for sandbox in sandboxes]
        seen: set[str] = set()
        for query in queries:
            for page in self._pages(listing, query):
                for entry in page[0] if page else ():
                    if listing.key_of(entry) not in seen:
                        seen.add(listing.key_of(entry))
                        yield entry

    def _get(self, path: str) -> Answer:
        self._requests += 1
        return self._api.send("GET", path, observed=False)

    @staticmethod
    def _is_absent(listing: Listing, answer: Answer) -> bool:
        """A target without the authenticator or the source answers 404, or 400 if it has another (behaviour 5, 6)."""
        # To a search 400 means something else: an id that is no text breaks it (verified: authn_numeric_user_id).
        return listing.optional and answer.status in ((404,) if "like_" in answer.sent.path else (400, 404))


def _value(listing: Listing, answer: Answer) -> Any:
    if answer.status != 200:
        raise Unreadable(f"GET {listing.path} answered {answer.status}")
    if answer.truncated or not answer.is_json:
        raise Unreadable(f"GET {listing.path} answered {'too much' if answer.truncated else 'no JSON'}")
    if listing.path == paths.RULES_OF_ALL:
        # One object: it is an entry if it says anything.
        rules = answer.json.get("rules") if isinstance(answer.json, dict) else None
        return [answer.json] if rules else [] if isinstance(rules, list) else answer.json
    return answer.json


def _checked(listing: Listing, answer: Answer, entries: Any) -> list[Entry]:
    """Entries that can be named; raises `Unreadable` for anything else."""
    try:
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
            for entry in entries:
                listing.key_of(entry)
            return entries
    except (KeyError, TypeError):
        pass
    raise Unreadable(f"GET {listing.path} answered {answer.status} with something else than a list of its entries")


def listing_of(kind: str) -> Listing:
    """The collection that lists resources of a kind."""
    return next(listing for listing in LISTINGS if kind in listing.kinds)


def _by(kind: str, key: str) -> Callable[[Entry], Resource]:
    return lambda entry: Resource.identified(kind, entry[key])


def _typed(kind: str) -> Callable[[Entry], Resource]:
    return lambda entry: Resource.identified(kind, entry["name"], f"{entry['type']}:")


def _rule(entry: Entry) -> Resource:
    identifier, name = entry["id"], entry.get("name")
    if not isinstance(identifier, str):
        return Resource.identified("rule", identifier)
    invented = run_of(identifier) is None and isinstance(name, str) and run_of(name) is not None
    return Resource("rule", identifier, str(name) if invented else None)


def _ban(entry: Entry) -> Resource:
    return Resource.identified("ban", entry["who"], f"{entry['as']}/")


def _ban_names(entry: Entry) -> list[object]:
    """A ban of an address of the documentation ranges carries the name of its run as its reason."""
    if str(entry["as"]).startswith("peerhost"):
        return [entry.get("reason")] if Sandbox.owns_network(entry["who"]) else []
    return [str(entry["who"]).removeprefix("^")]


# What a resource says about its own state, and what others say about it.
_BRIDGE_STATE = (
    "status", "status_reason", "error", "node_status", "metrics", "node_metrics", "actions", "sources", "rules",
    "created_at", "last_modified_at",
)  # fmt: skip

LISTINGS: tuple[Listing, ...] = (
    Listing(
        "rules", ("rule", "named_rule"), "/rules", _rule, lambda entry: (entry["id"], entry.get("name")),
        stable=("name", "sql", "actions", "enable", "description"),
        searches=("like_id", "like_from"),
    ),
    Listing(
        "actions", ("action",), "/actions", _typed("action"), lambda entry: (entry["name"],),
        unstable=_BRIDGE_STATE,
        paged=False,
    ),
    Listing(
        "connectors", ("connector",), "/connectors", _typed("connector"), lambda entry: (entry["name"],),
        unstable=_BRIDGE_STATE,
        paged=False,
    ),
    Listing(
        "schemas", ("schema",), "/schema_registry", _by("schema", "name"), lambda entry: (entry["name"],),
        stable=("type", "source", "description"),
        paged=False,
    ),
    Listing(
        "users", ("user",), paths.USERS, _by("user", "user_id"), lambda entry: (entry["user_id"],),
        stable=("user_id", "is_superuser"),
        optional=True,
        searches=("like_user_id",),
    ),
    Listing(
        "rules of users", ("user_rules",), paths.USER_RULES, _by("user_rules", "username"),
        lambda entry: (entry["username"],),
        stable=("rules",),
        optional=True,
        searches=("like_username",),
    ),
    Listing(
        "rules of clients", ("client_rules",), paths.CLIENT_RULES, _by("client_rules", "clientid"),
        lambda entry: (entry["clientid"],),
        stable=("rules",),
        optional=True,
        searches=("like_clientid",),
    ),
    Listing(
        "rules of all", (), paths.RULES_OF_ALL, lambda _: None, lambda _: (),
        stable=("rules",),
        optional=True,
        paged=False,
        key=lambda _: "all",
    ),
    Listing(
        "bans", ("ban",), "/banned", _ban, _ban_names,
        stable=("as", "who", "by", "reason", "at", "until"),
        searches=("like_clientid", "like_username"),
        temporary=lambda entry: entry.get("until") != "infinity",
    ),
    Listing(
        "retained messages", ("retained",), paths.RETAINED_MESSAGES, _by("retained", "topic"),
        lambda entry: (entry["topic"],),
        topics=True,
        of_the_target=lambda entry: str(entry["topic"]).startswith("$SYS/"),
    ),
    Listing(
        "clients", ("client",), "/clients", _by("client", "clientid"),
        lambda entry: (entry["clientid"], entry.get("username")),
        searches=("like_clientid",),
        fields="clientid,username",
    ),
    Listing(
        "subscriptions", (), "/subscriptions", lambda _: None,
        lambda entry: (entry["clientid"], bare_topic(str(entry["topic"]))),
        key=lambda entry: f"{entry['clientid']} {entry['topic']}",
    ),
)  # fmt: skip
