"""Pages in Debian's Chromium without a window."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import RUN_PATIENCE_S

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)")

# The page is a frame of the width that is asked for: the window itself cannot be made that narrow.
_FRAME = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" style="width:{width}px;height:2000px;border:0" srcdoc="{page}"></iframe>
<script>
document.getElementById("frame").addEventListener("load", (event) => {{
  const frame = event.target.contentWindow;
  const answers = new Function("window", "document", "location", {probe})(frame, frame.document, frame.location);
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify(answers);
  document.body.replaceChildren(told);
}});
</script>"""
_TOLD = re.compile(r'<pre id="told">(.*?)</pre>', re.DOTALL)


def probe(page: str, script: str, folder: Path, width: int = 1280) -> Any:
    """What ``script``, the body of a function with ``window`` and ``document`` of the page, returns in the browser."""
    file = folder / "framed.html"
    file.write_text(
        _FRAME.format(width=width, page=html.escape(page), probe=json.dumps(script).replace("<", "\\u003c")),
        encoding="utf-8", errors="backslashreplace",
    )  # fmt: skip
    found = _TOLD.search(_run("--virtual-time-budget=20000", "--dump-dom", file.as_uri(), folder=folder))
    assert found is not None, "the page was not loaded"
    return json.loads(html.unescape(found[1]))


def printed_pages(page: str, folder: Path) -> int:
    """How many pages of paper a page takes."""
    file, paper = folder / "printed.html", folder / "printed.pdf"
    file.write_text(page, encoding="utf-8", errors="backslashreplace")
    _run("--no-pdf-header-footer", f"--print-to-pdf={paper}", file.as_uri(), folder=folder)
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def _run(*arguments: str, folder: Path) -> str:
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=RUN_PATIENCE_S, check=True
    ).stdout  # fmt: skip
