"""Hooks of mkdocs: what is elsewhere in the repository is a part of the site, and links to it lead there.

So every page reads the same in the repository and on the site.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]

PAGES = {"reports/README.md": "reports.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Of the repository -> of the site."""

FILES = (
    "compose.yaml",
    "ci/github/action.yml",
    "ci/github/workflows/pull-request.yml",
    "ci/github/workflows/nightly.yml",
    "ci/github/workflows/acceptance.yml",
    "ci/gitlab/conformance.gitlab-ci.yml",
    "ci/jenkins/Jenkinsfile",
    "ci/kubernetes/base/config.yaml",
    "ci/kubernetes/base/shards.yaml",
    "ci/kubernetes/volume/kustomization.yaml",
    "conformance/report/schema/report.schema.json",
    "conformance/report/schema/behaviour.schema.json",
    "conformance/report/schema/comparison.schema.json",
    "conformance/report/schema/statement.schema.json",
    "conformance/report/schema/fleet.schema.json",
    "conformance/waivers/waivers.schema.json",
)
"""Copied as they are, to the same path below ``files/``."""

_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Add what is outside of the folder of the documents."""
    for source, target in {**PAGES, **{name: f"files/{name}" for name in FILES}}.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links lead to where files of the repository are on the site."""
    places = {target: source for source, target in PAGES.items()}
    here = Path(places.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent

    def led(match: re.Match[str]) -> str:
        target = os.path.normpath(here / match[1])
        there = PAGES.get(target) or (f"files/{target}" if target in FILES else None)
        if there is None:
            if not target.startswith("docs/"):
                raise ValueError(f"{here}: {match[1]} is not on the site: add it to docs/site/hooks.py")
            there = target.removeprefix("docs/")
        relative = os.path.relpath(there, Path(page.file.src_uri).parent)
        return f"]({relative}{match[2] or ''})"

    # What looks like a link within code is none.
    return "".join(part if index % 2 else _LINK.sub(led, part) for index, part in enumerate(_CODE.split(markdown)))
