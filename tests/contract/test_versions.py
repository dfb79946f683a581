"""One reading of versions for everything that meets one, and ranges of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract.versions import Version, VersionError, VersionRange, is_later, release_of, same_release

Numbers = tuple[int, int, int]

numbers = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
identifier = st.from_regex(r"[0-9A-Za-z]{1,8}", fullmatch=True)
identifiers = st.lists(identifier, min_size=1, max_size=3).map(".".join)
suffixes = (
    st.sampled_from(["", "-rc.1", "-alpha.1+gabc", "-g1234", "-rc.2-g12ab34", "-12-g1234abc", "-M1.202507", "+build.7"])
    | identifiers.map("-{}".format)
    | st.tuples(identifiers, identifiers).map("-{0[0]}+{0[1]}".format)
)
spelt = st.tuples(st.sampled_from(["", "e", "v"]), numbers, suffixes)


def written(version: tuple[str, Numbers, str]) -> str:
    prefix, parts, suffix = version
    return f"{prefix}{'.'.join(map(str, parts))}{suffix}"


@given(spelt)
def test_whatever_a_node_says_is_read_as_its_release(version: tuple[str, Numbers, str]) -> None:
    assert release_of(written(version)).release == version[1]
    assert release_of(str(release_of(written(version)))) == release_of(written(version))


@given(spelt, spelt)
def test_releases_are_ordered_by_number(one: tuple[str, Numbers, str], other: tuple[str, Numbers, str]) -> None:
    assert (release_of(written(one)) < release_of(written(other))) is (one[1] < other[1])
    assert same_release(written(one), written(other)) is (one[1] == other[1])


@given(st.text() | st.from_regex(r"[ve]?[0-9.]{1,9}([-+][0-9a-z.+-]{0,9})?", fullmatch=True) | st.text("5.89-+grce!v "))
def test_any_text_is_a_version_or_refused_in_one_sentence(text: str) -> None:
    try:
        told = str(release_of(text))
    except VersionError as error:
        told = str(error)
    sentence = r".{2,62} is no EMQX version; expected one like 5\.8\.9"
    assert re.fullmatch(rf"\d+\.\d+\.\d+|{sentence}", told)


@pytest.mark.parametrize(
    "nonsense",
    [
        "", "5", "five", "5.8.x", "5.8.9.1", "1!5.8.9", "5.8.9-", "5.8.9-rc.1-", "5.8.9 beta", "-5.8.9", "vv5.8.9",
        "٥.٨.٩", "5.8.9+a/b", "5.8.9\n5.8.1", "5." + "8" * 5000, "5.8.9-" + "a" * 5000,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_nonsense_is_refused(nonsense: str) -> None:
    with pytest.raises(VersionError):
        release_of(nonsense)


def test_missing_patch_is_0() -> None:
    assert release_of("5.8") == Version("5.8.0")


@given(spelt, numbers)
def test_ranges_compare_releases(version: tuple[str, Numbers, str], bound: Numbers) -> None:
    limit = ".".join(map(str, bound))
    for comparison, expected in (
        (">=", version[1] >= bound), ("<=", version[1] <= bound), (">", version[1] > bound), ("<", version[1] < bound),
        ("==", version[1] == bound), ("!=", version[1] != bound),
    ):  # fmt: skip
        assert VersionRange.parse(f"{comparison} {limit}").contains(written(version)) is expected


@pytest.mark.parametrize(
    ("version", "within"),
    [
        ("5.8", True), ("5.8.0", True), ("5.10.0", False), ("5.8.1.2", False), ("banana", False), ("", False),
        (None, False),
    ],
)  # fmt: skip
def test_short_bounds_are_padded_and_unknown_versions_lie_nowhere(version: str | None, within: bool) -> None:
    assert VersionRange.parse(">=5.8,<5.9").contains(version) is within


@given(st.text() | st.from_regex(r"[<>=!~]{1,3} ?[0-9.]{1,9}(,[<>=]{1,2}[0-9.]{1,9}(rc1|\.\*)?)?", fullmatch=True))
def test_any_range_is_parsed_or_refused(text: str) -> None:
    try:
        parsed = VersionRange.parse(text)
    except ValueError:
        return
    assert len(parsed.bounds) == text.count(",") + 1
    assert parsed.contains("5.8.9") in (True, False)


@pytest.mark.parametrize(
    "text", ["", "5.8", ">=5.8,", "==5.8.*", "===5.8.9", "~=5.8.0", ">=5.8.9rc1", ">=1!5.8", "==5.8.9+x", ">=5.8.9.0"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match="is no range of versions like"):
        VersionRange.parse(text)


@pytest.mark.parametrize(
    ("told", "later"),
    [
        ("5.10.4", True), ("e5.8.10", True), ("6.0.0-rc.1", True), ("5.8.9", False), ("5.8.9-g1234", False),
        ("5.8.1", False), ("banana", False), (None, False),
    ],
)  # fmt: skip
def test_later_than_described(told: str | None, later: bool) -> None:
    assert is_later(told, "5.8.9") is later
