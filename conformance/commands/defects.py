"""``emqx-conformance defects``: what the shipped waivers are for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

import click

from conformance.exit_codes import USAGE_ERROR
from conformance.reference.defects import Defect, Quirk
from conformance.target.settings.config import waivers_named
from conformance.waivers.file import WaiverError, load_waivers
from conformance.waivers.known_defects import as_data, as_markdown, as_text, section

SHIPPED = "emqx-5.8"


@click.command(short_help="Print the known defects of EMQX.")
@click.argument("names", nargs=-1, metavar="[DEFECT]...")
@click.option("--waivers", default=SHIPPED, show_default=True, metavar="FILE", help="A file of waivers with defects.")
@click.option("--quirks", is_flag=True, help="Print what else `serve --defects` can name, and is no defect.")
@click.option("--format", "form", type=click.Choice(["text", "md", "json"]), default="text", show_default=True)
def defects(names: tuple[str, ...], waivers: str, quirks: bool, form: str) -> None:
    """Print the known defects that waivers are for: all of them, or what is known of each DEFECT.

    `emqx-conformance serve --defects DEFECT` starts a reference deployment that has it.
    """
    if quirks:
        click.echo("\n".join(f"{quirk.id}: {quirk.about.sentence}" for quirk in Quirk))
        return
    reproducible = {defect.id for defect in Defect}
    try:
        file = load_waivers(waivers_named(Path(waivers)))
        assert file is not None
    except WaiverError as error:
        _refuse(str(error))
    known = {defect.name: defect for defect in file.defects}
    for name in names:
        if name not in known:
            _refuse(f"{waivers} knows no defect {name!r}")
    if form == "json":
        chosen = [entry for entry in as_data(file, reproducible) if not names or entry["name"] in names]
        click.echo(json.dumps(chosen, indent=2, ensure_ascii=False))
    elif names:
        click.echo("\n\n".join(section(file, known[name], reproducible) for name in names))
    elif form == "md":
        name = Path(waivers).stem if Path(waivers).suffix == ".toml" else waivers
        click.echo(as_markdown(file, name, reproducible), nl=False)
    else:
        click.echo(as_text(file))


def _refuse(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(USAGE_ERROR)
