"""Rule SQL: a statement passes only if whatever lexer reads it finds nothing but the sandbox behind FROM."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.rules.evaluator import run
from conformance.reference.rules.parser import SqlError, parse
from conformance.reference.rules.values import EvaluationError
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.identities import Judge
from conformance.target.guard.mode import Mode
from conformance.target.guard.statements import statement
from conformance.target.guard.types import KnownTypes
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX, contract

JUDGE = Judge(SANDBOX, HostPolicy(), Mode.SANDBOXED, KnownTypes(contract()))
EVENT = 'FROM "$events/client_connected"'
THEIR_EVENT = {"clientid": "theirs", "username": "theirs", "topic": "theirs/a", "payload": {"x": [1]}, "x": True}


def passes(sql: str) -> bool:
    return not list(statement(JUDGE, sql))


@pytest.mark.parametrize(
    "condition",
    [
        f"clientid = '{OWN}'",
        f"'{OWN}' = clientid",
        f"username = '{OWN}' and true",
        f"a > 1 AND (b = 2 OR c) AND clientid = '{OWN}'",
        f"clientid =~ '{OWN}/#'",
        f"topic =~ '{OWN_TOPIC}/+'",
        f"topic = '{OWN_TOPIC}'",
        f"from_clientid = '{OWN}'",
        f"regex_match(clientid, '^{SANDBOX.prefix}[a-z]+')",
    ],
)
def test_condition_that_proves_its_event(condition: str) -> None:
    assert passes(f"SELECT * {EVENT} WHERE {condition}")


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "true",
        f"clientid = '{OWN}' or true",
        f"true OR clientid = '{OWN}' AND clientid = '{OWN}'",
        f"not clientid = '{OWN}'",
        f"clientid != '{OWN}'",
        f"clientid <> 'x' and x = '{OWN}'",
        "clientid = 'theirs'",
        f"clientid =~ '+/{OWN}'",
        "topic =~ '#'",
        f"(clientid = '{OWN}' or true)",
        f"a) or (b and clientid = '{OWN}' and c",
        f"case when a and clientid = '{OWN}' and b then true else true end",
        f"clientid = '{OWN}' -- ' or true",
        f"clientid = '{OWN}' /* */ or true",
        f"\"clientid\" = '{OWN}'",
        f"lower(clientid) = '{OWN}'",
        f"regex_match(clientid, '{OWN}')",
        f"regex_match(clientid, '^{SANDBOX.prefix}|.')",
        f"CLIENTID = '{OWN}'",
        f"clientid = '{OWN}' + ''",
    ],
)
def test_condition_that_proves_nothing(condition: str) -> None:
    assert not passes(f"SELECT * {EVENT} WHERE {condition}")


@pytest.mark.parametrize(
    ("fields", "safe"),
    [
        ("*", True),
        ("clientid", True),
        ("event, clientid , username as clientname", True),
        ("clientid as who, 'x' as tag", True),
        (f"'{OWN}' as clientid", False),
        (f"'{OWN}' clientid", False),
        (f"'{OWN}' as \"clientid\"", False),
        (f"clientid as other, '{OWN}' as clientid", False),
        (f"'{OWN}' as client\n/id", False),
        (f"'{OWN}' as clientid.x", False),
        ("case when a then b else c end clientid", False),
    ],
)
def test_fields_must_leave_the_column_of_the_proof_alone(fields: str, safe: bool) -> None:
    assert passes(f"SELECT {fields} {EVENT} WHERE clientid = '{OWN}'") is safe


def test_an_alarm_is_proven_by_its_name() -> None:
    assert passes(f"SELECT * FROM \"$events/sys/alarm_activated\" WHERE name = '{OWN}'")
    assert not passes(f"SELECT '{OWN}' as name FROM \"$events/sys/alarm_activated\" WHERE name = '{OWN}'")
    assert not passes("SELECT * FROM \"$events/sys/alarm_activated\" WHERE name = 'theirs'")


def test_each_aliased_item_of_a_foreach_counts() -> None:
    assert not passes(f"FOREACH payload.l as clientid DO clientid {EVENT} WHERE clientid = '{OWN}'")


_FRAGMENTS = (
    "SELECT", "FOREACH", "DO", "INCASE", "*", "clientid", "payload.x", "as", "x", ",", "FROM", "from", "WHERE", "where",
    f'"{OWN_TOPIC}"', '"theirs"', "theirs", "'theirs'", f"'{OWN}'", '"$events/client_connected"', "clientid = ", "=",
    "or", "and", "not", "true", "(", ")", "--", "\n", "/*", "*/", "\n/", '"', "'", "1.5f", "1", ".", " ", "_", "$",
    "fun", f"clientid = '{OWN}'", f"'{OWN}' = clientid", "case when", "then", "else", "end", f'FROM "{OWN_TOPIC}"',
    'FROM "theirs"',
)  # fmt: skip


@settings(max_examples=1500, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(_FRAGMENTS), min_size=3, max_size=14), st.sampled_from(["", " "]))
def test_statement_that_passes_selects_nothing_foreign(fragments: list[str], separator: str) -> None:
    """The reference is the judge, for whatever its parser accepts, also with EMQX's joints taken out."""
    sql = separator.join(["SELECT *", *fragments])
    if not passes(sql):
        return
    for text in (sql, sql.replace("\n/", "")):
        try:
            parsed = parse(text)
        except SqlError:
            continue
        assert all(source.startswith((SANDBOX.topic_root, "$events/")) for source in parsed.sources)
        if any(source.startswith("$events/") for source in parsed.sources):
            with suppress(EvaluationError):
                assert not run(parsed, THEIR_EVENT, None)
