"""The journal: every creation is written down, and synced to disk, before its request leaves.

One append-only file of JSON lines per worker in the report directory. Its first line says which run wrote it and for
which target; each other line is an event about one resource: ``create`` before the request, ``refused`` or ``gone``
once the target said so. Whatever is not taken back may exist. Teardown deletes it; after a crash the file is all that
is needed to do the same. A journal holds names, never secrets.

The refusal of what carries the name of the run is written before the next creation: items ask for the same thing again
and again, and what still stands there as created need not be written, and synced, anew. Others may own what does not.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, Any

from conformance.target.errors import Unwritable
from conformance.target.journal.resource import KINDS, Resource

FILE_NAME = "journal-{worker}.jsonl"
JOURNAL_VERSION = 1


class JournalError(ValueError):
    """A file is no journal, or one that must not be touched now; the text is one sentence that follows its name."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a journal. ``started_at``: RFC 3339, UTC."""

    run: str
    worker: str
    base_url: str
    suite: str
    started_at: str


class Fate(Enum):
    """What the answer to a creation says about what it created."""

    EXISTS = "exists"
    UNKNOWN = "unknown"
    """No answer, or one after which it may have been stored all the same (5xx)."""
    REFUSED = "refused"


@dataclass(slots=True)
class _State:
    """``pending``: creations under way. ``kept``: whether an earlier one did, or may have, created it.

    ``since``: when the last creation began (monotonic clock, seconds), None for an earlier process.
    """

    pending: int = 0
    kept: bool = False
    since: float | None = None


class Journal:
    """What one worker created and has not deleted yet. Its methods may be called from several threads.

    While the journal is open its file is locked, so that nobody sweeps what a living run still uses. ``file`` None
    keeps it in memory. A file that cannot be written any more forbids further creations; what is deleted meanwhile
    stays in it, which does no harm.
    """

    def __init__(self, file: Path | None, header: Header) -> None:
        self.file = file
        self.header = header
        self._stream: IO[str] | None = None
        self._live: dict[Resource, _State] = {}
        self._refused: dict[Resource, None] = {}
        """What carries the name of the run, was refused, and is still written down as created."""
        self._mutex = threading.RLock()

    def __iter__(self) -> Iterator[Resource]:
        with self._mutex:
            return iter(tuple(self._live))

    def __len__(self) -> int:
        return len(self._live)

    def intend(self, resources: Iterable[Resource]) -> None:
        """Write down creations about to be sent; returns after they are on disk. `settle` must follow.

        Raises `Unwritable` if they cannot be written; then they must not be sent.
        """
        with self._mutex:
            resources = list(resources)
            self._create(resources)
            self._begin(resources)

    def settle(self, resources: Iterable[Resource], fate: Fate) -> None:
        """Say what became of creations that `intend` announced."""
        with self._mutex:
            refused = []
            for resource in resources:
                state = self._live.get(resource)
                if state is None:
                    continue
                state.pending -= 1
                state.kept = state.kept or fate is not Fate.REFUSED
                # A refused duplicate says nothing about the creation beside it.
                if not state.kept and state.pending == 0:
                    refused.append(resource)
            for resource in refused:
                del self._live[resource]
                if not resource.nameless and self.header.run in resource.owner:
                    self._refused[resource] = None
                else:
                    self._write("refused", [resource], sync=False)

    def record(self, resources: Iterable[Resource]) -> None:
        """Write down what exists, or may by the time this returns; it is remembered even if it cannot be written."""
        with self._mutex:
            resources = list(resources)
            with contextlib.suppress(Unwritable):
                self._create(resources)
            self._begin(resources)
            self.settle(resources, Fate.UNKNOWN)

    def gone(self, resources: Iterable[Resource]) -> None:
        """These are deleted, or known not to exist; what is being created at the same time may exist all the same."""
        with self._mutex:
            known = [resource for resource in self._named(resources) if self._live[resource].pending == 0]
            for resource in known:
                del self._live[resource]
            self._write("gone", known, sync=False)

    def adopt(self, resources: Iterable[Resource]) -> None:
        """Take over what an earlier process wrote into the same file."""
        with self._mutex:
            for resource in resources:
                self._live.setdefault(resource, _State(kept=True))

    def age_s(self, resource: Resource) -> float:
        """Seconds since a resource was last created; infinite if that was in an earlier process, or never."""
        with self._mutex:
            state = self._live.get(resource)
            return math.inf if state is None or state.since is None else time.monotonic() - state.since

    def close(self) -> None:
        with self._mutex:
            if self._stream is not None:
                self._tell_refused()
                with contextlib.suppress(OSError):  # whatever must be on disk is
                    self._stream.close()
                self._stream = None

    def open(self) -> None:
        """Open and lock the file, which happens by itself before the first line.

        Raises `JournalError` if another process holds it, `OSError` if it cannot be written.
        """
        with self._mutex:
            if self._stream is None and self.file is not None:
                self._stream = self._opened(self.file)

    def _opened(self, file: Path) -> IO[str]:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
            raise JournalError("belongs to a run that is still going on") from None
        if stream.tell() == 0:
            stream.write(json.dumps({"journal": JOURNAL_VERSION, **asdict(self.header)}) + "\n")
            _sync_folder(file.parent)
        elif not _ends_a_line(file):
            stream.write("\n")  # a crash tore the last line
        return stream

    def _create(self, resources: Sequence[Resource]) -> None:
        new = [one for one in dict.fromkeys(resources) if one not in self._live and one not in self._refused]
        if new:
            self._tell_refused(but=resources)
            self._write("create", new, sync=True)

    def _tell_refused(self, but: Collection[Resource] = ()) -> None:
        refused = [one for one in self._refused if one not in but]
        self._write("refused", refused, sync=False)
        for one in refused:
            del self._refused[one]

    def _begin(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self._refused.pop(resource, None)
            state = self._live.setdefault(resource, _State())
            state.pending += 1
            state.since = time.monotonic()

    def _named(self, resources: Iterable[Resource]) -> list[Resource]:
        """The live resources that are meant: a path does not tell the name of a rule, its id is enough."""
        wanted = {(resource.kind, resource.id, resource.no_text) for resource in resources}
        live = self._live if wanted else ()
        return [resource for resource in live if (resource.kind, resource.id, resource.no_text) in wanted]

    def _write(self, event: str, resources: list[Resource], *, sync: bool) -> None:
        """Append events; raises `Unwritable` if they must be on disk (``sync``) and cannot be."""
        if not resources or self.file is None:
            return
        try:
            self.open()
            assert self._stream is not None
            self._stream.writelines(_line(event, resource) for resource in resources)
            self._stream.flush()
            if sync:
                os.fsync(self._stream.fileno())
        except OSError as error:
            if sync:
                raise Unwritable(self.file.parent, error) from None


@dataclass(slots=True)
class StoredJournal:
    """What a file tells: ``live`` may still exist, oldest first; ``gone`` was answered to be deleted.

    ``created`` counts what was created and not refused. ``kinds`` were asked for, refused or not, and ``nameless``
    under ids that can carry no name of a run: if those are there, nothing else tells whose they are. ``header`` is None
    if a crash tore even the first line; then nothing was sent.
    """

    header: Header | None = None
    live: dict[Resource, None] = field(default_factory=dict)
    gone: dict[Resource, None] = field(default_factory=dict)
    created: int = 0
    kinds: set[str] = field(default_factory=set)
    nameless: set[Resource] = field(default_factory=set)

    def _apply(self, event: object, resource: Resource) -> None:
        if event == "create":
            self.kinds.add(resource.kind)
            if resource.nameless:
                self.nameless.add(resource)
            self.live[resource] = None
            self.gone.pop(resource, None)
            self.created += 1
        elif event in ("gone", "refused") and resource in self.live:
            del self.live[resource]
            if event == "gone":
                self.gone[resource] = None
            else:
                self.created -= 1


def read_journal(file: Path) -> StoredJournal:
    """Read a journal of any age, also one whose last line a crash tore; raises `JournalError` or `OSError`."""
    lines = file.read_bytes().split(b"\n")
    torn = lines.pop()  # empty where the file ends as it should
    stored = StoredJournal()
    if not lines:
        if torn and not _could_be_torn_header(torn):
            raise JournalError("is no journal")
        return stored
    stored.header = _header(lines[0])
    for line in lines[1:]:
        entry = _decoded(line)
        kind, identifier, name = entry.get("kind"), entry.get("id"), entry.get("name")
        if kind in KINDS and isinstance(identifier, str) and (name is None or isinstance(name, str)):
            resource = Resource(str(kind), identifier, name, no_text=entry.get("no_text") is True)
            stored._apply(entry.get("event"), resource)
    return stored


def _line(event: str, resource: Resource) -> str:
    entry: dict[str, object] = {"event": event, "kind": resource.kind, "id": resource.id}
    if resource.name is not None:
        entry["name"] = resource.name
    if resource.no_text:
        entry["no_text"] = True
    return json.dumps(entry) + "\n"


def _decoded(line: bytes) -> Mapping[str, Any]:
    """The object of a line; an empty one for a line that a crash tore."""
    try:
        value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _header(line: bytes) -> Header:
    value = _decoded(line)
    fields = {name: value.get(name) for name in Header.__dataclass_fields__}
    if "journal" not in value or not all(isinstance(text, str) for text in fields.values()):
        raise JournalError("is no journal")
    if value["journal"] != JOURNAL_VERSION:
        raise JournalError(f"has version {value['journal']!r:.20}, this suite reads version {JOURNAL_VERSION}")
    return Header(**{name: str(text) for name, text in fields.items()})


def _could_be_torn_header(line: bytes) -> bool:
    start = b'{"journal": '
    return line.startswith(start) or start.startswith(line)


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Make the entry of a new file in its folder last through a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
