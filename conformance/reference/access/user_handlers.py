"""REST operations on the users of the built-in database (tag Authentication)."""

from __future__ import annotations

from typing import Any

from conformance.reference.access.access import Access
from conformance.reference.access.users import AUTHENTICATOR_ID, Authenticator, Flag, UserId
from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.rest.http import ApiError, Call, Reply, SchemaFilter, handles
from conformance.reference.rest.pagination import envelope

_PATH = f"/authentication/{AUTHENTICATOR_ID}/users"
_USER_PATH = f"{_PATH}/{{user_id}}"
# What 5.8.9 says when it cannot look for a part in an id: a trace of its own calls (GEN-16).
_BROKEN_FILTER = """User error: {exception,
    {error,badarg,
        [{binary,match,[],[{error_info,#{module => erl_stdlib_errors}}]},
         {emqx_authn_mnesia,run_fuzzy_filter,2,
             [{file,"emqx_authn_mnesia.erl"},{line,321}]}]}}"""


def authenticator_not_found() -> ApiError:
    """404 of every users operation while no authenticator is configured."""
    return ApiError(404, "NOT_FOUND", "Authenticator not found in the 'global' scope")


def authenticator_of(deployment: Deployment) -> Authenticator:
    """The configured authenticator; raises `ApiError` 404."""
    authenticator = deployment.part(Access).authenticator
    if authenticator is None:
        raise authenticator_not_found()
    return authenticator


@handles(f"GET {_PATH}", filter=SchemaFilter.CHECK)
def list_users(call: Call) -> Reply:
    """Page through the users, filtered by a part of the id and by the superuser flag."""
    authenticator = authenticator_of(call.deployment)
    has = call.deployment.has
    part: str | None = call.query.get("like_user_id")
    users = authenticator.listed()
    if "is_superuser" in call.query:
        # Compared as JSON values: a flag stored as text is found by neither filter value (AUTN-07).
        users = [user for user in users if user.is_superuser is call.query["is_superuser"]]
    if part is not None:
        # The real substring search takes no empty part, and nothing but texts to look into.
        odd = has(Defect.IMPORT_OF_IDS_THAT_ARE_NO_TEXTS) and any(not isinstance(user.user_id, str) for user in users)
        if odd or (part == "" and users and has(Defect.EMPTY_FILTER)):
            raise ApiError(400, "BAD_REQUEST", _BROKEN_FILTER)
        users = [user for user in users if part in str(user.user_id)]
    page = envelope(
        [user.shown() for user in users],
        call.query["page"],
        call.query["limit"],
        call.deployment.traits,
        countable=part is None,
    )
    return Reply(200, page)


@handles(f"POST {_PATH}", filter=SchemaFilter.CHECK)
def create_user(call: Call) -> Reply:
    """Add a user; 409 if the id is taken, 400 for an empty id (5.8.9)."""
    authenticator = authenticator_of(call.deployment)
    user_id: UserId = call.body["user_id"]
    password = _password(call)
    if user_id == "":
        raise ApiError(400, "BAD_REQUEST", "User error: invalid_user_id")
    if user_id in authenticator.users:
        raise ApiError(409, "ALREADY_EXISTS", "User already exists")
    flag = _flag(call)
    user = authenticator.add(user_id, password, False if flag is None else flag)
    return Reply(201, user.shown())


@handles(f"GET {_USER_PATH}", filter=SchemaFilter.CHECK)
def read_user(call: Call) -> Reply:
    """Show one user."""
    user = authenticator_of(call.deployment).users.get(call.path["user_id"])
    if user is None:
        raise _user_not_found()
    return Reply(200, user.shown())


@handles(f"PUT {_USER_PATH}", filter=SchemaFilter.CHECK)
def update_user(call: Call) -> Reply:
    """Change the password, and the superuser flag where it is sent (erratum B6)."""
    authenticator = authenticator_of(call.deployment)
    password = _password(call)
    flag = _flag(call)
    try:
        user = authenticator.update(call.path["user_id"], password, flag)
    except KeyError:
        raise _user_not_found() from None
    return Reply(200, user.shown())


@handles(f"DELETE {_USER_PATH}", filter=SchemaFilter.CHECK)
def delete_user(call: Call) -> Reply:
    """Remove a user; live connections stay."""
    if authenticator_of(call.deployment).users.pop(call.path["user_id"], None) is None:
        raise _user_not_found()
    return Reply(204)


def _password(call: Call) -> str:
    password: Any = call.body["password"]
    if not isinstance(password, str):
        raise ApiError(400, "BAD_REQUEST", "User error: password_not_string")
    return password


def _flag(call: Call) -> Flag:
    """The superuser flag as sent, None if it was not sent."""
    flag: Flag = call.body.get("is_superuser")
    # The lenient check lets "true" pass; 5.8.9 then stores the text, which is a privilege escalation (AUTN-08).
    if isinstance(flag, str) and not call.deployment.has(Defect.SUPERUSER_FLAG_AS_TEXT):
        raise ApiError(400, "BAD_REQUEST", "is_superuser must be true or false, not a string")
    return flag


def _user_not_found() -> ApiError:
    return ApiError(404, "NOT_FOUND", "User not found")
