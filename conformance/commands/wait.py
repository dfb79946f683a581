"""``emqx-conformance wait``: until a target serves requests, for pipelines that have just started it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from conformance.commands.options import connection_options
from conformance.exit_codes import INCONCLUSIVE, USAGE_ERROR
from conformance.target.addresses import split_listener
from conformance.target.durations import duration_s
from conformance.target.errors import ConfigurationError, NoEmqxError, TargetLost
from conformance.target.http.session import NoAnswer
from conformance.target.journal.journal import Journal
from conformance.target.preflight.preflight import identify
from conformance.target.settings.config import Configuration, load_configuration
from conformance.worker.context import Worker, journal_header, load_target_contract

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


class NotReady(Exception):
    """What was seen of a target that does not serve requests yet; the text is a sentence without its full stop."""


@click.command(short_help="Wait until a target is ready.")
@connection_options
@click.option(
    "--timeout", default="5m", show_default=True, metavar="DURATION", help="Give up after this long (30s, 5m, 1h)."
)
def wait(timeout: str, **options: Any) -> None:
    """Wait until a target answers as EMQX does, to these credentials, and its MQTT listener, if one is named, listens.

    Exit codes: 0 ready, 2 wrong usage, refused credentials or a certificate that is not trusted, 3 not ready in time.
    Nothing is written to the target.
    """
    try:
        try:
            patience_s = duration_s(timeout)
        except ValueError as error:
            raise ConfigurationError(f"--timeout: {error}") from None
        configuration = load_configuration(options)
        if configuration.base_url is None:
            raise ConfigurationError("wait needs --base-url: an embedded deployment is ready when its run begins")
        configuration = _impatient(configuration)
        header = journal_header(configuration, "wait", "main")
        contract = load_target_contract(configuration)
        with Worker(configuration, "wait", "main", contract, Journal(None, header)) as worker:
            began = time.monotonic()
            what = until_ready(lambda: _look(worker, configuration), patience_s, _tell)
            click.echo(f"ready after {time.monotonic() - began:.0f} s: {what}")
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE_ERROR)
    except NotReady as error:
        click.echo(f"not ready after {timeout}: {error}", err=True)
        sys.exit(INCONCLUSIVE)
    except KeyboardInterrupt:
        click.echo("not ready: interrupted", err=True)
        sys.exit(INCONCLUSIVE)


def _impatient(configuration: Configuration) -> Configuration:
    """So that one look is over soon, whatever a target does that is just starting."""
    timing = configuration.timing
    quick = replace(timing, silence=timing.heartbeat, recovered=0.0, throttled=0.0)
    return configuration.model_copy(update={"timing": quick})


def until_ready(look: Callable[[], str], patience_s: float, tell: Callable[[str], None]) -> str:
    """What ``look`` returns, as soon as it does not raise `NotReady`; the last one is raised after ``patience_s``.

    ``tell`` is called with what was seen, each time that it is something else.
    """
    end = time.monotonic() + patience_s
    pause_s, told = _FIRST_PAUSE_S, ""
    while True:
        try:
            return look()
        except NotReady as error:
            remaining_s = end - time.monotonic()
            if remaining_s <= 0:
                raise
            if str(error) != told:
                told = str(error)
                tell(told)
        time.sleep(min(pause_s, remaining_s))
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _look(worker: Worker, configuration: Configuration) -> str:
    """What is ready, in words; raises `NotReady` or, for what waiting does not mend, `ConfigurationError`."""
    try:
        _, version, node = identify(worker.api)
    except (TargetLost, NoAnswer, NoEmqxError) as error:
        # Also what is no EMQX: in front of one that starts may be a gateway with answers of its own.
        raise NotReady(str(error)) from None
    if configuration.mqtt is not None:
        _connect(configuration.mqtt, worker.api.timing.connected)
    return f"EMQX {version or 'of unknown version'}" + (f", node {node}" if node is not None else "")


def _connect(mqtt: str, within_s: float) -> None:
    listener = split_listener(mqtt)
    try:
        socket.create_connection((listener.host, listener.port), timeout=within_s).close()
    except OSError as error:
        raise NotReady(f"MQTT listener {mqtt}: {error.strerror or error}") from None


def _tell(what: str) -> None:
    click.echo(f"not ready yet: {what}", err=True)
