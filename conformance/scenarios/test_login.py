"""What users of the built-in authenticator mean to MQTT clients (AUTN)."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.contract import paths
from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.imports import FORMS, IMPORT, Form, import_as, import_rows
from conformance.target.mqtt import MqttClient, MqttError
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("mqtt", "authenticator", "users")]

ABOVE = "A superuser may publish and subscribe to what rules deny to everybody else, however it became one."

CREATE, CHANGE, DELETE = f"POST {paths.USERS}", f"PUT {paths.USER}", f"DELETE {paths.USER}"

# Reason codes of MQTT 5; the client library tells the return codes 4 and 5 of 3.1.1 as these (behaviour, section 5).
BAD_USER_OR_PASSWORD = 0x86
NOT_AUTHORIZED = 0x87

PROTOCOLS = pytest.mark.parametrize("protocol", [5, 4], ids=["mqtt5", "mqtt3.1.1"])


def refusal(target: Target, protocol: int, username: str | None, password: str | None) -> int | None:
    """The code with which CONNECT is refused, None if it is accepted."""
    login: dict[str, Any] = {"username": username, "password": password}
    client = target.mqtt(_client_of(target, username), known=False, protocol=protocol, **login)
    try:
        client.connect().close()
    except MqttError as error:
        if error.reason_code is None:
            raise
        return error.reason_code
    return None


def _client_of(target: Target, username: str | None) -> str | None:
    """The client id with which a user connects, None for any: where one of both names stands for both, the user's."""
    return username if target.capabilities.profile.one_name else None


def assert_enters(target: Target, protocol: int, user: str, password: str, why: str) -> None:
    code = refusal(target, protocol, user, password)
    assert code is None, f"MQTT {protocol}: {why}, but CONNECT was refused with 0x{code:02X}"


def assert_refused(target: Target, protocol: int, user: str | None, password: str | None, expected: set[int]) -> None:
    code = refusal(target, protocol, user, password)
    assert code in expected, f"MQTT {protocol}: CONNECT of {user!r} answered {code}, expected one of {expected}"


@requirement("AUTN-01", CREATE, DELETE)
@PROTOCOLS
def test_user_may_connect(target: Target, protocol: int) -> None:
    """A created user may connect with its password and no other; a deleted or unknown user may not."""
    user = target.users.create()
    assert_enters(target, protocol, user, PASSWORD, "the user was created")
    assert_refused(target, protocol, user, "wrong", {BAD_USER_OR_PASSWORD})

    login = {"username": user, "password": PASSWORD}
    connected = target.connect(_client_of(target, user), known=False, protocol=protocol, **login)
    target.users.delete(user).expect(204)
    unknown = {NOT_AUTHORIZED, BAD_USER_OR_PASSWORD}
    assert_refused(target, protocol, user, PASSWORD, unknown)
    assert_refused(target, protocol, target.sandbox.name("nobody"), PASSWORD, unknown)
    assert_refused(target, protocol, None, None, unknown)
    other = target.users.create()
    assert_refused(target, protocol, other, None, unknown)
    assert_refused(target, protocol, other, "", unknown)
    assert_stays_connected(target, connected, "the deletion")

    target.users.create(user_id=user, password="another")
    assert_refused(target, protocol, user, PASSWORD, {BAD_USER_OR_PASSWORD})
    assert_enters(target, protocol, user, "another", "the user was created again")


@requirement("AUTN-02", CREATE)
@PROTOCOLS
def test_refused_duplicate_keeps_the_password(target: Target, protocol: int) -> None:
    """After a refused duplicate the user's old password still works and the new one does not."""
    user = target.users.create()
    target.api.call(CREATE, json={"user_id": user, "password": "another"}).expect(409)

    assert_enters(target, protocol, user, PASSWORD, "the duplicate was refused")
    assert_refused(target, protocol, user, "another", {BAD_USER_OR_PASSWORD})


@requirement("AUTN-03", CHANGE)
@PROTOCOLS
def test_password_is_changed_for_new_connections(target: Target, protocol: int) -> None:
    """After a change of password the new one works, the old one does not, and who is connected stays connected."""
    user = target.users.create()
    login = {"username": user, "password": PASSWORD}
    client_id = _client_of(target, user)
    connected = target.connect(client_id, known=False, protocol=protocol, **login)
    target.users.put(user, {"password": "changed"}).expect(200)

    if client_id is not None:
        # Whoever connects with the new password takes the place of the old connection.
        assert_stays_connected(target, connected, "the change of password")
    assert_enters(target, protocol, user, "changed", "it is the new password")
    assert_refused(target, protocol, user, PASSWORD, {BAD_USER_OR_PASSWORD})
    if client_id is None:
        assert_stays_connected(target, connected, "the change of password")


def assert_stays_connected(target: Target, connected: MqttClient, after: str) -> None:
    try:
        granted = connected.subscribe(target.sandbox.topic())
    except MqttError:
        granted = 0
    assert connected.connected, f"{after} ended the user's connection"
    assert granted <= 1, f"after {after} the connected client may not subscribe any more"


IMPORTS = [
    pytest.param(kind, form, id=kind if form == "array" else f"{kind}-{form}")
    for kind in ("plain", "hash")
    for form in FORMS
]


@requirement("AUTN-05", IMPORT)
@pytest.mark.parametrize(("kind", "form"), IMPORTS)
def test_imported_users_may_connect(target: Target, kind: str, form: Form) -> None:
    """Every user of an import may connect, also those given by hash and salt; existing users are overwritten."""
    users = [target.users.create(), target.users.create(is_superuser=True), target.sandbox.name("imported")]
    rows: list[dict[str, Any]] = []
    for user in users:
        password, salt = f"{user}-New", "s4lt"
        secret = {"password": password} if kind == "plain" else _stored(target, password, salt)
        # What a column of a file is about its name tells, not its place.
        rows.append({**secret, "is_superuser": False, "user_id": user})

    import_as(target, form, rows, kind).expect(200, 204)
    for user in users:
        assert_enters(target, 5, user, f"{user}-New", "the user was imported")
    for user in users[:2]:
        assert_refused(target, 5, user, PASSWORD, {BAD_USER_OR_PASSWORD})


@requirement("AUTN-18", IMPORT, since="5.8.5")
def test_hash_in_upper_case_is_the_same(target: Target) -> None:
    """The hexadecimal digits of an imported hash may be in upper case: the user may connect with its password alone."""
    if target.capabilities.profile.hashing.name == "plain":
        not_demanded("the target keeps passwords as they are (password_hash_algorithm)")
    user, password = target.sandbox.name("imported"), "Right-1"
    stored = _stored(target, password, "s4lt")
    rows = [{**stored, "user_id": user, "password_hash": stored["password_hash"].upper()}]

    import_as(target, "array", rows, "hash").expect(200, 204)
    assert_enters(target, 5, user, password, "its hash was imported in upper case")
    assert_refused(target, 5, user, password.swapcase(), {BAD_USER_OR_PASSWORD})


def _stored(target: Target, password: str, salt: str) -> dict[str, str]:
    """Fields of an imported row that stand for a password."""
    return {"password_hash": target.capabilities.profile.hashing.stored(password, salt), "salt": salt}


@requirement("AUTN-10", CREATE, f"PUT {paths.RULES_OF_CLIENT}", sentence=ABOVE)
@pytest.mark.needs("authorization", "decisions", "told denials")
def test_superuser_is_above_the_rules(target: Target) -> None:
    """A superuser may publish and subscribe to what rules deny to everybody else."""
    for flag in (False, True):
        _expect_above(target, target.users.create(is_superuser=flag), PASSWORD, flag, "created")


@requirement("AUTN-10", CHANGE, IMPORT, f"PUT {paths.RULES_OF_CLIENT}", sentence=ABOVE)
@pytest.mark.needs("authorization", "decisions", "told denials")
@pytest.mark.parametrize("made", ["changed", "imported"])
def test_who_becomes_superuser_is_above_the_rules(target: Target, made: str) -> None:
    """Who becomes a superuser by a change or an import is one, and who was one is none any more."""
    password = "together with the flag"
    for flag in (False, True):
        user = target.users.create(is_superuser=not flag)
        if made == "changed":
            target.users.put(user, {"password": password, "is_superuser": flag}).expect(200)
        else:
            import_rows(target, [{"user_id": user, "password": password, "is_superuser": flag}]).expect(200, 204)
        assert_enters(target, 5, user, password, f"the user was {made}")
        _expect_above(target, user, password, flag, made)


def _expect_above(target: Target, user: str, password: str, flag: bool, made: str) -> None:
    """Fail the item unless rules that deny everything bind a user, or do not if ``flag`` says it is a superuser."""
    client = _denied_everything(target, user, password)
    may = {
        "publish": client.publish(target.sandbox.topic(), "x", qos=1) in (0x00, 0x10),
        "subscribe": client.subscribe(target.sandbox.topic()) <= 1,
    }
    expected = dict.fromkeys(may, flag)
    assert may == expected, f"{made} with is_superuser {flag}, against the rules a user may {may}"


@requirement("AUTN-11", CREATE, level="SHOULD")
@pytest.mark.needs("authorization", "decisions", "told denials")
def test_flag_as_a_text_raises_nobody(target: Target) -> None:
    """A user whose is_superuser is sent as the text "false" is no superuser."""
    user = target.sandbox.name("user")
    created = target.api.call(CREATE, json={"user_id": user, "password": PASSWORD, "is_superuser": "false"})
    if created.expect(201, 400).status == 400:
        return
    code = _denied_everything(target, user).publish(target.sandbox.topic(), "x", qos=1)
    assert code == 0x87, f'is_superuser "false" bypasses a deny rule: PUBACK 0x{code:02X}, expected 0x87'


def _denied_everything(target: Target, user: str, password: str = PASSWORD) -> MqttClient:
    """A connected client of a user to which rules deny everything."""
    client_id = _client_of(target, user) or target.sandbox.name("client")
    rules = [{"topic": "#", "permission": "deny", "action": "all"}]
    target.client_rules.put(client_id, {"clientid": client_id, "rules": rules}).expect(204)
    return target.connect(client_id, known=False, allowed=False, username=user, password=password)
