"""``report verify``: whatever is changed in a report is noticed, and what was not looked at is never green."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance.commands.cli import main
from conformance.report import evidence, installed, statement
from conformance.report.errors import ReportError
from conformance.report.findings import Finding, summed_up
from conformance.report.installed import HERE
from conformance.report.json_report import build_report
from conformance.report.schemas import schema
from conformance.report.statement import FILE_NAME, problem, render_statement, write_statement
from conformance.report.storage import read_run
from conformance.report.verification import verify
from conformance.report.writers import remove_reports, write_reports
from conformance.result import WaiverUse
from tests.report.evidence import SHIPPED, accepted, inventory, write_evidence
from tests.report.samples import failing_items

STATEMENT, REPORT = "statement.json", "report.json"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that holds, with the shipped waivers; the code of the suite is read once for all tests."""
    digest = evidence.suite_digest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "suite_digest", lambda: digest)
        used = [WaiverUse("W-1", "unobserved", 0, "known", "https://example.org/1", "qa", "2027-03-31")]
        yield write_evidence(tmp_path_factory.mktemp("kept"), accepted(waivers=used), [SHIPPED])


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(kept, tmp_path / "reports")


def of_state(state: str, findings: list[Finding]) -> list[str]:
    return [finding.sentence for finding in findings if finding.state == state]


def failing(directory: Path, **fields: Any) -> list[str]:
    return of_state("fails", verify(directory, **fields))


def noticed(directory: Path) -> bool:
    """Whether something is wrong with a directory, or it is told as damaged."""
    try:
        return bool(failing(directory))
    except ReportError:
        return True


def document(directory: Path, name: str = STATEMENT) -> Any:
    return json.loads((directory / name).read_text())


def sealed(directory: Path) -> None:
    """State again what is there, as one would who changed it."""
    write_statement(directory, [SHIPPED])


def test_everything_holds_as_it_was_written(kept: Path) -> None:
    findings = verify(kept)
    assert {finding.state for finding in findings} == {"holds", "note"}
    assert summed_up(findings) == "Everything that was looked at holds."
    assert any("follows from what it lists" in sentence for sentence in of_state("holds", findings))
    assert "Data was drawn with the seed of the contract and 3 others." in of_state("holds", findings)


def test_statement_is_valid_by_its_schema_which_is_closed(kept: Path) -> None:
    Draft202012Validator.check_schema(schema(FILE_NAME))
    assert problem(document(kept)) is None
    assert (kept / STATEMENT).read_text() == render_statement(document(kept))

    def objects(part: object) -> Iterator[dict[str, Any]]:
        for member in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from objects(member)
        if isinstance(part, dict) and part.get("type") == "object":
            yield part

    closed = list(objects(schema(FILE_NAME)))
    assert len(closed) == 12
    for entry in closed:
        assert entry["additionalProperties"] is False
        assert set(entry["required"]) == set(entry["properties"])


def places(part: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document."""
    members = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, member in members:
        yield from places(member, (*at, key))
    if at:
        yield at


def others(value: Any) -> Iterator[Any]:
    """What might stand there instead."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, str(value))
    elif isinstance(value, str):
        yield from (value + "x", "", value[:-1] + chr(ord(value[-1:] or "a") ^ 1))
    elif isinstance(value, list):
        yield from ([*value, *value[-1:]], value[1:], value[::-1], [*value, "x"])
    elif isinstance(value, dict):
        yield from ({**value, "x": 1}, {})
    else:
        yield "x"


def test_any_other_field_of_the_statement_is_noticed(folder: Path) -> None:
    original = document(folder)
    count = 0
    for place in places(original):
        changed = json.loads(json.dumps(original))
        part = changed
        for key in place[:-1]:
            part = part[key]
        value = part[place[-1]]
        for other in others(value):
            if other == value and type(other) is type(value):
                continue
            part[place[-1]] = other
            (folder / STATEMENT).write_text(render_statement(changed))
            assert noticed(folder), f"{place} is {other!r} instead of {value!r}"
            count += 1
    assert count > 250


@pytest.mark.parametrize("name", [STATEMENT, REPORT])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_other_byte_is_noticed(name: str, folder: Path, kept: Path, data: st.DataObject) -> None:
    content = (kept / name).read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    what = data.draw(st.sampled_from(["other", "more", "less"]))
    byte = data.draw(st.integers(0, 255).filter(lambda value: what != "other" or value != content[at]))
    changed = content[:at] + bytes([byte]) * (what != "less") + content[at + (what != "more") :]
    (folder / name).write_bytes(changed)
    assert noticed(folder)


def test_another_end_of_line_is_noticed(folder: Path) -> None:
    content = (folder / STATEMENT).read_bytes()
    (folder / STATEMENT).write_bytes(content.replace(b"\n", b"\r", 1))
    assert noticed(folder)


@pytest.mark.parametrize("place", ["verdict", "complete", "seed", "mode", "profile", "started_at", "suite"])
def test_report_that_is_stated_anew_still_has_to_agree_with_the_complete_result(place: str, folder: Path) -> None:
    report = document(folder, REPORT)
    value = report[place]
    report[place] = {
        "verdict": "partial", "mode": "exclusive", "suite": "emqx-conformance 0.0.9", "profile": "deep",
    }.get(place, next(others(value)) if place != "started_at" else "2026-11-24T03:00:00+00:00")  # fmt: skip
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    sealed(folder)
    findings = verify(folder)
    if place == "suite":
        assert of_state("unchecked", findings), "only the version that wrote run.json can read it"
    else:
        assert "run.json, the complete result, gives another report than report.json." in of_state("fails", findings)


def test_verdict_that_does_not_follow_is_noticed_whoever_says_it(tmp_path: Path) -> None:
    run = accepted(failing_items())
    assert run.verdict == "non_conformant"
    run.verdict = "conformant"
    write_evidence(tmp_path, run)
    (sentence,) = failing(tmp_path)
    assert sentence == "The report says conformant; from what it lists follows non conformant."


def test_groups_that_do_not_follow_are_named(folder: Path) -> None:
    changed = document(folder)
    changed["predicate"]["groups"][0]["verdict"] = "partial"
    (folder / STATEMENT).write_text(render_statement(changed))
    assert failing(folder) == ["The statement says partial of Rules; from the report follows conformant."]


def test_stored_report_is_the_one_that_run_json_gives(kept: Path) -> None:
    assert build_report(read_run(kept)) == document(kept, REPORT)


@pytest.mark.parametrize("name", ["run.json", "inventory-before.json", "inventory-after.json"])
def test_missing_or_other_file_is_noticed(name: str, folder: Path) -> None:
    content = (folder / name).read_text()
    (folder / name).write_text(content + " ")
    assert any(sentence.startswith(f"{name} is another file") for sentence in failing(folder))
    (folder / name).unlink()
    assert f"{name} is missing." in failing(folder)


def test_inventories_tell_whether_the_target_held_the_same(tmp_path: Path) -> None:
    def told(before: Any, after: Any) -> Any:
        write_evidence(tmp_path, before=before, after=after)
        assert failing(tmp_path) == []
        return document(tmp_path)["predicate"]["inventory"]

    same = told(inventory(r="aa"), inventory(r="aa"))
    assert (same["equal"], same["before"]) == (True, same["after"])
    other = told(inventory(r="aa"), inventory(r="bb"))
    assert (other["equal"], other["differing"]) == (False, ["rules"])
    assert told(inventory(), inventory(r=""))["equal"] is True, "what comes and goes by itself"
    unread = inventory(r="aa")
    unread.collections["rules"].problem = "GET /rules answered 500"
    unknown = told(inventory(r="aa"), unread)
    assert (unknown["equal"], unknown["unknown"]) == (None, ["rules"])
    (tmp_path / "inventory-after.json").unlink()
    write_statement(tmp_path, [])
    assert document(tmp_path)["predicate"]["inventory"]["after"] is None
    assert "There is no inventory-after.json, as stated." in of_state("holds", verify(tmp_path))


def test_report_of_another_version_is_checked_as_far_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_evidence(tmp_path, waivers=[SHIPPED])
    monkeypatch.setattr(installed, "HERE", "emqx-conformance 9.9")
    findings = verify(tmp_path)
    assert of_state("fails", findings) == []
    unchecked = of_state("unchecked", findings)
    assert [sentence.partition(" cannot be checked here: ")[2] for sentence in unchecked] == [
        f"{HERE} made the report, emqx-conformance 9.9 is installed."
    ] * 5
    assert summed_up(findings) == "Everything that was looked at holds. 5 could not be checked here."


def test_code_that_is_another_one_is_noticed(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "suite_digest", lambda: {"sha256": "0" * 64})
    (sentence,) = failing(kept)
    assert sentence == f"The code of the suite is not the one of {HERE} that is installed here."


def test_own_waivers_are_compared_where_they_are_given(tmp_path: Path) -> None:
    own = tmp_path / "ours.toml"
    own.write_text("[[waiver]]\n")
    folder = write_evidence(tmp_path / "reports", waivers=[own])
    (sentence,) = of_state("unchecked", verify(folder))
    assert sentence == "The file of waivers ours.toml cannot be checked here; --waivers names it."
    findings = verify(folder, [own])
    assert of_state("fails", findings) == of_state("unchecked", findings) == []
    own.write_text("[[waiver]]\n\n")
    assert failing(folder, waivers=[own]) == [f"The waivers are not those of {own}."]


def test_signatures_are_named_and_how_to_check_them(folder: Path) -> None:
    (unsigned,) = of_state("note", verify(folder))
    assert unsigned.startswith("statement.json is not signed")
    (folder / "statement.json.minisig").write_text("untrusted comment: x\n")
    (folder / "statement.json.sigstore.json").write_text("{}")
    one, other = of_state("note", verify(folder))
    assert one.endswith("not checked here: minisign -V -p KEY.pub -m statement.json")
    assert "cosign verify-blob" in other


def test_suite_digest_is_that_of_the_lines_of_sha256sum() -> None:
    root = evidence._PACKAGE.parent
    names = sorted(
        [file.relative_to(root).as_posix() for file in evidence._files(evidence._PACKAGE)]
        + ["emqx_conformance_extensions.py", "emqx_conformance_pytest.py"]
    )
    lines = "".join(f"{evidence.digest_of((root / name).read_bytes())['sha256']}  {name}\n" for name in names)
    assert "conformance/report/schema/statement.schema.json" in names
    assert not any("__pycache__" in name for name in names)
    assert evidence.digest_of(lines.encode()) == evidence.suite_digest()


def invoke(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(main, ["report", "verify", *arguments])
    return ended.exit_code, ended.output


def test_command(folder: Path, tmp_path: Path) -> None:
    code, output = invoke(str(folder))
    assert (code, output.splitlines()[-1]) == (0, "Everything that was looked at holds.")
    (folder / "run.json").write_text("{}")
    code, output = invoke(str(folder))
    assert code == 1
    assert "FAILS        run.json is another file" in output

    assert invoke(str(tmp_path / "nowhere")) == (2, f"there is no folder {tmp_path / 'nowhere'}\n")
    assert invoke(str(folder), "--waivers", "nothing.toml") == (2, "--waivers: there is no file nothing.toml\n")
    for name, content, told in (
        (REPORT, "{", "is not JSON"),
        (STATEMENT, "[[", "is not JSON"),
        (STATEMENT, "\xff", "is not JSON"),
        (STATEMENT, None, "there is no"),
    ):
        shutil.copytree(folder, tmp_path / "damaged", dirs_exist_ok=True)
        if content is None:
            (tmp_path / "damaged" / name).unlink()
        else:
            (tmp_path / "damaged" / name).write_text(content)
        code, output = invoke(str(tmp_path / "damaged"))
        assert (code, told in output, len(output.splitlines())) == (2, True, 1), output


@pytest.mark.parametrize("content", ["null", "[]", '{"_type": "https://in-toto.io/Statement/v1"}', "7"])
def test_what_is_no_statement_is_not_looked_into(content: str, folder: Path) -> None:
    (folder / STATEMENT).write_text(content)
    (sentence,) = failing(folder)
    assert sentence.startswith("statement.json is no statement of this suite (")


@pytest.mark.parametrize("selection", ['{"x": NaN}', '{"x": -Infinity}', '{"x": ' * 400 + "1" + "}" * 400])
def test_what_the_suite_never_writes_is_told_in_a_sentence(selection: str, folder: Path) -> None:
    text = (folder / STATEMENT).read_text()
    (folder / STATEMENT).write_text(text.replace('"selection": null', f'"selection": {selection}'))
    code, output = invoke(str(folder))
    assert code in (1, 2)
    assert "Traceback" not in output
    assert noticed(folder)


@pytest.mark.parametrize("content", ["null", "[]", '{"schema_version": 1}'])
def test_what_is_no_report_is_not_looked_into(content: str, folder: Path) -> None:
    (folder / REPORT).write_text(content)
    assert any("is no valid report" in sentence for sentence in failing(folder))


def test_statement_of_an_earlier_run_is_removed(folder: Path) -> None:
    remove_reports(folder)
    assert not (folder / STATEMENT).exists()
    write_reports(accepted(), folder)
    assert not (folder / STATEMENT).exists(), "only a run states something"
    assert statement.FILE_NAME == STATEMENT
