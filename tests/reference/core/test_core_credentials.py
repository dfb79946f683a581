"""API keys, tokens and roles."""

from __future__ import annotations

import time

import pytest

from conformance.reference.rest.credentials import ApiKey, Credentials, MalformedAuthorization, check_role
from conformance.reference.rest.http import ApiError
from tests.reference.core.conftest import basic


@pytest.fixture
def credentials() -> Credentials:
    return Credentials("key", "secret", "token")


def refused(credentials: Credentials, header: str | None) -> str:
    with pytest.raises(ApiError) as caught:
        credentials.role(header)
    assert caught.value.status == 401
    return caught.value.code


def test_a_removed_or_changed_key_stops_working_at_once(credentials):
    assert credentials.role(basic("key", "secret")) == "administrator"
    credentials.put_key("key", ApiKey("other"))
    assert refused(credentials, basic("key", "secret")) == "BAD_API_KEY_OR_SECRET"
    assert credentials.role(basic("key", "other")) == "administrator"
    assert credentials.remove_key("key")
    assert refused(credentials, basic("key", "other")) == "BAD_API_KEY_OR_SECRET"


@pytest.mark.parametrize("key", [ApiKey("s", enabled=False), ApiKey("s", expires_at=1.0)])
def test_disabled_and_expired_keys_are_unknown(credentials, key):
    credentials.put_key("k", key)
    assert refused(credentials, basic("k", "s")) == "BAD_API_KEY_OR_SECRET"


def test_a_key_may_expire_while_in_use(credentials, monkeypatch):
    credentials.put_key("k", ApiKey("s", expires_at=time.time() + 60))
    assert credentials.role(basic("k", "s")) == "administrator"
    now = time.time()
    monkeypatch.setattr("conformance.reference.rest.credentials.time.time", lambda: now + 61)
    assert refused(credentials, basic("k", "s")) == "BAD_API_KEY_OR_SECRET"


def test_an_unknown_role_is_refused(credentials):
    with pytest.raises(ValueError, match="unknown role 'boss'"):
        credentials.put_key("k", ApiKey("s", "boss"))


def test_a_dashboard_user_gets_a_token_but_no_basic(credentials):
    credentials.users["admin"] = "public"
    assert credentials.log_in("admin", "wrong") is None
    assert credentials.log_in("nobody", "public") is None
    token = credentials.log_in("admin", "public")
    assert credentials.role(f"Bearer {token}") == "administrator"
    assert refused(credentials, basic("admin", "public")) == "BAD_API_KEY_OR_SECRET"


def test_use_prolongs_a_token_and_idleness_ends_it(credentials, monkeypatch):
    token = credentials.issue_token(lifetime=100)
    now = time.time()
    monkeypatch.setattr("conformance.reference.rest.credentials.time.time", lambda: now + 99)
    assert credentials.role(f"Bearer {token}") == "administrator"
    monkeypatch.setattr("conformance.reference.rest.credentials.time.time", lambda: now + 200)
    assert credentials.role(f"Bearer {token}") == "administrator"
    monkeypatch.setattr("conformance.reference.rest.credentials.time.time", lambda: now + 10_000)
    assert refused(credentials, f"Bearer {token}") == "TOKEN_TIME_OUT"


@pytest.mark.parametrize("header", ["", "Basic", "Basic %%%", "Token x", "Bearer", "Bearer a,b", "Digest x"])
def test_malformed_headers(credentials, header):
    with pytest.raises(MalformedAuthorization):
        credentials.role(header)


@pytest.mark.parametrize("text", ["ü:ü", "key:ü", "key:\x00"])
def test_odd_secrets_are_compared_and_not_crashed_on(credentials, text):
    assert refused(credentials, basic(*text.split(":"))) == "BAD_API_KEY_OR_SECRET"


def test_roles():
    check_role("administrator", "DELETE /banned")
    check_role("viewer", "GET /banned")
    check_role("publisher", "POST /publish/bulk")
    for role, label in (("viewer", "POST /publish"), ("publisher", "GET /banned")):
        with pytest.raises(ApiError) as caught:
            check_role(role, label)
        assert (caught.value.status, caught.value.code) == (403, "UNAUTHORIZED_ROLE")
