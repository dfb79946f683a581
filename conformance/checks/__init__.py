"""Checks: what must hold for an answer of the target, whoever asked."""
