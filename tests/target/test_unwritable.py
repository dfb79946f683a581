"""A report directory that cannot be written any more: nothing is created that no journal knows of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conformance.target.errors import Unwritable, is_of_disk
from conformance.target.http.rate import RateLimit
from conformance.target.journal.journal import Fate, Header, Journal, read_journal
from conformance.target.journal.resource import Resource
from conformance.target.locks import StateLocks
from conformance.worker.stopping import StopFlag

HEADER = Header("0abcdef1234", "gw0", "http://127.0.0.1:18083/api/v5", "0.1.0", "2026-11-23T03:00:00+00:00")
RULE, OTHER = (Resource("rule", f"cft-0abcdef1234-gw0-rule-{number}") for number in (1, 2))
NOWHERE = Path("/dev/full")


class Disk:
    """Lets files of a journal be written until it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        really = os.fsync

        def fsync(descriptor: int) -> None:
            if self.full:
                raise OSError(28, os.strerror(28))
            really(descriptor)

        monkeypatch.setattr("conformance.target.journal.journal.os.fsync", fsync)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_creation_that_cannot_be_written_down_is_refused(disk: Disk, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal-gw0.jsonl", HEADER)
    journal.record([RULE])
    disk.full = True
    with pytest.raises(
        Unwritable, match=f"^the report directory {tmp_path} cannot be written: No space left on device$"
    ):
        journal.intend([OTHER])
    assert list(journal) == [RULE]
    disk.full = False
    journal.intend([OTHER])
    assert list(journal) == [RULE, OTHER]


def test_creation_that_is_known_already_needs_no_room(disk: Disk, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal-gw0.jsonl", HEADER)
    journal.record([RULE])
    disk.full = True
    journal.intend([RULE])
    journal.settle([RULE], Fate.EXISTS)
    assert list(journal) == [RULE]


def test_what_exists_is_remembered_and_deleted_on_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal-gw0.jsonl", HEADER)
    disk.full = True
    journal.record([RULE])
    assert list(journal) == [RULE]
    journal.gone([RULE])
    journal.close()
    assert list(journal) == []


def test_file_that_takes_nothing_ends_no_clean_up() -> None:
    journal = Journal(NOWHERE, HEADER)
    with pytest.raises(Unwritable):
        journal.intend([RULE])
    journal.record([RULE])
    journal.gone([RULE])
    journal.close()
    assert list(journal) == []


def test_journal_of_a_folder_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    journal = Journal(tmp_path / "reports" / "journal-gw0.jsonl", HEADER)
    with pytest.raises(Unwritable, match="reports cannot be written: "):
        journal.intend([RULE])
    journal.gone([RULE])


def test_full_disk_leaves_a_journal_that_can_be_read(disk: Disk, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal-gw0.jsonl", HEADER)
    journal.record([RULE])
    disk.full = True
    with pytest.raises(Unwritable):
        journal.intend([OTHER])
    journal.close()
    assert RULE in read_journal(tmp_path / "journal-gw0.jsonl").live


def test_rate_and_locks_that_cannot_be_shared_end_the_run(tmp_path: Path) -> None:
    (tmp_path / ".state").touch()  # where their folder should be
    with pytest.raises(Unwritable, match=f"the report directory {tmp_path} cannot be written"):
        RateLimit(10, tmp_path / ".state" / "rate").wait()
    with (
        pytest.raises(Unwritable, match=f"the report directory {tmp_path} cannot be written"),
        StateLocks(tmp_path / ".state").hold(shared=["bans"]),
    ):
        pytest.fail("the lock is not held")


def test_rate_needs_no_more_room_once_it_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("conformance.target.http.rate.time.sleep", slept.append)
    limit = RateLimit(0.001, tmp_path / "rate")
    limit.wait()
    before = (tmp_path / "rate").stat()
    limit.wait()
    after = (tmp_path / "rate").stat()
    assert (before.st_size, before.st_ino) == (after.st_size, after.st_ino)
    assert slept[0] == 0.0
    assert slept[1] > 900


def test_run_ends_though_its_end_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / ".state").touch()
    flag = StopFlag(tmp_path / ".state" / "stopped")
    assert flag.reason() is None
    flag.set("first")
    flag.set("second")
    assert flag.reason() == "first"


@pytest.mark.parametrize(
    ("error", "of_disk"),
    [
        (OSError(28, "full"), True),
        (OSError(30, "read-only"), True),
        (PermissionError(13, "x"), False),
        (OSError(), False),
    ],
)
def test_full_disks_are_told_from_wrong_paths(error: Any, of_disk: bool) -> None:
    assert is_of_disk(error) is of_disk
