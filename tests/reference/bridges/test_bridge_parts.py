"""Templates, redaction, addresses, client ids and the buffer by themselves."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.bridges.buffer import ActionBuffer
from conformance.reference.bridges.drivers import Rejected
from conformance.reference.bridges.metrics import ActionMetrics
from conformance.reference.bridges.mqtt_driver import clientid
from conformance.reference.bridges.network import (
    BadAddress,
    endpoint_of_url,
    endpoints,
    endpoints_of_servers,
    is_loopback,
)
from conformance.reference.bridges.redaction import REDACTED, Unprintable, redact, restore
from conformance.reference.bridges.template import evaluate, lookup, render, render_bytes

DATA = {"topic": "t/1", "qos": 1, "payload": b'{"a":{"b":[1,2]},"s":"x"}', "none": None, "flags": {"retain": True}}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
CONFIG = st.recursive(
    TEXT,
    lambda inner: st.dictionaries(st.sampled_from(["password", "token", "user", "headers", "authorization"]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("${topic}-${qos}", "t/1-1"),
        ("${.topic}", "t/1"),
        ("${payload.s}", "x"),
        ("${payload.a}", '{"b":[1,2]}'),
        ("${payload.a.b}", "[1,2]"),
        ("${payload.zzz}/${none}/${zzz.y}", "undefined/undefined/undefined"),
        ("${flags.retain}", "true"),
        ("${$}{topic}", "${topic}"),
        ("$topic {topic} ${", "$topic {topic} ${"),
    ],
)
def test_rendering(template, text):
    assert render(template, DATA) == text


def test_whole_result_is_json():
    assert render("${.}", {"b": b"x", "n": None, "a": 1.5}) == '{"n":"undefined","b":"x","a":1.5}'


def test_bytes_of_a_payload_survive():
    assert render_bytes("<${payload}>", {"payload": b"\xff\x00"}) == b"<\xff\x00>"


def test_a_lone_placeholder_evaluates_to_the_value():
    assert evaluate("${qos}", DATA) == 1
    assert evaluate("${flags}", DATA) == {"retain": True}
    assert evaluate("q${qos}", DATA) == "q1"
    assert evaluate(True, DATA) is True


def test_quotes_protect_dots():
    assert lookup("a.'b.c'.d", {"a": {"b.c": {"d": 1}}}) == 1


@given(TEXT.filter(lambda text: "${" not in text))
def test_text_without_placeholders_stays(text):
    assert render(text, DATA) == text


@given(st.text("${}.'\"ab$ ", max_size=20))
def test_any_template_renders(template):
    assert isinstance(render(template, DATA), str)


# Redaction


@given(CONFIG)
def test_restoring_what_was_redacted_gives_the_original(config):
    if isinstance(config, dict):
        assert restore(redact(config), config) == config


@pytest.mark.parametrize("shown", ["file:///etc/secret", "${password}"])
def test_references_are_shown(shown):
    assert redact({"password": shown}) == {"password": shown}


@pytest.mark.parametrize("hidden", ["x", "", "x${password}", "******"])
def test_texts_are_hidden(hidden):
    assert redact({"a": [{"password": hidden}]}) == {"a": [{"password": REDACTED}]}


def test_numbers_under_a_secret_key_cannot_be_shown():
    with pytest.raises(Unprintable):
        redact({"password": 0})


def test_stars_for_nothing_stored_are_dropped_and_other_values_replace():
    assert restore({"password": REDACTED, "a": {"token": "new"}}, {"a": {"token": "old"}}) == {"a": {"token": "new"}}


# Addresses


@pytest.mark.parametrize(
    ("url", "host", "port", "secure"),
    [
        ("http://h", "h", 80, False),
        ("https://h:8443/p", "h", 8443, True),
        ("pulsar://h", "h", 6650, False),
        ("http://[::1]:1", "::1", 1, False),
    ],
)
def test_urls(url, host, port, secure):
    endpoint = endpoint_of_url(url)
    assert (endpoint.host, endpoint.port, endpoint.tls is not None) == (host, port, secure)


@pytest.mark.parametrize("url", ["", "h:80", "ftp://h", "http://", "http://h:x", "http://h:70000", "http://[::1"])
def test_bad_urls(url):
    with pytest.raises(BadAddress):
        endpoint_of_url(url)


def test_server_lists():
    found = endpoints_of_servers("a:1, b ,[::1]:3,mqtt://c:4", 9)
    assert [(endpoint.host, endpoint.port) for endpoint in found] == [("a", 1), ("b", 9), ("::1", 3), ("c", 4)]
    for text in ("", " , ", "a:b", "a:0", "a:70000", "a b", "zzz://a"):
        with pytest.raises(BadAddress):
            endpoints_of_servers(text, 9)


def test_endpoints_of_configurations():
    redis = {"parameters": {"redis_type": "cluster", "servers": "a:1,b:2"}}
    assert [endpoint.port for endpoint in endpoints("redis", redis)] == [1, 2]
    assert endpoints("s3", {"host": "h", "port": 5})[0].port == 5
    assert endpoints("pgsql", {"server": "h"})[0].port == 5432
    assert endpoints("gcp_pubsub_producer", {"service_account_json": "{}"}) == []


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("h", False)],
)
def test_loopback(host, loopback):
    assert is_loopback(host) is loopback


def test_clientids_fit_23_bytes_unless_the_prefix_is_long():
    assert clientid("rec", "rec_m", 1) == "recrec_m2bd61c44:1"
    assert clientid("", "n" * 40, 1) != clientid("", "n" * 40, 2)
    assert len(clientid("", "n" * 40, 1)) == 23
    assert clientid("p" * 19, "n" * 40, 1).startswith("p" * 19)
    assert len(clientid("p" * 19, "n" * 40, 1)) == 23
    assert clientid("p" * 20, "name", 1) == "p" * 20 + "name2bd61c44:1"


@pytest.mark.parametrize("answer", [None, Rejected("404")])
def test_a_late_answer_is_neither_a_success_nor_a_failure(monkeypatch, answer):
    now, metrics, outcomes = [0.0], ActionMetrics(), []
    monkeypatch.setattr("conformance.reference.bridges.buffer.time", SimpleNamespace(monotonic=lambda: now[0]))

    async def deliver(_):
        now[0] += 2.0
        if answer:
            raise answer

    async def send():
        buffer = ActionBuffer(deliver, metrics, {"request_ttl": "1s"})
        buffer.add({}, outcomes.append)
        while not outcomes:
            await asyncio.sleep(0)
        await buffer.close()

    asyncio.run(send())
    shown = {name: value for name, value in metrics.counters.total().items() if value}
    assert (shown, outcomes) == ({"late_reply": 1}, ["failed"])
