"""Hashes of imported passwords are those that the target computes."""

from __future__ import annotations

import pytest

from conformance.reference.access.passwords import Algorithm, PasswordHash
from conformance.target.errors import Inapplicable
from conformance.target.passwords import PasswordHashing


@pytest.mark.parametrize("name", ["plain", "md5", "sha", "sha256", "sha512"])
@pytest.mark.parametrize("position", ["disable", "prefix", "suffix"])
def test_simple_digests(name, position):
    digest = PasswordHashing(name, position).stored("pässword", "s4lt")

    algorithm = Algorithm(name, position)
    assert algorithm.verify(PasswordHash(digest, "s4lt"), "pässword".encode())
    assert PasswordHashing(name, position).salted is (algorithm.hash("x").salt != "")


def test_pbkdf2():
    """The first vector of RFC 6070."""
    settings = {"name": "pbkdf2", "mac_fun": "sha", "iterations": 1, "dk_length": 20}

    hashing = PasswordHashing.parse(settings)

    assert hashing.stored("password", "salt") == "0c60c80f961f0e71f3a9b524af6012062fe037a6"
    assert hashing.salted


def test_bcrypt_is_not_computed():
    with pytest.raises(Inapplicable, match="bcrypt"):
        PasswordHashing("bcrypt").stored("password", "salt")


@pytest.mark.parametrize("settings", [None, "sha256", {}, {"name": 5, "iterations": "many"}])
def test_what_cannot_be_read_is_the_default(settings):
    assert PasswordHashing.parse(settings) == PasswordHashing()


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("bcrypt", "secret\0more", True),
        ("bcrypt", "secret ", False),
        ("pbkdf2", "secret\0", True),
        ("pbkdf2", "secret\0more", False),
        ("sha256", "secret\0", False),
    ],
)
def test_what_an_algorithm_cannot_tell_apart(name, other, same):
    assert PasswordHashing(name).confuses("secret", other) is same
