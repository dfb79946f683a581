"""Every requirement of the suite, after importing every module that declares some."""

from collections.abc import Iterator

import conformance.checks.answers
import conformance.checks.whole_run
import conformance.fuzz
import conformance.models
import conformance.scenarios
from conformance.catalogue.extensions import import_extensions
from conformance.checks.extensions import ExtensionError
from conformance.requirements import REQUIREMENTS, Requirement


def catalogue() -> Iterator[Requirement]:
    """All requirements of the suite and of its extensions by id; raises `ExtensionError`."""
    import_suite()
    import_extensions()
    yield from (REQUIREMENTS[identifier] for identifier in sorted(REQUIREMENTS))


def import_suite() -> None:
    """Import every module of the suite that declares requirements."""
    for package in (conformance.fuzz, conformance.scenarios, conformance.models):
        package.import_tests()


def known() -> list[Requirement]:
    """As `catalogue`; those that can be known where an extension is out of order."""
    try:
        return list(catalogue())
    except ExtensionError:
        return [REQUIREMENTS[identifier] for identifier in sorted(REQUIREMENTS)]
