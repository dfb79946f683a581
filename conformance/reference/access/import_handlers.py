"""The REST operation that imports users (tag Authentication)."""

from __future__ import annotations

from dataclasses import asdict

from conformance.contract.versions import release_of
from conformance.reference.access.import_rows import BadImport, rows_of_form, users_of_rows
from conformance.reference.access.user_handlers import authenticator_of
from conformance.reference.access.users import AUTHENTICATOR_ID
from conformance.reference.defects import Defect, Quirk
from conformance.reference.rest.http import ApiError, Call, Reply, SchemaFilter, handles

_COUNTED_SINCE = release_of("5.8.2")


@handles(f"POST /authentication/{AUTHENTICATOR_ID}/import_users", filter=SchemaFilter.NONE)
def import_users(call: Call) -> Reply:
    """Import an array of rows or a file; all or nothing. 200 with counters, 204 up to 5.8.1 (erratum A20)."""
    deployment = call.deployment
    authenticator = authenticator_of(deployment)
    password_type = call.query.get("type", "hash")
    # 5.8.9 takes every other type for "hash" (erratum D6).
    if password_type not in ("plain", "hash") and not deployment.has(Quirk.IMPORT_TYPE_UNCHECKED):
        raise ApiError(400, "BAD_REQUEST", "type must be plain or hash")
    try:
        content_type = call.headers.get("content-type", "")
        sent = call.body
        by_letter = deployment.has(Defect.MEDIA_TYPE_OF_IMPORTS)
        if not (content_type if by_letter else content_type.lower()).startswith("application/json"):
            sent = rows_of_form(content_type, sent if isinstance(sent, bytes) else b"")
        users = users_of_rows(
            sent, hashed=password_type != "plain", algorithm=authenticator.algorithm, traits=deployment.traits
        )
    except BadImport as error:
        raise ApiError(400, "BAD_REQUEST", str(error)) from None
    counts = authenticator.load(users)
    return Reply(200, asdict(counts)) if deployment.release >= _COUNTED_SINCE else Reply(204)
