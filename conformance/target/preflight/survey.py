"""Read how a deployment is configured. Whatever cannot be read, or has another shape, stays unknown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from conformance.contract.editions import Edition
from conformance.target.deployment_profile import BUILT_IN, DeploymentProfile, Identity, MqttLimits
from conformance.target.durations import duration_s
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api, NoAnswer
from conformance.target.passwords import PasswordHashing

_UNITS = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_USER_ID_TYPES: tuple[Identity, ...] = ("username", "clientid")
_STATUS = "/status?format=json"
_ENOUGH_TO_MEET_ANOTHER_NODE = 6
_EDITIONS: Mapping[str, Edition] = {"e": "Enterprise", "v": "Opensource"}
_LICENSE_FOR_EVERYTHING = 1_000_000
_DECISIONS_OF_A_CLIENT, _CACHED_S = 4, 30
"""What the cache must hold for the item that reads it, and for how long."""
_QUEUE_FOR_EVERYTHING = 5
_RETAINED_AT_ONCE = 50
"""More messages than the suite's items retain at the same time."""

Value = TypeVar("Value")


class Reads:
    """Reads of the preflight, none of which is observed. Those of ``ahead`` are sent ``at_once``, before anybody asks;
    a path given several times is read as often."""

    def __init__(self, api: Api, ahead: Sequence[str] = (), at_once: int = 1) -> None:
        self._api = api
        self._answers: dict[str, list[Answer | NoAnswer]] = {}
        if at_once > 1:
            with ThreadPoolExecutor(at_once) as pool:
                for path, answer in zip(ahead, pool.map(self._read, ahead), strict=True):
                    self._answers.setdefault(path, []).append(answer)

    def get(self, path: str) -> Answer:
        """The answer that was read ahead, which counts once, or that of now; raises `NoAnswer`."""
        known = self._answers.get(path)
        answer = known.pop(0) if known else self._read(path)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    def _read(self, path: str) -> Answer | NoAnswer:
        try:
            return self._api.send("GET", path, observed=False)
        except NoAnswer as error:
            return error


AHEAD = (
    "/authorization/settings",
    "/nodes",
    "/authentication",
    "/authorization/sources",
    "/configs/global_zone",
    "/license",
    *[_STATUS] * _ENOUGH_TO_MEET_ANOTHER_NODE,
    "/mqtt/retainer",
    "/mqtt/delayed",
)
"""What this module reads of every target."""


def read_profile(reads: Reads, retainer: Mapping[str, Any]) -> DeploymentProfile:
    """What the target says of itself, by reads that are no operations of the contract; all of them may be missing.

    ``retainer``: the configuration of the retainer, as far as it could be read.
    """
    settings = read_object(reads, "/authorization/settings")
    authenticators = read_json(reads, "/authentication")
    nodes = read_json(reads, "/nodes")
    first = nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else {}
    return DeploymentProfile(
        no_match=_one_of(settings.get("no_match"), ("allow", "deny")),
        deny_action=_one_of(settings.get("deny_action"), ("ignore", "disconnect")),
        authenticators=_chain(authenticators, _backend),
        sources=_chain(read_object(reads, "/authorization/sources").get("sources"), lambda entry: entry.get("type")),
        told_identity=_told_identity(_enabled(authenticators)),
        has_users=any(_has_users(entry) for entry in _enabled(authenticators)),
        caches_decisions=_caches(settings.get("cache")),
        delays_messages=_delays(read_object(reads, "/mqtt/delayed")),
        hashing=_hashing(authenticators),
        edition=first.get("edition") if isinstance(first.get("edition"), str) else _edition_of_release(reads),
        nodes=len(nodes) if isinstance(nodes, list) and nodes else 1,
        limits=_limits(reads, retainer),
    )


def no_retainer(retainer: Mapping[str, Any], reads: Reads) -> str | None:
    """Why nothing is retained. Only a target that says so is believed: one that forgets messages is defective.

    ``retainer``: its configuration.
    """
    if retainer.get("enable") is False:
        return "the retainer is switched off (retainer.enable)"
    backend = retainer.get("backend")
    most = _whole(backend.get("max_retained_messages")) if isinstance(backend, dict) else None
    if most is None:
        return None
    meta = read_object(reads, "/mqtt/retainer/messages?limit=1").get("meta")
    room = most - ((_whole(meta.get("count")) if isinstance(meta, dict) else None) or 0)
    if room >= _RETAINED_AT_ONCE:
        return None
    return f"the retainer has room for {max(room, 0)} messages (retainer.backend.max_retained_messages)"


def answering_nodes(reads: Reads) -> int:
    """How many nodes answer under the base URL, as far as a few requests show."""
    statuses = [read_object(reads, _STATUS) for _ in range(_ENOUGH_TO_MEET_ANOTHER_NODE)]
    return len({str(status.get("node_name")) for status in statuses})


def _edition_of_release(reads: Reads) -> Edition | None:
    """The edition by the letter before the version that GET /status names: ``e5.8.9`` or ``v5.8.9``."""
    letter = str(read_object(reads, _STATUS).get("rel_vsn"))[:1]
    return _EDITIONS.get(letter)


def _hashing(authenticators: object) -> PasswordHashing:
    """How the built-in authenticator, which is there once at most, stores passwords."""
    for entry in authenticators if isinstance(authenticators, list) else ():
        if isinstance(entry, dict) and entry.get("backend") == BUILT_IN and "password_hash_algorithm" in entry:
            return PasswordHashing.parse(entry["password_hash_algorithm"])
    return PasswordHashing()


def _caches(cache: object) -> bool:
    """Whether the decisions about a client stay in the cache for a while."""
    settings = cache if isinstance(cache, dict) else {}
    size, ttl = _whole(settings.get("max_size")), _seconds(settings.get("ttl"))
    too_small = size is not None and size < _DECISIONS_OF_A_CLIENT
    return not (settings.get("enable") is False or too_small or (ttl is not None and ttl < _CACHED_S))


def _delays(delayed: Mapping[str, Any]) -> bool | None:
    """Whether messages are delayed; None where nobody says so, or others may have used up how many may wait."""
    if delayed.get("enable") is False:
        return False
    unlimited = delayed.get("max_delayed_messages", 0) == 0
    return True if delayed.get("enable") is True and unlimited else None


def _limits(reads: Reads, retainer: Mapping[str, Any]) -> MqttLimits:
    zone = read_object(reads, "/configs/global_zone")
    mqtt, durable = (part if isinstance(part := zone.get(name), dict) else {} for name in ("mqtt", "durable_sessions"))
    license_ = read_object(reads, "/license")
    sessions = _whole(license_.get("max_sessions", license_.get("max_connections")))
    qos = mqtt.get("max_qos_allowed")
    return MqttLimits(
        max_qos=qos if qos in (0, 1, 2) else 2,
        retain=mqtt.get("retain_available") is not False,
        wildcards=mqtt.get("wildcard_subscription") is not False,
        shared=mqtt.get("shared_subscription") is not False,
        packet_size=_below(_bytes(mqtt.get("max_packet_size")), 1024**2),
        retained_bytes=_below(_bytes(retainer.get("max_payload_size")), 1024**2),
        topic_levels=_below(_whole(mqtt.get("max_topic_levels")), 64),
        ids_are_user_names=mqtt.get("use_username_as_clientid") is True,
        raises_qos=mqtt.get("upgrade_qos") is True,
        durable_sessions=durable.get("enable") is True,
        client_id_bytes=_below(_whole(mqtt.get("max_clientid_len")), 256),
        keepalive_s=_whole(mqtt.get("server_keepalive")),
        sessions=_below(sessions, _LICENSE_FOR_EVERYTHING),
        subscriptions=_below(_whole(mqtt.get("max_subscriptions")), 1000),
        queue=_below(_whole(mqtt.get("max_mqueue_len")), _QUEUE_FOR_EVERYTHING),
        told_queue=_whole(mqtt.get("max_mqueue_len")),
        expiry_of_old_clients_s=_seconds(mqtt.get("session_expiry_interval")),
        queues_qos_0=mqtt.get("mqueue_store_qos0") is not False,
        echoes_to_old_clients=mqtt.get("ignore_loop_deliver") is not True,
    )


def read_json(reads: Reads, path: str) -> Any:
    """What a read that is no operation of the contract answers with 200, None if it does not."""
    try:
        answer = reads.get(path)
    except NoAnswer:
        return None
    return answer.json if answer.status == 200 and answer.is_json else None


def read_object(reads: Reads, path: str) -> dict[str, Any]:
    """As `read_json`, for an object; empty if there is none."""
    value = read_json(reads, path)
    return value if isinstance(value, dict) else {}


def _one_of(value: object, allowed: tuple[Value, ...]) -> Value | None:
    return next((known for known in allowed if known == value), None)


def has_hooks(reads: Reads) -> bool:
    """Whether other programs may have a say in what clients may do (ExHook)."""
    servers = read_json(reads, "/exhooks")
    return bool(_enabled(servers))


def _told_identity(authenticators: Sequence[dict[str, Any]]) -> Identity | None:
    """By what clients are known where nothing but the built-in database of users is asked."""
    if len(authenticators) != 1 or not _has_users(authenticators[0]) or authenticators[0].get("precondition"):
        return None
    return _one_of(authenticators[0].get("user_id_type"), _USER_ID_TYPES)


def _has_users(authenticator: dict[str, Any]) -> bool:
    return authenticator.get("id") == f"password_based:{BUILT_IN}"


def _enabled(entries: object) -> list[dict[str, Any]]:
    """The enabled entries of a chain, none if that is none."""
    known = entries if isinstance(entries, list) else ()
    return [entry for entry in known if isinstance(entry, dict) and entry.get("enable") is not False]


def _chain(entries: object, name: Callable[[dict[str, Any]], object]) -> tuple[str, ...] | None:
    """The enabled entries of a chain by name."""
    return tuple(str(name(entry)) for entry in _enabled(entries)) if isinstance(entries, list) else None


def _backend(entry: dict[str, Any]) -> object:
    return entry.get("backend") or entry.get("mechanism")


def _whole(value: object) -> int | None:
    """A positive number; words such as infinity or disabled are no limit."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _below(value: int | None, usual: int) -> int | None:
    """A limit that is lower than what the suite ever needs."""
    return value if value is not None and value < usual else None


def _bytes(value: object) -> int | None:
    match = re.fullmatch(r"(\d+)(B|KB|MB|GB|)", str(value), re.IGNORECASE)
    return int(match[1]) * _UNITS[match[2].upper()] if match else None


def _seconds(value: object) -> int | None:
    try:
        return int(duration_s(str(value)))
    except ValueError:
        return None
