"""The sandbox owns its names and nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.target.guard.sandbox import Sandbox, bare_topic, new_run_id, run_of, started_at

SANDBOX = Sandbox("0abcdef1234", "gw0")


def test_run_id_tells_when_the_run_started() -> None:
    now = time.time()
    assert started_at(f"cft-{new_run_id(now)}-gw0-rule-1") == int(now)
    assert started_at("somebody-elses") is None


def test_names_are_valid_everywhere_and_never_repeat() -> None:
    names = [SANDBOX.name("user") for _ in range(100)]
    assert len(set(names)) == 100
    assert all(name.replace("-", "").isalnum() and SANDBOX.owns_name(name) for name in names)


@pytest.mark.parametrize(
    "topic",
    ["#", "+/a", "cft-0abcdef1234-gw0", "cft-0abcdef1234-gw1/a", "$share/g/#", "$share/cft-0abcdef1234-gw0/a", "", "/"],
)
def test_foreign_topics_are_not_owned(topic: str) -> None:
    assert not SANDBOX.owns_topic(topic)


@pytest.mark.parametrize("wrapped", ["{}", "$share/g/{}", "$queue/{}", "$exclusive/{}"])
def test_own_topics_are_owned_under_every_prefix(wrapped: str) -> None:
    assert SANDBOX.owns_topic(wrapped.format(SANDBOX.topic() + "/#"))


@given(st.text(max_size=30))
def test_foreign_names_are_never_owned(name: str) -> None:
    assert not SANDBOX.owns_name(name) or name.lstrip("-_").startswith(SANDBOX.prefix)


@pytest.mark.parametrize("before", ["", "-", "_", "-_-"])
def test_names_behind_what_none_may_start_with_are_known_as_the_runs(before: str) -> None:
    name = before + SANDBOX.name("con")
    assert SANDBOX.owns_name(name)
    assert run_of(name) == SANDBOX.run_id
    assert started_at(name) == started_at(SANDBOX.name())
    assert not SANDBOX.owns_name(f"a{name}")
    assert run_of(f"a{name}") is None


@pytest.mark.parametrize(
    ("pattern", "owned"),
    [
        ("^cft-0abcdef1234-gw0-x.*$", True),
        ("cft-0abcdef1234-gw0-x", False),
        ("^cft-0abcdef1234-gw0-|.*", False),
        ("^cft-0abcdef1234-gw0-?", False),
        ("^cft-0abcdef1234-gw0-*", False),
        ("^cft-0abcdef1234-gw0-{0}", False),
        ("^cft-0abcdef1234-gw0-+", False),
        ("^cft-0abcdef1234-gw0-[a|b]", False),
        ("^cft-0abcdef1234-gw0", False),
        ("(?i)^cft-0abcdef1234-gw0-", False),
        ("^[c]ft-0abcdef1234-gw0-", False),
        ("^cft-0abcdef1234-gw0-", True),
        ("^cft-0abcdef1234-gw0-(?:x?y)+$", True),
        (5, False),
        (".*", False),
        (None, False),
    ],
)
def test_only_anchored_patterns_are_owned(pattern: object, owned: bool) -> None:
    assert SANDBOX.owns_pattern(pattern) is owned


@pytest.mark.parametrize(
    ("network", "owned"),
    [("192.0.2.7", True), ("192.0.2.0/25", True), ("2001:db8::1", True), ("192.0.0.0/16", False), ("10.0.0.1", False),
     ("192.0.2.0/23", False), ("198.51.100.255/16", False), ("192.0.2.0/0.0.0.255", False), ("::ffff:192.0.2.1", False),
     ("2001:db8::1%eth0", False), ("192.0.2", False), (3221225985, False), ("192.0.2.1/24 ", False)],
)  # fmt: skip
def test_only_documentation_networks_are_owned(network: object, owned: bool) -> None:
    assert SANDBOX.owns_network(network) is owned


def test_bare_topic_strips_one_sharing_prefix() -> None:
    assert bare_topic("$share/g/$share/h/t") == "$share/h/t"
    assert bare_topic("$share/g") == ""
