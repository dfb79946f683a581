"""What 5.8.9 answers where its own checks crash on a value: the crash, not what was expected (GEN-16).

Of `Defect.CRASH_TOLD_IN_A_REFUSAL`. The wording is that of a live 5.8.9. Which values crash depends on how a field is
converted or validated there; whole numbers never do, texts rarely.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.contract.operations import Operation
from conformance.reference.defects import Defect, Traits

_FUNCTION_CLAUSE = "{error,function_clause}"
_CASE_CLAUSE = "{error,{case_clause,value}}"

# By the end of the path to a field.
_CONVERTED: Mapping[str, str] = {".ciphers": _FUNCTION_CLAUSE, ".static_clientids": _CASE_CLAUSE}
_VALIDATED: Mapping[str, str] = {
    ".resource_opts.health_check_interval": "{emqx_resource_schema,get_out_of_range_msg,4,[{file,"
    '"emqx_resource_schema.erl"},{line,232}]}',
    ".parameters.kafka_headers": '{re,split,3,[{file,"re.erl"},{line,969}]}',
    "root.account": '{emqx_bridge_snowflake_connector_schema,account_id_validator,1,[{file,"schema.erl"},{line,166}]}',
}

UNREACHABLE: Mapping[str, str] = {
    "cassandra": "{start_pool_failed,{{{error,econnrefused},{gen_statem,call,[connect,infinity]}},"
    '[{gen,do_call,4,[{file,"gen.erl"},{line,243}]}]}}',
    "kafka_consumer": '{econnrefused,[{kpro_connection,connect,4,[{file,"kpro_connection.erl"},{line,241}]}]}',
}
"""By connector type why a connection failed, where 5.8.9 tells that with the trace of a crash."""

STATEMENT = (
    '{badarg,[{unicode,characters_to_binary,[utf8],[]},{rulesql,sql_clean,1,[{file,"rulesql.yrl"},{line,422}]}]}'
)
"""Why the statement of a rule that is no text is refused."""


def converter_crash(path: str, exception: str = _FUNCTION_CLAUSE) -> dict[str, Any]:
    """The problem that is told of a value at ``path`` when its conversion crashed."""
    return {"reason": "converter_crashed", "path": path, "kind": "validation_error", "exception": exception}


def crash_of(path: str, value: Any) -> dict[str, Any] | None:
    """The problem that is told of ``value`` at ``path`` if checking it crashes; None if it does not."""
    for end, exception in _CONVERTED.items():
        if path.endswith(end) and not isinstance(value, list) and not (end == ".ciphers" and isinstance(value, str)):
            return converter_crash(path, exception)
    for end, call in _VALIDATED.items():
        if path.endswith(end) and isinstance(value, bool | float | dict):
            return {"reason": {"stacktrace": [call]}, "path": path, "kind": "validation_error"}
    return None


_UNIONS: Mapping[str, tuple[str, ...]] = {
    "azure_blob_storage": ("parameters",),
    "s3": ("parameters", "parameters.container"),
    "snowflake": ("parameters",),
}
"""By action type the objects whose alternatives are told apart by a field, whether or not they have any."""


def refusal_crashes(
    traits: Traits, operation: Operation, resource_type: str | None, body: Any, problems: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether the refusal of a body of connectors or actions for ``problems`` crashes: 500 without a body."""
    if operation.path.startswith("/connectors"):
        return Defect.TLS_VERSION_BEYOND_LATIN in traits and any(map(_prints_beyond_latin, problems))
    if Defect.PARAMETERS_THAT_ARE_NO_OBJECT not in traits:
        return False
    places = [_at(body, place.split(".")) for place in _UNIONS.get(resource_type or "", ())]
    return any(value is not None and not isinstance(value, dict) for value in places)


def _at(body: Any, names: Iterable[str]) -> Any:
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _prints_beyond_latin(problem: Mapping[str, Any]) -> bool:
    """Whether it tells of a version of TLS with a letter that is no byte."""
    reason = f"{problem.get('reason')}"
    if reason.startswith("{unsupported_tls_versions"):
        return max(reason) > "\xff"
    return any(_prints_beyond_latin(inner) for inners in problem.get("mismatches", {}).values() for inner in inners)
