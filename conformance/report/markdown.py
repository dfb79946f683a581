"""``summary.md``: a run on one page of Markdown, for job summaries and comments."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.report.causes import Cause, causes, failing
from conformance.report.html import VERDICT_NAMES, VERDICT_SENTENCES
from conformance.report.left_out import sentence, summed_up
from conformance.report.text import duration, visible
from conformance.result import RunResult

FILE_NAME = "summary.md"
MOST_CAUSES_SHOWN = 20
_MARKS = {
    "conformant": "✅", "conformant_with_waivers": "✅", "partial": "🟡", "non_conformant": "❌", "inconclusive": "🟡",
}  # fmt: skip


def render_markdown(run: RunResult) -> str:
    """The page as text; whatever the target said is shown as text, not as Markdown."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: RunResult) -> Iterator[str]:
    totals = run.totals()
    yield f"## {_MARKS[run.verdict]} {VERDICT_NAMES[run.verdict]}: {run.extent}, {run.operations_extent}"
    yield ""
    yield VERDICT_SENTENCES[run.verdict]
    yield ""
    yield "| target | EMQX | profile | mode | seed | requests | time |"
    yield "|---|---|---|---|---|---|---|"
    yield (
        f"| {cell(run.base_url)} | {cell(run.target_version or 'unknown')} | {run.profile} | {run.mode} | "
        f"{', '.join(map(str, run.seeds))} | {totals['requests']:,} | {duration(run.duration_s)} |"
    )
    yield ""
    yield "| passed | failed | waived | skipped | errors |"
    yield "|---|---|---|---|---|"
    yield "| " + " | ".join(str(totals[name]) for name in ("passed", "failed", "waived", "skipped", "errors")) + " |"
    yield ""
    yield from (f"- {cell(reason)}" for reason in run.reasons)
    found = failing(causes(run))
    if found:
        yield ""
        yield "| level | what is wrong | operation | what came | failures |"
        yield "|---|---|---|---|---|"
        yield from map(_row, found[:MOST_CAUSES_SHOWN])
        if len(found) > MOST_CAUSES_SHOWN:
            yield ""
            yield f"{len(found) - MOST_CAUSES_SHOWN} more causes are in the report."
    missing = list(summed_up(run.left_out))
    if missing:
        yield ""
        yield "<details><summary>What was not looked at</summary>"
        yield ""
        for title, entries in missing:
            yield f"**{cell(title)}**"
            yield ""
            yield from (f"- {cell(sentence(entry))}" for entry in entries)
            yield ""
        yield "</details>"


def _row(cause: Cause) -> str:
    level = f"{cause.level}, security" if cause.security else cause.level
    return f"| {level} | {cell(cause.sentence)} | {cell(cause.where)} | {cell(cause.came)} | {len(cause.counting)} |"


_ESCAPED = {ord(character): f"&#{ord(character)};" for character in "\\`*_{}[]<>()#+!|&~@$"}


def cell(text: str) -> str:
    """``text`` on one line, with nothing in it that Markdown or HTML would act on."""
    return " ".join(visible(text).split()).translate(_ESCAPED)
