"""Try out, inside the sandbox, who may connect to the broker and what its authorization makes of the suite's rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from conformance.contract import paths
from conformance.target.deployment_profile import DeploymentProfile, Identity, MqttLimits
from conformance.target.errors import Inapplicable, TargetLost
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.session import Api, NoAnswer, expand
from conformance.target.mqtt import QUOTA_EXCEEDED, MqttClient, MqttError
from conformance.target.preflight.survey import Reads, has_hooks
from conformance.target.resources.access import PASSWORD
from conformance.target.settings.config import Configuration

_GRANTED = (0, 1, 2)
TOPIC_FILTER_INVALID = 0x8F
_REFUSES_LOGIN = (0x86, 0x87)
"""Reason codes of CONNACK: bad user name or password, and not authorized."""
_MANY_LEVELS = 64
"""More than the suite's topics have."""


@dataclass(frozen=True, slots=True)
class MqttSurvey:
    """What the trials showed. ``None`` in a ``no_*`` field means: possible; otherwise it says why not.

    ``no_decisions``: why rules of the built-in source decide nothing here. ``told_denials``: whether a client that is
    refused something is told so, rather than disconnected.
    """

    profile: DeploymentProfile
    no_mqtt: str | None = None
    no_decisions: str | None = None
    told_denials: bool = True


class Impossible(Exception):
    """The suite's clients cannot be used; the text says why."""


class LoginRefused(Impossible):
    """Neither clients without a name get in, nor users of the suite."""


def survey(
    api: Api, configuration: Configuration, sandbox: Sandbox, profile: DeploymentProfile, reads: Reads
) -> MqttSurvey:
    """Find out how the suite's clients get in, and whether rules for them count; ``profile``: what could be read.

    A target that says how it is configured and does otherwise is believed: what it does then is a fault for the items
    to find, and nothing is left out for it. Raises `TargetLost` if a listener was named and no broker answers there:
    the user counts on it.
    """
    if configuration.mqtt is None:
        return MqttSurvey(profile, "no MQTT listener given (--mqtt)")
    known = profile.limits
    if known.mountpoint is not None:
        return MqttSurvey(
            profile, f"the listener puts {known.mountpoint} before the topics of its clients (mountpoint)"
        )
    rates = MqttLimits(
        client_id_bytes=known.client_id_bytes,
        connections_per_s=known.connections_per_s,
        messages_per_s=known.messages_per_s,
        bytes_per_s=known.bytes_per_s,
    )
    named = known.ids_are_user_names
    trials = _Trials(api, configuration, sandbox, configuration.mqtt, rates, ids_are_user_names=named)
    try:
        profile, is_seen = _identified(trials, profile, reads)
        if not is_seen:
            return MqttSurvey(replace(profile, ruled=profile.no_match == "deny"))
        profile = replace(profile, limits=trials.limits(profile))
        profile = replace(profile, ruled=_is_ruled(trials, profile, reads))
        if profile.limits.zone is not None:
            profile = replace(profile, limits=trials.of_zone(profile.limits))
    except (Impossible, Inapplicable) as reason:
        return MqttSurvey(profile, str(reason))
    except (MqttError, NoAnswer) as error:
        return MqttSurvey(profile, f"MQTT listener {configuration.mqtt}: {error}")
    no_decisions, told = trials.decisions()
    if no_decisions is not None and profile.asks_rules_first and not has_hooks(reads):
        no_decisions = None
    return MqttSurvey(profile, None, no_decisions, told or profile.deny_action == "ignore")


def _identified(trials: _Trials, profile: DeploymentProfile, reads: Reads) -> tuple[DeploymentProfile, bool]:
    """``profile`` with what its clients are known by, and whether that was seen: what is only said is not to be tried
    out any further."""
    told = profile.told_identity
    try:
        seen = trials.find_identity()
    except LoginRefused:
        if told is None or has_hooks(reads):
            raise
        return replace(profile, identity=told), False
    if told is not None and told != seen and not has_hooks(reads):
        return replace(profile, identity=told), False
    trials.identity = seen
    return replace(profile, identity=seen), True


def _is_ruled(trials: _Trials, profile: DeploymentProfile, reads: Reads) -> bool:
    """Whether clients need rules for their own topics."""
    try:
        return trials.ruled()
    except Impossible:
        may_be = profile.asks_rules_first or (profile.sources == () and profile.no_match == "allow")
        if not may_be or profile.limits.zone is not None or has_hooks(reads):
            raise
        return profile.no_match == "deny"


class _Trials:
    def __init__(
        self,
        api: Api,
        configuration: Configuration,
        sandbox: Sandbox,
        listener: str,
        rates: MqttLimits,
        *,
        ids_are_user_names: bool,
    ) -> None:
        self._api = api
        self._sandbox = sandbox
        self._listener = listener
        self._options: dict[str, Any] = {"ca_bundle": configuration.ca_bundle, "owned": sandbox, "allowed": rates}
        self.identity: Identity = "anonymous"
        self._ids_are_user_names = ids_are_user_names

    def find_identity(self) -> Identity:
        """By what the broker knows its clients; raises `Impossible` where no client of the suite gets in, `TargetLost`
        where no broker answers."""
        try:
            self._client(self._sandbox.name("preflight")).connect().close()
        except MqttError as error:
            self._no_session(error)
            if error.reason_code is None:
                raise TargetLost(f"the MQTT listener {self._listener}, as --mqtt says, is none: {error}") from None
        else:
            return "anonymous"
        user, other = self._sandbox.name("preflight"), self._sandbox.name("preflight")
        login = {"username": user, "password": PASSWORD}
        with self._user(user):
            try:
                self._client(user, **login).connect().close()
            except MqttError as error:
                self._no_session(error)
                kind = LoginRefused if error.reason_code in _REFUSES_LOGIN else Impossible
                raise kind(
                    f"MQTT listener {self._listener} refuses anonymous clients and users of the suite: {error}"
                ) from None
            try:
                self._client(other, **login).connect().close()
            except MqttError:
                return "clientid"
        return "username"

    def limits(self, profile: DeploymentProfile) -> MqttLimits:
        """The limits of ``profile``, corrected by what CONNACK grants an MQTT 5 client."""
        with self._admitted() as client:
            granted = client.limits
        limits = profile.limits
        keepalive, packet = granted.get("ServerKeepAlive"), granted.get("MaximumPacketSize")
        return replace(
            limits,
            max_qos=min(limits.max_qos, granted.get("MaximumQoS", 2)),
            retain=limits.retain and granted.get("RetainAvailable", 1) == 1,
            wildcards=limits.wildcards and granted.get("WildcardSubscriptionAvailable", 1) == 1,
            shared=limits.shared and granted.get("SharedSubscriptionAvailable", 1) == 1,
            keepalive_s=limits.keepalive_s if keepalive is None else keepalive,
            packet_size=packet if packet is not None and packet < 1024**2 else limits.packet_size,
        )

    def ruled(self) -> bool:
        """Whether a client needs rules for its own topics; raises `Impossible` where rules do not help."""
        topic = self._sandbox.topic("preflight")
        with self._admitted() as client:
            if self._may(client, topic):
                return False
        client_id, everything = self._sandbox.name("preflight"), f"{self._sandbox.topic_root}#"
        with self._rule(client_id, "allow", everything) as made, self._admitted(client_id) as client:
            if made and self._may(client, topic):
                return True
        raise Impossible(
            "the target denies the suite's MQTT clients topics of their own, and rules of the built-in authorization "
            "source change nothing: another source decides"
        )

    def of_zone(self, limits: MqttLimits) -> MqttLimits:
        """``limits`` with what the listener's zone is seen to do, whose settings no read tells."""
        client_id, everything = self._sandbox.name("preflight"), f"{self._sandbox.topic_root}#"
        topic = self._sandbox.topic("preflight")
        with self._rule(client_id, "allow", everything):
            with self._admitted(client_id) as client:
                levels = self._levels(client)
                client.subscribe(topic, min(1, limits.max_qos))
                client.publish(topic, "preflight", qos=0)
                raised = [message.qos > 0 for message in client.wait_for_messages()]
            with self._admitted(client_id, protocol=4) as client:
                echoes = self._may(client, topic)
        return replace(limits, topic_levels=levels, raises_qos=any(raised), echoes_to_old_clients=echoes)

    def _levels(self, client: MqttClient) -> int | None:
        """How many levels a topic may have, None if that is no limit."""

        def allowed(levels: int) -> bool:
            topic = self._sandbox.topic("preflight")
            below = levels - topic.count("/") - 1
            return client.subscribe("/".join((topic, *["x"] * below)), 0) != TOPIC_FILTER_INVALID

        low, high = self._sandbox.topic("preflight").count("/") + 1, _MANY_LEVELS
        if allowed(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if allowed(middle) else (low, middle)
        return low

    def decisions(self) -> tuple[str | None, bool]:
        """Why a rule that denies has no effect, None if it has one; and whether the client is told."""
        client_id, topic = self._sandbox.name("preflight"), self._sandbox.topic("preflight")
        try:
            with self._rule(client_id, "deny", topic) as made:
                if not made:
                    return "the built-in authorization source takes no rules", True
                with self._admitted(client_id) as client:
                    code = client.subscribe(topic)
                    told = client.connected
        except (MqttError, NoAnswer) as error:
            return f"a rule that denies was not to be tried: {error}", True
        if code in _GRANTED:
            return "rules of the built-in authorization source decide nothing: another source decides before it", True
        return None, told

    def _no_session(self, error: MqttError) -> None:
        if error.reason_code == QUOTA_EXCEEDED:
            raise Impossible("the target allows no further MQTT session: its license is used up")

    def _client(self, client_id: str, **options: Any) -> MqttClient:
        return MqttClient(self._listener, client_id, timing=self._api.timing, **self._options, **options)

    @contextmanager
    def _admitted(self, client_id: str | None = None, **options: Any) -> Iterator[MqttClient]:
        """A connected client, with a user where one is demanded."""
        client_id = client_id or self._sandbox.name("preflight")
        if self.identity == "anonymous":
            with self._client(client_id, **options) as client:
                yield client
            return
        named_alike = self.identity == "clientid" or self._ids_are_user_names
        user = client_id if named_alike else self._sandbox.name("preflight")
        with self._user(user), self._client(client_id, username=user, password=PASSWORD, **options) as client:
            yield client

    @staticmethod
    def _may(client: MqttClient, topic: str) -> bool:
        """Whether the client may subscribe and publish to a topic: it gets what it publishes."""
        if client.subscribe(topic, 0) not in _GRANTED:
            return False
        client.publish(topic, "preflight", qos=0)
        return bool(client.wait_for_messages())

    @contextmanager
    def _user(self, user: str) -> Iterator[None]:
        created = self._api.send_json("POST", paths.USERS, {"user_id": user, "password": PASSWORD})
        try:
            yield
        finally:
            if created.ok:
                self._api.send("DELETE", expand(paths.USER, {"user_id": user}), observed=False)

    @contextmanager
    def _rule(self, client_id: str, permission: str, topic: str) -> Iterator[bool]:
        """A rule for a client, and whether the target took it."""
        rules = [{"topic": topic, "permission": permission, "action": "all"}]
        created = self._api.send_json("POST", paths.CLIENT_RULES, [{"clientid": client_id, "rules": rules}])
        try:
            yield created.ok
        finally:
            if created.ok:
                self._api.send("DELETE", expand(paths.RULES_OF_CLIENT, {"clientid": client_id}), observed=False)
