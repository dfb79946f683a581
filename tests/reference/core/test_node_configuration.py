"""Settings of a node by EMQX's names: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.node_configuration import SETTINGS, NodeConfiguration, SettingError


def test_full_names_and_their_last_parts_are_understood():
    configuration = NodeConfiguration.parse(
        (
            "authorization.no_match=deny",
            "max_qos_allowed=1",
            "mqtt.retain_available=false",
            "authentication=none",
            "tcp.default.messages_rate=50/s",
            "mqtt_path=/a.b/c",
        )
    )

    assert configuration.changed() == {
        "authorization.no_match": "deny",
        "authentication": "none",
        "mqtt.max_qos_allowed": 1,
        "mqtt.retain_available": False,
        "listeners.tcp.default.messages_rate": "50/s",
        "listeners.ws.default.websocket.mqtt_path": "/a.b/c",
    }
    assert configuration.authenticator_chain == ()
    assert configuration.source_chain == ("built_in_database",)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("no_match", "'no_match' is not NAME=VALUE"),
        ("no_match=perhaps", "no_match is one of allow | deny, not 'perhaps'"),
        ("mqtt.retain_available=1", "mqtt.retain_available is true or false, not '1'"),
        ("max_qos_allowed=3", "max_qos_allowed is a whole number from 0 to 2, not '3'"),
        ("max_packet_size=-1", "max_packet_size is a whole number from 64 to 2147483648, not '-1'"),
        ("enable=true", "enable may be any of authorization.cache.enable, authentication.enable"),
        ("messages_rate=1", "messages_rate may be any of listeners.tcp.default.messages_rate, listeners.ws"),
        ("ws.default.bytes_rate=fast", "ws.default.bytes_rate is a rate like 50/s, .* or infinity, not 'fast'"),
        ("mqtt_path=mqtt", "mqtt_path is a path like /mqtt, not 'mqtt'"),
        ("dashboard.swagger=true", "'dashboard.swagger' is no setting"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(setting, sentence):
    with pytest.raises(SettingError, match=sentence.replace("|", r"\|")):
        NodeConfiguration.parse([setting])


def test_a_setting_is_given_once():
    with pytest.raises(SettingError, match="no_match is given twice"):
        NodeConfiguration.parse(["authorization.no_match=deny", "no_match=allow"])


@given(st.text(), st.text())
def test_any_text_is_a_configuration_or_a_sentence(name, value):
    for text in (name, f"{name}={value}", *(f"{known}={value}" for known in SETTINGS)):
        with contextlib.suppress(SettingError):
            assert len(NodeConfiguration.parse([text]).changed()) <= 1
