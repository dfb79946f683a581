"""``emqx-conformance serve``: the reference deployment alone, for any REST or MQTT client."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.contract.versions import VersionError, release_of
from conformance.reference.defects import QUIRKS, REAL, TraitError, chosen
from conformance.reference.deployment import Settings
from conformance.reference.node_configuration import NodeConfiguration, SettingError
from conformance.reference.server import Address, ServeError, serve
from conformance.target.addresses import split_host_port
from conformance.target.errors import ConfigurationError
from conformance.target.settings.secret_files import exposure, read_secret_file


def serve_alone(
    http: str,
    mqtt: str,
    ws: str,
    api_key: str,
    api_secret_file: str,
    token_file: str | None,
    defects: str,
    allow_egress: bool,
    config_write_latency: float,
    emqx_version: str,
    settings: tuple[str, ...],
    nodes: int,
    replication_delay: float,
) -> None:
    """Serve until SIGINT or SIGTERM; the arguments are those of the command line. Raises `ConfigurationError`."""
    try:
        release_of(emqx_version)
        traits = chosen(defects, emqx_version)
        configuration = NodeConfiguration.parse(settings)
    except VersionError as error:
        raise ConfigurationError(f"--emqx-version: {error}") from None
    except TraitError as error:
        raise ConfigurationError(f"--defects: {error}") from None
    except SettingError as error:
        raise ConfigurationError(f"--setting: {error}") from None
    if defects in (REAL, QUIRKS) and not traits:
        click.echo(f"warning: --defects: none are known of EMQX {emqx_version}", err=True)
    deployment = Settings(
        api_key=api_key,
        api_secret=read_secret_file(Path(api_secret_file), "--api-secret-file"),
        bearer_token=read_secret_file(Path(token_file), "--token-file") if token_file else None,
        traits=traits,
        allow_egress=allow_egress,
        config_write_latency=config_write_latency,
        version=emqx_version,
        configuration=configuration,
        nodes=nodes,
        replication_delay=replication_delay,
    )
    for option, file in (("--api-secret-file", api_secret_file), ("--token-file", token_file)):
        if file is not None and (warning := exposure(Path(file))) is not None:
            click.echo(f"warning: {option}: {warning}", err=True)
    try:
        addresses = _address(http, "--http"), _address(mqtt, "--mqtt"), _address(ws, "--ws")
        serve(deployment, *addresses, announce=click.echo)
    except ServeError as error:
        raise ConfigurationError(str(error)) from None


def _address(value: str, option: str) -> Address:
    try:
        return split_host_port(value)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from None
