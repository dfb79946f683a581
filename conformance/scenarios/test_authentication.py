"""Users of the built-in authenticator, as the API keeps them (AUTN)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.checks.refusals import expect_refused
from conformance.contract import paths
from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.scenarios.imports import IMPORT, csv_of, import_rows, upload
from conformance.scenarios.near import nearly_equal
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Answer, Deviation
from conformance.target.http.session import encode
from conformance.target.resources.access import PASSWORD
from conformance.target.target import Target

pytestmark = [pytest.mark.scenario, pytest.mark.needs("authenticator")]

LIST, CREATE = f"GET {paths.USERS}", f"POST {paths.USERS}"
READ, CHANGE, DELETE = f"GET {paths.USER}", f"PUT {paths.USER}", f"DELETE {paths.USER}"


@requirement("AUTN-02", CREATE, READ)
def test_user_exists_once(target: Target) -> None:
    """A second user of the same id is refused with 409 and changes nothing."""
    user = target.users.create(is_superuser=True)

    second = {"user_id": user, "password": "another", "is_superuser": False}
    target.api.call(CREATE, json=second).expect(409, code="ALREADY_EXISTS")
    assert target.users.read(user) == {"user_id": user, "is_superuser": True}, "the refused request changed the user"


@requirement("AUTN-03", CHANGE, READ)
def test_flag_is_kept_unless_it_is_sent(target: Target) -> None:
    """PUT of a user without is_superuser keeps the flag; with it, it is set."""
    for flag in (True, False):
        user = target.users.create(is_superuser=flag)
        target.users.put(user, {"password": "changed-1"}).expect(200)
        kept = target.users.read(user)["is_superuser"]
        assert kept is flag, f"a PUT without is_superuser made {kept} of {flag}"
        changed = target.users.put(user, {"password": "changed-2", "is_superuser": not flag}).expect(200)
        assert changed.json == {"user_id": user, "is_superuser": not flag}, f"PUT answered {changed.json}"
        shown = target.users.read(user)["is_superuser"]
        assert shown is not flag, f"after a PUT with is_superuser {not flag} it is {shown}"


@requirement("AUTN-04", CREATE, CHANGE, READ, LIST, IMPORT)
def test_passwords_are_never_shown(target: Target, secret: str, heard: list[Answer]) -> None:
    """Neither the password of a user nor what is stored of it is shown, be it by a success, a list or an error."""
    user = target.users.create(password=secret)
    target.users.read(user)
    assert user in target.users.ids(like_user_id=user), "the user is not listed"
    target.users.put(user, {"password": secret, "is_superuser": False}).expect(200)

    target.api.call(CREATE, json={"user_id": user, "password": secret}).expect(409)
    target.api.call(CREATE, json={"user_id": user, "password": secret, "x": 1}).expect(400)
    target.users.put(user, {"password": secret, "x": 1}).expect(400)
    import_rows(target, [{"user_id": user, "password": secret}]).expect(200, 204)
    import_rows(target, [{"user_id": user, "password": secret}, {"password": secret}]).expect(400)

    showing = [answer.operation for answer in heard if secret.encode() in answer.content]
    assert not showing, f"the password is shown by {showing}"
    # What a hash looks like depends on the target, what it is called hardly does.
    of_users = (answer for answer in heard if answer.operation in (CREATE, CHANGE, READ, LIST, IMPORT))
    for answer in of_users:
        names = _names(answer.json) if answer.ok and answer.is_json else set()
        told = sorted(name for name in names if _OF_PASSWORDS.search(name))
        if told:
            raise Deviation(f"what is stored of the password is shown as {', '.join(told)}", answer)


def _names(value: Any) -> set[str]:
    """The names of all fields of a JSON value."""
    if isinstance(value, dict):
        return set(value).union(*map(_names, value.values()))
    return set().union(*map(_names, value)) if isinstance(value, list) else set()


_OF_PASSWORDS = re.compile("password|hash|salt", re.IGNORECASE)


@requirement("AUTN-06", IMPORT, READ)
def test_import_is_all_or_nothing(target: Target) -> None:
    """An import with one bad row is refused with 400 and creates none of its users."""
    good = target.sandbox.name("good")
    import_rows(target, [{"user_id": good, "password": PASSWORD}]).expect(200, 204)
    target.users.get(good).expect(200)

    for position in range(3):
        users = [target.sandbox.name("row") for _ in range(3)]
        rows = [{"user_id": user, "password": PASSWORD} for user in users]
        del rows[position]["password"]
        import_rows(target, rows).expect(400)
        found = [user for user in users if target.users.get(user).expect(200, 404).ok]
        assert not found, f"row {position + 1} of 3 is bad, and {len(found)} users were created"


@requirement("AUTN-13", IMPORT, since="5.8.2")
def test_import_counts_its_rows(target: Target) -> None:
    """An import answers how many rows it took and how many of them replaced a user, and they add up."""
    raised, lowered = target.users.create(is_superuser=False), target.users.create(is_superuser=True)
    rows = [
        {"user_id": raised, "password": PASSWORD, "is_superuser": True},
        {"user_id": lowered, "password": PASSWORD},
        {"user_id": target.sandbox.name("new"), "password": PASSWORD},
        {"user_id": target.sandbox.name("new"), "password": PASSWORD},
        {"user_id": target.sandbox.name("new"), "password": PASSWORD},
    ]
    _expect_counts(import_rows(target, rows), success=3, override=2, skipped=0)
    assert target.users.read(raised)["is_superuser"] is True, "the row of an existing user was not taken over"
    # A row says all about its user: unlike PUT, an import without the flag takes it away.
    assert target.users.read(lowered)["is_superuser"] is False, "a row without the flag left a superuser one"

    # A hash is stored as it came, so that a row can say what is known already.
    hashed = [{"user_id": target.sandbox.name("new"), "password_hash": "c0ffee", "salt": "s"}]
    _expect_counts(import_rows(target, hashed, "hash"), success=1, override=0, skipped=0)
    _expect_counts(import_rows(target, hashed, "hash"), success=0, override=0, skipped=1)


def _expect_counts(answer: Answer, **expected: int) -> None:
    counts = answer.expect(200).json
    expected = {"total": sum(expected.values()), **expected, "failed": 0}
    shown = {part: counts.get(part) for part in expected}
    assert shown == expected, f"the import counts {shown}, expected {expected}"


@requirement("AUTN-14", IMPORT, READ)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_import_takes_files(target: Target, form: str) -> None:
    """Users are imported from an uploaded JSON or CSV file, told apart by its name; other names are refused."""
    users = {target.sandbox.name("file"): flag for flag in (True, False)}
    users[f"{target.sandbox.name('file')}-ü€"] = False
    rows = [{"user_id": user, "password": PASSWORD, "is_superuser": flag} for user, flag in users.items()]
    content = json.dumps(rows, ensure_ascii=False) if form == "json" else csv_of(rows)

    upload(target, f"users.{form}", content).expect(200, 204)
    for user, flag in users.items():
        read = target.users.read(user)
        assert read == {"user_id": user, "is_superuser": flag}, f"imported with is_superuser {flag} it is {read}"
    # The name decides, not what is in the file.
    other = {"json": "csv", "csv": "json"}[form]
    for name in (f"users.{other}", "users.txt", f"users.{form}.txt", "users", form):
        upload(target, name, content).expect(400)


@requirement("AUTN-15", IMPORT, READ)
def test_import_needs_rows_of_its_type(target: Target) -> None:
    """An import without rows, or with rows that lack what its type needs, is refused with 400."""
    user, salt = target.sandbox.name("hashed"), "salt"
    digest = hashlib.sha256((PASSWORD + salt).encode()).hexdigest()
    hashed = [{"user_id": user, "password_hash": digest, "salt": salt}]
    import_rows(target, hashed, "hash").expect(200, 204)
    target.users.get(user).expect(200)

    import_rows(target, [], "plain").expect(400)
    import_rows(target, [{"user_id": user}], "plain").expect(400)
    import_rows(target, [{"user_id": user, "password": PASSWORD}], "hash").expect(400)


@requirement("AUTN-07", LIST)
def test_flag_filters_the_list(target: Target) -> None:
    """The filter is_superuser splits the users in those with the flag and those without."""
    flags = {target.users.create(is_superuser=flag): flag for flag in (True, False, True)}
    part = {"like_user_id": target.sandbox.prefix}

    by_flag = {flag: set(target.users.ids(is_superuser=flag, **part)) & set(flags) for flag in (True, False)}
    for flag in (True, False):
        expected = {user for user, has in flags.items() if has is flag}
        assert by_flag[flag] == expected, f"is_superuser={flag} finds {by_flag[flag]}, expected {expected}"
    assert set(target.users.ids(**part)) >= set(flags), "without the filter some are missing"


@requirement("AUTN-08", CREATE, CHANGE, level="SHOULD")
@pytest.mark.parametrize("text", ["true", "false"])
def test_flag_as_a_text_is_read_or_refused(target: Target, text: str) -> None:
    """An is_superuser sent as a text is refused with 400, or comes back as the boolean it says."""
    user = target.sandbox.name("user")
    created = target.api.call(CREATE, json={"user_id": user, "password": PASSWORD, "is_superuser": text})
    created.expect(201, 400)
    _expect_boolean(created, text)

    plain = target.users.create()
    changed = target.users.put(plain, {"password": PASSWORD, "is_superuser": text})
    changed.expect(200, 400)
    _expect_boolean(changed, text)


def _expect_boolean(answer: Answer, text: str) -> None:
    """Nobody who lists users meanwhile can use one whose flag is a text."""
    if answer.ok and answer.json["is_superuser"] is not (text == "true"):
        raise Deviation(f"the text {text!r} is stored as {answer.json['is_superuser']!r}", answer, refused=True)


@requirement("AUTN-09", CREATE, since="5.8.2")
@pytest.mark.mode(Mode.DISPOSABLE, "a user with an empty id could not be deleted")
def test_empty_id_is_refused(target: Target) -> None:
    """A user with an empty id is refused with 400."""
    target.users.create()
    target.api.call(CREATE, json={"user_id": "", "password": PASSWORD}).expect(400)


@requirement("AUTN-12", CREATE, level="SHOULD")
@pytest.mark.mode(Mode.DISPOSABLE, "a user with a number as id could not be deleted")
def test_what_can_be_created_can_be_deleted(target: Target) -> None:
    """A user id that is a number is refused with 400, or the user can be read and deleted under it."""
    if not target.configuration.embedded:
        not_demanded("on a target with the defect, the lists of users would be broken for the rest of the run")
    number = 4_242_000_000 + hash_of(target.sandbox.prefix)
    created = target.api.call(CREATE, json={"user_id": number, "password": PASSWORD}).expect(201, 400)
    if created.ok:
        target.users.get(str(number)).expect(200)
        target.users.delete(str(number)).expect(204)
        target.users.get(str(number)).expect(404)


@requirement("AUTN-12", IMPORT, level="SHOULD", sentence="An imported user id that is no text is refused with 400.")
@pytest.mark.mode(Mode.DISPOSABLE, "a user whose id is no text could not be deleted")
def test_imported_id_that_is_no_text_is_refused(target: Target, recorder: Recorder) -> None:
    """An import with an id that is a number, an object or an array is refused with 400."""
    import_rows(target, [{"user_id": target.sandbox.name("text"), "password": PASSWORD}]).expect(200, 204)

    number = 4_242_000_000 + hash_of(target.sandbox.prefix)
    ids: list[Any] = [number, {"name": target.sandbox.name("object")}, [target.sandbox.name("array")]]
    for user_id in ids:
        rows, what = [{"user_id": user_id, "password": PASSWORD}], f"the user_id is {json.dumps(user_id)}"
        if target.configuration.embedded:
            expect_refused(recorder, import_rows(target, rows), what, "AUTN-12")
        else:  # on a target with the defect, the lists of users are broken from then on
            recorder.postpone("AUTN-12", what, IMPORT, encode(rows), query={"type": "plain"})


def hash_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:3], "big")


@requirement("AUTN-16", CREATE, READ, CHANGE, DELETE, LIST)
@pytest.mark.parametrize(
    "suffix", ["a b", "a/b", "100%", "a+b", "a?b#c", "ünï-✓", '"quoted"', "x" * 250], ids=lambda text: text[:8]
)
def test_any_text_is_an_id(target: Target, suffix: str) -> None:
    """Any text is a user id that can be read, changed, found and deleted under its percent-encoded form."""
    user = target.users.create(user_id=target.sandbox.name("id") + suffix)

    assert target.users.read(user)["user_id"] == user, "GET answers another id"
    target.users.put(user, {"password": "changed"}).expect(200)
    assert user in target.users.ids(like_user_id=user), "like_user_id does not find the id"
    target.users.delete(user).expect(204)
    target.users.get(user).expect(404)
    target.users.delete(user).expect(404, code="NOT_FOUND")


@requirement("AUTN-16", CREATE, READ, CHANGE, DELETE, sentence="Users whose ids are nearly equal are different users.")
def test_nearly_equal_ids_are_different_users(target: Target) -> None:
    """Ids that differ in the case of a letter, a blank or a Unicode form are those of different users."""
    base = target.sandbox.name("near")
    users = nearly_equal(base)
    for user in users:
        target.users.create(user_id=user, is_superuser=False)

    for number, user in enumerate(users):
        target.users.put(user, {"password": PASSWORD, "is_superuser": True}).expect(200)
        raised = set(target.users.ids(like_user_id=base, is_superuser=True))
        assert raised == {*users[: number + 1]}, f"with a change of {user!r} there are the superusers {raised}"
    for number, user in enumerate(users):
        target.users.delete(user).expect(204)
        left = set(target.users.ids(like_user_id=base))
        assert left == {*users[number + 1 :]}, f"{user!r} was deleted, and there are left {left}"
