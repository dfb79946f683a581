"""What a connector or action cannot be although its schema lets it pass: addresses, durations, fields that need others.

All of it was seen on a live 5.8.9.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from conformance.reference.rest.units import parse_duration, parse_size

Rule = Callable[[Mapping[str, Any]], str | None]
"""Says of a configuration why it cannot be, None if it can."""

_LONGEST_S = 4_294_967.295
_LONGEST_CHECK_S = 3600.0
_LAST_PORT = 65_535
_SERVERS = ("server", "servers", "bootstrap_hosts")
_WITH_SCHEME = frozenset({"pulsar", "tdengine", "couchbase"})
_UNCHECKED_SERVER = frozenset({"opents", "hstreamdb", "dynamo"})
_SINGLE_PLACEHOLDER = re.compile(r"\$\{[^}]+\}")
_PLACEHOLDER = re.compile(r"\$\{\.?([^}]+)\}")
_AGGREGATED_KEY = re.compile(r"action|node|sequence|datetime(?:_until)?\.(?:rfc3339|rfc3339utc|unix)")
_ACCOUNT_KEYS = ("type", "project_id", "private_key_id", "private_key", "client_email")


def unfit(kind: str, resource_type: str, settings: Mapping[str, Any]) -> str | None:
    """Why a connector or action of a type cannot be so, None if it can.

    ``kind``: as the path of the operation begins. Where a URL leads a probe finds out by trying.
    """
    of_connectors = kind.startswith("connectors")
    special = (CONNECTOR_RULES if of_connectors else ACTION_RULES).get(resource_type)
    if special is _url and kind == "connectors_probe":
        special = None
    rules: list[Rule] = [_durations] if special is None else [_durations, special]
    if resource_type != "pulsar":
        rules.append(_time_to_live)
    if of_connectors and resource_type not in _UNCHECKED_SERVER:
        rules.append(lambda config: _servers(resource_type, config))
    return next((told for rule in rules if (told := rule(settings)) is not None), None)


def _durations(config: Mapping[str, Any]) -> str | None:
    options = config.get("resource_opts") or {}
    interval = parse_duration(options.get("health_check_interval", "15s"))
    if not 0.001 <= interval <= _LONGEST_CHECK_S:
        return f"Health Check Interval ({interval * 1000:g}ms) is out of range (1ms to 3600000ms)"
    return _too_long(options.get("start_timeout")) or _too_long(config.get("connect_timeout"))


def _time_to_live(config: Mapping[str, Any]) -> str | None:
    return _too_long((config.get("resource_opts") or {}).get("request_ttl"))


def _too_long(value: Any) -> str | None:
    too_long = value is not None and _LONGEST_S < parse_duration(value) < math.inf
    return "timeout value too large (max: 4294967295 ms)" if too_long else None


def _servers(resource_type: str, config: Mapping[str, Any]) -> str | None:
    for holder in (config, config.get("parameters") or {}):
        for field in _SERVERS:
            if isinstance(value := holder.get(field), str) and (told := _no_servers(resource_type, value)) is not None:
                return told
    return None


def _no_servers(resource_type: str, text: str) -> str | None:
    if not text.strip():
        return "cannot_be_empty"
    for server in re.split(r"[,\s]+", text.strip()):
        scheme, separator, rest = server.rpartition("://")
        if separator and (resource_type not in _WITH_SCHEME or scheme == "http"):
            return "not_expecting_scheme"
        port = rest.rpartition(":")[2]
        if port.isascii() and port.isdigit() and int(port) > _LAST_PORT and ":" in rest:
            return "port_number_too_large"
    return None


def _url(config: Mapping[str, Any]) -> str | None:
    url = config["url"]
    if "://" not in url:
        return f"Missing scheme in URL: {url}"
    parts = urlsplit(url)
    try:
        usable = parts.scheme.lower() in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable:
        return f"Invalid URL: {url}"
    return f"Fragments are not supported in URL: {url}" if parts.fragment else None


def _queried_url(config: Mapping[str, Any]) -> str | None:
    return "There must be no query in the url" if urlsplit(config["url"]).query else None


def _base_url(config: Mapping[str, Any]) -> str | None:
    return "empty_host_not_allowed" if config.get("base_url") == "" else None


def _azure_account(config: Mapping[str, Any]) -> str | None:
    try:
        base64.b64decode(str(config.get("account_key", "")), validate=True)
    except binascii.Error:
        return "bad account key; must be a valid base64 encoded value"
    return None


def _service_account(config: Mapping[str, Any]) -> str | None:
    account = config["service_account_json"]
    if isinstance(account, str):
        try:
            account = json.loads(account)
        except ValueError:
            return "not a json"
    missing = [key for key in _ACCOUNT_KEYS if not isinstance(account, dict) or key not in account]
    return f"missing_keys: {', '.join(missing)}" if missing else None


def _keepalive(config: Mapping[str, Any]) -> str | None:
    text = (config.get("socket_opts") or {}).get("tcp_keepalive", "none")
    fine = text == "none" or re.fullmatch(r"\d+\s*,\s*\d+\s*,\s*\d+", str(text))
    return None if fine else "Not comma separated positive integers of 'Idle,Interval,Probes' format"


def _oracle(config: Mapping[str, Any]) -> str | None:
    named = config.get("sid") is not None or config.get("service_name") is not None
    return None if named else "neither SID nor Service Name was set"


def _snowflake(config: Mapping[str, Any]) -> str | None:
    fine = re.fullmatch(r"[^-]+-[^-]+", str(config["account"]))
    return None if fine else "Account identifier must be of form ORGID-ACCOUNTNAME"


def _without_key(strategy: str) -> Rule:
    def rule(config: Mapping[str, Any]) -> str | None:
        parameters = config["parameters"]
        empty = (parameters.get("message") or {}).get("key", "any") == ""
        if empty and parameters.get(strategy) == "key_dispatch":
            return "Message key cannot be empty when `key_dispatch` strategy is used"
        return None

    return rule


def _kafka(config: Mapping[str, Any]) -> str | None:
    parameters = config["parameters"]
    headers = parameters.get("kafka_headers")
    if headers is not None and not _SINGLE_PLACEHOLDER.fullmatch(headers):
        return "The 'kafka_headers' must be a single placeholder like ${pub_props}"
    on_disk = (parameters.get("buffer") or {}).get("mode") == "disk"
    if on_disk and _PLACEHOLDER.search(str(parameters.get("topic", ""))):
        return "disk-mode buffering is disallowed when using dynamic topics"
    return _without_key("partition_strategy")(config)


def _blocks(config: Mapping[str, Any]) -> str | None:
    largest = config["parameters"].get("max_block_size", "4000mb")
    return "must be less than 4000 MiB" if parse_size(largest) > 4000 << 20 else None


def _kinesis(config: Mapping[str, Any]) -> str | None:
    size = (config.get("resource_opts") or {}).get("batch_size", 1)
    return f"Expect the int value =< 500 but got: {size}" if size > 500 else None


def _not_empty(field: str) -> Rule:
    def rule(config: Mapping[str, Any]) -> str | None:
        return f"{field}: empty is not allowed" if config["parameters"].get(field) in ("", []) else None

    return rule


def _tags(config: Mapping[str, Any]) -> str | None:
    untagged = any(row.get("tags") == {} for row in config["parameters"].get("data") or [])
    return "tags: the map must not be empty" if untagged else None


def _aggregated_key(config: Mapping[str, Any]) -> str | None:
    parameters = config["parameters"]
    if parameters.get("mode") != "aggregated":
        return None
    names = _PLACEHOLDER.findall(str(parameters.get("key", "")))
    disallowed = [name for name in names if not _AGGREGATED_KEY.fullmatch(name)]
    return f"Template placeholders are disallowed: {', '.join(disallowed)}" if disallowed else None


CONNECTOR_RULES: Mapping[str, Rule] = {
    "azure_blob_storage": _azure_account,
    "clickhouse": _queried_url,
    "gcp_pubsub_producer": _service_account,
    "http": _url,
    "iotdb": _base_url,
    "kafka_producer": _keepalive,
    "oracle": _oracle,
    "snowflake": _snowflake,
}
ACTION_RULES: Mapping[str, Rule] = {
    "azure_blob_storage": _blocks,
    "azure_event_hub_producer": _without_key("partition_strategy"),
    "confluent_producer": _without_key("partition_strategy"),
    "iotdb": _not_empty("data"),
    "kafka_producer": _kafka,
    "kinesis": _kinesis,
    "mqtt": _not_empty("topic"),
    "opents": _tags,
    "pulsar": _without_key("strategy"),
    "redis": _not_empty("command_template"),
    "s3": _aggregated_key,
}
