"""The command that prints the fidelity table."""

from __future__ import annotations

import pytest

from tests.fidelity.__main__ import main


def test_table_shows_each_script_and_the_sum(capsys):
    assert main(["authn_users_crud", "local_*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["authn_users_crud", "29/29", "100.0", "%"]
    assert lines[1].split()[:2] == ["local_error_leak", "2/2"]
    assert lines[-1].startswith("2 scripts, 31 exchanges, 31 equal, 100.0 %")


def test_differences_are_shown_and_counted(capsys):
    assert main(["--mode", "default", "local_error_leak"]) == 1
    shown = capsys.readouterr().out
    assert "2 mismatch" in shown
    assert "/status: 500 became 400" in shown


def test_unknown_script_is_one_sentence():
    with pytest.raises(SystemExit, match="no script is named like nonsense"):
        main(["nonsense"])
