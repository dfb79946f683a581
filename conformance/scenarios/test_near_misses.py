"""What is nearly right: secrets of API keys and passwords, which are wrong, and names of schemes (GEN, AUTN)."""

from __future__ import annotations

import base64

import pytest

from conformance.contract import paths
from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.near import near_misses
from conformance.target.http.answer import Answer
from conformance.target.mqtt import MqttError
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

READ = "GET /rule_events"
IMPORT = f"POST {paths.IMPORT_USERS}"

PASSWORD = "Pass-W\u00f6rd \ufb01 \u2167 \u1e9b\u0323 5\u00b5"
"""Its other Unicode forms differ from it, and it has letters in both cases."""

BAD_USER_OR_PASSWORD = 0x86


@requirement("GEN-46", READ)
@pytest.mark.reads
def test_secret_that_is_nearly_right(target: Target) -> None:
    """An API secret that is nearly right is refused with 401 BAD_API_KEY_OR_SECRET, and so is the key's name."""
    keys = target.configuration.keys
    if "basic" not in keys:
        not_demanded("the target is called with a token, and no API key is known")
    key, secret = keys["basic"]

    def ask(name: str, text: str) -> Answer:
        # Reports hide the value of every Authorization header.
        signature = base64.b64encode(f"{name}:{text}".encode()).decode()
        headers = {"Authorization": f"Basic {signature}"}
        return target.api.call(READ, credentials="literal", headers=headers)

    ask(key, secret).expect(200)
    taken = {f"the secret {what}": ask(key, text).status for what, text in near_misses(secret).items()}
    taken |= {f"the key {what}": ask(text, secret).status for what, text in near_misses(key).items() if ":" not in text}
    wrong = {what: status for what, status in taken.items() if status != 401}
    assert not wrong, f"credentials that are nearly right were answered {wrong}, expected 401"
    ask(key, secret[:-1]).expect(401, code="BAD_API_KEY_OR_SECRET")


@requirement("GEN-67", READ)
@pytest.mark.reads
def test_scheme_in_any_case(target: Target) -> None:
    """The schemes Basic and Bearer are known by their letters in either case (RFC 9110, 11.1)."""
    credentials = target.api.credentials
    for signature in (one for one in ("basic", "bearer") if credentials.has(one)):
        scheme, _, told = credentials.headers(signature)["Authorization"].partition(" ")
        for written in (scheme.lower(), scheme.upper()):
            headers = {"Authorization": f"{written} {told}"}
            target.api.call(READ, credentials="literal", headers=headers).expect(200)


@requirement("AUTN-17", f"POST {paths.USERS}", f"PUT {paths.USER}", IMPORT)
@pytest.mark.needs("mqtt", "authenticator", "users")
@pytest.mark.parametrize("made", ["created", "changed", "imported"])
def test_password_that_is_nearly_right(target: Target, made: str) -> None:
    """A password or name that is nearly right is refused: in another case, Unicode form or length, cut off, empty."""
    user = target.users.create(password=PASSWORD if made == "created" else "another one")
    if made == "changed":
        target.users.put(user, {"password": PASSWORD}).expect(200)
    elif made == "imported":
        rows = [{"user_id": user, "password": PASSWORD}]
        target.api.call(IMPORT, query={"type": "plain"}, json=rows).expect(200, 204)
    profile = target.capabilities.profile
    client_id = user if profile.one_name else None

    def enters(password: str, name: str = user) -> bool:
        client = target.mqtt(client_id, known=False, username=name, password=password)
        try:
            client.connect().close()
        except MqttError as error:
            # The authenticator does not decide of unknown names, nor with mqtt.strict_mode of control characters.
            decided = name == user and password.isprintable()
            if error.reason_code != BAD_USER_OR_PASSWORD and (decided or error.reason_code is None):
                raise
            return False
        return True

    assert enters(PASSWORD), "CONNECT with the right password was refused"
    wrong = {what: text for what, text in near_misses(PASSWORD).items() if not profile.hashing.confuses(PASSWORD, text)}
    let_in = [what for what, text in wrong.items() if enters(text)]
    assert not let_in, f"CONNECT was accepted with the password {', '.join(let_in)}"
    if client_id is None:
        # Unlike a password, a username is a text without control characters.
        names = {what: text for what, text in near_misses(user).items() if text.isprintable() and text}
        let_in = [what for what, text in names.items() if enters(PASSWORD, text)]
        assert not let_in, f"CONNECT was accepted with the username {', '.join(let_in)}"
