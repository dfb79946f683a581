"""Load a variant of the contract for an EMQX version, from a cache where the files have not changed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from conformance import __version__
from conformance.contract import cache
from conformance.contract.contract import Contract, Variant
from conformance.contract.document import Document, DocumentError, assemble, files_digest, openapi_root
from conformance.contract.versions import release_of

if TYPE_CHECKING:
    from conformance.contract.overlay import Change, Overlay

# The overlay engine is imported where it is used: its JSONPath library takes longer to import than the cache to read.

DEFAULT_VERSION = "5.8.9"

CORRECTIONS = (
    "auth-and-envelope.yaml",
    "statuses.yaml",
    "parameters.yaml",
    "requests.yaml",
    "unions.yaml",
    "responses.yaml",
    "formats.yaml",
    "required.yaml",
    "closed-objects.yaml",
)
"""The corrections in the order in which they are applied, after the overlay of the version."""

_OF_SERVERS = frozenset({"B21", "B27"})
"""The errata about fields that a server takes or demands, whatever its document says."""

_CODE = ("document.py", "overlay.py", "loading.py")

_MOST_DOCUMENTS = 16
"""That are kept: every edit of the document leaves one behind."""


def load_contract(variant: Variant = "corrected", version: str | None = None) -> Contract:
    """Return the contract of ``variant`` for EMQX ``version`` (default: the newest one the overlays describe).

    ``published`` is the bare document, ``documented`` what the document of that version says, with what its server
    takes or demands besides (errata B21 and B27), ``corrected`` how it should be.

    A version that is not described gets the closest described one below it, or the lowest one. The version of the
    result is the described one. Raises `conformance.contract.versions.VersionError` if ``version`` is
    no version, `DocumentError` and `conformance.contract.overlay.OverlayError` if the files are broken.

    A process reads each contract once, and nobody changes it.
    """
    root = openapi_root()
    return _loaded(root, variant, describe_version(root, version))


@lru_cache
def _loaded(root: Path, variant: Variant, version: str) -> Contract:
    key = _cache_key(root, variant, version)
    document = cache.read(key)
    if not isinstance(document, dict):
        document = _make(root, variant, version)
        cache.keep(key, document, most=_MOST_DOCUMENTS)
    return Contract(document, variant, version)


def _make(root: Path, variant: Variant, version: str) -> Document:
    if variant == "published":
        return assemble(root)
    if variant == "documented":
        from conformance.contract.overlay import apply_overlays

        of_version, *corrections = overlays(root, version)
        taken = [
            replace(overlay, actions=tuple(action for action in overlay.actions if _OF_SERVERS & set(action.errata)))
            for overlay in corrections
        ]
        return apply_overlays(assemble(root), [of_version, *taken])[0]
    return correct(root, version)[0]


def load_published(version: str | None = None) -> Contract:
    """The contract as EMQX ``version`` itself publishes it; raises as `load_contract`."""
    from conformance.contract.overlay import apply_overlays, read_overlay

    root = openapi_root()
    described = describe_version(root, version)
    overlay = read_overlay(_version_file(root, described))
    said = replace(overlay, actions=tuple(action for action in overlay.actions if not action.beyond_document))
    return Contract(apply_overlays(assemble(root), [said])[0], "published", described)


def correct(root: Path, version: str) -> tuple[Document, list[Change]]:
    """Apply the overlays of a described ``version`` and the corrections; also tells what each action touched."""
    from conformance.contract.overlay import apply_overlays

    return apply_overlays(assemble(root), overlays(root, version))


def overlays(root: Path, version: str) -> list[Overlay]:
    """The overlays of a described ``version``, as `overlay_files` orders them."""
    from conformance.contract.overlay import read_overlay

    return [read_overlay(file) for file in overlay_files(root, version)]


def overlay_files(root: Path, version: str) -> list[Path]:
    """The files of the overlays of a described ``version`` in the order of application.

    The version comes first: it says what the published document of that version says, which is then corrected.
    """
    return [_version_file(root, version), *(root / "overlays" / name for name in CORRECTIONS)]


def described_versions(root: Path) -> list[str]:
    """The EMQX versions with an overlay of their own, oldest first."""
    files = (root / "overlays" / "versions").glob("*.yaml")
    return sorted((file.stem for file in files), key=release_of)


def describe_version(root: Path, version: str | None) -> str:
    """The described version that stands for ``version``. Raises `conformance.contract.versions.VersionError`."""
    wanted = release_of(version or DEFAULT_VERSION)
    known = described_versions(root)
    if not known:
        raise DocumentError(f"{root}: no overlay describes a version")
    return max((candidate for candidate in known if release_of(candidate) <= wanted), key=release_of, default=known[0])


def _version_file(root: Path, version: str) -> Path:
    return root / "overlays" / "versions" / f"{version}.yaml"


def _cache_key(root: Path, variant: Variant, version: str) -> str:
    code = cache.code_digest(Path(__file__).parent, _CODE)
    parts = (files_digest(root), variant, version, __version__, code)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
