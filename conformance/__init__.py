"""emqx-conformance: does a deployment keep the EMQX Dedicated REST API v5 contract? A verdict with its proof."""

__version__ = "0.1.0"
