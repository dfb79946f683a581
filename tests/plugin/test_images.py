"""Dockerfile and compose file: what they start are commands that exist, with options that exist, as nobody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from conformance.commands.cli import main
from conformance.target.settings.options import OPTIONS
from tests.plugin.installed import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The options of a command line of ``emqx-conformance``; raises `click.ClickException` for a wrong one."""
    command = main.get_command(click.Context(main), arguments[0])
    assert command is not None, f"there is no command {arguments[0]}"
    return command.make_context(arguments[0], arguments[1:]).params


def instructions(name: str) -> list[str]:
    """The arguments of every instruction of that name, continued lines joined."""
    lines = re.sub(r"\\\n", " ", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", lines, flags=re.MULTILINE)


def test_image_runs_as_nobody_and_writes_to_one_folder() -> None:
    (user,) = instructions("USER")
    assert user.isdecimal()
    assert int(user) > 1000
    assert instructions("ENTRYPOINT") == ['["emqx-conformance"]']
    assert instructions("VOLUME") == ["/reports"]
    variables = set(re.findall(r"(EMQX_CONFORMANCE_\w+)=", " ".join(instructions("ENV"))))
    assert variables <= {option.variable for option in OPTIONS}
    assert all(":" in image.split()[0] for image in instructions("FROM")), "images are named with their versions"


def test_context_of_the_image_is_what_a_wheel_is_built_from() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    taken = {path.name for line in lines if line.startswith("!") for path in ROOT.glob(line[1:])}
    modules = {path.name for path in ROOT.glob("emqx_conformance_*.py")}
    assert taken == {"conformance", "openapi", "pyproject.toml", "README.md", "LICENSE", *modules}


@pytest.mark.parametrize("service", SERVICES)
def test_services_start_commands_that_exist(service: str) -> None:
    options = parsed(SERVICES[service]["command"])
    assert options["api_key"] == "conformance"
    assert SERVICES[service]["read_only"] is True
    assert SERVICES[service]["tmpfs"] == ["/tmp"]


def test_reference_is_healthy_once_it_serves() -> None:
    _, program, *arguments = SERVICES["reference"]["healthcheck"]["test"]
    assert program == "emqx-conformance"
    waiting, serving, running = parsed(arguments), *(parsed(SERVICES[name]["command"]) for name in SERVICES)
    assert waiting["base_url"] == f"http://{serving['http'].replace('0.0.0.0', '127.0.0.1')}/api/v5"
    assert running["base_url"] == f"http://reference:{serving['http'].partition(':')[2]}/api/v5"
    assert running["mqtt"] == f"reference:{serving['mqtt'].partition(':')[2]}"
    assert running["sink"].partition(":")[0] == SERVICES["suite"]["hostname"]
    assert serving["allow_egress"], "the suite's sink is another host"


def test_secret_is_in_no_file_and_no_command_line() -> None:
    assert COMPOSE["secrets"] == {"api_secret": {"environment": "API_SECRET"}}
    for service in SERVICES.values():
        assert service["secrets"] == ["api_secret"]
        assert Path(parsed(service["command"])["api_secret_file"]) == Path("/run/secrets/api_secret")
