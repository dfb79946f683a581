"""The contract as data: loading, overlays, index of operations, lint and diff."""

from conformance.contract.contract import Contract, Operation, Parameter, Response, Variant
from conformance.contract.document import DocumentError
from conformance.contract.loading import load_contract

__all__ = ["Contract", "DocumentError", "Operation", "Parameter", "Response", "Variant", "load_contract"]
