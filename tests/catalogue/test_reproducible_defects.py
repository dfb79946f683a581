"""Defects of the reference deployment, waivers and requirements refer to each other, without a gap.

`tests/faults/defects.py` shows that requirements find each defect when it is alone, `tests/run/test_full_run.py` that
waivers accept what a deployment with all of them does, and that each of these waivers is needed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import conformance.reference
from conformance.catalogue.registry import catalogue
from conformance.contract.versions import VersionRange
from conformance.reference.defects import (
    NO_TRAITS,
    Defect,
    Quirk,
    TraitError,
    all_traits,
    chosen,
    named,
    traits_of,
)
from conformance.waivers.known_defects import waivers_of
from tests.catalogue.test_known_defects import FILE
from tests.faults.catalogue import FAULTS

WAIVED = {defect.name: waivers_of(FILE, defect) for defect in FILE.defects}


def test_every_defect_can_be_had_and_is_waived() -> None:
    assert {defect.id for defect in Defect} == WAIVED.keys()


@pytest.mark.parametrize("defect", Defect, ids=lambda defect: defect.id)
def test_defect_is_waived_where_it_is(defect: Defect) -> None:
    waivers = WAIVED[defect.id]
    assert {waiver.within for waiver in waivers} == set(defect.about.ranges)
    assert {one for waiver in waivers for one in waiver.requirements} <= {requirement.id for requirement in catalogue()}


@pytest.mark.parametrize("defect", Defect, ids=lambda defect: defect.id)
def test_what_finds_a_defect_is_waived(defect: Defect) -> None:
    (seeded,) = [fault for fault in FAULTS.values() if defect in fault.traits]
    assert seeded.requirements & {one for waiver in WAIVED[defect.id] for one in waiver.requirements}
    assert seeded.requirements <= {one for waiver in FILE.waivers for one in waiver.requirements}


@pytest.mark.parametrize("trait", all_traits(), ids=lambda trait: trait.id)
def test_trait_is_told_in_one_sentence_and_needs_quirks_only(trait: Defect | Quirk) -> None:
    assert trait.about.sentence[0].isupper() or trait.about.sentence[0] == "`"
    assert trait.about.sentence.endswith(".")
    assert all(VersionRange.parse(bounds) for bounds in trait.about.ranges)
    assert set(trait.about.needs) <= {quirk.id for quirk in Quirk}
    assert named([trait.id]) == {trait, *(quirk for quirk in Quirk if quirk.id in trait.about.needs)}


def test_every_trait_is_asked_for() -> None:
    reference = Path(conformance.reference.__file__).parent
    sources = "".join(file.read_text("utf-8") for file in reference.rglob("*.py") if file.name != "defects.py")
    assert [str(trait) for trait in all_traits() if str(trait) not in sources] == []


def test_no_name_is_used_twice() -> None:
    assert len({trait.id for trait in all_traits()}) == len(all_traits())


def test_real_is_what_the_version_has() -> None:
    newer = {Defect.SCHEMA_NAME_TOO_LONG_FOR_A_FOLDER}
    assert chosen("real", "5.8.9") == set(all_traits()) - newer == traits_of("e5.8.9")
    assert newer <= traits_of("5.10.4")
    assert traits_of("5.8.9") - traits_of("5.8.12") == {
        Defect.CONFLUENT_TLS_HIDDEN,
        Defect.CONNACK_WITHOUT_ITS_TIME,
        Defect.HEADERS_BY_LINE_BREAKS,
    }
    assert chosen("quirks", "5.8.9") == set(Quirk)
    assert traits_of("6.0.0") == NO_TRAITS == chosen("none", "5.8.9")


def test_named_ones_are_had_whatever_the_version() -> None:
    assert chosen("dots-are-steps, no-array", "6.0.0") == {Defect.DOTS_ARE_STEPS, Defect.NO_ARRAY}
    assert chosen("unsubscribe-without-topic", "5.8.9") == {Defect.UNSUBSCRIBE_WITHOUT_TOPIC, Quirk.OWN_DOCUMENT}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("numeric-secrets", "there is no defect 'numeric-secrets', did you mean numeric-secret?"),
        ("no-array,sloppy-jsn", "there is no defect 'sloppy-jsn', did you mean sloppy-json?"),
        ("reel", "there is no defect 'reel', did you mean real?"),
        ("no-array,quirks", "quirks stands alone, without names beside it"),
        ("no-array,real", "real stands alone, without names beside it"),
        ("", "there is no defect ''"),
        ("xyzzy", "there is no defect 'xyzzy'"),
    ],
)
def test_unknown_name_is_one_sentence_with_the_nearest(text: str, sentence: str) -> None:
    with pytest.raises(TraitError) as caught:
        chosen(text, "5.8.9")
    assert str(caught.value) == sentence
