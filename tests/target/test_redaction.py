"""Secrets never survive redaction, in whatever form they appear."""

import base64
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from conformance.target.redaction import REDACTED, SHORTEST_SECRET, Redactor

secrets = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=8, max_size=40)
surroundings = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=12)


@given(secrets, surroundings, surroundings)
def test_secret_is_gone_in_clear_encoded_and_in_base64(secret: str, before: str, after: str) -> None:
    redact = Redactor()
    redact.add_basic("some-key", secret)
    header = base64.b64encode(f"some-key:{secret}".encode()).decode()
    text = f"{before}{secret}{after} {before}{quote(secret, safe='')}{after} {header}"
    redacted = redact(text)
    assert secret not in redacted
    assert header not in redacted
    assert quote(secret, safe="") not in redacted


@given(st.binary(min_size=1, max_size=9), st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=12))
def test_secret_inside_a_larger_base64_text_is_gone(before: bytes, secret: str) -> None:
    redact = Redactor([secret])
    encoded = base64.b64encode(before + secret.encode() + b"tail").decode()
    assert REDACTED in redact(encoded)


def test_authorization_values_are_gone_even_if_unknown() -> None:
    assert Redactor()("authorization: Basic dXNlcjpwYXNz") == f"authorization: Basic {REDACTED}"
    assert "abc.def" not in Redactor()('"Authorization": "Bearer abc.def.ghi"')


def test_prose_about_authentication_stays() -> None:
    assert Redactor()("basic authentication needs both parts") == "basic authentication needs both parts"


def test_too_short_a_secret_does_not_blank_everything() -> None:
    assert Redactor(["a" * (SHORTEST_SECRET - 1)])("banana aaa") == "banana aaa"
