"""Requirements of acme: one module per subject, `checks` for what holds for every answer."""

CONFORMANCE_API = 1
