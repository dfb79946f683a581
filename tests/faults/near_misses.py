"""Faults of comparing secrets: what is nearly right is taken for right (GEN-46, AUTN-17). See `tests.faults.seeded`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from conformance.reference.access.passwords import Algorithm, PasswordHash
from conformance.reference.access.users import Authenticator
from conformance.reference.rest import credentials
from conformance.scenarios.test_near_misses import PASSWORD
from tests.faults.seeded import broken, scenario, seed

SECRET_ITEM = scenario("near_misses", "secret_that_is_nearly_right")
PASSWORD_ITEM = scenario("near_misses", "password_that_is_nearly_right[created]")

Same = Callable[[str, str], bool]

KINDS: dict[str, Same] = {
    "in another case": lambda known, given: known.lower() == given.lower(),
    "with ASCII letters in another case": lambda known, given: known.encode().lower() == given.encode().lower(),
    "with blanks around": lambda known, given: known.strip() == given.strip(),
    "cut off": lambda known, given: given != "" and known.startswith(given),
    "with more behind": lambda known, given: given.startswith(known),
    "up to U+0000": lambda known, given: known == given.partition("\0")[0],
    "that is empty": lambda known, given: given in (known, ""),
    "in another Unicode form": lambda known, given: _composed(known) == _composed(given),
}


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def verifying(same: Same) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """Passwords of the user whose password is `PASSWORD` are compared in another way."""

    def make(original: Callable[..., bool]) -> Callable[..., bool]:
        def verify(self: Algorithm, stored: PasswordHash, given: bytes) -> bool:
            if original(self, stored, PASSWORD.encode()):
                return same(PASSWORD, given.decode("utf-8", "replace"))
            return original(self, stored, given)

        return verify

    return make


for kind, same in KINDS.items():
    seed(
        f"an API secret {kind} is accepted",
        broken(credentials, "_same", lambda _, same=same: same),
        SECRET_ITEM,
        "GEN-46",
    )
    seed(f"a password {kind} is accepted", broken(Algorithm, "verify", verifying(same)), PASSWORD_ITEM, "AUTN-17")


def cut(password: bytes | str) -> Any:
    return password[:8]


seed(
    "a changed password counts by its first 8 characters",
    (
        broken(
            Authenticator,
            "update",
            lambda original: lambda self, user_id, password, flag: original(self, user_id, cut(password), flag),
        ),
        broken(
            Algorithm,
            "verify",
            lambda original: (
                lambda self, stored, given: original(self, stored, given) or original(self, stored, cut(given))
            ),
        ),
    ),
    PASSWORD_ITEM.replace("created", "changed"),
    "AUTN-17",
)
seed(
    "usernames are compared without their case",
    broken(
        Authenticator,
        "authenticate",
        lambda original: (
            lambda self, clientid, username, password: original(
                self,
                clientid,
                next((u for u in self.users if str(u).lower() == str(username).lower()), username),
                password,
            )
        ),
    ),
    PASSWORD_ITEM,
    "AUTN-17",
)
seed(
    "the name of an API key is compared without its case",
    broken(
        credentials.Credentials,
        "_check_basic",
        lambda original: (
            lambda self, header, name, secret: original(
                self, header, next((known for known in self._keys if known.lower() == name.lower()), name), secret
            )
        ),
    ),
    SECRET_ITEM,
    "GEN-46",
)


def in_capitals(schemes: tuple[str, ...]) -> Any:
    """Schemes are known as they are usually written."""

    def make(original: Any) -> Any:
        def check(self: credentials.Credentials, header: str) -> str:
            if header.partition(" ")[0].lower() in schemes and not header[:2].istitle():
                raise credentials.MalformedAuthorization
            return str(original(self, header))

        return check

    return make


for scheme in ("basic", "bearer"):
    seed(
        f"the scheme {scheme} is known by its capital letter",
        broken(credentials.Credentials, "_check", in_capitals((scheme,))),
        scenario("near_misses", "scheme_in_any_case"),
        "GEN-67",
    )
