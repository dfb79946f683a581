"""Which texts are rule SQL, and what they mean."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.rules.parser import SqlError, parse
from conformance.reference.rules.syntax import (
    All,
    AnyOf,
    Arithmetic,
    Comparison,
    Everything,
    Field,
    Foreach,
    FunctionCall,
    Literal,
    Membership,
    Not,
    Path,
    Select,
    Slice,
)

ACCEPTED = [
    'SELECT * FROM "t/#"',
    'select * from "t/#"',
    'SELECT payload.x x, 1 + 1 "two", upper(a) b FROM "t"',
    "SELECT payload.1 as one, payload.'odd key'.x as odd FROM \"t\"",
    'SELECT some.module.f(1) as x, TRUE as column FROM "t"',
    'SELECT * FROM "t" WHERE qos not in (0, 1) or not (a = 1 and b = 2)',
    'SELECT a = 1 as same, f(a > 1) as g FROM "t"',
    'SELECT\n\t* -- everything\nFROM /* any */ "t/#"',
    "SELECT * FROM t",
    'SELECT *, payload.x as x FROM "t/1", "$events/client_connected"',
    'SELECT payload.a.b[1].c as x.y.z FROM "t"',
    'SELECT payload.a[-1] as last, payload.a[2..3] as some FROM "t"',
    'SELECT payload.end as done, payload."odd key" as "odd name" FROM "t"',
    'SELECT 1 as a, -1 as b, 1.5 as c, 1.0e-3 as d, true as e, false as f FROM "t"',
    "SELECT 'it''s' as quoted, '' as empty FROM \"t\"",
    "SELECT [1, 'a', [x]] as list, [] as none, [1..9] as numbers FROM \"t\"",
    'SELECT (1 + 2) * 3 / 4 - 5 div 2 mod 2 as n FROM "t"',
    'SELECT mod(5, 2) as m, div(5, 2) as d, now_timestamp() as now FROM "t"',
    'SELECT concat(upper(clientid), str(1 + 1)) as c FROM "t"',
    'SELECT nobody_knows_this(1, 2) as x FROM "t"',
    "SELECT CASE WHEN x > 1 THEN 'a' WHEN x > 0 THEN 'b' ELSE 'c' END as c FROM \"t\"",
    "SELECT CASE x WHEN 1 THEN 'a' END as c FROM \"t\"",
    "SELECT * FROM \"t\" WHERE topic =~ 't/+' and (qos = 1 or qos in (0, 2)) and not x <> 3",
    'SELECT * FROM "t" WHERE a != 1 and b < 2 and c <= 3 and d > 4 and e >= 5 and f',
    'FOREACH payload.list FROM "t"',
    'FOREACH payload.list AS item DO item.v AS v, clientid INCASE item.v > 1 FROM "t" WHERE qos = 1',
    'FOREACH x as a, payload.list as b DO * FROM "t"',
    'SELECT selected, fromage, andes, ordinary, inner, casement FROM "t"',
    "SELECT * FROM 't/#', \"t\"",
]

REJECTED = [
    "",
    " ",
    "SELECT",
    "SELECT FROM",
    'SELECT FROM "t"',
    "SELECT *",
    "SELECT * FROM",
    'SELECT * FROM ""',
    'SELECT * FROM "t',
    'SELECT * FROM "t",',
    'SELECT * FROM "t" WHERE',
    'SELECT * WHERE x = 1 FROM "t"',
    'SELECT * FROM "t";',
    'SELECT a b c FROM "t"',
    'SELECT a and b as x FROM "t"',
    'SELECT not a as x FROM "t"',
    'SELECT a in (1) as x FROM "t"',
    'SELECT f(a and b) as x FROM "t"',
    'SELECT (a = 1) + 1 as x FROM "t"',
    'SELECT a[b = 1] as x FROM "t"',
    'SELECT a[1](2) as x FROM "t"',
    'SELECT * FROM "t" WHERE a in [1]',
    'SELECT * FROM "t" WHERE a = (b = c)',
    'SELECT a, FROM "t"',
    'SELECT a as FROM "t"',
    'SELECT a as 1 FROM "t"',
    'SELECT (a FROM "t"',
    'SELECT f(a FROM "t"',
    'SELECT \'a FROM "t"',
    'SELECT a = = b FROM "t"',
    'SELECT a[1..2].b FROM "t"',
    'SELECT 1 as a[1..2] FROM "t"',
    'SELECT CASE END as x FROM "t"',
    'SELECT select FROM "t"',
    'SELECTED * FROM "t"',
    'DELETE FROM "t"',
    "INSERT INTO t VALUES (1)",
    'FOREACH FROM "t"',
    'FOREACH a INCASE b > 1 DO b FROM "t"',
    'SELECT * FROM "t" GROUP BY x',
    "5",
    "\x00",
]


@pytest.mark.parametrize("sql", ACCEPTED)
def test_it_is_rule_sql(sql):
    assert parse(sql).sources


@pytest.mark.parametrize("sql", REJECTED)
def test_it_is_no_rule_sql(sql):
    with pytest.raises(SqlError):
        parse(sql)


def test_the_sources_are_in_order():
    assert parse('SELECT * FROM "b/#", "a", "$events/client_connected"').sources == (
        "b/#",
        "a",
        "$events/client_connected",
    )


def test_a_statement_becomes_a_tree():
    statement = parse('SELECT *, payload.a[1].b as x.y, f(1) FROM "t" WHERE a = 1 and (b or not c)')
    assert statement == Select(
        fields=(
            Everything(),
            Field(Path("payload", ("a", Literal(1), "b")), Path("x", ("y",))),
            Field(FunctionCall("f", (Literal(1),))),
        ),
        sources=("t",),
        condition=All((Comparison("=", Path("a"), Literal(1)), AnyOf((Path("b"), Not(Path("c")))))),
    )


def test_operators_bind_as_in_mathematics():
    (field,) = parse('SELECT a - b - c * d FROM "t"').fields
    inner = Arithmetic("-", Path("a"), Path("b"))
    assert field == Field(Arithmetic("-", inner, Arithmetic("*", Path("c"), Path("d"))))


def test_foreach_has_all_its_parts():
    assert parse('FOREACH l AS i DO i.v INCASE i.v in (1) FROM "t" WHERE q[1..2] = 1') == Foreach(
        fields=(Field(Path("l"), Path("i")),),
        sources=("t",),
        each=(Field(Path("i", ("v",))),),
        filter=Membership(Path("i", ("v",)), (Literal(1),)),
        condition=Comparison("=", Slice(Path("q"), 1, 2), Literal(1)),
    )


def test_the_error_names_the_place():
    with pytest.raises(SqlError, match="2: syntax error before: 'c'"):
        parse('SELECT a\nb c FROM "t"')


def test_quotes_inside_a_text_stay():
    inside, around = parse("SELECT 'it''s' as a, '\"x\"' as b FROM \"t\"").fields
    assert (inside.expression, around.expression) == (Literal("it''s"), Literal("x"))


def test_deep_nesting_is_no_obstacle():
    parse("SELECT " + "(" * 3000 + "1" + ")" * 3000 + ' as x FROM "t"')


WORDS = (
    *(*"()[]*+-/,;.=<>'\"", "..", "=~", "!=", "1", "2.5", "'x'", '"t/#"', "a", "payload.x", " ", "--", "/*", "*/"),
    *("SELECT", "FOREACH", "DO", "INCASE", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "IN", "div", "mod", "true"),
    *("CASE", "WHEN", "THEN", "ELSE", "END", "f(", "now()"),
)


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)))
@settings(max_examples=200, deadline=None)
def test_any_text_parses_or_is_refused(text):
    with contextlib.suppress(SqlError):
        assert parse(text).sources
