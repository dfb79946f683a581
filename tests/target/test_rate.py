"""The shared rate: all its users together stay below it."""

from pathlib import Path

from conformance.target.rate import RateLimit


def test_users_of_one_file_share_its_rate(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    clock = [100.0]
    monkeypatch.setattr("conformance.target.rate.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("conformance.target.rate.time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    first, second = (RateLimit(10, tmp_path / "rate") for _ in range(2))
    for limit in (first, second) * 10:
        limit.wait()
    assert 101.8 <= clock[0] <= 102.0


def test_no_limit_writes_nothing(tmp_path: Path) -> None:
    RateLimit(None, tmp_path / "rate").wait()
    assert not (tmp_path / "rate").exists()
