"""Digests of what a verdict rests on: the code of the suite, the overlays of the contract, waivers, extensions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from conformance.contract.document import openapi_root
from conformance.contract.loading import overlay_files
from conformance.target.settings.config import WAIVERS_FOLDER
from emqx_conformance_extensions import installed

Digest = dict[str, str]
"""As in-toto names them: ``{"sha256": "..."}``."""

_PACKAGE = Path(__file__).resolve().parent.parent
_BESIDE = ("emqx_conformance_extensions.py", "emqx_conformance_pytest.py")
_CONTRACT = "openapi"
"""Where an installed package has the contract, which has digests of its own; a checkout has it elsewhere."""


def digest_of(content: bytes) -> Digest:
    return {"sha256": hashlib.sha256(content).hexdigest()}


def suite_digest(package: Path = _PACKAGE) -> Digest:
    """Over all files of the suite, whose ``package`` lies in a checkout or where it is installed: alike in both.

    It is that of the lines which ``sha256sum`` prints for the files, in the order of their paths.
    """
    files = {file.relative_to(package.parent).as_posix(): file for file in _files(package)}
    files = {name: file for name, file in files.items() if not name.startswith(f"{package.name}/{_CONTRACT}/")}
    files |= {name: package.parent / name for name in _BESIDE}
    return _together(files.items())


def overlay_digests(variant: str, version: str) -> list[dict[str, Any]]:
    """``name`` below ``openapi/overlays`` and ``digest`` of each overlay that makes a variant, as they are applied."""
    if variant == "published":
        return []
    root = openapi_root()
    folder = root / "overlays"
    return [
        {"name": file.relative_to(folder).as_posix(), "digest": digest_of(file.read_bytes())}
        for file in overlay_files(root, version)
    ]


def waiver_digests(files: Iterable[Path]) -> list[dict[str, Any]]:
    """``name``, ``digest`` and whether it is ``shipped`` with the suite, of each file of waivers."""
    return [
        {
            "name": file.name,
            "shipped": file.resolve().parent == WAIVERS_FOLDER.resolve(),
            "digest": digest_of(file.read_bytes()),
        }
        for file in dict.fromkeys(files)
    ]


def extension_digests() -> list[dict[str, Any]]:
    """``name`` (with distribution and version) and ``digest`` of each extension, null where no folder is its own."""
    found = []
    for extension in installed():
        folder = extension.folder
        files = [] if folder is None else [(file.relative_to(folder).as_posix(), file) for file in _files(folder)]
        found.append({"name": str(extension), "digest": _together(files) if files else None})
    return found


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder but what Python, editors and systems leave there."""
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.suffix != ".pyc":
            yield entry


def _together(files: Iterable[tuple[str, Path]]) -> Digest:
    lines = (f"{digest_of(file.read_bytes())['sha256']}  {name}\n" for name, file in sorted(files))
    return digest_of("".join(lines).encode())
