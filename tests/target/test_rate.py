"""The shared rate: all its users together stay below it."""

import subprocess
import sys
import time
from pathlib import Path

from conformance.target.http.rate import RateLimit
from tests.waiting import PATIENCE_S


def test_users_of_one_file_share_its_rate(tmp_path: Path, monkeypatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("conformance.target.http.rate.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "conformance.target.http.rate.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds)
    )
    first, second = (RateLimit(10, tmp_path / "rate") for _ in range(2))
    for limit in (first, second) * 10:
        limit.wait()
    assert 101.8 <= clock[0] <= 102.0


def test_no_limit_writes_nothing(tmp_path: Path) -> None:
    RateLimit(None, tmp_path / "rate").wait()
    assert not (tmp_path / "rate").exists()


USER = """
import sys, time
from pathlib import Path
from conformance.target.http.rate import RateLimit

limit = RateLimit(float(sys.argv[1]), Path(sys.argv[2]))
print(time.monotonic())
for _ in range(int(sys.argv[3])):
    limit.wait()
    print(time.monotonic())
"""


def test_processes_together_stay_below_the_rate(tmp_path: Path) -> None:
    rate, each, count = 200, 60, 3
    command = [sys.executable, "-c", USER, str(rate), str(tmp_path / "rate"), str(each)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    told = [process.communicate(timeout=PATIENCE_S)[0].split() for process in processes]
    # Between a slot and the look at the clock anything may pass, so that the first is told by when it was asked for.
    asked = min(float(lines[0]) for lines in told)
    moments = [float(line) for lines in told for line in lines[1:]]
    assert len(moments) == each * count
    assert max(moments) - asked >= (len(moments) - 1) / rate - 0.001
    assert all(process.returncode == 0 for process in processes)


def test_a_pause_is_not_made_up_for(tmp_path: Path, monkeypatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("conformance.target.http.rate.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(
        "conformance.target.http.rate.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds)
    )
    limit = RateLimit(10, tmp_path / "rate")
    limit.wait()
    clock[0] += 60
    for _ in range(11):
        limit.wait()
    assert clock[0] >= 160.999


def test_user_that_was_killed_while_writing_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "rate").write_bytes(b"\0\0")
    limit = RateLimit(1000, tmp_path / "rate")
    started = time.monotonic()
    for _ in range(3):
        limit.wait()
    assert time.monotonic() - started >= 0.002
