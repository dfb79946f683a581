"""Labels and attachments for allure-pytest, where pytest runs the items with ``--alluredir``; else nothing happens.

``emqx-conformance run`` has no need of it: `conformance.report.allure` writes the results of every run.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import allure
import allure_commons
import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import Contract
from conformance.report.files import write_atomically
from conformance.result import ItemResult, Outcome

_STATUSES: dict[Outcome, str] = {
    "passed": "passed", "failed": "failed", "waived": "skipped", "skipped": "skipped", "not_run": "skipped",
    "error": "broken",
}  # fmt: skip


def wanted(config: pytest.Config) -> bool:
    """Whether allure-pytest writes results in this run."""
    return bool(getattr(config.option, "allure_report_dir", None))


class Attendant:
    """Attends to what allure-pytest writes on its own.

    Messages and tracebacks of tests, fixtures and steps are kept free of secrets (``hide``). A file that cannot be
    written ends no item: ``lost`` is told.
    """

    def __init__(self, hide: Callable[[str], str], lost: Callable[[OSError], None]) -> None:
        self._hide = hide
        self._lost = lost

    def __enter__(self) -> Attendant:
        allure_commons.plugin_manager.register(self)
        return self

    def __exit__(self, *_: object) -> None:
        allure_commons.plugin_manager.unregister(self)

    @allure_commons.hookimpl(wrapper=True)
    def report_result(self, result: Any) -> Generator[None, object, object]:
        self._conceal(result)
        return (yield from self._attended())

    @allure_commons.hookimpl(wrapper=True)
    def report_container(self, container: Any) -> Generator[None, object, object]:
        self._conceal(container)
        return (yield from self._attended())

    @allure_commons.hookimpl(wrapper=True)
    def report_attached_data(self) -> Generator[None, object, object]:
        return (yield from self._attended())

    def _attended(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except OSError as error:
            self._lost(error)
            return None

    def _conceal(self, node: Any) -> None:
        details = getattr(node, "statusDetails", None)
        for name in ("message", "trace"):
            text = getattr(details, name, None)
            if isinstance(text, str):
                setattr(details, name, self._hide(text))
        for name in ("befores", "afters", "steps"):
            for inner in getattr(node, name, None) or ():
                self._conceal(inner)


def describe(recorder: Recorder, contract: Contract) -> None:
    """Label the current item (tag, operation, requirement) and attach the exchanges of its failures, redacted.

    Call it while the item runs, after its last request.
    """
    if recorder.operation is not None:
        group = contract.operation(recorder.operation).tag
        allure.dynamic.tag(group)
        allure.dynamic.feature(group)
        allure.dynamic.story(recorder.operation)
        allure.dynamic.label("operation", recorder.operation)
    for requirement in recorder.requirements:
        allure.dynamic.label("requirement", requirement)
    for failure in recorder.failures:
        if failure.exchange is not None:
            name = f"{failure.requirement} {failure.check}"
            allure.attach(
                f"{failure.message}\n\n{failure.curl}\n\n{failure.exchange}", name, allure.attachment_type.TEXT
            )


def write_results(items: Iterable[ItemResult], config: pytest.Config) -> None:
    """Write results for items that no test function stands for; raises `UnwritableError`."""
    if not wanted(config):
        return
    for item in items:
        identifier = str(uuid.uuid4())
        path = Path(config.option.allure_report_dir) / f"{identifier}-result.json"
        write_atomically(path, json.dumps(_result(item, identifier)))


def _result(item: ItemResult, identifier: str) -> dict[str, Any]:
    module, _, name = item.id.partition("::")
    now = round(time.time() * 1000)
    labels = [{"name": "requirement", "value": requirement} for requirement in item.requirements]
    return {
        "uuid": identifier,
        "historyId": hashlib.sha256(item.id.encode()).hexdigest()[:32],
        "name": name,
        "fullName": f"{module.removesuffix('.py').replace('/', '.')}#{name}",
        "status": _STATUSES[item.outcome],
        "statusDetails": {"message": "\n\n".join(f.message for f in item.failures) or item.reason},
        "start": now,
        "stop": now,
        "labels": [*labels, {"name": "tag", "value": "run"}],
    }
