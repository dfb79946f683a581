"""``serve``: the version to stand in for is read as everywhere."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.run.command import environment, run
from tests.waiting import PATIENCE_S

KEY, SECRET = "key", "a-secret-of-serve"


def arguments(folder: Path, version: str) -> list[str]:
    file = folder / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    options = ["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--api-key", KEY, "--api-secret-file", str(file)]
    return ["serve", *options, "--emqx-version", version]


@pytest.mark.parametrize("version", ["5.8", "5.8.9-rc.1", "e5.8.9"])
def test_every_spelling_of_a_version_is_served(version: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.commands.cli", *arguments(tmp_path, version)]
    process = subprocess.Popen(command, env=environment(), cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        (node,) = requests.get(f"{line.split()[-1]}/nodes", auth=(KEY, SECRET), timeout=PATIENCE_S).json()
        assert node["version"] == version
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        process.stdout.close()


def test_version_without_known_defects_is_told_so(tmp_path: Path) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    command = arguments(tmp_path, "6.0.0")
    command[command.index("--http") + 1] = f"127.0.0.1:{taken.getsockname()[1]}"  # it ends before it serves
    with taken:
        completed = run(*command, "--defects", "real", env=environment(), cwd=tmp_path)
    assert completed.returncode == 2
    assert completed.stderr.startswith("warning: --defects: none are known of EMQX 6.0.0\n")


@pytest.mark.parametrize("version", ["banana", "5", "5.8.x", "5.8.9.1"])
def test_nonsense_is_one_sentence_and_2(version: str, tmp_path: Path) -> None:
    completed = run(*arguments(tmp_path, version), env=environment(), cwd=tmp_path)
    expected = f"--emqx-version: {version!r} is no EMQX version; expected one like 5.8.9\n"
    assert (completed.returncode, completed.stderr, completed.stdout) == (2, expected, "")


def test_unknown_defect_is_one_sentence_and_2(tmp_path: Path) -> None:
    completed = run(*arguments(tmp_path, "5.8.9"), "--defects", "no-arrays", env=environment(), cwd=tmp_path)
    expected = "--defects: there is no defect 'no-arrays', did you mean no-array?\n"
    assert (completed.returncode, completed.stderr, completed.stdout) == (2, expected, "")
