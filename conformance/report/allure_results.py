"""Labels and attachments for allure-pytest; without ``--alluredir`` nothing happens."""

from __future__ import annotations

import allure
import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import Contract


def wanted(config: pytest.Config) -> bool:
    """Whether allure-pytest writes results in this run."""
    return bool(getattr(config.option, "allure_report_dir", None))


def describe(recorder: Recorder, contract: Contract) -> None:
    """Label the current item (tag, operation, requirement) and attach its exchanges, redacted.

    Call it while the item runs, after its last request.
    """
    if recorder.operation is not None:
        allure.dynamic.tag(contract.operation(recorder.operation).tag)
        allure.dynamic.label("operation", recorder.operation)
    for requirement in recorder.requirements:
        allure.dynamic.label("requirement", requirement)
    for failure in recorder.failures:
        if failure.exchange is not None:
            name = f"{failure.requirement} {failure.check}"
            allure.attach(
                f"{failure.message}\n\n{failure.curl}\n\n{failure.exchange}", name, allure.attachment_type.TEXT
            )
    if recorder.last is not None and not recorder.failures:
        allure.attach(recorder.last.transcript(recorder.redact), "last exchange", allure.attachment_type.TEXT)
