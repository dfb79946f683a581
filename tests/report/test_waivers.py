"""Waivers waive what they name, on the versions they name, until they expire; anything else is an error."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance.result import Failure
from conformance.waivers import WaiverError, WaiverFile, load_waivers, parse_waivers
from conformance.waivers.file import schema
from tests.report.samples import failure

TODAY = date(2026, 11, 23)
ENTRY = {
    "id": '"EMQX-1"',
    "requirement": '"GEN-15"',
    "versions": '">=5.8.0,<5.9"',
    "reason": '"500 for a page that is no number"',
    "link": '"https://github.com/emqx/emqx/issues/1"',
    "owner": '"qa@example.org"',
    "expires": "2027-03-31",
}


def toml(**changes: str | None) -> str:
    entry = {**ENTRY, **changes}
    return "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items() if value is not None)


def parse(text: str) -> WaiverFile:
    return parse_waivers(text, "w.toml")


def waived(
    file: WaiverFile,
    found: Failure,
    version: str | None = "5.8.9",
    today: date = TODAY,
    deployment: Collection[str] = (),
) -> str | None:
    file.apply([found], version, deployment, today)
    return found.waived_by


def test_entry() -> None:
    (waiver,) = parse(toml()).waivers
    assert (waiver.id, waiver.requirement, waiver.expires) == ("EMQX-1", "GEN-15", date(2027, 3, 31))
    assert waived(parse(toml()), failure("GEN-15")) == "EMQX-1"
    assert waived(parse(toml()), failure("GEN-14")) is None


def test_no_file_and_no_entry(tmp_path: Path) -> None:
    assert load_waivers() is None
    assert parse("").waivers == ()
    (tmp_path / "w.toml").write_text(toml())
    loaded = load_waivers(tmp_path / "w.toml")
    assert loaded is not None
    assert [waiver.id for waiver in loaded.waivers] == ["EMQX-1"]


def test_several_files_are_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(toml())
    second.write_text(toml(id='"OURS"', requirement='"GEN-14"'))
    loaded = load_waivers(first, second, first)
    assert loaded is not None
    assert [waiver.id for waiver in loaded.waivers] == ["EMQX-1", "OURS"]
    assert (waived(loaded, failure("GEN-15")), waived(loaded, failure("GEN-14"))) == ("EMQX-1", "OURS")


def test_id_is_used_by_one_file_only(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(toml())
    with pytest.raises(WaiverError) as caught:
        load_waivers(tmp_path / "a.toml", tmp_path / "b.toml")
    assert str(caught.value) == f"{tmp_path}/b.toml: waiver EMQX-1: {tmp_path}/a.toml uses that id as well"
    (tmp_path / "a.toml").write_text(toml(id='"A"', requirement='"GEN-14"'))
    with pytest.raises(WaiverError, match=r"b\.toml: waiver EMQX-1: there is no requirement"):
        load_waivers(tmp_path / "a.toml", tmp_path / "b.toml", requirements={"GEN-14"})


@pytest.mark.parametrize(
    ("selectors", "covered", "not_covered"),
    [
        ({"requirement": None, "operation": '"GET /rules"', "check": '"page"'},
         failure(check="page"), failure(check="other")),
        ({"requirement": None, "operation": '"GET /rules"', "check": '"page"'},
         failure(check="page"), failure(operation="POST /rules", check="page")),
        ({"operation": '"GET /rules"'}, failure("GEN-15"), failure("GEN-15", None)),
        ({"check": '"page"'}, failure("GEN-15", check="page"), failure("GEN-15", check="other")),
        ({"match": '"with INTERNAL"'}, failure("GEN-15", message="500 with INTERNAL_ERROR"),
         failure("GEN-15", message="500 with an empty body")),
        ({"match": '"a.c"'}, failure("GEN-15", message="a.c"), failure("GEN-15", message="abc")),
        ({"match_regex": "'^5\\d\\d with'"}, failure("GEN-15", message="503 with X"),
         failure("GEN-15", message="answered 503 with X")),
    ],
)  # fmt: skip
def test_every_selector_must_fit(selectors: dict[str, str], covered: Failure, not_covered: Failure) -> None:
    file = parse(toml(**selectors))
    assert waived(file, covered) == "EMQX-1"
    assert waived(file, not_covered) is None


def test_expires_after_its_day() -> None:
    file = parse(toml())
    assert waived(file, failure("GEN-15"), today=date(2027, 3, 31)) == "EMQX-1"
    assert waived(file, failure("GEN-15"), today=date(2027, 4, 1)) is None


@pytest.mark.parametrize("version", ["5.7.9", "5.9.0", "6", None, "", "unknown"])
def test_waives_no_other_version(version: str | None) -> None:
    assert waived(parse(toml()), failure("GEN-15"), version) is None


def test_waives_nothing_on_a_target_that_is_configured_otherwise() -> None:
    file = parse(toml(deployment='"hashed with plain"'))
    plain, other = ["users are needed", "passwords are hashed with plain"], ["passwords are hashed with sha512"]
    assert waived(file, failure("GEN-15"), deployment=plain) == "EMQX-1"
    assert waived(file, failure("GEN-15"), deployment=other) is None
    expired = parse(toml(deployment='"hashed with plain"', expires="2026-11-22"))
    (use,) = expired.uses([failure("GEN-15")], "5.8.9", other, TODAY)
    assert (use.state, use.failures) == ("expired", 0)


def test_states() -> None:
    text = (
        toml()
        + toml(id='"EMQX-2"', requirement='"GEN-14"')
        + toml(id='"EMQX-3"', requirement='"GEN-16"', expires="2026-11-22")
    )
    file = parse(text)
    found = [failure("GEN-15"), failure("GEN-15"), failure("GEN-16")]
    file.apply(found, "5.8.9", today=TODAY)
    uses = file.uses(found, "5.8.9", today=TODAY)
    assert [(use.id, use.state, use.failures) for use in uses] == [
        ("EMQX-1", "reproduced", 2), ("EMQX-2", "unobserved", 0), ("EMQX-3", "expired", 1),
    ]  # fmt: skip
    assert [found.waived_by for found in found] == ["EMQX-1", "EMQX-1", None]
    assert (uses[0].expires, uses[0].owner) == ("2027-03-31", "qa@example.org")


def test_first_waiver_that_covers_waives() -> None:
    file = parse(toml(expires="2026-01-01") + toml(id='"EMQX-2"') + toml(id='"EMQX-3"'))
    assert waived(file, failure("GEN-15")) == "EMQX-2"


DEFECT = {
    "name": '"list-unchecked"',
    "symptom": '"The query of the list is not checked."',
    "request": '"GET /rules?page=abc"',
    "answer": '"500"',
    "seen": '["5.8.9"]',
    "versions": '">=5.8.0,<6"',
    "upstream": "[]",
}


def defect(**changes: str | None) -> str:
    entry = {**DEFECT, **changes}
    return "[[defect]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items() if value is not None)


def test_waiver_of_a_defect_is_for_its_versions_and_links_to_its_section() -> None:
    named = {"defect": '"list-unchecked"', "link": None}
    file = parse(defect() + toml(**named, versions=None) + toml(**named, id='"EMQX-2"', versions='">=5.9"'))
    assert [(waiver.link, waiver.within) for waiver in file.waivers] == [
        ("docs/known-defects.md#list-unchecked", ">=5.8.0,<6"), ("docs/known-defects.md#list-unchecked", ">=5.9"),
    ]  # fmt: skip
    assert [waived(file, failure("GEN-15"), version) for version in ("5.8.9", "5.10.3", "6.0.0")] == [
        "EMQX-1", "EMQX-1", "EMQX-2",
    ]  # fmt: skip
    assert [(entry.name, entry.seen, entry.upstream, entry.fixed) for entry in file.defects] == [
        ("list-unchecked", ("5.8.9",), (), "")
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (defect() + defect(), "w.toml: defect list-unchecked: the name is used twice"),
        (toml(defect='"other"'), "w.toml: waiver EMQX-1: there is no defect 'other'"),
        (defect(versions='"6"'), "w.toml: defect list-unchecked: versions: '6' is no range of versions"),
        (defect(name='"A b"'), "w.toml: defect A b: name: expected small letters, digits and '-', at most 64"),
        (defect(answer=None), "w.toml: defect list-unchecked: 'answer' is a required property"),
        (defect(seen="[]"), "w.toml: defect list-unchecked: seen: "),
        (defect(upstream='["EMQX-1"]'), "w.toml: defect list-unchecked: upstream: expected an http(s) URL"),
        (defect(upstream='"EMQX-1"'), "w.toml: defect list-unchecked: upstream: expected an array of http(s) URLs"),
        (defect(cause='"x"'), "w.toml: defect list-unchecked: Additional properties are not allowed"),
        ("defect = 5", "w.toml: expected an array of tables [[defect]]"),
        ("[[defect]]", "w.toml: defect number 1: "),
    ],
)
def test_bad_defect(text: str, sentence: str) -> None:
    with pytest.raises(WaiverError) as caught:
        parse(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["id", "versions", "reason", "link", "owner", "expires"])
def test_missing_key(key: str) -> None:
    with pytest.raises(WaiverError, match=rf"^w\.toml: waiver .*{key}. is a required property$"):
        parse(toml(**{key: None}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"requirement": None}, "w.toml: waiver EMQX-1: it must name a requirement or an operation and a check"),
        ({"requirement": None, "operation": '"GET /rules"'}, "w.toml: waiver EMQX-1: it must name a requirement or"),
        ({"match": '"a"', "match_regex": '"a"'}, "at most one of match and match_regex"),
        ({"colour": '"red"'}, "w.toml: waiver EMQX-1: Additional properties are not allowed ('colour' was unexpected)"),
        ({"id": '"a b"'}, "w.toml: waiver a b: id: expected letters, digits"),
        ({"id": "5"}, "w.toml: waiver number 1: id: "),
        ({"reason": '" "'}, "w.toml: waiver EMQX-1: reason: expected a text that is not empty"),
        ({"owner": "[]"}, "w.toml: waiver EMQX-1: owner: expected a text that is not empty"),
        ({"link": '"JIRA-1"'}, "w.toml: waiver EMQX-1: link: expected an http(s) URL"),
        ({"expires": '"soon"'}, "w.toml: waiver EMQX-1: expires: expected a date like 2027-03-31"),
        ({"expires": "2027-03-31T00:00:00Z"}, "w.toml: waiver EMQX-1: expires: expected a date like 2027-03-31"),
        ({"expires": '"2027-02-30"'}, "w.toml: waiver EMQX-1: expires: '2027-02-30' is no date like 2027-03-31"),
        ({"expires": "2027-02-30"}, "w.toml: is not TOML: "),
        ({"versions": '"5.8"'}, "w.toml: waiver EMQX-1: versions: '5.8' is no range of versions like '>=5.8.0,<5.9'"),
        ({"versions": '">=5.8,"'}, "is no range of versions"),
        ({"match_regex": '"("'}, "w.toml: waiver EMQX-1: match_regex: is no regular expression: "),
    ],
)
def test_bad_entry(changes: dict[str, str | None], sentence: str) -> None:
    with pytest.raises(WaiverError) as caught:
        parse(toml(**changes))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (toml() + toml(), "w.toml: waiver EMQX-1: the id is used twice"),
        ("waiver = 5", "w.toml: expected an array of tables [[waiver]]"),
        ("[waiver]", "w.toml: expected an array of tables [[waiver]]"),
        ("waiver = [5]", "w.toml: waiver number 1: "),
        ("waivers = []", "'waivers' was unexpected"),
        ("x", "w.toml: is not TOML: "),
    ],
)
def test_bad_file(text: str, sentence: str) -> None:
    with pytest.raises(WaiverError) as caught:
        parse(text)
    assert sentence in str(caught.value)


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(WaiverError, match="cannot be read"):
        load_waivers(tmp_path / "none.toml")
    (tmp_path / "w.toml").write_bytes(b"\xff")
    with pytest.raises(WaiverError, match="is not UTF-8"):
        load_waivers(tmp_path / "w.toml")


def test_unknown_names() -> None:
    text = toml(operation='"GET /rules"', check='"page"')
    known = {"requirements": ["GEN-15"], "operations": ["GET /rules"]}
    assert parse_waivers(text, "w.toml", **known).waivers
    with pytest.raises(WaiverError, match=r"^w\.toml: waiver EMQX-1: there is no requirement 'GEN-15'$"):
        parse_waivers(text, "w.toml", **{**known, "requirements": []})
    with pytest.raises(WaiverError, match=r"^w\.toml: waiver EMQX-1: there is no operation 'GET /rules'$"):
        parse_waivers(text, "w.toml", **{**known, "operations": []})


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


entries = st.dictionaries(
    st.sampled_from([*ENTRY, "operation", "check", "match", "match_regex", "other"]),
    st.sampled_from([*ENTRY.values(), '"("', '""', "5", "[]", "nan", "1979-05-27T07:32:00", '">=5"', '"2027-01-01"']),
)


@settings(max_examples=60)
@given(st.text() | st.lists(entries, max_size=3).map(
    lambda tables: "\n".join(
        "[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items()) for table in tables
    )
) | entries.map(lambda changes: toml(**changes)))  # fmt: skip
def test_any_text_is_waivers_or_one_sentence(text: str) -> None:
    file = refusal = None
    try:
        file = parse(text)
    except WaiverError as error:
        refusal = str(error)
    if file is None:
        assert refusal is not None
        assert refusal.startswith("w.toml: ")
        assert "\n" not in refusal
    else:
        file.apply([failure()], "5.8.9")
        assert len(file.uses([], None)) == len(file.waivers)
