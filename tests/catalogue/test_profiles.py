"""What profiles demand and requirements need: derived from the tests, it decides on whose word something is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conformance.catalogue.document import as_data
from conformance.catalogue.needs import Needs, modes, of_requirement
from conformance.catalogue.profiles import PROFILES, demanded, why_missing
from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.requirements import Requirement
from conformance.result import Omission
from conformance.target.capabilities import CAPABILITIES, Capabilities
from conformance.target.deployment_profile import DeploymentProfile
from conformance.target.guard.mode import Mode
from conformance.target.settings.config import Configuration

CONTRACT = load_contract()
NOTHING_MISSING = Capabilities(
    version="5.8.9", node=None, action_types=(), no_mqtt=None, no_authenticator=None, no_authorization=None,
    no_sink=None, no_viewer=None, no_publisher=None, profile=DeploymentProfile(identity="username"),
)  # fmt: skip


@pytest.fixture(scope="module")
def entries() -> dict[str, Requirement]:
    return {entry.id: entry for entry in catalogue()}


def test_larger_profiles_demand_more() -> None:
    smoke, standard, deep, acceptance = PROFILES.values()
    assert smoke.capabilities < standard.capabilities < deep.capabilities == set(CAPABILITIES)
    assert (smoke.every_type, standard.every_type, deep.every_type) == (False, True, True)
    assert [demands.starts_without for demands in PROFILES.values()] == [True, True, True, False]
    assert replace(acceptance, random_seeds=0, mode=Mode.READ_ONLY, starts_without=True) == deep


def test_what_does_not_count_is_not_demanded(entries: dict[str, Requirement]) -> None:
    found = {entry.id for entry in demanded(entries.values(), "5.8.1")}
    assert {identifier for identifier, entry in entries.items() if entry.provisional} & found == set()
    assert {identifier for identifier, entry in entries.items() if entry.since == "5.8.2"} & found == set()
    assert {"GEN-14", "FLOW-01", "SAFE-02"} <= found


@pytest.mark.parametrize(
    ("identifier", "least", "in_full"),
    [
        ("GEN-07", Needs(Mode.READ_ONLY, frozenset()), Needs(Mode.READ_ONLY, frozenset())),
        ("RUL-01", Needs(Mode.SANDBOXED, frozenset()), Needs(Mode.SANDBOXED, frozenset())),
        ("SAFE-01", Needs(Mode.SANDBOXED, frozenset()), Needs(Mode.SANDBOXED, frozenset())),
        ("SAFE-02", Needs(Mode.EXCLUSIVE, frozenset()), Needs(Mode.EXCLUSIVE, frozenset())),
        ("FLOW-01", Needs(Mode.SANDBOXED, frozenset({"sink"})), Needs(Mode.SANDBOXED, frozenset({"sink"}))),
        (
            "AUTN-01",
            Needs(Mode.SANDBOXED, frozenset({"mqtt", "authenticator", "users"})),
            Needs(Mode.SANDBOXED, frozenset({"mqtt", "authenticator", "users"})),
        ),
    ],
)
def test_needs_are_derived_from_the_markers(
    identifier: str, least: Needs, in_full: Needs, entries: dict[str, Requirement]
) -> None:
    assert of_requirement(entries[identifier]) == (least, in_full)


def test_answers_to_writes_need_writes(entries: dict[str, Requirement]) -> None:
    needs = {identifier: of_requirement(entries[identifier]) for identifier in ("GEN-13", "GEN-14")}
    assert [needs[identifier][0].mode for identifier in needs] == [Mode.SANDBOXED, Mode.READ_ONLY]
    assert {in_full.mode for _, in_full in needs.values()} == {Mode.EXCLUSIVE}, "every operation must answer"


def test_needs_in_full_are_no_less(entries: dict[str, Requirement]) -> None:
    for entry in entries.values():
        least, in_full = of_requirement(entry)
        assert least.mode <= in_full.mode, entry.id
        assert least.capabilities <= in_full.capabilities <= set(CAPABILITIES), entry.id


@pytest.mark.parametrize(
    ("operation", "marks", "expected"),
    [
        ("GET /rules", ["reads"], []),
        ("GET /rules", [], [Mode.SANDBOXED]),
        (None, ["reads"], []),
        ("POST /rules", ["reads"], [Mode.SANDBOXED]),
        ("DELETE /banned", [], [Mode.SANDBOXED, Mode.EXCLUSIVE]),
    ],
)
def test_modes_of_an_item(operation: str | None, marks: list[str], expected: list[Mode]) -> None:
    assert [mode for mode, _ in modes([getattr(pytest.mark, name).mark for name in marks], operation)] == expected


def configured(**fields: Any) -> Configuration:
    return Configuration(base_url="http://127.0.0.1:1/api/v5", **fields)


@pytest.mark.parametrize(
    ("capability", "fields", "lacking", "why"),
    [
        ("mqtt", {}, {}, "chosen"),
        ("mqtt", {"mqtt": "h:1883"}, {}, "undecided"),
        ("mqtt", {"mqtt": "h:1883", "profile": "smoke"}, {}, "undecided"),
        ("mqtt", {"profile": "deep"}, {}, "undecided"),
        ("mqtt", {"mqtt": "h:1883", "profile": "deep", "read_only": True}, {}, "chosen"),
        ("sink", {}, {}, "chosen"),
        ("viewer", {}, {}, "chosen"),
        ("viewer", {"viewer_key": "k"}, {}, "undecided"),
        ("viewer", {"profile": "deep"}, {}, "undecided"),
        ("bearer", {}, {}, "chosen"),
        ("authenticator", {}, {}, "undecided"),
        ("authenticator", {"profile": "smoke"}, {}, "chosen"),
        ("schemas", {}, {}, "undecided"),
        ("retainer", {}, {}, "undecided"),
        ("loop", {}, {}, "chosen"),
        ("users", {"mqtt": "h:1883"}, {}, "chosen"),
        ("users", {"mqtt": "h:1883", "profile": "deep"}, {}, "undecided"),
        ("users", {}, {"no_mqtt": "no MQTT listener given"}, "chosen"),
        ("users", {"mqtt": "h:1883"}, {"no_mqtt": "MQTT listener h:1883: refused"}, "undecided"),
    ],
)
def test_on_whose_word_a_capability_is_missing(
    capability: str, fields: dict[str, Any], lacking: dict[str, Any], why: Omission
) -> None:
    assert why_missing(capability, configured(**fields), replace(NOTHING_MISSING, **lacking)) == why


def test_capabilities_are_those_that_can_be_missing() -> None:
    lacking: dict[str, Any] = {name: "gone" for name in Capabilities.__slots__ if name.startswith("no_")}
    assert list(NOTHING_MISSING.missing()) == []
    assert set(replace(NOTHING_MISSING, profile=DeploymentProfile(), **lacking).missing()) == set(CAPABILITIES)


def test_data_tells_what_is_demanded_and_needed(entries: dict[str, Requirement]) -> None:
    data = json.loads(json.dumps(as_data(list(entries.values()), CONTRACT)))
    assert [row["profile"] for row in data["profiles"]] == ["smoke", "standard", "deep", "acceptance"]
    assert set(data["profiles"][0]["requirements"]) == {e.id for e in entries.values() if not e.provisional}
    needs = {row["id"]: (row["needs"], row["needs_in_full"]) for row in data["requirements"]}
    assert needs["AUTN-09"][0] == {"mode": "disposable", "capabilities": ["authenticator"]}
    assert needs["GEN-14"][1]["mode"] == "exclusive"
