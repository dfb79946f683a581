"""The journal survives whatever happens to its process, and is never wrong about what may exist."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.target.journal.journal import Fate, Header, Journal, JournalError, read_journal
from conformance.target.journal.resource import KINDS, Resource

HEADER = Header("0abcdef1234", "gw0", "http://127.0.0.1:18083/api/v5", "0.1.0", "2026-11-23T03:00:00+00:00")
RULE = Resource("rule", "cft-0abcdef1234-gw0-rule-1")

resources = st.builds(
    Resource, st.sampled_from(KINDS), st.text(min_size=1, max_size=20), st.none() | st.text(max_size=5)
)
named = st.builds(lambda number: Resource("rule", f"cft-{HEADER.run}-gw0-rule-{number}"), st.integers(1, 3))
steps = st.lists(st.tuples(st.sampled_from(["record", "refuse", "gone"]), resources | named), max_size=30)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal-gw0.jsonl", HEADER)


@settings(deadline=None)
@given(steps, st.binary(max_size=60))
def test_file_tells_what_may_exist_even_when_torn(tmp_path_factory, steps, torn: bytes) -> None:
    file = tmp_path_factory.mktemp("journal") / "journal-main.jsonl"
    journal = Journal(file, HEADER)
    for step, resource in steps:
        if step == "refuse":
            journal.intend([resource])
            journal.settle([resource], Fate.REFUSED)
        else:
            getattr(journal, step)([resource])
    journal.close()
    if not file.exists():
        assert len(journal) == 0
        return
    with file.open("ab") as stream:
        stream.write(torn.replace(b"\n", b""))
    assert set(read_journal(file).live) == set(journal)
    assert read_journal(file).header == HEADER


@settings(deadline=None)
@given(steps)
def test_file_of_a_killed_process_tells_all_that_may_exist(tmp_path_factory, steps) -> None:
    file = tmp_path_factory.mktemp("journal") / "journal-main.jsonl"
    journal = Journal(file, HEADER)
    refused = set()
    for step, resource in steps:
        if step == "refuse":
            journal.intend([resource])
            journal.settle([resource], Fate.REFUSED)
            refused.add(resource)
        else:
            getattr(journal, step)([resource])
    told = set(read_journal(file).live) if file.exists() else set()
    named = {one for one in refused if not one.nameless and HEADER.run in one.owner}
    assert set(journal) <= told <= set(journal) | named
    journal.close()


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=400))
def test_every_beginning_of_a_journal_is_one(tmp_path_factory, length: int) -> None:
    file = tmp_path_factory.mktemp("journal") / "journal-main.jsonl"
    journal = Journal(file, HEADER)
    journal.record([RULE])
    journal.close()
    file.write_bytes(file.read_bytes()[:length])
    stored = read_journal(file)
    assert set(stored.live) <= {RULE}
    assert stored.header in (None, HEADER)


def test_creation_is_on_disk_before_intend_returns(journal: Journal) -> None:
    journal.intend([RULE])
    assert journal.file is not None
    assert list(read_journal(journal.file).live) == [RULE]


def test_first_line_says_whose_journal_it_is(journal: Journal) -> None:
    journal.record([RULE])
    assert journal.file is not None
    first = json.loads(journal.file.read_text().splitlines()[0])
    assert first == {"journal": 1, "run": HEADER.run, "worker": "gw0", "base_url": HEADER.base_url,
                     "suite": "0.1.0", "started_at": HEADER.started_at}  # fmt: skip


def test_successor_writes_on_below_a_torn_line(journal: Journal, tmp_path: Path) -> None:
    journal.record([RULE])
    journal.close()
    assert journal.file is not None
    with journal.file.open("ab") as stream:
        stream.write(b'{"event": "create", "kind": "rule", "id": "half')
    successor = Journal(journal.file, HEADER)
    successor.adopt([RULE])
    successor.gone([RULE])
    successor.close()
    stored = read_journal(journal.file)
    assert (stored.live, list(stored.gone), stored.created) == ({}, [RULE], 1)


def test_journal_of_a_living_run_cannot_be_taken_over(journal: Journal) -> None:
    journal.record([RULE])
    with pytest.raises(JournalError, match="still going on"):
        Journal(journal.file, HEADER).open()
    journal.close()
    successor = Journal(journal.file, HEADER)
    successor.open()
    successor.close()


@pytest.mark.parametrize(
    "content", [b"no journal\n", b'{"event": "create", "kind": "rule", "id": "r"}\n', b"[1]\n", b"\x00\xff", b"x"]
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(JournalError, match="is no journal"):
        read_journal(file)


def test_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text('{"journal": 2, "run": "r", "worker": "w", "base_url": "u", "suite": "s", "started_at": "t"}\n')
    with pytest.raises(JournalError, match="has version 2, this suite reads version 1"):
        read_journal(file)


# --- what an answer says about what it created ------------------------------------------------------------------------


def test_refused_duplicate_never_hides_the_creation_beside_it(journal: Journal) -> None:
    for fates in ((Fate.REFUSED, Fate.EXISTS), (Fate.EXISTS, Fate.REFUSED), (Fate.REFUSED, Fate.UNKNOWN)):
        journal.intend([RULE])
        journal.intend([RULE])
        for fate in fates:
            journal.settle([RULE], fate)
        assert RULE in set(journal), fates
        journal.gone([RULE])
        assert RULE not in set(journal)


def test_refused_creations_leave_nothing(journal: Journal) -> None:
    journal.intend([RULE])
    journal.intend([RULE])
    journal.settle([RULE], Fate.REFUSED)
    assert RULE in set(journal), "the other creation is still under way"
    journal.settle([RULE], Fate.REFUSED)
    assert RULE not in set(journal)


def test_what_is_refused_again_and_again_is_synced_once(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    for _ in range(5):
        journal.intend([RULE])
        journal.settle([RULE], Fate.REFUSED)
    assert len(synced) == 2, "the folder of the new file, and its one creation"
    assert RULE not in journal
    journal.close()
    assert journal.file is not None
    assert not read_journal(journal.file).live


@pytest.mark.parametrize(
    "resource",
    [
        Resource("ban", "peerhost/203.0.113.18"),
        Resource("rule", '["cft-0abcdef1234-gw0-rule-1"]', no_text=True),
        Resource("user", ""),
        Resource("user", "somebody"),
        Resource("rules_of_all", "[]"),
    ],
    ids=str,
)
def test_refusal_of_what_carries_no_name_is_told_at_once(journal: Journal, resource: Resource) -> None:
    journal.intend([resource])
    journal.settle([resource], Fate.REFUSED)
    assert journal.file is not None
    assert not read_journal(journal.file).live, "a sweep after kill -9 must not touch what others may own"


def test_refusal_is_told_before_the_next_creation(journal: Journal) -> None:
    other = Resource("rule", "cft-0abcdef1234-gw0-rule-2")
    journal.intend([RULE])
    journal.settle([RULE], Fate.REFUSED)
    journal.intend([other])
    assert journal.file is not None
    assert list(read_journal(journal.file).live) == [other]
    journal.settle([other], Fate.EXISTS)


def test_deletion_beside_a_creation_proves_nothing(journal: Journal) -> None:
    journal.intend([RULE])
    journal.gone([RULE])
    assert RULE in set(journal)
    journal.settle([RULE], Fate.EXISTS)
    journal.gone([RULE])
    assert RULE not in set(journal)


def test_deletion_by_path_settles_a_rule_with_an_invented_id(journal: Journal) -> None:
    journal.record([Resource("rule", "a1b2c3d4", "cft-0abcdef1234-gw0-rule-1")])
    journal.gone([Resource("rule", "a1b2c3d4")])
    assert len(journal) == 0


def test_threads_do_not_lose_each_others_creations(journal: Journal) -> None:
    barrier = threading.Barrier(8)

    def create(number: int) -> None:
        mine = [Resource("user", f"u-{number}-{index}") for index in range(20)]
        shared = Resource("schema", "shared")
        barrier.wait()
        for resource in mine:
            journal.intend([resource, shared])
            journal.settle([resource], Fate.EXISTS)
            journal.settle([shared], Fate.EXISTS if number == 3 else Fate.REFUSED)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    assert len(journal) == 8 * 20 + 1
    journal.close()
    assert journal.file is not None
    assert set(read_journal(journal.file).live) == set(journal)
