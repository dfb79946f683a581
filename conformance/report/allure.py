"""``allure-results/``: a run for Allure, small: a file for each item, and an attachment only for one that failed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from conformance.report.causes import Cause, causes, failing
from conformance.report.groups import GENERAL
from conformance.report.json_report import message_with_attribution
from conformance.report.text import NO_OPERATION, NO_REASON, visible
from conformance.result import Failure, ItemResult, Outcome, RunResult

FOLDER_NAME = "allure-results"
MOST_CATEGORIES = 50
_LONGEST_NAME = 120
_LONGEST_PROPERTY = 500

_STATUSES: Mapping[Outcome, str] = {
    "passed": "passed", "failed": "failed", "waived": "skipped", "skipped": "skipped", "not_run": "skipped",
    "error": "broken",
}  # fmt: skip
_SEVERITIES: Mapping[str, str] = {"MUST": "critical", "SHOULD": "normal"}
_PARAMETER = "case"
_OF_RUN = "run"

_EXECUTORS: Mapping[str, tuple[str, str, str]] = {
    "GITHUB_RUN_ID": (
        "GitHub Actions", "github", "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"
    ),
    "GITLAB_CI": ("GitLab CI", "gitlab", "{CI_JOB_URL}"),
    "JENKINS_URL": ("Jenkins", "jenkins", "{BUILD_URL}"),
}  # fmt: skip
"""A variable that a CI system sets -> its name, what Allure calls it, and the address of the build."""


def allure_files(run: RunResult, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The files of the folder: name -> text.

    An item is a test result with its group as feature, its operation as story, its case as a parameter that is a text.
    A waived item is skipped there, as Allure knows no waivers. Causes are categories. ``environment`` says which CI
    system ran it, by default that of the process.
    """
    found = causes(run)
    of_failure = {
        failure.id: cause for cause in found for failure in (*cause.failures, *cause.consequences) if failure.id
    }
    levels = {requirement.id: requirement.level for requirement in run.requirements}
    files = {
        "environment.properties": _environment(run),
        "executor.json": _dumped(_executor(run, os.environ if environment is None else environment)),
        "categories.json": _dumped(list(_categories(failing(found)))),
    }
    group_of = _groups(run)
    clocks: dict[str, float] = {}
    began = _milliseconds(run.started_at)
    for item in run.items:
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, visible(f"{run.run_id} {item.id}")))
        start = clocks.get(item.worker, began)
        stop = clocks[item.worker] = start + item.duration_s * 1000
        told = {of_failure[one.id].id: of_failure[one.id] for one in item.failures if one.id in of_failure}
        result = _result(item, list(told.values()), levels, group_of(item))
        result |= {"uuid": identifier, "start": round(start), "stop": round(stop)}
        if item.outcome == "failed" and item.failures:
            source = f"{identifier}-attachment.txt"
            files[source] = visible("\n\n".join(map(_told, item.failures))) + "\n"
            result["attachments"] = [{"name": "failures", "source": source, "type": "text/plain"}]
        files[f"{identifier}-result.json"] = _dumped(result)
    return files


def is_result(name: str) -> bool:
    """Whether a file of the folder is one of Allure's results."""
    return name in ("environment.properties", "executor.json", "categories.json") or bool(
        re.fullmatch(r"[0-9a-f-]{36}-(?:(?:result|container)\.json|attachment\.\w+)", name)
    )


def _result(item: ItemResult, of_item: list[Cause], levels: Mapping[str, str], group: str) -> dict[str, Any]:
    module, _, name = item.id.partition("::")
    function, _, case = name.partition("[")
    full_name = f"{module.removesuffix('.py').replace('/', '.')}#{function}"
    severity = "critical" if "MUST" in {levels.get(one) for one in item.requirements} else "normal"
    labels = [
        *(("requirement", requirement) for requirement in item.requirements),
        ("feature", group),
        ("story", item.operation or NO_OPERATION),
        ("severity", _SEVERITIES[of_item[0].level] if of_item else severity),
        ("suite", module),
        ("tag", group),
        ("tag", item.outcome.replace("_", " ")),
        ("thread", item.worker),
        ("framework", "pytest"),
        ("language", "python"),
    ]
    if item.operation is not None:
        labels.append(("operation", item.operation))
    message, trace = _details(item, of_item)
    result: dict[str, Any] = {
        "historyId": _digest(item.id),
        "testCaseId": _digest(full_name),
        "fullName": visible(full_name),
        "name": visible(name or item.id),
        "status": _STATUSES[item.outcome],
        "stage": "finished",
        "labels": [{"name": key, "value": visible(value)} for key, value in labels],
    }
    if case:
        result["parameters"] = [{"name": _PARAMETER, "value": visible(case.removesuffix("]"))}]
    if message:
        result["statusDetails"] = {"message": visible(message), **({"trace": visible(trace)} if trace else {})}
    return result


def _groups(run: RunResult) -> Callable[[ItemResult], str]:
    """What tells the group of the contract that an item is about: that of its operation, or of its requirement."""
    of_operation = {operation.operation: operation.group for operation in run.operations}
    of_requirement = {requirement.id: next(iter(requirement.groups), "") for requirement in run.requirements}

    def group(item: ItemResult) -> str:
        if "::test_" not in item.id and item.operation is None:
            return _OF_RUN
        names = (of_operation.get(item.operation or ""), *(of_requirement.get(one) for one in item.requirements))
        return next((name for name in names if name), GENERAL)

    return group


def _details(item: ItemResult, of_item: list[Cause]) -> tuple[str, str]:
    """What Allure shows of an item that did not pass: its causes, and its failures."""
    trace = "\n\n".join(message_with_attribution(failure) for failure in item.failures)
    if item.outcome == "failed" and of_item:
        return "\n".join(f"{cause.headline} {_mark(cause)}" for cause in of_item), trace
    if item.outcome == "passed":
        return "", ""
    return f"{item.outcome.replace('_', ' ')}: {item.reason or NO_REASON}", trace


def _mark(cause: Cause) -> str:
    """What the category of a cause recognizes its items by."""
    return f"[cause {cause.id}]"


def _categories(found: list[Cause]) -> Iterator[dict[str, Any]]:
    for cause in found[:MOST_CATEGORIES]:
        name = f"{cause.level} {cause.headline}"
        yield {
            "name": visible(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"),
            "matchedStatuses": ["failed"],
            "messageRegex": rf"(?s).*\[cause {cause.id}\].*",
        }
    yield {"name": "Accepted by a waiver", "matchedStatuses": ["skipped"], "messageRegex": "(?s)waived: .*"}
    yield {"name": "Did not run", "matchedStatuses": ["skipped"], "messageRegex": "(?s)not run: .*"}
    yield {"name": "Left out", "matchedStatuses": ["skipped"], "messageRegex": "(?s)skipped: .*"}
    yield {"name": "Errors of the suite", "matchedStatuses": ["broken"]}


def _environment(run: RunResult) -> str:
    facts = {
        "Verdict": run.verdict,
        "Target": run.base_url,
        "EMQX": run.target_version or "unknown",
        "Deployment": "; ".join(run.deployment),
        "Contract": f"{run.contract_variant}, of EMQX {run.described_version}, {run.contract_digest}",
        "Suite": ", ".join([run.suite, *run.extensions]),
        "Profile": run.profile,
        "Mode": run.mode,
        "Seed": ", ".join(map(str, run.seeds)),
        "Run": run.run_id,
    }
    return "".join(f"{name} = {_property(value)}\n" for name, value in facts.items() if value)


def _property(text: str) -> str:
    """A value of a properties file: ASCII in one line."""
    text = visible(text).replace("\\", "\\\\").replace("\n", " ").replace("\t", " ")[:_LONGEST_PROPERTY]
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < 0x7F else f"\\u{code:04x}" for code in codes)


def _executor(run: RunResult, environment: Mapping[str, str]) -> dict[str, str]:
    executor = {
        "name": "emqx-conformance",
        "type": "local",
        "buildName": run.run_id,
        "reportName": visible(f"EMQX conformance of {run.base_url}"),
    }
    for variable, (name, kind, address) in _EXECUTORS.items():
        if environment.get(variable):
            executor |= {"name": name, "type": kind}
            with contextlib.suppress(KeyError):
                executor["buildUrl"] = address.format_map(environment)
            break
    return executor


def _told(failure: Failure) -> str:
    waived = f" (waived by {failure.waived_by})" if failure.waived_by else ""
    parts = [f"{failure.requirement} {failure.check}{waived}", message_with_attribution(failure)]
    return "\n\n".join([*parts, *(part for part in (failure.curl, failure.exchange) if part)])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _milliseconds(moment: str) -> float:
    try:
        return datetime.fromisoformat(moment).timestamp() * 1000
    except ValueError:
        return 0.0


def _dumped(value: Any) -> str:
    return json.dumps(value, allow_nan=False) + "\n"
