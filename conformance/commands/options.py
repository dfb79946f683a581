"""The options that say which target a command is about, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from conformance.target.settings.options import OPTIONS, Option

_CONNECTION = frozenset(
    {"base_url", "api_key", "api_secret_file", "token_file", "mqtt", "ca_bundle", "target", "targets_file"}
)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a run to a command."""
    return _add(command, OPTIONS)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those of them that say where the target is, and with which credentials."""
    return _add(command, [option for option in OPTIONS if option.field in _CONNECTION])


def _add(command: Callable[..., Any], options: Iterable[Option]) -> Callable[..., Any]:
    for option in reversed(list(options)):
        settings: dict[str, Any] = {"help": option.help, "envvar": None, "default": None}
        if option.is_flag:
            settings["is_flag"] = True
        elif option.choices:
            settings["type"] = click.Choice(option.choices)
        else:
            settings["metavar"] = option.metavar
        if option.is_list:
            settings |= {"multiple": True, "default": ()}
        command = click.option(option.flag, option.field, **settings)(command)
    return command
