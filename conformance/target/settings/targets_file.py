"""``targets.toml``: named targets, so that nobody types a URL twice."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.target.errors import ConfigurationError
from conformance.target.settings.options import OPTIONS, SECRETS
from conformance.target.settings.secret_files import is_private

_PATHS = (*(f"{secret}_file" for secret in SECRETS), "ca_bundle")
_LISTS = tuple(option.field for option in OPTIONS if option.is_list)
_KEYS = (
    {option.field for option in OPTIONS} - {"target", "targets_file", "report_dir", "contract"}
    | set(SECRETS)
    | {f"{secret}_env" for secret in SECRETS}
    | {"timing"}
)  # fmt: skip


def named_target(file: Path, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the table ``[targets.NAME]``, with paths relative to the file and ``..._env`` looked up.

    Raises `ConfigurationError`, also if the file holds a secret in clear that others could read.
    """
    document, private = _read(file, name)
    targets = document.get("targets")
    if not isinstance(targets, dict) or set(document) != {"targets"}:
        raise ConfigurationError(f"{file}: expected nothing but tables [targets.NAME]")
    if name not in targets:
        raise ConfigurationError(f"{file}: no target {name!r}, only {', '.join(sorted(targets)) or 'none'}")
    target = targets[name]
    if not isinstance(target, dict):
        raise ConfigurationError(f"{file}: {name} is no table [targets.{name}]")
    for other, table in targets.items():
        if not private and isinstance(table, dict) and not table.keys().isdisjoint(SECRETS):
            raise ConfigurationError(
                f"{file}: target {other} holds a secret in clear and others than you can read the file: chmod 600 it, "
                "or name a file (api_secret_file) or an environment variable (api_secret_env) instead"
            )
    unknown = sorted(target.keys() - _KEYS)
    if unknown:
        raise ConfigurationError(f"{file}: target {name} has unknown keys: {', '.join(unknown)}")
    for secret in SECRETS:
        variable = target.pop(f"{secret}_env", None)
        if variable is not None:
            if not environment.get(variable):
                raise ConfigurationError(f"{file}: target {name} wants {secret} from ${variable}, which is not set")
            target[secret] = environment[variable]
    for key in _PATHS:
        if key in target:
            target[key] = _located(target[key], file)
    for key in _LISTS:
        if key in target:
            values = target[key] if isinstance(target[key], list) else [target[key]]
            target[key] = [_named(value, file) for value in values]
    return target


def tables(file: Path) -> dict[str, Any]:
    """The tables ``[targets.NAME]`` as they stand, by name; raises `ConfigurationError`."""
    if not file.exists():
        raise ConfigurationError(f"there is no {file}")
    document, _ = _read(file, "")
    targets = document.get("targets")
    if not isinstance(targets, dict) or set(document) != {"targets"}:
        raise ConfigurationError(f"{file}: expected nothing but tables [targets.NAME]")
    return targets


def _named(value: object, file: Path) -> str:
    """As `_located`, but for the name of something that ships with the suite."""
    located = _located(value, file)
    return located if Path(located).exists() or Path(str(value)).name != str(value) else str(value)


def _located(path: object, file: Path) -> str:
    """A path that a file names, relative to its folder."""
    return str(file.parent / Path(str(path)).expanduser())


def _read(file: Path, name: str) -> tuple[dict[str, Any], bool]:
    """The document, and whether only its owner can read it."""
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream), is_private(os.fstat(stream.fileno()))
    except FileNotFoundError:
        raise ConfigurationError(f"--target {name}: there is no {file}") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
