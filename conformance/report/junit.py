"""``junit.xml``: one testcase per item, for CI systems."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from conformance.report.causes import Cause, causes, failing
from conformance.report.json_report import message_with_attribution
from conformance.report.left_out import tally
from conformance.report.text import NO_REASON
from conformance.result import Failure, ItemResult, RunResult

FILE_NAME = "junit.xml"

# What XML 1.0 cannot contain, not even as a character reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(run: RunResult) -> str:
    """The document as text, which the schema of Jenkins' xUnit plugin allows: a testcase has no properties there.

    An item that failed has one ``<failure>``, which tells all its failures that count. JUnit knows no waivers: a waived
    item counts as passed there. ``<system-out>`` of an item has lines ``name: value`` with its outcome, operation,
    requirements and the ids of its causes, then its failures that do not count: waived, or following from another.
    Causes are properties ``cause.ID`` of the suite, with their headlines.
    """
    totals = run.totals()
    found = causes(run)
    root = ElementTree.Element("testsuites", {"name": run.suite})
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": run.suite,
            "tests": str(len(run.items)),
            "failures": str(totals["failed"]),
            "errors": str(totals["errors"]),
            "skipped": str(totals["skipped"]),
            "time": f"{run.duration_s:.3f}",
            "timestamp": run.started_at,
        },
    )
    _properties(
        suite,
        {
            "verdict": run.verdict,
            "extent": f"{run.extent}, {run.operations_extent}",
            "complete": str(run.complete).lower(),
            **{f"left_out.{why}": _requirements(*counts) for why, counts in tally(run.left_out).items()},
            "run": run.run_id,
            **({"extensions": ", ".join(run.extensions)} if run.extensions else {}),
            "target": run.base_url,
            "target_version": run.target_version or "unknown",
            "deployment": "; ".join(run.deployment),
            "contract": f"{run.contract_variant} {run.contract_digest}",
            "contract_version": run.described_version,
            "seed": ",".join(map(str, run.seeds)),
            "profile": run.profile,
            "mode": run.mode,
            "requests": str(totals["requests"]),
            "waived": str(totals["waived"]),
            "reasons": " ".join(run.reasons),
            **{f"cause.{cause.id}": f"{cause.headline} ({cause.facts})" for cause in failing(found)},
        },
    )
    told = {failure.id: cause for cause in found for failure in (*cause.failures, *cause.consequences) if failure.id}
    for item in run.items:
        _testcase(suite, item, told)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _requirements(untouched: int, partly: int) -> str:
    return f"{untouched} requirements, and {partly} in part"


def _testcase(suite: ElementTree.Element, item: ItemResult, told: Mapping[str, Cause]) -> None:
    module, _, name = item.id.partition("::")
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": xml_text(module.removesuffix(".py").replace("/", ".")),
            "name": xml_text(name or item.id),
            "time": f"{item.duration_s:.3f}",
        },
    )
    facts = {"outcome": item.outcome, "requests": str(item.requests), "worker": item.worker}
    if item.operation is not None:
        facts["operation"] = item.operation
    if item.requirements:
        facts["requirements"] = " ".join(item.requirements)
    of_item = [told[failure.id] for failure in item.failures if failure.id in told]
    if of_item:
        facts["causes"] = " ".join(dict.fromkeys(cause.id for cause in of_item))
    if item.outcome == "failed":
        _failure(case, item, of_item)
    elif item.outcome == "error":
        _child(case, "error", item.reason or "error", "item", item.reason)
    elif item.outcome in ("skipped", "not_run"):
        _child(case, "skipped", item.reason or NO_REASON, item.outcome, "")
    parts = ["\n".join(f"{name}: {value}" for name, value in facts.items())]
    parts += [
        f"{_excuse(failure)}: {_headline(failure)}\n{_body(failure)}" for failure in item.failures if not failure.counts
    ]
    ElementTree.SubElement(case, "system-out").text = xml_text("\n\n".join(parts))


def _failure(case: ElementTree.Element, item: ItemResult, causes_of_item: Sequence[Cause]) -> None:
    """One element for all failures of the item: some readers know only the first, others count each as an item."""
    unwaived = [failure for failure in item.failures if failure.counts]
    if not unwaived:
        _child(case, "failure", item.reason or "failed", "item", item.reason)
        return
    more = f" (and {len(unwaived) - 1} more)" if len(unwaived) > 1 else ""
    kind = f"{unwaived[0].requirement}.{unwaived[0].check}"
    sentence = next((f"{cause.sentence} " for cause in causes_of_item if cause.state == "failed"), "")
    _child(case, "failure", sentence + _headline(unwaived[0]) + more, kind, "\n\n".join(map(_body, unwaived)))


def _excuse(failure: Failure) -> str:
    """Why a failure does not count for itself."""
    if failure.consequence_of is not None:
        return f"in consequence of {failure.consequence_of}"
    return f"waived by {failure.waived_by}"


def _headline(failure: Failure) -> str:
    return f"{failure.operation + ': ' if failure.operation else ''}{message_with_attribution(failure)}"


def _body(failure: Failure) -> str:
    lines = [
        f"requirement: {failure.requirement}",
        f"operation: {failure.operation or '-'}",
        f"check: {failure.check}",
        f"seen: {failure.seen}",
        f"request id: {failure.request_id or '-'}",
        f"failure: {failure.id or '-'}",
        message_with_attribution(failure),
    ]
    if failure.curl:
        lines += ["", failure.curl]
    if failure.exchange:
        lines += ["", failure.exchange]
    return "\n".join(lines)


def _child(case: ElementTree.Element, tag: str, message: str, kind: str, body: str) -> None:
    child = ElementTree.SubElement(case, tag, {"message": xml_text(message), "type": xml_text(kind)})
    if body:
        child.text = xml_text(body)


def _properties(parent: ElementTree.Element, values: dict[str, str]) -> None:
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in values.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": xml_text(value)})


def xml_text(text: str) -> str:
    """``text`` with every character that XML 1.0 cannot hold written as an escape such as ``\\x00``."""
    return _NOT_XML.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
