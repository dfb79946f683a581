"""The options that say which target a command is about, and how, and which items a run takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import click

from conformance.target.settings.options import CHOICES, OPTIONS, Option

CONNECTION = frozenset(
    {"base_url", "api_key", "api_secret_file", "token_file", "mqtt", "ca_bundle", "target", "targets_file"}
)
SWEEP = (CONNECTION - {"mqtt"}) | {"read_only", "exclusive", "disposable", "max_rps"}
"""Fields of the options that matter to a sweep: how to reach the target, and what may be done there."""
COMPARED = frozenset(option.field for option in OPTIONS) - {"waivers", "strict_waivers", "baseline", "har"}
"""Fields of the options that matter to a comparison of two targets, which accepts and keeps nothing by itself."""


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a run to a command."""
    return _add(command, OPTIONS)


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which items a run takes; they have no environment variable."""
    return _add(command, CHOICES, variables=False)


def part_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a part of the suite, whatever an earlier run found."""
    named = ("requirement", "operation", "tag")
    return _add(command, (option for option in CHOICES if option.field in named), variables=False)


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those options of a run that say where the target is, and with which credentials."""
    return _add(command, _without_embedded(CONNECTION))


FLEET = frozenset(
    {"profile", "seed", "read_only", "exclusive", "disposable", "waivers", "max_rps", "patience", "time_budget", "har"}
)
"""Fields of the options of a run that are the same for all targets of a fleet; targets.toml has the others."""


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those options of a run that may be the same for many targets."""
    command = _add(command, [option for option in CHOICES if option.is_list], variables=False)
    return _add(command, [option for option in OPTIONS if option.field in FLEET])


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those options of a run that matter to a sweep."""
    return _add(command, _without_embedded(SWEEP))


def compare_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add those options of a run that matter to a comparison of two targets."""
    return _add(
        command, _without_embedded(COMPARED, report_dir="Where the reports of both runs go. Default: reports/compare/.")
    )


def _without_embedded(fields: Iterable[str], **helps: str) -> Iterable[Option]:
    """Options of commands that never start a deployment of their own; ``helps``: what some of them say instead."""
    for option in OPTIONS:
        if option.field in fields:
            told = helps.get(option.field, option.help.partition(" Default: start")[0])
            yield replace(option, help=told)


def _add(command: Callable[..., Any], options: Iterable[Option], *, variables: bool = True) -> Callable[..., Any]:
    for option in reversed(list(options)):
        settings: dict[str, Any] = {
            "help": option.told if variables else option.help,
            "envvar": None,
            "default": None,
        }
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
