"""The waivers that ship with the suite name things that exist, and are found by their short name."""

from pathlib import Path

import pytest

from conformance.catalogue.registry import catalogue
from conformance.contract import load_contract
from conformance.reference.defects import traits_of
from conformance.reference.embedded import start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.report.storage import read_run
from conformance.target.settings.config import WAIVERS_FOLDER, load_configuration
from conformance.waivers import load_waivers
from tests.run.command import environment, run

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


@pytest.mark.parametrize(
    ("settings", "item", "defect"),
    [
        (
            [f"authentication.{name}" for name in
             ("enable=true", "password_hash_algorithm.name=plain", "password_hash_algorithm.salt_position=disable")],
            "test_near_misses.py::test_password_that_is_nearly_right",
            "plain-password-in-any-case",
        ),
        (
            ["durable_sessions.enable=true"],
            "test_subscriptions.py::test_subscriptions_of_a_node",
            "unknown-node-of-durable-subscriptions",
        ),
    ],
)  # fmt: skip
def test_what_comes_with_a_setting_is_waived_with_it(settings, item, defect, tmp_path):
    configuration = NodeConfiguration.parse(settings)
    with start_embedded(traits=traits_of("5.8.9"), configuration=configuration) as target:
        env = environment(target, MQTT=target.mqtt)
        options = ("--waivers", "emqx-5.8", "--strict-waivers")
        completed = run("run", f"conformance/scenarios/{item}", *options, env=env, cwd=tmp_path)
    shipped = load_waivers(WAIVERS_FOLDER / "emqx-5.8.toml")
    found = read_run(tmp_path / "reports")
    assert completed.returncode == 0, completed.stdout
    assert {failure.waived_by for failure in found.failures} == {
        waiver.id for waiver in shipped.waivers if waiver.defect == defect
    }
