"""Configuration of a run: options before environment before ``targets.toml`` before defaults.

Everything is checked before the first request; whatever is wrong raises a `ConfigurationError` that names where the
value came from.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from conformance.target.errors import ConfigurationError
from conformance.target.mode import Mode
from conformance.target.options import ENVIRONMENT_PREFIX, OPTIONS, SECRET_VARIABLES

Profile = Literal["smoke", "standard", "deep"]

WAIVERS_FOLDER = Path(__file__).resolve().parent.parent / "waivers"

_FIELDS = {option.field for option in OPTIONS}
_TARGET_KEYS = _FIELDS - {"target", "targets_file", "report_dir", "seed", "contract"} | {"api_secret_env", "token_env"}
_INTERNAL_VARIABLES = frozenset({ENVIRONMENT_PREFIX + "STATE_DIR"})


class Configuration(BaseModel):
    """A checked configuration. ``base_url`` None means: start the embedded reference deployment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str | None = None
    api_key: str | None = None
    api_secret: SecretStr | None = None
    token: SecretStr | None = None
    mqtt: str | None = None
    ca_bundle: Path | None = None
    profile: Profile = "standard"
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    read_only: bool = False
    exclusive: bool = False
    disposable: bool = False
    waivers: Path | None = None
    strict_waivers: bool = False
    emqx_version: str | None = None
    max_rps: float | None = Field(default=None, gt=0)
    report_dir: Path = Path("reports")
    contract: Literal["corrected", "published"] = "corrected"

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{value!r} is not a URL ({error})") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise ValueError(f"{value!r} is not an http(s) URL")
        if parts.username or parts.password:
            raise ValueError("credentials do not belong into the URL, use --api-key and --api-secret-file")
        if parts.query or parts.fragment:
            raise ValueError("the URL must not have a query or a fragment")
        if not parts.path.rstrip("/").endswith("/api/v5"):
            raise ValueError(f"{value!r} must go up to and including /api/v5")
        return value.rstrip("/")

    @field_validator("mqtt")
    @classmethod
    def _listener(cls, value: str | None) -> str | None:
        if value is not None:
            split_listener(value)
        return value

    @field_validator("emqx_version")
    @classmethod
    def _version(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\d+\.\d+(\.\d+)?", value):
            raise ValueError(f"{value!r} is not a version like 5.8.9")
        return value

    @field_validator("waivers")
    @classmethod
    def _shipped(cls, value: Path | None) -> Path | None:
        """A bare name means a file that ships with the suite, for example emqx-5.8."""
        if value is not None and not value.exists() and value.name == str(value):
            shipped = WAIVERS_FOLDER / f"{value.name.removesuffix('.toml')}.toml"
            return shipped if shipped.is_file() else value
        return value

    @field_validator("ca_bundle", "waivers")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {value}")
        return value

    @property
    def mode(self) -> Mode:
        """What the run may do to its target."""
        if self.read_only:
            return Mode.READ_ONLY
        if self.disposable:
            return Mode.DISPOSABLE
        return Mode.EXCLUSIVE if self.exclusive else Mode.SANDBOXED

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret values, for redaction."""
        return tuple(secret.get_secret_value() for secret in (self.api_secret, self.token) if secret is not None)


def split_listener(value: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port`` as host and port; raises ValueError with one sentence."""
    match = re.fullmatch(r"(?:mqtt://)?(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+):(\d{1,5})", value)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError(f"{value!r} is not HOST:PORT")
    return match[1].strip("[]"), int(match[2])


def load_configuration(
    options: Mapping[str, Any], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Configuration:
    """Merge and check a configuration.

    ``options``: values by field name, None or missing where not given. ``environment``: defaults to the process's.
    ``folder``: where ``targets.toml`` is looked for, defaults to the working directory. Raises `ConfigurationError`.
    """
    environment = os.environ if environment is None else environment
    folder = Path.cwd() if folder is None else folder
    given: dict[str, tuple[Any, str]] = {}
    _collect_environment(environment, given)
    for field, value in options.items():
        if value is not None and value is not False:
            given[field] = (value, "--" + field.replace("_", "-"))
    name, _ = given.pop("target", (None, ""))
    targets_file, _ = given.pop("targets_file", (None, ""))
    if name is not None:
        file = Path(targets_file) if targets_file else folder / "targets.toml"
        for field, value in _named_target(file, name, environment).items():
            given.setdefault(field, (value, f"target {name} in {file.name}"))
    _read_secret_files(given)
    return _checked(given)


def _collect_environment(environment: Mapping[str, str], given: dict[str, tuple[Any, str]]) -> None:
    known = {option.variable: option for option in OPTIONS}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _INTERNAL_VARIABLES:
            continue
        if variable in SECRET_VARIABLES:
            given[variable.removeprefix(ENVIRONMENT_PREFIX).lower()] = (value, variable)
        elif variable not in known:
            raise ConfigurationError(f"unknown environment variable {variable}")
        elif known[variable].is_flag:
            if value.lower() not in ("0", "1", "true", "false", ""):
                raise ConfigurationError(f"{variable}: {value!r} is neither true nor false")
            given[known[variable].field] = (value.lower() in ("1", "true"), variable)
        elif value:
            given[known[variable].field] = (value, variable)


def _named_target(file: Path, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"--target {name}: there is no {file}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from error
    targets = document.get("targets")
    if not isinstance(targets, dict) or set(document) != {"targets"}:
        raise ConfigurationError(f"{file}: expected nothing but tables [targets.NAME]")
    target = targets.get(name)
    if not isinstance(target, dict):
        raise ConfigurationError(f"{file}: no target {name!r}, only {', '.join(sorted(targets)) or 'none'}")
    if {"api_secret", "token"} & set(target):
        raise ConfigurationError(
            f"{file}: target {name} holds a secret in clear; name a file (api_secret_file, token_file) "
            "or an environment variable (api_secret_env, token_env) instead"
        )
    unknown = sorted(set(target) - _TARGET_KEYS)
    if unknown:
        raise ConfigurationError(f"{file}: target {name} has unknown keys: {', '.join(unknown)}")
    for key in ("api_secret", "token"):
        variable = target.pop(f"{key}_env", None)
        if variable is not None:
            if not environment.get(variable):
                raise ConfigurationError(f"{file}: target {name} wants {key} from ${variable}, which is not set")
            target[key] = environment[variable]
    for key in ("api_secret_file", "token_file", "ca_bundle", "waivers"):
        if key in target:
            target[key] = str(file.parent / Path(str(target[key])).expanduser())
    return target


def _read_secret_files(given: dict[str, tuple[Any, str]]) -> None:
    for key in ("api_secret", "token"):
        path, source = given.pop(f"{key}_file", (None, ""))
        if path is not None:
            given[key] = (read_secret_file(path, source), source)


def read_secret_file(path: str, source: str) -> str:
    """The one line a secret file holds; ``source`` names the option in the `ConfigurationError`."""
    try:
        secret = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: {path} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not secret or "\n" in secret:
        raise ConfigurationError(f"{source}: {path} must hold exactly one line, the secret")
    return secret


def _checked(given: Mapping[str, tuple[Any, str]]) -> Configuration:
    try:
        configuration = Configuration(**{field: value for field, (value, _) in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{given[field][1] if field in given else field}: {reason}") from None
    if configuration.strict_waivers and configuration.waivers is None:
        raise ConfigurationError("--strict-waivers needs --waivers")
    if configuration.read_only and (configuration.exclusive or configuration.disposable):
        raise ConfigurationError("--read-only contradicts --exclusive and --disposable")
    if configuration.base_url is None:
        for field in ("api_key", "api_secret", "token", "mqtt", "ca_bundle"):
            if getattr(configuration, field) is not None:
                raise ConfigurationError(f"{given[field][1]} needs --base-url: the embedded deployment brings its own")
        return configuration
    if (configuration.api_key is None) != (configuration.api_secret is None):
        missing = "an API secret" if configuration.api_secret is None else "--api-key"
        raise ConfigurationError(f"basic authentication needs both parts: {missing} is missing")
    if configuration.api_key is None and configuration.token is None:
        raise ConfigurationError("no credentials: give --api-key and --api-secret-file, or --token-file")
    return configuration
