"""The corrected contract against a live EMQX 5.8.9: what it answered and accepted is valid, what it refused is not."""

from copy import deepcopy

import pytest

from conformance.contract import load_contract
from tests.contract.recordings import exchanges

CONTRACT = load_contract("corrected", "5.8.9")
EXCHANGES = list(exchanges(CONTRACT))

# Answers that break the contract, and why that is the server's fault.
DEFECTIVE_ANSWERS = {
    "authn_dataplane/su_string": "is_superuser given as text is stored and answered as text",
    "authn_dotdot_user_id/dotdot_get": "a dot segment leads to another operation",
    "authn_numeric_user_id/alive": "a user id given as a number is stored and answered as a number",
    "authn_numeric_user_id/list": "a user id given as a number is stored and answered as a number",
    "authn_numeric_user_id/list2": "a user id given as a number is stored and answered as a number",
    "authn_numeric_user_id/number_id": "a user id given as a number is stored and answered as a number",
    "authn_users_crud/su_string": "is_superuser given as text is stored and answered as text",
    "authn_users_crud/su_string_get": "is_superuser given as text is stored and answered as text",
    "authn_users_crud/unencoded_colon": "is_superuser given as text is stored and answered as text",
    "con_crud_http/put_lenient_number": "a number given as text is stored and answered as text",
    "con_crud_http/get_after_lenient": "a number given as text is stored and answered as text",
    "con_crud_http/prefix_tolerated": "a number given as text is stored and answered as text",
    "con_ids_and_names/newline_create": "the check of names ignores a line break at the end",
    "con_ids_and_names/newline_list": "the check of names ignores a line break at the end",
    "gen_routing/dotdot_segment": "a dot segment leads to another operation",
    "numeric_names/authz_list2": "a user name given as a number is stored and answered as a number",
    "rule_list_filters/p_page=1&limit=20000": "the bounds of limit are not enforced (erratum D5)",
}

# Bodies that break the contract and were accepted, by what the server tolerates (erratum B8 where not said).
TOLERATED = {
    "text for numbers and booleans": [
        "authz_crud/users_put", "authz_crud/clients_put", "con_crud_http/put_lenient_number", "publish_single/qos_str",
        "publish_single/retain_str", "authn_dataplane/su_string", "authn_users_crud/su_string",
    ],
    "numbers for text": [
        "banned_crud/who_number", "clients_crud/bulk_numbers", "clients_subscribe/bad4", "numeric_names/probe",
        "numeric_names/act_probe", "numeric_names/rule_name_num", "numeric_names/rule_desc_num",
        "numeric_names/publish_topic_num", "numeric_names/publish_clientid_num", "numeric_names/publish_ct_num",
        "authn_numeric_user_id/number_id", "authn_numeric_user_id/number_import", "numeric_names/authz_post_num",
        "publish_single/payload_number", "publish_user_properties_nonstring/ct_num_sub",
    ],
    "an empty object for an array": ["clients_crud/bulk_object"],
    "null for an absent field": ["numeric_names/rule_actions_null"],
    "names of probes are not checked": ["con_probe/bad_name"],
    "the check of names ignores a line break at the end": ["con_ids_and_names/newline_create"],
}  # fmt: skip

# Words in the text of a 400 that say that the schema check refused the body.
SCHEMA_REASONS = ("unknown_fields", "required_field", "unable_to_convert", "matched_no_union", '"expected"')

# Refused by the schema check for reasons that no schema of ours expresses.
BEYOND_SCHEMA = {
    "publish_single/topic_bad4": "a NUL character is no text for the server",
    "rule_crud/put_upsert_no_sql": "sql is required only if the rule does not exist (erratum B5)",
}


def test_the_recordings_are_there():
    assert len(EXCHANGES) > 1200
    assert {exchange.operation.label for exchange in EXCHANGES} == set(CONTRACT.operations)


def test_every_recorded_status_is_documented():
    undocumented = [(e.name, e.status) for e in EXCHANGES if e.status not in e.operation.responses]
    assert undocumented == []


def test_every_recorded_answer_is_valid():
    broken = {}
    for exchange in EXCHANGES:
        if "body" in exchange.response:
            label, status = exchange.operation.label, exchange.status
            assert CONTRACT.operation(label).responses[status].schema is not None, exchange.name
            violations = CONTRACT.validate_response(label, status, exchange.response["body"])
            if violations:
                broken[exchange.name] = [f"{violation.path}: {violation.message}" for violation in violations]
    assert {name: found for name, found in broken.items() if name not in DEFECTIVE_ANSWERS} == {}
    assert sorted(DEFECTIVE_ANSWERS) == sorted(broken), "a listed defect is no longer one"


def test_every_accepted_body_is_valid():
    broken = {}
    for exchange in _with_body():
        if exchange.status < 300:
            violations = _violations(exchange)
            if violations:
                broken[exchange.name] = [f"{violation.path}: {violation.message}" for violation in violations]
    tolerated = {name for names in TOLERATED.values() for name in names}
    assert {name: found for name, found in broken.items() if name not in tolerated} == {}
    assert sorted(tolerated) == sorted(broken), "a listed tolerance is no longer needed"


def test_every_body_that_the_schema_check_refused_is_invalid():
    valid = [exchange.name for exchange in _refused_by_schema() if not _violations(exchange)]
    assert sorted(valid) == sorted(BEYOND_SCHEMA)
    assert sum(1 for _ in _refused_by_schema()) > 100


@pytest.mark.parametrize(
    ("label", "status", "pointer"),
    [
        ("GET /rules", 200, "/data/0/enable"), ("GET /rules", 200, "/meta/hasnext"),
        ("GET /rules/{id}/metrics", 200, "/metrics/actions.failed"),
        ("GET /connectors/{id}", 200, "/node_status/0/status"),
        ("GET /connectors/{id}", 200, "/pool_size"), ("GET /actions/{id}", 200, "/rules"),
        ("GET /actions/{id}/metrics", 200, "/node_metrics/0/node"), ("GET /clients/{clientid}", 200, "/mqueue_len"),
        ("GET /subscriptions", 200, "/data/0/durable"), ("POST /publish", 202, "/reason_code"),
        ("GET /banned", 200, "/data/0/until"), ("GET /mqtt/retainer/messages", 200, "/data/0/msgid"),
        ("GET /rule_events", 200, "/0/columns"), ("GET /schema_registry/{name}", 200, "/description"),
        ("GET /authorization/sources/built_in_database/rules/all", 200, "/rules/0/qos"),
        ("GET /clients/{clientid}/mqueue_messages", 200, "/data/0/mqueue_priority"),
        ("GET /rules/{id}", 404, "/code"), ("GET /rules", 401, "/message"),
    ],
)  # fmt: skip
def test_a_missing_or_mistyped_key_is_noticed(label, status, pointer):
    """Taken from recorded answers: without the key, and with an object in its place, the body is invalid."""
    *parents, key = [int(step) if step.isdecimal() else step for step in pointer.split("/")[1:]]
    body = deepcopy(next(_bodies_with(label, status, parents, key)))
    holder = body
    for step in parents:
        holder = holder[step]
    value = holder.pop(key)
    assert [v.path for v in CONTRACT.validate_response(label, status, body)] == ["".join(f"/{s}" for s in parents)]
    holder[key] = {"unexpected": value}
    assert CONTRACT.validate_response(label, status, body)[0].path.startswith(pointer)


def _bodies_with(label, status, parents, key):
    for exchange in EXCHANGES:
        if (exchange.operation.label, exchange.status) == (label, status) and exchange.name not in DEFECTIVE_ANSWERS:
            holder = exchange.response.get("body")
            try:
                for step in parents:
                    holder = holder[step]
                holder[key]
            except (KeyError, IndexError, TypeError):
                continue
            yield exchange.response["body"]


def _with_body():
    return (e for e in EXCHANGES if e.operation.json_body is not None and "body" in e.request)


def _violations(exchange):
    return CONTRACT.validate_request(exchange.operation.label, exchange.request["body"], exchange.resource_type)


def _refused_by_schema():
    for exchange in _with_body():
        body = exchange.response.get("body")
        if exchange.status == 400 and isinstance(body, dict):
            text = str(body.get("message"))
            known = exchange.resource_type is None or exchange.resource_type in CONTRACT.types(_kind(exchange))
            if known and any(reason in text for reason in SCHEMA_REASONS):
                yield exchange


def _kind(exchange):
    return "actions" if exchange.operation.path.startswith("/actions") else "connectors"
