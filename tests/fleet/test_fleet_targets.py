"""Which targets a fleet has, and what each run is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conformance.commands import fleet as command
from conformance.fleet import engine
from conformance.fleet.job import Job
from conformance.fleet.targets import FleetTarget, fleet_targets, in_turn
from conformance.report.fleet import TargetRun
from conformance.target.errors import ConfigurationError

FILE = """
[targets.staging]
base_url = "https://emqx.example/api/v5"
api_key_env = "not looked at here"
max_rps = 20

[targets."eu/1 west"]
base_url = "http://10.0.0.1:18083/api/v5"

[targets.same]
base_url = "https://EMQX.example:443/api/v5/"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "targets.toml"
    path.write_text(FILE)
    return path


def test_targets_of_a_file(file: Path) -> None:
    targets = fleet_targets(file)
    assert [(target.name, target.max_rps) for target in targets] == [
        ("staging", 20), ("eu/1 west", None), ("same", None),
    ]  # fmt: skip
    assert [target.folder for target in targets] == ["staging", "eu%2f1%20west", "same"]
    assert [target.name for target in fleet_targets(file, ["same"])] == ["same"]


def test_names_of_one_deployment_take_turns(file: Path) -> None:
    rows = in_turn(fleet_targets(file))
    assert [[target.name for target in row] for row in rows] == [["staging", "same"], ["eu/1 west"]]
    longest = in_turn(fleet_targets(file), {"staging": 5.0, "same": 2.0, "eu/1 west": 9.0})
    assert [row[0].name for row in longest] == ["eu/1 west", "staging"]
    assert in_turn(fleet_targets(file), {"eu/1 west": 9.0})[0][0].name == "staging", "what is not known comes first"


@pytest.mark.parametrize("name", ["..", ".", "", ".hidden", "a/../b", "\x00", "é"])
def test_folders_stay_inside_of_the_report_directory(name: str) -> None:
    folder = FleetTarget(name, "http://x/api/v5").folder
    assert folder
    assert "/" not in folder
    assert not folder.startswith(".")
    assert folder.isascii()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected nothing but tables"),
        ("[targets]\n", "names no target"),
        ("[targets.a]\n", "target a has no base_url"),
        ("[targets.a]\nbase_url = 'http://x:99999/api/v5'\n", "target a: base_url is no URL"),
        ("[targets.a]\nbase_url = 'http://x/api/v5'\nmax_rps = 'many'\n", "max_rps: 'many' is no number above 0"),
        ("[targets", "cannot be read"),
    ],
)
def test_files_that_are_no_fleet(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "targets.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        fleet_targets(tmp_path / "targets.toml")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(command.fleet, list(arguments))


def test_wrong_usage_is_told_in_one_sentence(file: Path, tmp_path: Path) -> None:
    for arguments, sentence in (
        ([str(tmp_path / "nothing")], f"there is no {tmp_path / 'nothing'}\n"),
        ([str(file), "--only", "prod"], f"{file}: no target 'prod', only eu/1 west, same, staging\n"),
        ([str(file), "--max-rps", "0"], "--max-rps: '0' is no number above 0\n"),
    ):
        refused = called(*arguments)
        assert (refused.exit_code, refused.stderr) == (2, sentence)


def test_without_dask_it_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    refused = called(str(file))
    assert refused.exit_code == 2
    assert refused.stderr == (
        "fleet runs on Dask distributed, which is not installed: pip install 'emqx-conformance[fleet]'\n"
    )


class Pretended:
    """Stands in for an engine: keeps the jobs, and says that each target deviates."""

    scheduler, workers = "tcp://scheduler:8786", 3

    def __init__(self, verdicts: dict[str, Any]) -> None:
        self.verdicts = verdicts
        self.jobs: list[Job] = []

    def __enter__(self) -> Pretended:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, rows: list[list[Job]], told: engine.Told) -> Pretended:
        self.jobs = [job for row in rows for job in row]
        self.waiting = list(self.jobs)
        return self

    def next(self) -> TargetRun | None:
        if not self.waiting:
            return None
        job = self.waiting.pop(0)
        return TargetRun(job.target, job.base_url, **self.verdicts.get(job.target, {}))


def test_each_run_gets_its_options_and_the_lower_rate(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    good = {"verdict": "conformant", "exit_code": 0}
    pretended = Pretended({"staging": good, "eu/1 west": {"verdict": "non_conformant", "exit_code": 1}})
    monkeypatch.setattr(command, "connected", lambda scheduler, at_once: pretended)
    options = ["--max-rps", "50", "--exclusive", "--waivers", "emqx-5.8", "--waivers", "ours.toml", "--tag", "Rules"]
    ended = called(str(file), *options, "--profile", "smoke", "-k", "banned", "-n", "2")

    assert ended.exit_code == 1, ended.output
    assert "[1/3] staging CONFORMANT" in ended.stdout
    assert "3 targets: 1 conformant, 1 non conformant, 1 not run" in ended.stdout
    by_name = {job.target: job for job in pretended.jobs}
    assert by_name["staging"].sweeping == ("--exclusive", "--max-rps=20")
    assert by_name["same"].sweeping == ("--exclusive", "--max-rps=50")
    assert set(by_name["staging"].options) == {
        "--max-rps=20", "--exclusive", "--waivers=emqx-5.8", f"--waivers={tmp_path / 'ours.toml'}", "--tag=Rules",
        "--profile=smoke", "--select=banned", "--workers=2",
    }  # fmt: skip
    assert by_name["eu/1 west"].folder == str(tmp_path / "fleet" / "eu%2f1%20west")
    assert {file.name for file in (tmp_path / "fleet").iterdir()} == {"fleet.json", "fleet.html", "fleet.md"}
