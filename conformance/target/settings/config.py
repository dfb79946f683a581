"""Configuration of a run: options before environment before ``targets.toml`` before defaults.

Everything is checked before the first request; whatever is wrong raises a `ConfigurationError` that names where the
value came from.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer, field_validator

from conformance.contract.versions import release_of
from conformance.target.addresses import Listener, is_loopback, split_address, split_listener
from conformance.target.durations import duration_s, rate_per_s
from conformance.target.errors import ConfigurationError
from conformance.target.guard.mode import Mode
from conformance.target.redaction import SHORTEST_SECRET
from conformance.target.settings.options import (
    AGAINST_VARIABLE,
    AGAINST_VARIABLES,
    ENVIRONMENT_PREFIX,
    OPTIONS,
    SECRET_VARIABLES,
    SECRETS,
)
from conformance.target.settings.secret_files import exposure, read_secret_file
from conformance.target.settings.targets_file import named_target
from conformance.target.timing import Timing
from emqx_conformance_extensions import installed

Profile = Literal["smoke", "standard", "deep", "acceptance"]
Role = Literal["viewer", "publisher"]

RANDOM_SEED: Literal["random"] = "random"

WAIVERS_FOLDER = Path(__file__).resolve().parent.parent.parent / "waivers"

WAIVERS_OF_EXTENSION = "waivers.toml"
"""The file in the package of an extension that ``--waivers NAME`` means."""

_HIGHEST_SINK_PORT = 65535 - 64

MOST_PATIENCE = 100.0

Given = dict[str, tuple[Any, str]]
"""Field -> value and where it came from; a `Path` stands for the secret in that file."""

ROLES: tuple[Role, ...] = ("viewer", "publisher")
"""Roles of API keys below administrator."""


def waivers_named(file: Path) -> Path:
    """``file``, or the one that ships under that bare name with the suite (for example emqx-5.8) or an extension."""
    if file.exists() or file.name != str(file):
        return file
    shipped = [WAIVERS_FOLDER / f"{file.name.removesuffix('.toml')}.toml"]
    shipped += [
        extension.folder / WAIVERS_OF_EXTENSION
        for extension in installed()
        if extension.name == file.name and extension.folder is not None
    ]
    return next((candidate for candidate in shipped if candidate.is_file()), file)


class Configuration(BaseModel):
    """A checked configuration. ``base_url`` None means: start the embedded reference deployment.

    ``seed``: None means the one of the contract; with each of several generated data is drawn. ``max_conn_rate``,
    ``messages_rate`` and ``bytes_rate``: per second, None where the target is asked. ``replication_lag`` and
    ``time_budget``: seconds. ``timing``: bounds of this target, before ``patience`` multiplies them. ``warnings``:
    sentences for the user that stop nothing. ``embedded``: the target is the reference deployment that the run started
    for itself. ``behaviour``: whether the run keeps how the target answers, for a comparison with another one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str | None = None
    api_key: str | None = None
    api_secret: SecretStr | None = None
    token: SecretStr | None = None
    viewer_key: str | None = None
    viewer_secret: SecretStr | None = None
    publisher_key: str | None = None
    publisher_secret: SecretStr | None = None
    mqtt: str | None = None
    sink: str | None = None
    ca_bundle: Path | None = None
    profile: Profile = "standard"
    seed: int | tuple[int, ...] | Literal["random"] | None = None
    read_only: bool = False
    exclusive: bool = False
    disposable: bool = False
    embedded: bool = False
    waivers: tuple[Path, ...] = ()
    strict_waivers: bool = False
    emqx_version: str | None = None
    max_rps: float | None = Field(default=None, gt=0)
    max_conn_rate: float | None = Field(default=None, gt=0)
    messages_rate: float | None = Field(default=None, gt=0)
    bytes_rate: float | None = Field(default=None, gt=0)
    patience: float = Field(default=1.0, gt=0, le=MOST_PATIENCE)
    timing: Timing = Timing()
    replication_lag: float | None = Field(default=None, ge=0)
    time_budget: float | None = Field(default=None, gt=0)
    report_dir: Path = Path("reports")
    baseline: Path | None = None
    har: bool = False
    behaviour: bool = False
    contract: Literal["corrected", "published"] = "corrected"
    warnings: tuple[str, ...] = ()

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{_without_credentials(value)!r} is not a URL ({error})") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise ValueError(f"{_without_credentials(value)!r} is not an http(s) URL")
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

    @field_validator("sink")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and (split_address(value)[1] or 0) > _HIGHEST_SINK_PORT:
            raise ValueError(f"{value!r} leaves no ports for the workers, take one up to {_HIGHEST_SINK_PORT}")
        return value

    @field_validator("seed", mode="plain")
    @classmethod
    def _seed(cls, value: Any) -> int | tuple[int, ...] | Literal["random"] | None:
        if value is None:
            return None
        if value == RANDOM_SEED:
            return RANDOM_SEED
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        seeds = tuple(map(_seed, parts))
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f"{value!r} names {'a seed twice' if seeds else 'no seed'}")
        return seeds if len(seeds) > 1 else seeds[0]

    @field_validator("replication_lag", "time_budget", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        return duration_s(value) if isinstance(value, str) else value

    @field_validator("max_conn_rate", "messages_rate", "bytes_rate", mode="before")
    @classmethod
    def _rate(cls, value: Any) -> Any:
        return rate_per_s(value) if isinstance(value, str) else value

    @field_validator("patience", mode="before")
    @classmethod
    def _factor(cls, value: Any) -> Any:
        match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)x?", str(value))
        if match is None:
            raise ValueError(f"{value!r} is no factor like 2x or 1.5x")
        return float(match[1])

    @field_validator("timing", mode="plain")
    @classmethod
    def _bounds(cls, value: Any) -> Timing:
        if isinstance(value, Timing):
            return value
        if not isinstance(value, Mapping):
            raise ValueError("expected a table of durations")
        return Timing().with_settings(value)

    @field_serializer("seed")  # of a union with a tuple pydantic warns
    def _seeds(self, value: Any) -> Any:
        return value

    @field_serializer("timing")
    def _settings(self, value: Timing) -> dict[str, float]:
        return value.changes()

    @field_validator(*SECRETS)
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"a secret of less than {SHORTEST_SECRET} characters cannot be kept out of the reports")
        return value

    @field_validator("token")
    @classmethod
    def _header_value(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
            raise ValueError("the token holds characters that no Authorization header can carry")
        return value

    @field_validator("emqx_version")
    @classmethod
    def _version(cls, value: str | None) -> str | None:
        if value is not None:
            release_of(value)
        return value

    @field_validator("waivers", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("waivers")
    @classmethod
    def _shipped(cls, values: tuple[Path, ...]) -> tuple[Path, ...]:
        """A bare name means a file that ships with the suite, for example emqx-5.8."""
        return tuple(_file(waivers_named(value)) for value in values)

    @field_validator("ca_bundle")
    @classmethod
    def _certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(_file(value))
            except OSError:
                raise ValueError(f"{value} holds no certificates that can be read (PEM)") from None
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
    def keys(self) -> dict[str, tuple[str, str]]:
        """API keys with their secrets, by what they sign: "basic", "viewer" or "publisher"."""
        pairs: dict[str, tuple[str | None, SecretStr | None]] = {"basic": (self.api_key, self.api_secret)}
        pairs |= {role: (getattr(self, f"{role}_key"), getattr(self, f"{role}_secret")) for role in ROLES}
        return {name: (key, secret.get_secret_value()) for name, (key, secret) in pairs.items() if key and secret}

    @property
    def secrets(self) -> dict[str, str]:
        """The secret values by the name of their field."""
        values: dict[str, SecretStr | None] = {name: getattr(self, name) for name in SECRETS}
        return {name: value.get_secret_value() for name, value in values.items() if value is not None}

    @property
    def bounds(self) -> Timing:
        """How long the target may take."""
        return replace(self.timing.stretched(self.patience), lag=self.replication_lag or 0.0)

    @property
    def broker(self) -> str | None:
        """``host:port`` of the target's MQTT listener, which connectors may name; they speak no WebSocket."""
        listener = self.listener
        return listener.address if listener is not None and listener.path is None else None

    @property
    def listener(self) -> Listener | None:
        """The target's MQTT listener."""
        return split_listener(self.mqtt) if self.mqtt is not None else None

    def sink_address(self, worker: str) -> tuple[str, int]:
        """Host and port of the HTTP sink of one worker (``main``, ``gw0``, ``gw1``...); port 0 means any."""
        host, port = split_address(self.sink) if self.sink is not None else ("127.0.0.1", None)
        number = worker.removeprefix("gw")
        return host, 0 if port is None else port + (int(number) if number.isdecimal() else 0)

    @property
    def on_loopback(self) -> bool:
        """Whether the target runs on this machine."""
        return is_loopback(urlsplit(self.base_url or "").hostname or "")


def _seed(value: Any) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()) or int(text) >= 2**63:
        raise ValueError(f"{text!r} is neither a number from 0 to 2^63-1 nor {RANDOM_SEED}")
    return int(text)


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _without_credentials(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", url)


def load_configuration(
    options: Mapping[str, Any], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Configuration:
    """Merge and check a configuration.

    ``options``: values by field name, None or missing where not given. ``environment``: defaults to the process's.
    ``folder``: where ``targets.toml`` is looked for, defaults to the working directory. Raises `ConfigurationError`.
    """
    environment = os.environ if environment is None else environment
    folder = Path.cwd() if folder is None else folder
    given: Given = {}
    _add(given, _from_options(options))
    _add(given, _from_environment(environment))
    name, _ = given.pop("target", (None, ""))
    targets_file, _ = given.pop("targets_file", (None, ""))
    if name is not None:
        file = Path(targets_file) if targets_file else folder / "targets.toml"
        table = f"target {name} in {file.name}"
        settings = named_target(file, name, environment).items()
        _add(given, ((field, value, f"{table}: {field}") for field, value in settings))
    return _checked(given, _read_secret_files(given))


def report_directory(options: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Path:
    """Where the run with these ``options`` reports, whatever else is wrong with them; arguments as above."""
    environment = os.environ if environment is None else environment
    given = options.get("report_dir") or environment.get(f"{ENVIRONMENT_PREFIX}REPORT_DIR")
    return Path(given or Configuration.model_fields["report_dir"].default)


def names_target(options: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> bool:
    """Whether these ``options`` name a target, whatever else is wrong with them; arguments as above."""
    environment = os.environ if environment is None else environment
    fields = ("base_url", "target")
    return any(options.get(field) or f"{ENVIRONMENT_PREFIX}{field.upper()}" in environment for field in fields)


def _add(given: Given, settings: Iterable[tuple[str, Any, str]]) -> None:
    """Add settings (field, value, source) that are not given yet; a secret and the file that holds it are one."""
    for field, value, source in settings:
        secret = field.removesuffix("_file")
        if secret in SECRETS and field != secret:
            given.setdefault(secret, (Path(str(value)), source))
        else:
            given.setdefault(field, (value, source))


def _from_options(options: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for field, value in options.items():
        if value is not None and value is not False and value != ():
            yield field, value, "--" + field.replace("_", "-")


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    known = {option.variable: option for option in OPTIONS}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in (AGAINST_VARIABLE, *AGAINST_VARIABLES):
            continue
        field = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if variable not in known and variable not in SECRET_VARIABLES:
            raise ConfigurationError(f"unknown environment variable {variable}")
        if variable in known and known[variable].is_flag:
            if value.lower() not in ("0", "1", "true", "false", ""):
                raise ConfigurationError(f"{variable}: {value!r} is neither true nor false")
            yield field, value.lower() in ("1", "true"), variable
        elif value:
            is_list = variable in known and known[variable].is_list
            yield field, [part for part in value.split(os.pathsep) if part] if is_list else value, variable


def _read_secret_files(given: Given) -> tuple[str, ...]:
    """Replace secret files by what they hold; returns warnings."""
    warnings = []
    for secret in SECRETS:
        path, source = given.get(secret, (None, ""))
        if isinstance(path, Path):
            given[secret] = (read_secret_file(path, source), source)
            if (warning := exposure(path)) is not None:
                warnings.append(f"{source}: {warning}")
    return tuple(warnings)


def _checked(given: Given, warnings: tuple[str, ...]) -> Configuration:
    try:
        configuration = Configuration(warnings=warnings, **{field: value for field, (value, _) in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{given[field][1] if field in given else field}: {reason}") from None
    if configuration.strict_waivers and not configuration.waivers:
        raise ConfigurationError("--strict-waivers needs --waivers")
    if configuration.read_only and (configuration.exclusive or configuration.disposable):
        raise ConfigurationError("--read-only contradicts --exclusive and --disposable")
    if configuration.base_url is None:
        rates = ("max_conn_rate", "messages_rate", "bytes_rate")
        of_target = ("api_key", "viewer_key", "publisher_key", *SECRETS, "mqtt", *rates, "sink", "ca_bundle")
        for field in of_target:
            if getattr(configuration, field) is not None:
                raise ConfigurationError(f"{given[field][1]} needs --base-url: the embedded deployment brings its own")
        return configuration
    for name in ("api", *ROLES):
        key, secret = getattr(configuration, f"{name}_key"), getattr(configuration, f"{name}_secret")
        if (key is None) != (secret is None):
            variable = f"{ENVIRONMENT_PREFIX}{name.upper()}_SECRET"
            missing = f"--{name}-key" if key is None else f"the secret (--{name}-secret-file or {variable})"
            raise ConfigurationError(f"an API key needs both parts: {missing} is missing")
    if configuration.api_key is None and configuration.token is None:
        raise ConfigurationError("no credentials: give --api-key and --api-secret-file, or --token-file")
    return configuration
