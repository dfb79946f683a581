"""The options of a run, declared once for the command line and for pytest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ENVIRONMENT_PREFIX = "EMQX_CONFORMANCE_"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``--flag``, its environment variable, and the field of `Configuration` it fills.

    ``is_list``: it may be given several times; its variable holds values as PATH does.
    """

    field: str
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    is_flag: bool = False
    is_list: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.field.replace("_", "-")

    @property
    def told(self) -> str:
        """What it is for, and its environment variable; of a file with a secret also that of the secret itself."""
        secret = self.variable.removesuffix("_FILE")
        also = f" or {secret}" if secret in SECRET_VARIABLES else ""
        return f"{self.help} [{self.variable}{also}]"

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.field.upper()


OPTIONS: tuple[Option, ...] = (
    Option("base_url", "Target, up to and including /api/v5. Default: start the embedded reference deployment.", "URL"),
    Option("api_key", "API key for basic authentication.", "KEY"),
    Option("api_secret_file", "File that holds the API secret.", "FILE"),
    Option("token_file", "File that holds a bearer token.", "FILE"),
    Option("viewer_key", "API key with the role viewer, for the checks of roles.", "KEY"),
    Option("viewer_secret_file", "File that holds its secret.", "FILE"),
    Option("publisher_key", "API key with the role publisher, for the checks of roles.", "KEY"),
    Option("publisher_secret_file", "File that holds its secret.", "FILE"),
    Option(
        "mqtt",
        "MQTT listener of the target: HOST:PORT, mqtts://HOST:PORT for TLS, ws://HOST:PORT/mqtt or wss://... for "
        "WebSocket; without it the data-plane tests are left out.",
        "LISTENER",
    ),
    Option(
        "sink",
        "Where the target reaches the suite's HTTP sink; worker N listens on PORT+N. Default: loopback targets only.",
        "HOST[:PORT]",
    ),
    Option("ca_bundle", "CA certificates (PEM) that sign the target's certificate.", "FILE"),
    Option("profile", "How much to do.", choices=("smoke", "standard", "deep", "acceptance")),
    Option(
        "seed",
        "Seed of all generated data, or random for a new one, which is reported; several draw with each. Default: the "
        "contract decides it; with --profile acceptance three random ones besides.",
        "N[,N...]|random",
    ),
    Option("read_only", "Send no write at all.", is_flag=True),
    Option("exclusive", "Nobody else uses the target: allow operations that touch global state.", is_flag=True),
    Option(
        "disposable",
        "As --exclusive, and the target is thrown away: allow what it may be unable to undo.",
        is_flag=True,
    ),
    Option(
        "waivers",
        "Accepted deviations: a TOML file, or emqx-5.8 for the shipped one; may be given several times.",
        "FILE",
        is_list=True,
    ),
    Option("strict_waivers", "A waiver that nothing needs any more is an error.", is_flag=True),
    Option("emqx_version", "Version of the contract, e.g. 5.8.9. Default: detected.", "V"),
    Option("max_rps", "At most N requests per second over all workers.", "N"),
    Option("patience", "Wait N times as long as usual for whatever a target does (2x, 1.5x). Default: 1x.", "Nx"),
    Option(
        "max_conn_rate", "Connections a second that the MQTT listener accepts. Default: as GET /listeners says.", "N"
    ),
    Option("messages_rate", "Messages a second that it reads of one client (50/s). Default: likewise.", "N"),
    Option("bytes_rate", "Bytes a second that it reads of one client (500KB/s). Default: likewise.", "N"),
    Option(
        "replication_lag",
        "How long reads may lag behind writes where several nodes answer (500ms, 2s). Default: 500ms there, else none.",
        "DURATION",
    ),
    Option("time_budget", "Start nothing new after this long (30s, 10m, 2h), clean up and report.", "DURATION"),
    Option("report_dir", "Where the reports go. Default: reports/.", "DIR"),
    Option(
        "baseline",
        "An earlier report.json, or its folder: exit code 1 only for what fails since, or is not decided any more.",
        "REPORT",
    ),
    Option("har", "Keep every exchange, redacted, in exchanges.har (HTTP Archive 1.2).", is_flag=True),
    Option("contract", "Check against the corrected or the published document.", choices=("corrected", "published")),
    Option("target", "Named target in targets.toml.", "NAME"),
    Option("targets_file", "Where targets.toml is. Default: ./targets.toml.", "FILE"),
)

CHOICES: tuple[Option, ...] = (
    Option("last_failed", "Only the items that failed in the run that the report directory holds.", is_flag=True),
    Option("failed_first", "Those items first, then all others.", is_flag=True),
    Option("requirement", "Only items that verify the requirement; may be given several times.", "ID", is_list=True),
    Option(
        "operation",
        'Only items about the operation, as "GET /banned"; may be given several times.',
        "OPERATION",
        is_list=True,
    ),
    Option("tag", "Only items about operations of the tag; may be given several times.", "TAG", is_list=True),
    Option("max_failures", "Start nothing new once N items have failed.", "N"),
    Option(
        "shard",
        "Only the I-th of N parts that cost the same; emqx-conformance report merge makes one report of all.",
        "I/N",
    ),
    Option(
        "shard_costs",
        "A run before, as run.json or its folder, whose costs balance the parts, the same for all of them. "
        "Default: the costs that ship with the suite.",
        "REPORT",
    ),
)
"""Which items a run takes. These belong to one run, and have no environment variable."""

SECRETS = ("api_secret", "token", "viewer_secret", "publisher_secret")
"""Fields of `Configuration` that have no option, because command lines are public: a file or a variable names them."""

SECRET_VARIABLES = tuple(ENVIRONMENT_PREFIX + secret.upper() for secret in SECRETS)

AGAINST_VARIABLE = f"{ENVIRONMENT_PREFIX}AGAINST"
AGAINST: Mapping[str, tuple[str, str]] = {
    "api_key": ("KEY", "API key of the other target."),
    "api_secret_file": ("FILE", "File that holds its secret."),
    "token_file": ("FILE", "File that holds a bearer token of the other target."),
    "mqtt": ("LISTENER", "MQTT listener of the other target."),
    "ca_bundle": ("FILE", "CA certificates that sign its certificate."),
}
"""What may be said of the other target of a comparison: field -> metavar and help. targets.toml knows the rest."""


AGAINST_VARIABLES: Mapping[str, str] = {
    f"{AGAINST_VARIABLE}_{field.upper()}": field for field in (*AGAINST, "api_secret", "token")
}
"""Variable that describes the other target -> field; no command but that comparison looks at them."""
