"""Addresses and durations as users write them."""

import pytest

from conformance.target.addresses import is_loopback, split_address, split_listener
from conformance.target.durations import duration_s, duration_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("broker.example:1883", ("broker.example", 1883, False, None)),
        ("mqtt://10.0.0.1:1883", ("10.0.0.1", 1883, False, None)),
        ("mqtts://[2001:db8::1]:8883", ("2001:db8::1", 8883, True, None)),
        ("ws://broker.example:8083/mqtt", ("broker.example", 8083, False, "/mqtt")),
        ("ws://broker.example", ("broker.example", 80, False, "/mqtt")),
        ("wss://broker.example/a/b?c=d", ("broker.example", 443, True, "/a/b?c=d")),
        ("wss://[2001:db8::1]:8084/", ("2001:db8::1", 8084, True, "/")),
    ],
)
def test_listener_has_host_port_and_perhaps_tls_and_a_path(text, expected):
    assert split_listener(text) == expected


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("mqtt://a:1", "tcp", "a:1"),
        ("mqtts://a:1", "ssl", "a:1"),
        ("ws://a", "ws", "ws://a:80/mqtt"),
        ("wss://[::1]:8084/x", "wss", "wss://[::1]:8084/x"),
    ],
)
def test_listener_is_of_a_type_of_emqx(text, kind, written):
    assert (split_listener(text).type, str(split_listener(text))) == (kind, written)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "http://host:1",
        "user@host:1",
        "a b:1",
        "ws://",
        "ws://host:0/mqtt",
        "ws://host/a b",
        "ws://u:p@host/mqtt",
        "mqtt://host:1/mqtt",
    ],
)
def test_what_is_no_listener_is_refused(text):
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_listener(text)


def test_listener_can_be_named_in_a_connector():
    assert split_listener("mqtts://[2001:db8::1]:8883").address == "[2001:db8::1]:8883"


@pytest.mark.parametrize(("text", "expected"), [("me", ("me", None)), ("[::1]", ("::1", None)), ("me:80", ("me", 80))])
def test_port_of_an_address_may_be_left_out(text, expected):
    assert split_address(text) == expected


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.8.0.1", "::1"])
def test_loopback_is_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "10.0.0.1", "2001:db8::1", ""])
def test_everything_else_is_elsewhere(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86400), ("90s", 90)]
)
def test_duration_is_read_and_written_alike(text, seconds):
    assert duration_s(text) == seconds
    assert duration_text(seconds) == text


@pytest.mark.parametrize("text", ["", "10", "m", "1.5h", "-1s", "10 m", "1h30m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        duration_s(text)
