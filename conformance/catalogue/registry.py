"""Every requirement of the suite, after importing every module that declares some."""

from collections.abc import Iterator

import conformance.checks.answers
import conformance.checks.whole_run
import conformance.fuzz
import conformance.models
import conformance.scenarios
from conformance.requirements import REQUIREMENTS, Requirement


def catalogue() -> Iterator[Requirement]:
    """All requirements of the suite by id."""
    for package in (conformance.fuzz, conformance.scenarios, conformance.models):
        package.import_tests()
    yield from (REQUIREMENTS[identifier] for identifier in sorted(REQUIREMENTS))
