"""emqx-conformance: decides whether a deployment keeps the EMQX Dedicated REST API v5 contract, and proves its verdict."""

__version__ = "0.1.0"
