"""The contract as data: loading, overlays, index of operations, lint and diff."""

from conformance.contract.contract import Contract, Variant, contract_seed
from conformance.contract.document import DocumentError
from conformance.contract.loading import load_contract
from conformance.contract.operations import Operation, Parameter, Response

__all__ = [
    "Contract", "DocumentError", "Operation", "Parameter", "Response", "Variant", "contract_seed", "load_contract",
]  # fmt: skip
