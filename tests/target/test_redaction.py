"""Secrets never survive redaction, in whatever form they appear."""

import base64
import json
import re
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.contract import load_contract
from conformance.contract.fields import secret_names
from conformance.target.http.answer import Answer, Sent
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


@pytest.mark.parametrize(
    "spell",
    [
        lambda secret: secret,
        lambda secret: quote(secret, safe=""),
        lambda secret: re.sub("%..", lambda escape: escape[0].lower(), quote(secret, safe="")),
        quote_plus,
        json.dumps,
        lambda secret: json.dumps(secret, ensure_ascii=False),
        lambda secret: json.dumps(json.dumps({"password": secret})),
        repr,
        lambda secret: secret.encode().hex(),
        lambda secret: base64.urlsafe_b64encode(f"xy{secret}".encode()).decode(),
    ],
    ids=["clear", "url", "url-lower", "form", "json", "json-utf8", "json-in-json", "python", "hex", "base64url"],
)
def test_secret_is_gone_however_it_is_spelt(spell):
    secret = 's3cr\u00e9t "quoted"/slash\\'
    text = f"before {spell(secret)} after"
    redacted = Redactor([secret])(text)
    assert REDACTED in redacted
    for part in ("s3cr", "quoted", "slash"):
        assert part not in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


MARKED = secret_names(load_contract())
FIELD = "not-to-be-seen-1"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"password": FIELD, "other": "seen"}),
        json.dumps({"ssl": {"Password": FIELD}, "other": "seen"}, indent=1),
        '{"password":"' + FIELD + '","other":"seen",',
        '{"headers":{"Authorization":"' + FIELD + '"},"other":"seen"}',
        json.dumps({"message": json.dumps({"password": FIELD}), "other": "seen"}),
        str({"password": FIELD, "other": "seen"}),
        'seen #{<<"password">> => <<"' + FIELD + '">>}',
        'seen {password,<<"' + FIELD + '">>}',
        'seen password => "' + FIELD + '"',
        "seen mongodb://user:" + FIELD + "@host.invalid:1",
        "seen Endpoint=sb://x;SharedAccessKey=" + FIELD + ";y=z",
        "seen -----BEGIN RSA PRIVATE KEY-----\\n" + FIELD + "\\n-----END RSA PRIVATE KEY-----",
        "seen -----BEGIN PRIVATE KEY-----\n" + FIELD,
    ],
)
def test_value_of_a_secret_field_is_hidden(text):
    hidden = Redactor().hide(text)
    assert FIELD not in hidden
    assert "seen" in hidden
    assert REDACTED in hidden


@pytest.mark.parametrize("value", ["", "******", "${secret}", "file:///etc/secret"])
def test_what_is_no_secret_stays_in_a_secret_field(value):
    text = json.dumps({"password": value, "token_count": 5, "passwords": "plural"})
    assert Redactor().hide(text) == text


@pytest.mark.parametrize("field", sorted(MARKED))
def test_fields_the_contract_marks_as_secret_are_hidden(field):
    redact = Redactor(fields=MARKED)
    body = json.dumps({field: FIELD}).encode()
    assert redact.secrets_in(body) == {FIELD}
    assert FIELD not in redact.hide(body.decode())


def test_secret_of_a_body_is_hidden_wherever_the_answer_repeats_it():
    body = json.dumps({"name": "a", "password": FIELD}).encode()
    sent = Sent("POST", f"/connectors?x={FIELD}", {"content-type": "application/json"}, body, "basic", "r-1")
    told = f'{{"message":"cannot log in with {FIELD} ({base64.b64encode(FIELD.encode()).decode()})"}}'.encode()
    answer = Answer("POST /connectors", sent, 400, {"x-echo": FIELD}, told, 0.1)
    for text in (answer.curl(Redactor()), answer.transcript(Redactor())):
        assert FIELD not in text
        assert base64.b64encode(FIELD.encode()).decode() not in text
        assert REDACTED in text
    assert shlex.split(answer.curl(Redactor()))[0] == "curl"


def test_secret_is_hidden_before_a_long_body_is_cut():
    secret = "the-secret-across-the-cut"
    sent = Sent("GET", "/rules", {}, b"", "basic", "r-1")
    answer = Answer("GET /rules", sent, 200, {}, b"x" * (4000 - 10) + secret.encode(), 0.1)
    assert "the-secret" not in answer.transcript(Redactor([secret]))


def test_binary_body_tells_no_secret_in_hexadecimal():
    body = b"\0" + b'{"password":"' + FIELD.encode() + b'"}'
    line = Sent("POST", "/rules", {}, body, "basic", "r-1").curl(Redactor())
    assert line.startswith("printf ")
    assert FIELD.encode().hex() not in line


def test_credentials_do_not_show_in_a_traceback():
    sent = Sent("GET", "/rules", {"Authorization": "Basic c2VjcmV0"}, b"secret", "basic", "r-1")
    assert "c2VjcmV0" not in repr(Answer("GET /rules", sent, 200, {}, b"", 0.1))


@pytest.mark.parametrize("name", ["password", "PassWord", "pa\u017f\u017fword", "jwt", "Proxy-Authorization"])
@pytest.mark.parametrize("around", ["{}", "\u00fcber {}", "\u0130 {}"], ids=["plain", "umlaut", "dotted"])
def test_secret_field_is_found_in_letters_of_any_case(name: str, around: str) -> None:
    text = around.format(f'{{"{name}": "value-of-a-secret"}}')
    assert "value-of-a-secret" not in Redactor().hide(text)
    assert Redactor().secrets_in(text.encode()) == {"value-of-a-secret"}
