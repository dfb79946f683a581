"""The REST operation that imports users (tag Authentication)."""

from __future__ import annotations

from dataclasses import asdict

from conformance.contract.versions import release_of
from conformance.reference.access.import_rows import BadImport, rows_of_form, users_of_rows
from conformance.reference.access.user_handlers import authenticator_of
from conformance.reference.access.users import AUTHENTICATOR_ID
from conformance.reference.rest.http import ApiError, Call, Reply, SchemaFilter, handles

_COUNTED_SINCE = release_of("5.8.2")


@handles(f"POST /authentication/{AUTHENTICATOR_ID}/import_users", filter=SchemaFilter.NONE)
def import_users(call: Call) -> Reply:
    """Import an array of rows or a file; all or nothing. 200 with counters, 204 up to 5.8.1 (erratum A20)."""
    deployment = call.deployment
    authenticator = authenticator_of(deployment)
    password_type = call.query.get("type", "hash")
    # 5.8.9 takes every other type for "hash" as well (erratum D6).
    if not deployment.strict and password_type not in ("plain", "hash"):
        raise ApiError(400, "BAD_REQUEST", "type must be plain or hash")
    try:
        content_type = call.headers.get("content-type", "")
        sent = call.body
        # 5.8.9 compares the media type letter by letter (GEN-10).
        if not (content_type if deployment.strict else content_type.lower()).startswith("application/json"):
            sent = rows_of_form(content_type, sent if isinstance(sent, bytes) else b"")
        users = users_of_rows(
            sent, hashed=password_type != "plain", algorithm=authenticator.algorithm, strict=deployment.strict
        )
    except BadImport as error:
        raise ApiError(400, "BAD_REQUEST", str(error)) from None
    counts = authenticator.load(users)
    return Reply(200, asdict(counts)) if deployment.release >= _COUNTED_SINCE else Reply(204)
