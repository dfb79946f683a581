"""Every collection of a target as a whole: how it is listed, what names an entry, and which run an entry belongs to.

Read by the inventory and by ``sweep``, at bounded cost: a collection with more entries than `MOST_ENTRIES` is not
walked; then only its size is known, and what a search for the names of a run finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.contract import kinds
from conformance.contract.kinds import Kind
from conformance.target.guard.sandbox import PREFIX, Sandbox, bare_topic, run_of
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api, NoAnswer, query_string
from conformance.target.journal.resource import RECORDS, Resource

MOST_ENTRIES = 10_000
_PAGE = 1000

Entry = Mapping[str, Any]


class Listing:
    """The collection of one kind, as its list shows it."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.name = kind.plural
        self.path = kind.path
        self.paged = kind.paged
        self.optional = kind.optional
        self.searches = kind.searches

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the resources that it lists, as journals call them; none if its entries are deleted with others."""
        return tuple(name for name, record in RECORDS.items() if record is self.kind and not record.put_back)

    def resource(self, entry: Entry) -> Resource | None:
        """What an entry is, None if it is deleted with something else."""
        if not self.kinds:
            return None
        if self.kind is kinds.RULE:
            return _rule(entry)
        *qualifiers, key = self.kind.identity
        return Resource.identified(
            self.kind.name, entry[key], self.kind.join(*(entry[name] for name in qualifiers), "") if qualifiers else ""
        )

    def names(self, entry: Entry) -> Sequence[object]:
        """The texts of an entry that may carry the name of a run."""
        if self.kind is kinds.BAN:
            return _ban_names(entry)
        if self.kind is kinds.SUBSCRIPTION:
            return entry["clientid"], bare_topic(str(entry["topic"]))
        return [entry[key] for key in self.kind.identity[-1:]] + [entry.get(label) for label in self.kind.labels]

    def temporary(self, entry: Entry) -> bool:
        """Whether an entry goes away by itself."""
        return self.kind is kinds.BAN and entry.get("until") != "infinity"

    def of_the_target(self, entry: Entry) -> bool:
        """Whether the target itself made an entry, and keeps changing it."""
        return self.kind is kinds.RETAINED and str(entry["topic"]).startswith("$SYS/")

    @property
    def judged(self) -> bool:
        """Whether an entry stays as it is until somebody changes it."""
        return bool(self.kind.stable or self.kind.unstable)

    def key_of(self, entry: Entry) -> str:
        """What names an entry in its collection."""
        resource = self.resource(entry)
        if resource is not None:
            return resource.shown
        return "all" if self.kind.put_back else self.kind.join(*(f"{entry[key]}" for key in self.kind.identity))

    def configuration(self, entry: Entry) -> dict[str, Any]:
        """What only changes when somebody changes it."""
        if self.kind.stable:
            return {name: entry.get(name) for name in self.kind.stable}
        return {name: value for name, value in entry.items() if name not in self.kind.unstable}

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
        extra = {"fields": listing.kind.fields} if listing.kind.fields else {}
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
        if listing.kind.by_topic:
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
    if listing.kind.put_back:
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


def _rule(entry: Entry) -> Resource:
    identifier, name = entry["id"], entry.get("name")
    if not isinstance(identifier, str):
        return Resource.identified("rule", identifier)
    invented = run_of(identifier) is None and isinstance(name, str) and run_of(name) is not None
    return Resource("rule", identifier, str(name) if invented else None)


def _ban_names(entry: Entry) -> list[object]:
    """A ban of an address of the documentation ranges carries the name of its run as its reason."""
    if str(entry["as"]).startswith("peerhost"):
        return [entry.get("reason")] if Sandbox.owns_network(entry["who"]) else []
    return [str(entry["who"]).removeprefix("^")]


LISTINGS: tuple[Listing, ...] = tuple(map(Listing, kinds.KINDS))
