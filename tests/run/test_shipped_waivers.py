"""The waivers that ship with the suite name things that exist, and are found by their short name."""

from pathlib import Path

import pytest

from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.target.settings.config import WAIVERS_FOLDER, load_configuration
from conformance.waivers import load_waivers

SHIPPED = sorted(WAIVERS_FOLDER.glob("*.toml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_shipped_waivers_name_requirements_and_operations_that_exist(file):
    requirements = {requirement.id for requirement in catalogue()}
    waivers = load_waivers(file, requirements=requirements, operations=set(load_contract().operations))
    assert waivers is not None
    assert waivers.waivers


@pytest.mark.parametrize("name", ["emqx-5.8", "emqx-5.8.toml"])
def test_shipped_waivers_are_found_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_configuration({"waivers": [name]}, {}).waivers == (WAIVERS_FOLDER / "emqx-5.8.toml",)
    (tmp_path / name).write_text("")
    assert load_configuration({"waivers": [name]}, {}).waivers == (Path(name),)
