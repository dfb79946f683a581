"""Seeded faults of the users of the built-in authenticator. How to add one: see `tests.faults.seeded`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access import import_handlers, import_rows
from conformance.reference.access.users import Authenticated, Authenticator, Refused
from conformance.reference.defects import Defect
from conformance.reference.rest.http import Call
from tests.faults.proxy import Reply
from tests.faults.seeded import broken, broken_handler, edit, error_reply, having, on, scenario, seed, swallow

CREATE, CHANGE, DELETE = f"POST {paths.USERS}", f"PUT {paths.USER}", f"DELETE {paths.USER}"
IMPORT = f"POST {paths.IMPORT_USERS}"


def api(test: str) -> str:
    return scenario("authentication", test)


def login(test: str) -> str:
    return scenario("login", test)


seed(
    "a deleted user may still connect",
    swallow(DELETE, Reply(204, {}, b"")),
    login("user_may_connect[mqtt5]"),
    "AUTN-01",
)
seed(
    "any password of a user is right",
    broken(
        Authenticator,
        "authenticate",
        lambda original: (
            lambda self, clientid, username, password: (
                Authenticated() if username in self.users else original(self, clientid, username, password)
            )
        ),
    ),
    login("user_may_connect[mqtt3.1.1]"),
    "AUTN-01",
)
seed(
    "who has a user needs no password",
    broken(
        Authenticator,
        "authenticate",
        lambda original: (
            lambda self, clientid, username, password: (
                Authenticated()
                if password is None and username in self.users
                else original(self, clientid, username, password)
            )
        ),
    ),
    (login("user_may_connect[mqtt5]"), login("user_may_connect[mqtt3.1.1]")),
    "AUTN-01",
    origin="https://github.com/emqx/emqx/pull/9763",
)
seed(
    "a wrong password is called not authorized",
    broken(
        Authenticator,
        "authenticate",
        lambda original: (
            lambda self, clientid, username, password: (
                Refused(0x87)
                if isinstance(verdict := original(self, clientid, username, password), Refused)
                else verdict
            )
        ),
    ),
    login("user_may_connect[mqtt5]"),
    "AUTN-01",
)


def overwrite(original: Any) -> Any:
    """Creating a user that exists replaces it, and says 409 nevertheless."""

    def handler(call: Call) -> Any:
        authenticator = call.deployment.access.authenticator
        if call.body["user_id"] in authenticator.users:
            authenticator.update(call.body["user_id"], call.body["password"], call.body.get("is_superuser"))
        return original(call)

    return handler


seed(
    "a refused user is created nevertheless",
    broken_handler(CREATE, overwrite),
    (api("user_exists_once"), login("refused_duplicate_keeps_the_password[mqtt5]")),
    "AUTN-02",
)
seed(
    "a change of password drops the superuser flag",
    broken(
        Authenticator,
        "update",
        lambda original: lambda self, user, password, flag: original(self, user, password, bool(flag)),
    ),
    api("flag_is_kept_unless_it_is_sent"),
    "AUTN-03",
)
seed(
    "a change of password changes nothing",
    broken(
        Authenticator,
        "update",
        lambda original: (
            lambda self, user, password, flag: replace(
                self.users[user], is_superuser=self.users[user].is_superuser if flag is None else flag
            )
        ),
    ),
    login("password_is_changed_for_new_connections[mqtt5]"),
    "AUTN-03",
)


def show_password(original: Any) -> Any:
    def handler(call: Call) -> Any:
        reply = original(call)
        return replace(reply, body={**reply.body, "password": call.body["password"]})

    return handler


seed(
    "a changed user is shown with its password",
    broken_handler(CHANGE, show_password),
    api("passwords_are_never_shown"),
    "AUTN-04",
    origin="https://github.com/emqx/emqx/pull/13225",
)


def forget_the_last(original: Any) -> Any:
    return lambda self, rows: original(self, list(rows)[:-1])


seed(
    "an import forgets its last row",
    broken(Authenticator, "load", forget_the_last),
    (login("imported_users_may_connect[plain]"), login("imported_users_may_connect[hash]")),
    "AUTN-05",
)


def import_row_by_row(original: Any) -> Any:
    """Rows are stored one by one until one is bad."""

    def handler(call: Call) -> Any:
        body = call.body
        for row in body if isinstance(body, list) else []:
            if "user_id" in row and "password" in row:
                call.deployment.access.authenticator.users.pop(row["user_id"], None)
                call.deployment.access.authenticator.add(row["user_id"], row["password"], False)
        return original(call)

    return handler


seed(
    "an import with a bad row imports the good ones",
    broken_handler(IMPORT, import_row_by_row),
    api("import_is_all_or_nothing"),
    "AUTN-06",
)


def ignore_flag_filter(original: Any) -> Any:
    def handler(call: Call) -> Any:
        call.query.pop("is_superuser", None)
        return original(call)

    return handler


seed(
    "the filter by superuser is ignored",
    broken_handler(f"GET {paths.USERS}", ignore_flag_filter),
    api("flag_filters_the_list"),
    "AUTN-07",
)


def store_text(original: Any) -> Any:
    """The flag is stored as it was sent."""

    def handler(call: Call) -> Any:
        sent = call.body.get("is_superuser")
        call.body["is_superuser"] = False
        reply = original(call)
        if isinstance(sent, str):
            users = call.deployment.access.authenticator.users
            user_id = reply.body["user_id"]
            users[user_id] = replace(users[user_id], is_superuser=sent)
            return replace(reply, body={**reply.body, "is_superuser": sent})
        return reply

    return handler


seed(
    "a superuser flag sent as a text is stored as that text",
    broken_handler(CREATE, store_text),
    (api("flag_as_a_text_is_read_or_refused[false]"), login("flag_as_a_text_raises_nobody")),
    "AUTN-08",
    "AUTN-11",
    ("GEN-14", CREATE, "response_schema"),
)
seed(
    "an empty user id is taken",
    swallow(CREATE, error_reply(409, "ALREADY_EXISTS"), lambda request: request.json.get("user_id") == ""),
    api("empty_id_is_refused"),
    "AUTN-09",
    origin="https://github.com/emqx/emqx/pull/15844",
)
seed(
    "superusers obey the rules",
    broken(
        Authenticator,
        "authenticate",
        lambda original: (
            lambda self, clientid, username, password: (
                Authenticated(False)
                if isinstance(verdict := original(self, clientid, username, password), Authenticated)
                else verdict
            )
        ),
    ),
    login("superuser_is_above_the_rules"),
    "AUTN-10",
)
seed(
    "a user with a number as id is created and never found again",
    swallow(
        CREATE,
        Reply(201, {"content-type": "application/json"}, b'{"user_id":"x","is_superuser":false}'),
        lambda request: isinstance(request.json.get("user_id"), int),
    ),
    api("what_can_be_created_can_be_deleted"),
    "AUTN-12",
)
seed(
    "an import takes any id",
    broken(import_rows, "_user_id", having(Defect.IMPORT_OF_IDS_THAT_ARE_NO_TEXTS)),
    api("imported_id_that_is_no_text_is_refused"),
    ("AUTN-12", IMPORT, "refuses_invalid"),
)
seed(
    "an import counts a replaced user as a new one",
    on(IMPORT, edit(lambda counts: counts.update(success=counts["total"], override=0)), 200),
    api("import_counts_its_rows"),
    "AUTN-13",
)
for form in ("csv", "json"):
    seed(
        f"a {form.upper()} file is read as Latin-1",
        broken(
            import_rows,
            f"_{form}_rows",
            lambda original: lambda content: original(content.decode("latin-1").encode()),
        ),
        api(f"import_takes_files[{form}]"),
        "AUTN-14",
    )
seed(
    "an import of a CSV file skips its first user",
    broken(import_handlers, "rows_of_form", lambda original: lambda media, body: original(media, body)[1:]),
    api("import_takes_files[csv]"),
    "AUTN-14",
)
seed(
    "an import takes rows without a password",
    swallow(
        IMPORT,
        Reply(
            200, {"content-type": "application/json"}, b'{"total":1,"success":1,"override":0,"skipped":0,"failed":0}'
        ),
        lambda request: request.query.endswith("plain") and "password" not in (request.json or [{}])[0],
    ),
    api("import_needs_rows_of_its_type"),
    "AUTN-15",
)


def decode_twice(original: Any) -> Any:
    def handler(call: Call) -> Any:
        call.path["user_id"] = call.path["user_id"].replace("+", " ")
        return original(call)

    return handler


seed(
    "a plus in a path is read as a space",
    broken_handler(f"GET {paths.USER}", decode_twice),
    api("any_text_is_an_id[a+b]"),
    "AUTN-16",
)
