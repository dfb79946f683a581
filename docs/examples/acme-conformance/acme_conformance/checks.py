"""What holds for every answer of the 77 operations."""

from conformance.api import Answer, Judgment, Operation, answer_check


@answer_check("ACME-02", level="SHOULD")
def names_no_software(answer: Answer, operation: Operation) -> Judgment:
    """No answer names the software behind it: it has no header X-Powered-By."""
    told = answer.headers.get("x-powered-by")
    return True if told is None else f"{operation.label} answered {answer.status} with X-Powered-By: {told}"
