"""Rule statements around the question whose topics and events they select."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX

_FIELDS = (
    "*", "*", "clientid", "clientid, topic as t", f"'{OWN}' as clientid", f"'{OWN}' clientid", "payload.q as q",
    "'from \"theirs/a\"' as x", "from_clientid", "1.5from",
)  # fmt: skip
_SOURCES = (
    f'"{OWN_TOPIC}"', f'"{OWN_TOPIC}/#"', f'"{OWN_TOPIC}", "{OWN_TOPIC}/x"', '"$events/client_connected"',
    '"$events/message_delivered"', '"$events/session_subscribed"', '"theirs/a"', '"#"', "theirs", "'theirs/a'",
    f'"{OWN_TOPIC}", "theirs/+"', f'"{OWN_TOPIC}" -- x\n, "theirs/+"', f'"{OWN_TOPIC}" /* x */ , "theirs/+"',
    f'/* "{OWN_TOPIC}" */ "theirs/a"', f'"{OWN_TOPIC}\n/"', '"the\n/irs/+"', f'"{OWN_TOPIC}""', "", "$events",
    f'"{OWN_TOPIC}", "$events/client_disconnected"', '"$bridges/mqtt:x"',
)  # fmt: skip
_CONDITIONS = (
    "", "", f"WHERE clientid = '{OWN}'", f"where '{OWN}' = clientid AND true", f"WHERE clientid =~ '{OWN}'",
    f"WHERE clientid = '{OWN}' OR true", f"WHERE true or clientid = '{OWN}'", f"WHERE not clientid = '{OWN}'",
    f"WHERE clientid != '{OWN}'", f"WHERE (clientid = '{OWN}' or true)", f"WHERE true -- clientid = '{OWN}'",
    f"WHERE case when true and clientid = '{OWN}' and true then true else true end", "WHERE topic =~ '#'",
    f"WHERE topic =~ '{OWN_TOPIC}/#'", f"WHERE regex_match(clientid, '^{SANDBOX.prefix}.*')",
    f"WHERE regex_match(clientid, '^{SANDBOX.prefix}|.')", "WHERE payload.q = 1", 'FROM "theirs/a"', "GARBAGE",
)  # fmt: skip


@st.composite
def statements(draw: Callable[..., Any]) -> Any:
    """SQL text, or something that is none."""
    if draw(st.integers(0, 24)) == 0:
        return draw(st.sampled_from(("", "SELECT", 5, None, ['SELECT * FROM "#"'], list(b'SELECT * FROM "#"'))))
    fields, source, condition = (draw(st.sampled_from(texts)) for texts in (_FIELDS, _SOURCES, _CONDITIONS))
    start = draw(_start(fields))
    keyword = draw(st.sampled_from(("FROM", "FROM", "FROM", "from", "/* FROM */ FROM", "FR\n/OM")))
    return f"{start} {keyword} {source} {condition}".rstrip()


def _start(fields: str) -> SearchStrategy[str]:
    return st.sampled_from(
        (f"SELECT {fields}",) * 5 + (f"FOREACH payload.l as clientid DO {fields}", f"select {fields}")
    )
