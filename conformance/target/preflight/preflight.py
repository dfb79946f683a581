"""One message instead of a thousand failures: is there a target, does it know us, what can it do?"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import requests

from conformance.contract.editions import ENTERPRISE, has_operation, has_roles
from conformance.contract.versions import VersionError, release_of
from conformance.target.capabilities import Capabilities
from conformance.target.deployment_profile import DeploymentProfile
from conformance.target.errors import ConfigurationError, CredentialsError, NoEmqxError, TargetLost
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer
from conformance.target.http.patience import innermost, reason_of
from conformance.target.http.session import Api, NoAnswer, expand
from conformance.target.http.standby import FAR_S
from conformance.target.preflight.distance import latency_s, write_price_s
from conformance.target.preflight.listener_survey import ask_who_connects, listeners, with_listener
from conformance.target.preflight.mqtt_survey import MqttSurvey, survey
from conformance.target.preflight.survey import AHEAD, Reads, answering_nodes, no_retainer, read_object, read_profile
from conformance.target.settings.config import Configuration, Role
from conformance.target.sink import HttpSink, SinkError
from conformance.target.timing import LAG_BETWEEN_NODES_S, eventually

_MESSAGES_OF_A_CONNECTOR_PER_S = 10.0
"""At a lower rate what a connector of the target sends to the target itself does not arrive in the time of an item."""

_USERS = "/authentication/password_based:built_in_database/users"
_READ_ONLY = "the data plane is left alone with --read-only"
_NOT_TOLD = "the target disconnects a client that it refuses something (authorization.deny_action)"
_UNKNOWN_CLIENT_IDS = "MQTT clients need a user named like their client id, and the target chooses that of a connector"
_NO_PLAIN_LISTENER = "connectors speak no WebSocket, and --mqtt names no other listener of the target"
_EDITION = "the open-source edition of EMQX"
_AUTHZ_USERS = "/authorization/sources/built_in_database/rules/users"
_SCHEMAS = "/schema_registry"


def _one_of(collection: str) -> str:
    return f"{collection}?limit=1"


_AHEAD = (*AHEAD, "/listeners", _one_of(_USERS), _one_of(_AUTHZ_USERS), _SCHEMAS)
_AT_ONCE = 6
"""Reads that are sent side by side to a target far away."""


def preflight(api: Api, configuration: Configuration, sandbox: Sandbox, hosts: HostPolicy) -> Capabilities:
    """Find out what the target can do; a read-only run sends nothing but reads for that.

    Raises `TargetLost` if it cannot be reached, `CredentialsError` if it refuses the credentials, and
    `ConfigurationError` if what answers is no EMQX API, its certificate is not trusted, its version cannot be read and
    none was named, or the sink cannot listen.
    """
    action_types, version, node = identify(api)
    writes = configuration.mode > Mode.READ_ONLY
    warnings = list(_write_check(api, sandbox)) if writes else []
    if version is not None and configuration.emqx_version is None:
        _check_version(api, version)
    if not api.health.uptimes():
        warnings.append("preflight: GET /nodes tells no uptime: a restart of the target in mid-run goes unnoticed")
    latency = latency_s(api)
    reads = Reads(api, _AHEAD, at_once=_AT_ONCE if latency > FAR_S else 1)
    retainer = read_object(reads, "/mqtt/retainer")
    profile = _placed(read_profile(reads, retainer), reads, configuration)
    api.timing = replace(api.timing, lag=profile.lag_s)
    mqtt = survey(api, configuration, sandbox, profile, reads) if writes else MqttSurvey(profile, no_mqtt=_READ_ONLY)
    return Capabilities(
        version=version,
        node=node,
        # Where it names none, that is a fault of the target, for the items to find.
        action_types=tuple(action_types or api.contract.types("actions")),
        no_mqtt=mqtt.no_mqtt,
        no_authenticator=_no_authenticator(reads, profile),
        no_authorization=_no_authorization(reads, profile),
        no_sink=_no_sink(api, configuration, sandbox, hosts) if writes else _READ_ONLY,
        no_viewer=_no_role(api, configuration, profile, "viewer"),
        no_publisher=_no_role(api, configuration, profile, "publisher"),
        no_bearer=_no_bearer(api),
        no_decisions=mqtt.no_decisions,
        no_told_denials=None if mqtt.told_denials else _NOT_TOLD,
        no_retainer=no_retainer(retainer, reads),
        no_schemas=_no_schemas(reads, profile),
        no_loop=_no_loop(mqtt.profile),
        profile=mqtt.profile,
        warnings=tuple(warnings),
        latency_s=latency,
        write_price_s=write_price_s(api, sandbox, latency) if writes else None,
    )


def identify(api: Api) -> tuple[list[str], str | None, str | None]:
    """Reach an EMQX that serves requests: the action types that it names, its version and its first node's name.

    Raises `TargetLost`, `CredentialsError` and `ConfigurationError` as `preflight`; it is `NoEmqxError` where something
    else answers.
    """
    action_types = _reach(api)
    version, node = _version(api)
    if not action_types and node is None and not _refuses_strangers(api):
        raise NoEmqxError(
            f"{api.base_url} is no EMQX API: GET /action_types names no types, GET /nodes names no node, and a request "
            f"without credentials is not refused as EMQX does"
        )
    return action_types, version, node


def _placed(profile: DeploymentProfile, reads: Reads, configuration: Configuration) -> DeploymentProfile:
    """``profile`` with the way to the target: its listener, and what a load balancer means to those who read."""
    answering = answering_nodes(reads)
    lag_s = configuration.replication_lag
    if lag_s is None:
        lag_s = LAG_BETWEEN_NODES_S if answering > 1 else 0.0
    listener, described = configuration.listener, listeners(reads, configuration)
    return replace(
        profile,
        answering=answering,
        lag_s=lag_s,
        listener="tcp" if listener is None else listener.type,
        limits=with_listener(profile.limits, described, configuration),
        told_identity=profile.told_identity if ask_who_connects(described) else None,
    )


# By the codes of OpenSSL (X509_V_ERR_...): for these it is not the CA that is missing.
_CERTIFICATE_ADVICE = dict.fromkeys((9, 10), "its dates, or the clock of this machine, are wrong") | dict.fromkeys(
    (62, 64), "the base URL must name the host as the certificate does"
)


def _read(api: Api, path: str) -> Answer:
    return api.send("GET", path, observed=False)


def _reach(api: Api) -> list[str]:
    try:
        answer = api.probe("GET", "/action_types")
    except requests.exceptions.SSLError as error:
        cause = innermost(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message.rstrip(".")
            advice = _CERTIFICATE_ADVICE.get(cause.verify_code, "--ca-bundle names its CA")
            raise ConfigurationError(f"the certificate of {api.base_url} is not trusted ({reason}); {advice}") from None
        raise TargetLost(f"no TLS connection to {api.base_url}: {reason_of(error, api.redact)}") from None
    except requests.RequestException as error:
        raise TargetLost(f"{api.base_url} cannot be reached: {reason_of(error, api.redact)}") from None
    if answer.status == 401:
        raise CredentialsError(f"{api.base_url} refuses the credentials (401 {answer.code or ''}".rstrip() + ")")
    if answer.status == 403:
        raise CredentialsError(f"the credentials may not read {api.base_url} (403 {answer.code or ''}".rstrip() + ")")
    if answer.status >= 500 or answer.status == 429:
        raise TargetLost(f"{api.base_url} is not ready: GET /action_types answered {answer.status}")
    if answer.status != 200 or not answer.is_json:
        problem = f": {answer.json_problem}" if answer.media_type == "application/json" else ""
        raise NoEmqxError(
            f"{api.base_url} is no EMQX API: GET /action_types answered {answer.status} "
            f"with {answer.media_type or 'no body'}{problem}"
        )
    types = answer.json
    return [name for name in types if isinstance(name, str)] if isinstance(types, list) else []


def _refuses_strangers(api: Api) -> bool:
    """Whether a request without credentials gets the answer that EMQX gives it: 401 with a code and a message."""
    try:
        answer = api.send("GET", "/action_types", credentials="none", observed=False)
    except NoAnswer:
        return False
    value = answer.json if answer.status == 401 and answer.is_json else None
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("code", "message"))


def _write_check(api: Api, sandbox: Sandbox) -> Iterator[str]:
    """Create, read and delete the cheapest resource there is: a ban of a client of the sandbox."""
    who = sandbox.name("preflight")
    try:
        created = api.send_json("POST", "/banned", {"as": "clientid", "who": who, "reason": "preflight"})
        if created.status in (401, 403):
            raise CredentialsError(
                f"the credentials may read but not write ({created.status} {created.code}): "
                "give a key of the role administrator, or --read-only"
            )
        listed = _read(api, f"/banned?clientid={who}")
        deleted = api.send("DELETE", f"/banned/clientid/{who}", observed=False)
    except NoAnswer as error:
        yield f"preflight: {error}"
        return
    for what, answer, expected in (("POST", created, 200), ("GET", listed, 200), ("DELETE", deleted, 204)):
        if answer.status != expected:
            yield f"preflight: {what} of a ban answered {answer.status}, expected {expected}"


def _version(api: Api) -> tuple[str | None, str | None]:
    try:
        answer = _read(api, "/nodes")
    except NoAnswer:
        return None, None
    nodes = answer.json if answer.status == 200 and answer.is_json else None
    if not isinstance(nodes, list) or not nodes or not isinstance(nodes[0], dict):
        return None, None
    version, node = nodes[0].get("version"), nodes[0].get("node")
    return (version if isinstance(version, str) else None), (node if isinstance(node, str) else None)


def _check_version(api: Api, version: str) -> None:
    try:
        release_of(version)
    except VersionError:
        raise ConfigurationError(
            f"{api.base_url} says that its version is {version!r:.60}, which is no EMQX version; "
            f"--emqx-version names the one to check it against"
        ) from None


def _no_authenticator(reads: Reads, profile: DeploymentProfile) -> str | None:
    """Why there are no users. A target that says that it asks them and shows none is defective."""
    if profile.has_users:
        return None
    return _absent(reads, _one_of(_USERS), "the built-in database authenticator is not configured")


def _no_authorization(reads: Reads, profile: DeploymentProfile) -> str | None:
    """Why there are no authorization rules, as `_no_authenticator`."""
    if profile.has_rules:
        return None
    return _absent(reads, _one_of(_AUTHZ_USERS), "the built-in database authorization source is not configured")


def _no_schemas(reads: Reads, profile: DeploymentProfile) -> str | None:
    """Why there is no schema registry, which the enterprise edition always has."""
    if profile.edition == ENTERPRISE:
        return None
    owner = "the target" if has_operation(profile.edition, "GET /schema_registry") else _EDITION
    return _absent(reads, _SCHEMAS, f"{owner} has no schema registry")


def _absent(reads: Reads, path: str, reason: str) -> str | None:
    try:
        answer = reads.get(path)
    except NoAnswer:
        return None  # a fault of the target, for the items to find
    return reason if answer.status in (400, 404) else None


def _no_loop(profile: DeploymentProfile) -> str | None:
    """Why no connector of the target can connect to its own broker."""
    if profile.listener in ("ws", "wss"):
        return _NO_PLAIN_LISTENER
    rate = profile.limits.messages_per_s
    if rate is not None and rate < _MESSAGES_OF_A_CONNECTOR_PER_S:
        return f"the target reads {rate:g} messages a second of a client, also of its own connectors (messages_rate)"
    return _UNKNOWN_CLIENT_IDS if profile.identity == "clientid" else None


def _no_role(api: Api, configuration: Configuration, profile: DeploymentProfile, role: Role) -> str | None:
    """Why the checks of a role are impossible. Whether the target keeps the role apart is for them to decide."""
    if not has_roles(profile.edition):
        return f"{_EDITION} has no roles of API keys"
    if role not in configuration.keys:
        return f"no API key with the role {role} is given (--{role}-key)"
    try:
        answer = api.send("GET", "/action_types", credentials=role, observed=False)
    except NoAnswer:
        return None  # a fault of the target, for the items to find
    if answer.status == 401:
        raise CredentialsError(f"--{role}-key: {api.base_url} refuses it ({answer.status} {answer.code})")
    return None


def _no_bearer(api: Api) -> str | None:
    both = api.credentials.has("basic") and api.credentials.has("bearer")
    return None if both else "a bearer token is compared with an API key: both are needed (--token-file)"


def _no_sink(api: Api, configuration: Configuration, sandbox: Sandbox, hosts: HostPolicy) -> str | None:
    """Why nothing can be delivered to the suite.

    An address that was given is taken at its word. The one of a target on loopback is tried out: the target may run in
    a container, whose loopback is another. A probe that fails is not believed alone: if a connector connects, what is
    wrong is the probe.
    """
    if configuration.sink is None and not configuration.on_loopback:
        return "no address is given under which the target reaches the suite's HTTP sink (--sink)"
    try:
        with HttpSink(*configuration.sink_address(sandbox.worker)) as sink:
            if configuration.sink is not None:
                return None
            hosts.allow(f"{sink.host}:{sink.port}")
            probe = {"type": "http", "name": sandbox.name("preflight"), "url": sink.url, "pool_size": 1}
            answer = api.send_json("POST", "/connectors_probe", probe)
            refused = answer.status == 400 and answer.code == "TEST_FAILED" and not sink.connections
            if refused and not _is_reached(api, probe, sink):
                return f"the target does not reach the suite's HTTP sink at {sink.host} (name another with --sink)"
    except SinkError as error:
        raise ConfigurationError(f"--sink: {error}") from None
    except NoAnswer:
        return None  # a fault of the target, for the items to find
    return None


def _is_reached(api: Api, connector: Mapping[str, Any], sink: HttpSink) -> bool:
    """Whether a connector to the sink, which is deleted again, connects to it; also where none can be created, which is
    a fault for the items to find."""
    created = api.send_json("POST", "/connectors", connector)
    if created.status != 201:
        return True
    try:
        return eventually(lambda: sink.connections > 0, api.timing.eventually)
    finally:
        api.send(
            "DELETE", expand("/connectors/{id}", {"id": f"{connector['type']}:{connector['name']}"}), observed=False
        )
