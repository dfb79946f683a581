"""``badge.svg``: the verdict in a line, for web pages and README files."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import escape

from conformance.report.html import VERDICT_NAMES
from conformance.report.text import visible
from conformance.result import RunResult

FILE_NAME = "badge.svg"
_COLOURS: Mapping[str, str] = {
    "conformant": "#1a7f37",
    "conformant_with_waivers": "#1a7f37",
    "partial": "#9a6700",
    "non_conformant": "#cf222e",
    "inconclusive": "#6e7781",
}
_LABEL = "EMQX REST API v5"
_WIDTH_OF_LETTER = 7
_PADDING = 12


def render_badge(run: RunResult) -> str:
    """An SVG of 20 pixels height: label, verdict and version of the target, readable without colours."""
    version = f" {visible(run.target_version)[:20]}" if run.target_version else ""
    value = f"{VERDICT_NAMES[run.verdict].lower()}{version}"
    left, right = (len(text) * _WIDTH_OF_LETTER + _PADDING for text in (_LABEL, value))
    title = escape(f"{_LABEL}: {value}, {run.extent}, {run.started_at}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">
<title>{title}</title>
<rect width="{left}" height="20" fill="#24292f"/>
<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[run.verdict]}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left / 2:g}" y="14">{escape(_LABEL)}</text>
<text x="{left + right / 2:g}" y="14">{escape(value)}</text>
</g>
</svg>
"""
