"""Fixtures of the scenarios."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.target.http.answer import Answer
from conformance.target.http.session import Api
from conformance.worker.context import Context


@pytest.fixture
def secret(context: Context) -> str:
    """A secret for connectors and actions that occurs nowhere else."""
    return context.secret


@pytest.fixture
def heard(api: Api) -> Iterator[list[Answer]]:
    """Every answer of the item so far."""
    answers: list[Answer] = []
    api.observers.append(answers.append)
    yield answers
    api.observers.remove(answers.append)
