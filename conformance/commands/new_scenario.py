"""``emqx-conformance new-scenario``: a package of one's own requirements, to begin with."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click
import jinja2

from conformance import __version__
from conformance.checks.extensions import API_VERSION
from conformance.exit_codes import USAGE_ERROR
from emqx_conformance_extensions import GROUP

_NAME = re.compile(r"[a-z][a-z0-9]{2,11}")
_TEMPLATE = ".j2"


@click.command(short_help="Write a package of requirements of your own.")
@click.argument("name", metavar="NAME")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Folder that the package is written into. Default: NAME-conformance.",
)  # fmt: skip
def new_scenario(name: str, into: Path | None) -> None:
    """Write a package of one's own requirements, named NAME: a scenario, a check of every answer, and waivers.

    NAME has 3 to 12 small letters and digits; its requirements are NAME-01, NAME-02...
    """
    if not _NAME.fullmatch(name):
        _refuse(f"{name!r} is no name of 3 to 12 small letters and digits that begins with a letter")
    folder = into if into is not None else Path(f"{name}-conformance")
    if folder.exists() and any(folder.iterdir()):
        _refuse(f"{folder} is not empty")
    for path, text in contents(name).items():
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            _refuse(f"{file} cannot be written: {error.strerror or error}")
    click.echo(f"{folder}: pip install -e {folder}, then emqx-conformance run runs it with everything else")
    click.echo(f"alone: emqx-conformance run {name}_conformance")


def contents(name: str) -> dict[str, str]:
    """The files of the package, by their paths in its folder."""
    words = {
        "name": name,
        "package": f"{name}_conformance",
        "group": name.upper(),
        "entry_points": GROUP,
        "api_version": API_VERSION,
        "suite_version": __version__,
    }
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False  # noqa: S701 - no HTML
    )  # fmt: skip
    written = {}
    for path, template in _templates(files("conformance.commands").joinpath("templates", "extension"), ""):
        written[path.replace("PACKAGE", words["package"])] = environment.from_string(template).render(words)  # type: ignore[arg-type]
    return written


def _templates(folder: Traversable, path: str) -> list[tuple[str, str]]:
    """Path and text of each template below a folder, in order."""
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _templates(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_TEMPLATE):
            found.append((path + entry.name.removesuffix(_TEMPLATE), entry.read_text(encoding="utf-8")))
    return found


def _refuse(sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(USAGE_ERROR)
