"""What the preflight finds out about deployments that are configured in other ways than the suite would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.run.planning import make_plan
from conformance.target.capabilities import Capabilities
from conformance.target.deployment_profile import DeploymentProfile, MqttLimits
from conformance.target.errors import Inapplicable, TargetLost
from conformance.target.http.answer import Sent
from conformance.target.http.session import NoAnswer
from conformance.target.mqtt import MqttClient
from conformance.target.preflight import mqtt_survey, preflight
from conformance.target.preflight.listener_survey import listeners, with_listener
from conformance.target.preflight.survey import Reads, read_profile
from conformance.target.settings.config import Configuration, load_configuration

Survey = Callable[..., Capabilities]


def configuration(deployment: EmbeddedDeployment, folder: Path, **options: object) -> Configuration:
    given = {
        "base_url": deployment.base_url,
        "api_key": deployment.api_key,
        "mqtt": deployment.mqtt,
        "report_dir": str(folder),
        **options,
    }
    return load_configuration(given, {"EMQX_CONFORMANCE_API_SECRET": deployment.api_secret})


@pytest.fixture
def survey(tmp_path: Path) -> Iterator[Survey]:
    """The capabilities of a deployment with settings; what the preflight left behind is checked at the end."""
    with ExitStack() as stack:

        def look(*settings: str, **options: object) -> Capabilities:
            embedded = stack.enter_context(start_embedded(configuration=NodeConfiguration.parse(settings)))
            return make_plan(configuration(embedded, tmp_path, **options), 0.0).capabilities

        yield look


class Telling:
    """Reads that are answered with these values, and any other with 404."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get(self, path: str) -> Any:
        status = 200 if path in self._values else 404
        return SimpleNamespace(status=status, is_json=True, json=self._values.get(path))


class Answering:
    """Answers each read with path and number, but ``/gone``, which is not answered."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self._lock = Lock()

    def send(self, method: str, path: str, *, observed: bool) -> str:
        assert (method, observed) == ("GET", False)
        if path == "/gone":
            raise NoAnswer(None, Sent("GET", path, {}, b"", "default", ""), "it is gone")
        with self._lock:
            self.read.append(path)
            return f"{path} {self.read.count(path)}"


def reads_of(api: Any, *ahead: str, at_once: int = 3) -> Callable[[str], Any]:
    return Reads(api, ahead, at_once).get


def test_what_was_read_ahead_is_told_as_often_and_then_read_again() -> None:
    api = Answering()
    get = reads_of(api, "/a", "/b", "/a", "/gone")
    assert sorted(api.read) == ["/a", "/a", "/b"]

    assert {get("/a"), get("/a")} == {"/a 1", "/a 2"}
    assert (get("/a"), get("/b"), get("/c")) == ("/a 3", "/b 1", "/c 1")
    with pytest.raises(NoAnswer, match="it is gone"):
        get("/gone")


def test_one_by_one_nothing_is_read_ahead() -> None:
    api = Answering()
    assert reads_of(api, "/a", at_once=1)("/b") == "/b 1"
    assert api.read == ["/b"]


def test_everything_is_allowed_by_default(survey):
    found = survey()

    profile = found.profile
    assert (profile.identity, profile.ruled, profile.no_match) == ("anonymous", False, "allow")
    assert (profile.authenticators, profile.sources) == ((), ("built_in_database",))
    assert set(found.missing()) == {"viewer", "publisher", "bearer", "users"}
    assert profile.sentences() == [
        "edition Enterprise, 1 node",
        "MQTT clients connect without a user",
        "authenticators: none",
        "authorization sources: built_in_database",
        "what no rule decides is allowed",
        "MQTT: no unusual limits",
    ]


@pytest.mark.parametrize("identity", ["username", "clientid"])
def test_users_are_known_by_what_the_authenticator_says(survey, identity):
    found = survey("authentication.enable=true", f"user_id_type={identity}")

    assert (found.profile.identity, found.no_mqtt) == (identity, None)
    assert "users" not in found.missing()
    assert ("loop" in found.missing()) is (identity == "clientid")


def test_a_deployment_that_denies_by_default_gets_rules(survey):
    found = survey("no_match=deny", "authentication.enable=true")

    assert (found.profile.ruled, found.no_mqtt, found.no_decisions) == (True, None, None)
    assert "what no rule decides is denied" in found.profile.sentences()


def test_a_denial_that_ends_the_connection_is_known(survey):
    found = survey("no_match=deny", "deny_action=disconnect")

    assert (found.profile.ruled, found.no_mqtt) == (True, None)
    assert "disconnects" in found.missing()["told denials"]


def test_rules_behind_another_source_decide_nothing(survey):
    found = survey("authorization.sources=file,built_in_database")

    assert found.no_mqtt is None
    assert "another source decides" in found.missing()["decisions"]


def test_where_nothing_is_allowed_and_no_rule_helps_the_data_plane_is_left_alone(survey):
    found = survey("authorization.sources=none", "no_match=deny")

    assert "denies the suite's MQTT clients topics of their own" in (found.no_mqtt or "")


def test_an_authenticator_that_knows_no_user_of_the_suite(survey):
    found = survey("authentication=http,built_in_database")

    assert "refuses anonymous clients and users of the suite" in (found.no_mqtt or "")
    assert found.profile.authenticators == ("http",)


def test_a_retainer_that_is_off(survey):
    assert survey("retainer.enable=false").missing()["retainer"] == "the retainer is switched off (retainer.enable)"


def test_a_retainer_that_is_nearly_full(survey):
    found = survey("retainer.max_retained_messages=10")

    assert found.missing()["retainer"] == (
        "the retainer has room for 10 messages (retainer.backend.max_retained_messages)"
    )
    assert "retainer" not in survey("retainer.max_retained_messages=100").missing()


def test_decisions_that_are_not_cached(survey):
    found = survey("authorization.cache.enable=false").profile

    assert (found.caches_decisions, "few or no decisions are cached" in found.sentences()) == (False, True)


@pytest.mark.parametrize(
    ("cache", "caches"),
    [
        ({"enable": True, "max_size": 32, "ttl": "1m"}, True),
        ({"enable": True, "max_size": 2, "ttl": "1m"}, False),
        ({"enable": True, "max_size": 32, "ttl": "5s"}, False),
        (None, True),
    ],
)
def test_a_cache_that_is_too_small_is_none(cache, caches):
    reads = Telling({"/authorization/settings": {"cache": cache}})

    assert read_profile(reads, {}).caches_decisions is caches


@pytest.mark.parametrize(
    ("delayed", "delays"),
    [
        ({"enable": True, "max_delayed_messages": 0}, True),
        ({"enable": True, "max_delayed_messages": 10}, None),
        ({"enable": False, "max_delayed_messages": 0}, False),
        ({"enable": "yes"}, None),
        ([], None),
    ],
)
def test_a_target_says_whether_it_delays_messages(delayed, delays):
    found = read_profile(Telling({"/mqtt/delayed": delayed}), {})

    assert (found.delays_messages, "no messages are delayed" in found.sentences()) == (delays, delays is False)


def test_what_a_listener_puts_before_the_topics_of_its_clients(tmp_path):
    known = [{"id": "tcp:default", "type": "tcp", "bind": "0.0.0.0:1883", "enable": True}]
    reads = Telling({"/listeners": known, "/listeners/tcp%3Adefault": {"mountpoint": "tenants/", "zone": "ext"}})
    given = {"base_url": "http://127.0.0.1:9/api/v5", "api_key": "k", "mqtt": "127.0.0.1:1883"}
    configured = load_configuration(given, {"EMQX_CONFORMANCE_API_SECRET": "a-secret-of-this-test"}, tmp_path)

    limits = with_listener(MqttLimits(), listeners(reads, configured), configured)

    assert list(limits.sentences()) == [
        "tenants/ before the topics of clients",
        "settings of the zone ext, which were tried out",
    ]
    found = mqtt_survey.survey(None, configured, None, DeploymentProfile(limits=limits), reads)
    assert found.no_mqtt == "the listener puts tenants/ before the topics of its clients (mountpoint)"


def test_sessions_that_are_kept_on_disk():
    reads = Telling({"/configs/global_zone": {"mqtt": {}, "durable_sessions": {"enable": True}}})

    limits = read_profile(reads, {}).limits

    assert list(limits.sentences()) == ["sessions are kept on disk"]
    with pytest.raises(Inapplicable, match="durable_sessions"):
        MqttClient("127.0.0.1:9", "c", session_expiry_s=60, allowed=limits)


@pytest.mark.parametrize("settings", [(), ("no_match=deny", "authentication.enable=true")])
def test_settings_of_a_zone_are_tried_out(survey, monkeypatch, settings):
    unread = MqttLimits(zone="ext")
    monkeypatch.setattr(preflight, "with_listener", lambda limits, described, configuration: unread)

    found = survey("max_topic_levels=5", "upgrade_qos=true", "ignore_loop_deliver=true", *settings).profile.limits

    assert (found.topic_levels, found.raises_qos, found.echoes_to_old_clients) == (5, True, False)


def test_a_zone_without_settings(survey, monkeypatch):
    monkeypatch.setattr(preflight, "with_listener", lambda limits, described, configuration: MqttLimits(zone="ext"))

    assert survey().profile.limits == MqttLimits(zone="ext")


def test_neither_authenticator_nor_source(survey):
    missing = survey("authentication=none", "authorization.sources=none").missing()

    assert {"authenticator", "authorization", "decisions"} <= set(missing)


def test_limits_of_clients(survey):
    limits = survey(
        "max_qos_allowed=1", "retain_available=false", "wildcard_subscription=false", "shared_subscription=false",
        "max_topic_levels=5", "max_packet_size=2000", "server_keepalive=30", "max_sessions=20",
        "mqueue_store_qos0=false", "ignore_loop_deliver=true", "max_subscriptions=9", "max_clientid_len=60",
        "upgrade_qos=true", "use_username_as_clientid=true", "retainer.max_payload_size=1024", "max_mqueue_len=4",
    ).profile.limits  # fmt: skip

    assert list(limits.sentences()) == [
        "QoS up to 1",
        "no retained messages of clients",
        "no wildcard subscriptions",
        "no shared subscriptions",
        "QoS 0 is not queued",
        "no echo to MQTT 3.1.1 clients",
        "a user name is the client id",
        "messages come with the higher QoS",
        "packets up to 2000 bytes",
        "retained payloads up to 1024 bytes",
        "topics up to 5 levels",
        "client ids up to 60 bytes",
        "keep-alive of 30 s set by the server",
        "up to 20 sessions",
        "up to 9 subscriptions of a client",
        "up to 4 messages wait for a client",
    ]


def test_client_ids_that_are_too_short_for_those_of_the_suite(survey):
    assert "mqtt.max_clientid_len" in survey("max_clientid_len=23").missing()["mqtt"]


def test_a_listener_for_websocket_alone(survey):
    found = survey("listeners.tcp.default.enable=false", "listeners.ws.default.enable=true")

    assert (found.profile.listener, found.no_mqtt) == ("ws", None)
    assert "they use MQTT over WebSocket" in found.profile.sentences()
    assert "connectors speak no WebSocket" in found.missing()["loop"]


def test_the_open_source_edition(survey):
    found = survey("edition=Opensource", viewer_key="v", viewer_secret="secret")

    assert (found.profile.edition, found.action_types) == ("Opensource", ("http", "mqtt"))
    missing = found.missing()
    assert missing["schemas"] == "the open-source edition of EMQX has no schema registry"
    assert missing["viewer"] == missing["publisher"] == "the open-source edition of EMQX has no roles of API keys"


RATES = ("tcp.default.messages_rate=50/s", "tcp.default.max_conn_rate=100/10s", "ws.default.messages_rate=5/s")


def test_rates_of_the_listener_that_is_used(survey):
    found = survey(*RATES, "ws.default.enable=true", "ws.default.bytes_rate=20KB/s")

    assert list(found.profile.limits.sentences()) == ["10 connections a second", "50 messages a second of a client"]


def test_behind_a_load_balancer_the_lowest_rates_count(survey):
    limits = survey(*RATES, "ws.default.enable=true", mqtt="mqtts://127.0.0.1:9", read_only=True).profile.limits

    assert (limits.messages_per_s, limits.connections_per_s, limits.bytes_per_s) == (5.0, 10.0, None)


def test_rates_that_the_user_names_count(survey):
    limits = survey(*RATES, messages_rate="7/s", bytes_rate="4KB/s").profile.limits

    assert (limits.messages_per_s, limits.connections_per_s, limits.bytes_per_s) == (7.0, 10.0, 4096.0)


def test_a_rate_at_which_connectors_do_nothing_in_time(survey):
    assert "reads 9 messages a second" in survey("tcp.default.messages_rate=9/s").missing()["loop"]


def test_a_read_only_run_tries_nothing_out(survey):
    found = survey("no_match=deny", read_only=True)

    assert found.no_mqtt == "the data plane is left alone with --read-only"
    assert found.profile.no_match == "deny"


def test_capabilities_survive_the_way_to_a_worker(survey):
    found = survey("max_qos_allowed=1", "user_id_type=clientid", "authentication.enable=true")

    assert Capabilities.from_json(found.as_json()) == found


def test_a_listener_that_is_named_and_does_not_answer_ends_the_run_before_it_begins(survey, closed_port):
    with pytest.raises(TargetLost, match=rf"127.0.0.1:{closed_port}, as --mqtt says, .* the connection was refused"):
        survey(mqtt=f"127.0.0.1:{closed_port}")
