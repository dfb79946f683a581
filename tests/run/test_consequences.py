"""What an accepted invalid request breaks is told as that, and nothing else is: whole runs against faulty deployments.

Each fault comes twice: as the only cause of what fails, and beside an independent one that must not hide behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.checks.consequences import explains
from conformance.contract import paths
from conformance.reference.access import import_handlers
from conformance.reference.embedded import start_embedded
from conformance.reference.rest.http import ApiError, Call, Handler, Reply
from conformance.reference.rules import handlers as rule_handlers
from conformance.reference.rules.configuration import Configuration
from conformance.reference.rules.rule import Rule
from conformance.report.storage import read_run
from conformance.result import Sighting
from tests.faults.deployment import FaultyDeployment
from tests.faults.seeded import Broken, broken, broken_handler, fuzz
from tests.recorded import RECORDED
from tests.run.command import environment, report_of, run

Failures = list[dict[str, Any]]


class Judged:
    """What a run against a deployment with some faults found."""

    def __init__(self, faults: tuple[Broken, ...], items: tuple[str, ...], folder: Path) -> None:
        with ExitStack() as stack:
            for fault in faults:
                stack.enter_context(fault.applied())
            deployment = stack.enter_context(FaultyDeployment())
            told = ("base_url", "mqtt", "api_key", "api_secret")
            options = {name.upper(): str(deployment.options[name]) for name in told} | {"DISPOSABLE": "1", "SEED": "7"}
            env = environment(None, **options)
            self.output = run("run", "-n", "0", *items, env=env, cwd=folder).stdout
        self.report = report_of(folder / "reports")
        self.failures: Failures = self.report["failures"]

    @property
    def own(self) -> Failures:
        """The failures that count."""
        return [failure for failure in self.failures if failure["consequence_of"] is None]

    @property
    def following(self) -> Failures:
        return [failure for failure in self.failures if failure["consequence_of"] is not None]

    def of(self, requirement: str) -> Failures:
        return [failure for failure in self.own if failure["requirement"] == requirement]

    def outcome(self, requirement: str) -> str:
        return next(entry["outcome"] for entry in self.report["requirements"] if entry["id"] == requirement)


def taking_any_description(original: Callable[..., Rule]) -> Callable[..., Rule]:
    """POST and PUT /rules take, store and show whatever comes as the description."""

    def rule(self: Configuration, rule_id: str, body: dict[str, Any], old: Rule | None = None) -> Rule:
        wrong = body.get("description", "")
        if isinstance(wrong, str):
            return original(self, rule_id, body, old)
        made = original(self, rule_id, {**body, "description": ""}, old)
        return replace(made, config={**made.config, "description": wrong})

    return rule


def showing_any_description(original: Callable[[Rule], dict[str, Any]]) -> Callable[[Rule], dict[str, Any]]:
    return lambda self: {**original(self), "description": self.config.get("description", "")}


def storing_what_is_refused(original: Callable[..., Rule]) -> Callable[..., Rule]:
    """A rule that is refused replaces the one before, or is created, all the same."""

    def rule(self: Configuration, rule_id: str, body: dict[str, Any], old: Rule | None = None) -> Rule:
        try:
            return original(self, rule_id, body, old)
        except ApiError:
            kept = original(self, rule_id, {"sql": old.sql if old else 'SELECT * FROM "t"', "description": "odd"})
            self._deployment.rules.store(kept)
            raise

    return rule


def sticking(handler: Handler) -> Handler:
    """A rule with a description that is no text cannot be deleted."""

    async def handle(call: Call) -> Reply:
        rule = call.deployment.rules.get(call.path["id"])
        if rule is not None and not isinstance(rule.config.get("description", ""), str):
            raise ApiError(400, "BAD_REQUEST", "the description is odd")
        deleted: Reply = await handler(call)
        return deleted

    return handle


def showing(change: Callable[[dict[str, Any]], object]) -> Broken:
    """GET /rules shows its elements changed."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def page(*args: Any) -> Any:
            shown = original(*args)
            for element in shown["data"]:
                change(element)
            return shown

        return page

    return broken(rule_handlers, "page_of_rules", make)


ANY_DESCRIPTION = (
    broken(Configuration, "rule", taking_any_description),
    broken(Rule, "as_object", showing_any_description),
)
INVALID_WRITES = tuple(
    f"conformance/fuzz/test_requests.py::test_invalid_write_changes_nothing[{label}]"
    for label in ("POST /rules", "PUT /rules/{id}")
)
BOUNDARIES = (fuzz("boundaries", "POST /rules"), fuzz("boundaries", "PUT /rules/{id}"))
LIST = fuzz("positive", "GET /rules")


def test_nothing_but_the_accepted_request_fails(tmp_path: Path) -> None:
    """Its id is free again for the next request, its list is clean again, and its own answer is told with it."""
    judged = Judged(ANY_DESCRIPTION, (*BOUNDARIES, *INVALID_WRITES, LIST), tmp_path)
    assert {failure["requirement"] for failure in judged.own} == {"GEN-18"}, judged.output
    assert {failure["operation"] for failure in judged.own} == {"POST /rules", "PUT /rules/{id}"}
    assert {(failure["requirement"], failure["operation"]) for failure in judged.following} == {
        ("GEN-14", "POST /rules"),
        ("GEN-14", "PUT /rules/{id}"),
    }
    assert {failure["consequence_of"] for failure in judged.following} <= {failure["id"] for failure in judged.own}
    assert (judged.outcome("GEN-14"), judged.outcome("GEN-28")) == ("passed", "passed")
    assert judged.report["verdict"] == "non_conformant"
    assert "in consequence: POST /rules [response_schema]" in judged.output


def test_independent_fault_of_the_same_requests_is_found(tmp_path: Path) -> None:
    """Refused requests that change something, beside accepted ones."""
    refused = broken(Configuration, "rule", storing_what_is_refused)
    judged = Judged((*ANY_DESCRIPTION, refused), INVALID_WRITES, tmp_path)
    assert {failure["operation"] for failure in judged.of("GEN-22")} == {"POST /rules", "PUT /rules/{id}"}, (
        judged.output
    )


@pytest.fixture
def lasting() -> tuple[Broken, ...]:
    """What an invalid request stored stays for good."""
    return *ANY_DESCRIPTION, broken_handler("DELETE /rules/{id}", sticking)


def test_damage_that_lasts_fails_no_list(lasting: tuple[Broken, ...], tmp_path: Path) -> None:
    judged = Judged(lasting, (BOUNDARIES[0], LIST), tmp_path)
    assert {failure["requirement"] for failure in judged.own} == {"GEN-18", "SAFE-01"}, judged.output
    listed = [failure for failure in judged.following if failure["operation"] == "GET /rules"]
    assert {(failure["requirement"], failure["check"]) for failure in listed} == {("GEN-14", "response_schema")}
    assert (judged.outcome("GEN-28"), judged.outcome("GEN-14")) == ("passed", "passed")


def odd_field(element: dict[str, Any]) -> None:
    element["enable"] = "true"


def odd_like_others(element: dict[str, Any]) -> None:
    if f"{element['description']}".endswith("a*b"):
        element["description"] = True


@pytest.mark.parametrize("change", [odd_field, odd_like_others])
def test_independent_fault_of_the_same_list_is_found(
    lasting: tuple[Broken, ...], change: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    """Another field of what is damaged, and the same field of what is not."""
    sound = "conformance/scenarios/test_rule_lists.py"
    judged = Judged((*lasting, showing(change)), (BOUNDARIES[0], LIST, sound), tmp_path)
    assert [failure for failure in judged.of("GEN-14") if failure["operation"] == "GET /rules"], judged.output


class Poison:
    """The import takes users whose id is no text, or is missing; from then on lists refuse to look for ids."""

    def __init__(self, *, breaks: bool = True) -> None:
        self.taken = False
        self.breaks = breaks

    def taking(self, original: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def users_of_rows(rows: Any, **options: Any) -> list[Any]:
            rows = rows if isinstance(rows, list) else [rows]
            sound = [row for row in rows if not isinstance(row, dict) or isinstance(row.get("user_id"), str)]
            self.taken |= len(sound) < len(rows)
            return original(sound, **options) if sound else []

        return users_of_rows

    def refusing(self, handler: Handler) -> Handler:
        def handle(call: Call) -> Any:
            if "like_user_id" in call.query and self.broken(call):
                raise ApiError(400, "BAD_REQUEST", "User error: badarg")
            return handler(call)

        return handle

    def broken(self, call: Call) -> bool:
        return self.taken and self.breaks

    @property
    def faults(self) -> tuple[Broken, ...]:
        taking = broken(import_handlers, "users_of_rows", self.taking)
        return taking, broken_handler(f"GET {paths.USERS}", self.refusing)


class OddIds(Poison):
    """Lists refuse to look for ids for another reason: what stands in some of them."""

    def broken(self, call: Call) -> bool:
        return any("%" in str(user) for user in call.deployment.access.authenticator.users)


class Never(Poison):
    """Lists never look for ids."""

    def broken(self, call: Call) -> bool:
        return True


IMPORTS = fuzz("boundaries", f"POST {paths.IMPORT_USERS}"), fuzz("negative", f"POST {paths.IMPORT_USERS}")
MODEL = "conformance/models/test_users.py::test_people"
DECODED = f"conformance/scenarios/test_identifiers.py::test_ids_are_decoded_once[{paths.USER}]"


def test_list_that_an_accepted_request_broke_is_told_with_it(tmp_path: Path) -> None:
    judged = Judged(Poison().faults, (*IMPORTS, DECODED, MODEL), tmp_path)
    assert {failure["operation"] for failure in judged.own} == {f"POST {paths.IMPORT_USERS}"}, judged.output
    followed = {failure["requirement"]: failure for failure in judged.following}
    for requirement in ("GEN-20", "MDL-02"):
        assert followed[requirement]["operation"] == f"GET {paths.USERS}"
        assert followed[requirement]["consequence_of"] in {failure["id"] for failure in judged.own}
        assert judged.outcome(requirement) == "not_run"
    assert judged.report["verdict"] == "non_conformant"


@pytest.mark.parametrize("poison", [OddIds(), Never()], ids=["for what it holds", "always"])
def test_list_that_is_broken_for_another_reason_is_found(poison: Poison, tmp_path: Path) -> None:
    judged = Judged(poison.faults, (*IMPORTS, DECODED), tmp_path)
    assert judged.of("GEN-20"), judged.output
    assert judged.outcome("GEN-20") == "failed"


FLAG = "conformance/scenarios/test_authentication.py::test_flag_as_a_text_is_read_or_refused"


def test_user_that_others_see_with_a_text_as_flag_is_damage_of_its_creation(tmp_path: Path) -> None:
    """Workers list all users: what they see of it until it is deleted follows from that (AUTN-08)."""
    with start_embedded(traits=RECORDED) as deployment:
        run("run", "-n", "0", FLAG, env=environment(deployment), cwd=tmp_path)
    items = [item for item in read_run(tmp_path / "reports").items if item.id.startswith(FLAG)]

    assert len(items) == 2
    for item in items:
        (cause,) = (failure.id for failure in item.failures if failure.requirement == "AUTN-08")
        (damage,) = item.damages
        assert (damage.cause, damage.fields) == (cause, ["is_superuser"])
        assert damage.resource.startswith("user cft-")
        assert damage.until is not None
        meanwhile = (damage.since + damage.until) / 2
        seen = Sighting(meanwhile, damage.until, resource=damage.resource, fields=["is_superuser"])
        assert explains(damage, seen)
