"""Load a variant of the contract, from a cache where the files have not changed."""

from __future__ import annotations

from conformance.contract.contract import Contract, Variant
from conformance.contract.document import assemble, openapi_root

DEFAULT_VERSION = "5.8.9"


def load_contract(variant: Variant = "corrected", version: str | None = None) -> Contract:
    """Return the contract of ``variant`` for EMQX ``version`` (default: the newest one the overlays describe)."""
    return Contract(assemble(openapi_root()), variant, version or DEFAULT_VERSION)
