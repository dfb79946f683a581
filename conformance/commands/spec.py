"""``emqx-conformance spec``: check, write out, explain and compare the contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from conformance.contract.bundle import BundleError, write_bundle
from conformance.contract.contract import Contract
from conformance.contract.document import DocumentError, openapi_root
from conformance.contract.loading import describe_version, load_contract, load_published
from conformance.exit_codes import FINE, FOUND, USAGE_ERROR

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def spec() -> None:
    """Check, write out, explain and compare the contract."""


def _contract_options(command: _Command) -> _Command:
    command = click.option(
        "--emqx-version", metavar="V", help="EMQX version; the closest described one is taken. Default: the newest."
    )(command)
    return click.option(
        "--contract",
        "variant",
        type=click.Choice(["corrected", "published"]),
        default="corrected",
        show_default=True,
        help="With the errata corrected, or as published.",
    )(command)


def _load(variant: Any, version: str | None) -> Contract:
    try:
        return load_contract(variant, version)
    except DocumentError as error:
        raise _unusable(error) from error


def _load_published(version: str | None) -> Contract:
    try:
        return load_published(version)
    except DocumentError as error:
        raise _unusable(error) from error


class _Unusable(click.ClickException):
    exit_code = USAGE_ERROR


def _unusable(error: Exception) -> click.ClickException:
    return _Unusable(str(error))


@spec.command()
def lint() -> None:
    """Check the documents: valid OpenAPI 3.0, references, operation ids, examples, errata of the overlays.

    One line for each finding. Exit codes: 0 nothing found, 1 something found.
    """
    from conformance.contract.lint import lint as findings

    found = 0
    for finding in findings():
        click.echo(finding)
        found += 1
    click.echo(f"{found} findings" if found else "nothing found", err=True)
    sys.exit(FOUND if found else FINE)


@spec.command()
@_contract_options
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to."
)
def bundle(variant: str, emqx_version: str | None, output: Path) -> None:
    """Write the contract as one JSON document."""
    contract = _load(variant, emqx_version)
    try:
        write_bundle(contract, output)
    except BundleError as error:
        raise _unusable(error) from error
    click.echo(f"{output}: {contract.variant} contract of EMQX {contract.version}, {contract.digest}")


@spec.command()
@click.option("--emqx-version", metavar="V", help="EMQX version; the closest described one is taken.")
@click.option("--format", "form", type=click.Choice(["md", "json"]), default="md", show_default=True)
def errata(emqx_version: str | None, form: str) -> None:
    """Print where the published document is wrong, and which operations that concerns."""
    from conformance.contract.errata import errata as listed

    try:
        entries = listed(describe_version(openapi_root(), emqx_version))
    except DocumentError as error:
        raise _unusable(error) from error
    if form == "json":
        fields = ("id", "title", "evidence", "inexpressible", "operations", "reasons")
        click.echo(json.dumps([{name: getattr(entry, name) for name in fields} for entry in entries], indent=2))
        return
    click.echo("| id | erratum | operations | corrected because |\n|---|---|---|---|")
    for entry in entries:
        why = entry.inexpressible or " ".join(entry.reasons) or "Not in this version."
        click.echo(f"| {entry.id} | {entry.title} | {_summary(entry.operations)} | {why} |".replace("\n", " "))


def _summary(operations: tuple[str, ...]) -> str:
    shown = ", ".join(operations[:3])
    return f"{shown} and {len(operations) - 3} more" if len(operations) > 3 else shown


@spec.command()
@_contract_options
@click.option("--details", is_flag=True, help="Print every difference.")
@click.option("--operation", metavar="OPERATION", help='Print every difference of one operation, as "GET /rules".')
@click.argument("source", metavar="URL|FILE")
def diff(source: str, variant: str, emqx_version: str | None, details: bool, operation: str | None) -> None:
    """Compare the contract with the OpenAPI document at URL or in FILE.

    Paths may start with /api/v5 or not; only the operations of the contract are compared. With --contract published
    the document of the EMQX version is compared as it was published. Printed is a line for each operation that differs.

    Exit codes: 0 the same, 1 different, 2 the other document is unusable.
    """
    from conformance.contract.diff import DiffError, differences, load_other
    from conformance.contract.diff_summary import by_operation

    contract = _load(variant, emqx_version) if variant == "corrected" else _load_published(emqx_version)
    try:
        other = load_other(source)
    except DiffError as error:
        raise _unusable(error) from error
    if operation is not None and operation not in contract.operations:
        raise click.UsageError(f"--operation: the contract has no operation {operation!r}")
    found = [entry for entry in differences(contract, other) if operation in (None, entry.label)]
    for line in map(str, found) if details or operation is not None else by_operation(found):
        click.echo(line)
    changes = {change: sum(d.change == change for d in found) for change in ("added", "removed", "changed")}
    more = "" if details or operation is not None or not found else "; --details and --operation tell each"
    click.echo(", ".join(f"{count} {change}" for change, count in changes.items()) + more, err=True)
    sys.exit(FOUND if found else FINE)
