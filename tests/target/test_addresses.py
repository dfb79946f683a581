"""Addresses and durations as users write them."""

import pytest

from conformance.target.addresses import is_loopback, split_address, split_listener
from conformance.target.durations import duration_s, duration_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("broker.example:1883", ("broker.example", 1883, False)),
        ("mqtt://10.0.0.1:1883", ("10.0.0.1", 1883, False)),
        ("mqtts://[2001:db8::1]:8883", ("2001:db8::1", 8883, True)),
    ],
)
def test_listener_has_host_port_and_perhaps_tls(text, expected):
    assert split_listener(text) == expected


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", "host:65536", "http://host:1", "user@host:1", "a b:1"])
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
