"""Write one contract as a single JSON document."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from conformance.contract.contract import Contract


class BundleError(ValueError):
    """The file cannot be written."""


def bundle(contract: Contract) -> str:
    """The document of ``contract`` as JSON text that ends with a newline; references are local."""
    return json.dumps(contract.document, indent=2, ensure_ascii=False) + "\n"


def write_bundle(contract: Contract, file: Path) -> None:
    """Write `bundle` to ``file``, which is replaced only when everything is written. Raises `BundleError`."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(bundle(contract))
            Path(temporary).chmod(0o644)
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BundleError(f"{file} cannot be written: {error.strerror or error}") from error
