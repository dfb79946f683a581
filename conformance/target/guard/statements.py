"""Rule SQL: which topics and events a statement listens to, whatever lexer reads it.

Lexers differ in comments, in what ends a name and in what they remove beforehand, so a statement is not parsed. Instead
every place where the word FROM could stand must be followed by sources that are provably inside the sandbox: whichever
of them is the true one, nothing foreign is selected. What cannot be proven is refused.
"""

from __future__ import annotations

import re

from conformance.target.guard.identities import Findings, Judge

_FROM = re.compile(r"from(?![A-Za-z0-9_])", re.IGNORECASE)
_BLANK = re.compile(r"\s*")
_SOURCE = re.compile(r'"([^"\']*)"|\'([^"\']*)\'|([A-Za-z_$][A-Za-z0-9_$@~]*)')
_WHERE = re.compile(r"where(?![A-Za-z0-9_$@~])", re.IGNORECASE)
# Words that are reserved in every lexer, so none of them can be a source.
_RESERVED = frozenset(
    {"and", "as", "case", "do", "else", "end", "foreach", "from", "in", "incase", "not", "or", "select", "then", "when",
     "where"}
)  # fmt: skip
_COMMENTS = ("--", "/*")
_EVENT_PREFIXES = ("$events/", "$bridges/")

_CONDITION_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\"]*')|(?P<word>[A-Za-z][A-Za-z0-9_]*)|(?P<other>[0-9]+|=~|!=|<>|<=|>=|[=<>,.()\[\]+*/-]))"
)
# Alarms have a name and no client; no other event has a column of that name.
_NAME_COLUMNS = frozenset({"clientid", "username", "from_clientid", "from_username", "name"})
_COLUMNS = _NAME_COLUMNS | {"topic"}
# Whose branches a conjunct must not be taken from, and what would turn it around.
_BRANCHING = frozenset({"case", "when", "if", "elsif", "incase", "fun"})
_STORE_WRITE = re.compile(r"kv_store_(?:put|del)\s*\(\s*(?:'([^'\"]*)')?", re.IGNORECASE)
# What can follow FROM if it is no keyword there: no server reads a source from it.
_NO_SOURCE = re.compile(r"$|[0-9.,()=<>!*+%;:}\]]|-(?!-)|/(?!\*)")


def statement(judge: Judge, sql: str) -> Findings:
    """Findings about the text of a rule's ``sql``; a text without FROM is no statement for any server."""
    yield from _reading(judge, sql)
    without_joints = sql.replace("\n/", "")  # EMQX 5.8 takes these two characters out before it reads the rest
    if without_joints != sql:
        yield from _reading(judge, without_joints)


def _reading(judge: Judge, sql: str) -> Findings:
    for match in _FROM.finditer(sql):
        yield from _sources(judge, sql[: match.start()], sql[match.end() :])
    for match in _STORE_WRITE.finditer(sql):
        if not judge.sandbox.owns_name(match[1]):
            yield f"the key of {match[0][:80]!r} in the store that all rules share is outside the sandbox"


def _sources(judge: Judge, selected: str, rest: str) -> Findings:
    """What a statement selects if it is ``rest`` that stands behind its FROM."""
    position = _skip(rest, 0)
    events: list[str] = []
    while True:
        match = _SOURCE.match(rest, position)
        if match is None:
            if not _NO_SOURCE.match(rest, position):
                yield f"what stands behind FROM cannot be judged: {rest[:40]!r} (double quotes, no comments)"
            return
        if (match[3] or "").lower() in _RESERVED:
            return  # no server takes this FROM for a keyword, or what stands before the last comma is all there is
        source = match[1] or match[2] or match[3] or ""
        if source.startswith(_EVENT_PREFIXES):
            events.append(source)
        else:
            yield from judge.topic(source, "the FROM topic")
        position = _skip(rest, match.end())
        if not rest.startswith(",", position):
            break
        position = _skip(rest, position + 1)
    following = rest[position:]
    if following.startswith(_COMMENTS) or (following and not re.match(r"[A-Za-z]", following)):
        yield f"what follows the FROM sources cannot be judged: {following[:40]!r}"
    elif events:
        where = _WHERE.match(following)
        if where is None or not _concerns_the_sandbox(judge, following[where.end() :], selected):
            yield (
                f"the FROM event {events[0]!r} also happens to clients outside the sandbox {judge.sandbox.prefix}: "
                "select from events only WHERE clientid = '<a name of the sandbox>' (one condition, joined by AND)"
            )


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _concerns_the_sandbox(judge: Judge, condition: str, selected: str) -> bool:
    """Whether a condition holds for nothing outside the sandbox.

    Proven by one conjunct at its top: ``clientid = '...'``, ``clientid =~ '...'`` or ``regex_match(clientid, '^...')``
    (or with username, from_clientid, from_username, topic, and of alarms name) with an owned text, on a column the
    fields leave alone: conditions see what is selected as well.
    """
    tokens = _tokens(condition)
    if tokens is None or _BRANCHING & {token.lower() for token in tokens}:
        return False
    conjuncts = _conjuncts(tokens)
    return any(
        column in _COLUMNS and column not in _redefined(selected) and owned
        for column, owned in (_proof(judge, conjunct) for conjunct in conjuncts)
    )


def _tokens(condition: str) -> list[str] | None:
    """The tokens of a condition, None if there is anything that lexers could read differently."""
    if any(comment in condition for comment in _COMMENTS):
        return None
    condition = condition.strip()
    tokens, position = [], 0
    while position < len(condition):
        match = _CONDITION_TOKEN.match(condition, position)
        if match is None:
            return None
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _conjuncts(tokens: list[str]) -> list[list[str]]:
    """The parts of a condition that AND joins outside all brackets; none if OR joins any there."""
    conjuncts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        if token in "([":
            depth += 1
        elif token in ")]":
            depth -= 1
            if depth < 0:
                return []
        if depth == 0 and token.lower() == "or":
            return []
        if depth == 0 and token.lower() == "and":
            conjuncts.append([])
        else:
            conjuncts[-1].append(token)
    return conjuncts if depth == 0 else []


def _proof(judge: Judge, conjunct: list[str]) -> tuple[str, bool]:
    """Column of a conjunct, and whether it only holds for owned values; ("", False) for every other shape."""
    if len(conjunct) == 3 and conjunct[0].startswith("'") and conjunct[1] == "=":
        conjunct = conjunct[::-1]
    match conjunct:
        case [column, "=", text] if text.startswith("'"):
            return column, _owns(judge, column, text[1:-1])
        case [column, "=~", text] if text.startswith("'"):
            value = text[1:-1]
            return column, _owns(judge, column, value if column == "topic" else value.partition("/")[0])
        case ["regex_match", "(", column, ",", text, ")"] if text.startswith("'") and column in _NAME_COLUMNS:
            return column, judge.sandbox.owns_pattern(text[1:-1])
    return "", False


def _owns(judge: Judge, column: str, value: str) -> bool:
    return judge.sandbox.owns_topic(value) if column == "topic" else judge.sandbox.owns_name(value)


def _redefined(selected: str) -> frozenset[str]:
    """The columns that the selected fields could give another value than the event's."""
    return frozenset(column for column in _COLUMNS if not _leaves_alone(selected, column))


def _leaves_alone(selected: str, column: str) -> bool:
    word = rf"(?<![A-Za-z0-9_$@~]){column}(?![A-Za-z0-9_$@~])"
    harmless = rf"(?:\bselect|,)\s*{column}(?:\s+as\s+(?!{column}\b)[A-Za-z0-9_]+)?\s*(?=,|$)"
    # Bound to its event, a column stands alone between commas, or gets another name there.
    return len(re.findall(word, selected, re.I)) == len(re.findall(harmless, selected, re.I))
