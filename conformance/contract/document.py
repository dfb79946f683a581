"""Assemble the split YAML document under ``openapi/`` into one OpenAPI 3.0 object.

The files refer to each other by relative ``$ref`` (``../common.yaml#/public.meta``). Assembling turns every
such reference into the usual ``#/components/<section>/<name>``, so that everything behind this module sees one
self-contained document.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]


class DocumentError(ValueError):
    """The document on disk cannot be read or a reference in it leads nowhere."""


def openapi_root() -> Path:
    """Folder of the contract: inside an installed package, or ``openapi/`` beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "openapi", package.parent / "openapi"):
        if (candidate / "openapi.yaml").is_file():
            return candidate
    raise DocumentError("the OpenAPI document is missing: no openapi/openapi.yaml beside the package")


def files_digest(root: Path) -> str:
    """SHA-256 over names and bytes of every YAML file below ``root``, for caching and for the report."""
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.yaml")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def read_yaml(file: Path) -> Any:
    """Parse one YAML file; raises `DocumentError` with file and position."""
    try:
        with file.open("rb") as stream:
            return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise DocumentError(f"{file}: {error}".replace("\n", " ")) from error


def assemble(root: Path) -> Document:
    """Return the published document (shape: OpenAPI 3.0.0) with all references local.

    Raises `DocumentError` if a file cannot be read or a reference leads nowhere.
    """
    return _Assembler(root).document()


class _Assembler:
    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.files: dict[Path, Any] = {}
        self.components: dict[str, dict[str, Any]] = {"schemas": {}, "parameters": {}, "examples": {}}
        self.origin: dict[tuple[str, str], Path] = {}

    def document(self) -> Document:
        entry_file = self.root / "openapi.yaml"
        entry = self._file(entry_file)
        if not isinstance(entry, dict) or not isinstance(entry.get("paths"), dict):
            raise DocumentError(f"{entry_file}: not an OpenAPI document (no paths)")
        document = {key: value for key, value in entry.items() if key not in ("paths", "components")}
        document["paths"] = {path: self._path_item(item, entry_file) for path, item in entry["paths"].items()}
        components = dict(entry.get("components", {}))
        for section, members in self.components.items():
            components[section] = dict(sorted(members.items()))
        document["components"] = components
        return document

    def _path_item(self, item: dict[str, Any], file: Path) -> Any:
        if "$ref" not in item:
            return self._localise(item, file)
        target, value, _ = self._follow(item["$ref"], file)
        return self._localise(value, target)

    def _localise(self, node: Any, file: Path) -> Any:
        if isinstance(node, dict):
            return {
                key: self._local_reference(value, file)
                if key == "$ref" and isinstance(value, str)
                else self._localise(value, file)
                for key, value in node.items()
            }
        if isinstance(node, list):
            return [self._localise(item, file) for item in node]
        return node

    def _local_reference(self, reference: str, file: Path) -> str:
        target, value, name = self._follow(reference, file)
        section = _section_of(target)
        known = self.origin.setdefault((section, name), target)
        if known != target:
            raise DocumentError(f"{target} and {known} both define {name}")
        if name not in self.components[section]:
            self.components[section][name] = None  # holds the place while recursive schemas refer to themselves
            self.components[section][name] = self._localise(value, target)
        return f"#/components/{section}/{name}"

    def _follow(self, reference: str, file: Path) -> tuple[Path, Any, str]:
        location, _, pointer = reference.partition("#")
        target = (file.parent / location).resolve() if location else file
        if not target.is_relative_to(self.root):
            raise DocumentError(f"{file}: {reference} leaves the contract's folder")
        name = pointer.removeprefix("/").replace("~1", "/").replace("~0", "~")
        members = self._file(target)
        if not isinstance(members, dict) or name not in members:
            raise DocumentError(f"{file}: {reference} leads nowhere")
        return target, members[name], name

    def _file(self, file: Path) -> Any:
        if file not in self.files:
            self.files[file] = read_yaml(file)
        return self.files[file]


def _section_of(file: Path) -> str:
    """The section of ``components`` that the members of a file belong to."""
    if file.parent.name == "examples":
        return "examples"
    return "parameters" if file.name == "parameters.yaml" else "schemas"
