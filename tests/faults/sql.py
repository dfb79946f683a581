"""Faults of rule SQL: functions, dates, operators, statements and templates (RUL)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.bridges import template
from conformance.reference.rules import actions, evaluator, syntax
from conformance.reference.rules.functions import codecs, maths, texts
from conformance.reference.rules.functions.registry import FUNCTIONS
from conformance.reference.rules.metrics import RuleMetrics
from conformance.reference.rules.values import UNDEFINED, EvaluationError
from tests.faults.seeded import Broken, broken, scenario, seed

PULL = "https://github.com/emqx/emqx/pull/"


def table(test: str, family: str) -> str:
    return scenario("sql_table", f"{test}[{family}]")


def function(name: str, make: Callable[[Any], Callable[..., Any]]) -> Broken:
    return broken(FUNCTIONS, name, make)


# --- functions --------------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[str, Callable[[Any], Callable[..., Any]]]] = {
    "mathematics": ("round", lambda _: round),
    "bits": ("bitnot", lambda _: lambda value: -value),
    "types": ("is_int", lambda _: lambda value: isinstance(value, int)),
    "conversions": ("int", lambda original: lambda value: int(value) if isinstance(value, float) else original(value)),
    "null": ("is_null", lambda _: lambda value: value is UNDEFINED or value is None),
    "texts": ("strlen", lambda _: lambda text: len(text.encode())),
    "parts": ("substr", lambda original: lambda text, start, *more: original(text, max(start - 1, 0), *more)),
    "searches": ("find", lambda original: lambda text, wanted, *_: original(text, wanted)),
    "regular expressions": ("regex_extract", lambda _: lambda text, pattern: texts._pattern(pattern).findall(text)),
    "formats": ("unescape", lambda _: lambda text: text),
    "maps": ("map_put", lambda _: lambda key, item, value: {**value, key: item}),
    "arrays": ("nth", lambda _: lambda position, items: items[position]),
    "hashes": ("sha", lambda _: lambda text: codecs.digest("sha256", text)),
    "compression": ("zip", lambda _: lambda text: codecs.zip_compress(text)),
    "encodings": ("bin2hexstr", lambda original: lambda *arguments: original(*arguments).lower()),
}
for family, (name, make) in WRONG.items():
    seed(
        f"{name} of rule SQL is wrong",
        function(name, make),
        table("functions_give_what_the_manual_says", family),
        "RUL-30",
    )

for family, name, make, number in (
    ("sizes", "map_size", lambda _: lambda value: 1, 14369),
    ("sizes", "is_empty", lambda _: lambda value: value == {}, 14369),
    ("two-byte texts", "str_utf16_le", lambda _: lambda text: text.encode("utf-16-be").decode("latin-1"), 14409),
    ("two-byte texts", "sqlserver_bin2hexstr", lambda _: lambda text: text.encode().hex(), 14409),
    ("texts of arrays", "str_utf8", lambda original: lambda value: original(value[0]), 14423),
):
    seed(
        f"{name} of rule SQL is wrong",
        function(name, make),
        table("functions_of_5_8_4_give_what_the_manual_says", family),
        "RUL-51",
        origin=f"{PULL}{number}",
    )

# --- dates ------------------------------------------------------------------------------------------------------------


def a_day_off(original: Callable[..., int]) -> Callable[..., int]:
    """From March of a leap year on, as its leap day counted twice."""

    def wrong(unit: Any, *arguments: Any) -> int:
        instant = original(unit, *arguments)
        year, month = arguments[-1][:4], arguments[-1][5:7]
        leaps = year.isdigit() and (int(year) % 400 == 0 or int(year) % 4 == 0 != int(year) % 100)
        return instant + 86400 if unit == "second" and leaps and month >= "03" else instant

    return wrong


CONVERT = "dates_and_instants_convert_exactly"
seed(
    "dates after February of leap years are a day off",
    function("date_to_unix_ts", a_day_off),
    table(CONVERT, "leap days"),
    "RUL-31",
    origin="https://github.com/emqx/emqx/pull/12632",
)
seed(
    "the offset of a date is ignored",
    function("date_to_unix_ts", lambda original: lambda unit, *rest: original(unit, *rest[-2:])),
    table(CONVERT, "fractions and offsets"),
    "RUL-31",
)
seed(
    "dates of instants ignore the offset",
    function("format_date", lambda original: lambda unit, _, *more: original(unit, "Z", *more)),
    table(CONVERT, "dates of instants"),
    "RUL-31",
)
seed(
    "RFC 3339 is always in seconds",
    function("rfc3339_to_unix_ts", lambda original: lambda text, *_: original(text)),
    table(CONVERT, "RFC 3339"),
    "RUL-31",
)
seed(
    "instants before 1970 are none",
    function("date_to_unix_ts", lambda original: lambda *arguments: max(original(*arguments), 0)),
    table(CONVERT, "instants of dates"),
    "RUL-31",
)

# --- operators and errors ---------------------------------------------------------------------------------------------

GIVE = "operators_and_paths_give_what_the_manual_says"
seed(
    "div rounds down",
    broken(maths._OPERATORS, "div", lambda _: lambda left, right: left // right),
    table(GIVE, "arithmetic"),
    "RUL-32",
)


def without_case(original: Callable[..., bool]) -> Callable[..., bool]:
    def wrong(operator: str, left: Any, right: Any, matches: Any) -> bool:
        left, right = (side.lower() if isinstance(side, str) else side for side in (left, right))
        return original(operator, left, right, matches)

    return wrong


CASELESS = broken(evaluator, "compare", without_case)
seed("texts are compared without case", CASELESS, table(GIVE, "comparisons"), "RUL-32")


def names_are_no_texts(original: Callable[..., bool]) -> Callable[..., bool]:
    def wrong(operator: str, left: Any, right: Any, matches: Any) -> bool:
        sides = {type(left), type(right)}
        return operator in ("!=", "<>") if sides == {bool, str} else original(operator, left, right, matches)

    return wrong


NAMES = broken(evaluator, "compare", names_are_no_texts)
seed("true is not the text true", NAMES, table(GIVE, "comparisons"), "RUL-32")


def last_branch(original: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(case: syntax.Case, scope: Any) -> Any:
        if len(case.branches) == 2:
            case = syntax.Case(case.subject, case.branches[::-1], case.otherwise)
        return original(case, scope)

    return wrong


seed("the last branch of CASE wins", broken(evaluator, "_case", last_branch), table(GIVE, "conditions"), "RUL-32")
seed(
    "slices leave their end out",
    broken(evaluator, "_cut", lambda original: lambda items, first, last: original(items, first, last)[:-1]),
    table(GIVE, "paths"),
    "RUL-32",
)


def undefined_instead(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        try:
            return original(*arguments)
        except EvaluationError:
            return UNDEFINED

    return call


FAIL = "impossible_arguments_fail_the_statement"
seed(
    "impossible arguments have an undefined value",
    broken(evaluator, "call_function", undefined_instead),
    table(FAIL, "texts"),
    "RUL-33",
)
seed(
    "a failed statement counts as without result",
    broken(RuleMetrics, "failed", lambda original: lambda self, _: original(self, "no_result")),
    table(FAIL, "operators"),
    "RUL-33",
)
seed(
    "the 29th of February is in every year",
    function("date_to_unix_ts", lambda original: lambda *given: original(*(
        text.replace("-02-29", "-02-28") if isinstance(text, str) else text for text in given))),
    table(FAIL, "dates"),
    "RUL-33",
)  # fmt: skip

# --- statements and templates -----------------------------------------------------------------------------------------

REFER = scenario("sql_statements", "foreach_clauses_refer_to_each_other")


def without_filter(original: Callable[..., Any]) -> Callable[..., Any]:
    def run(statement: Any, *more: Any) -> Any:
        return original(syntax.Foreach(statement.fields, statement.sources, statement.each, None), *more)

    return run


def forgetful(original: Callable[..., Any]) -> Callable[..., Any]:
    def transform(fields: Any, scope: Any) -> Any:
        row: dict[str, Any] = {}
        for field in fields:
            row |= original([field], scope)[0]
        return row, scope.with_columns({**scope.columns, **row})

    return transform


seed("INCASE is ignored", broken(evaluator, "_foreach", without_filter), REFER, "RUL-34")
seed("columns do not see those before them", broken(evaluator, "_transform", forgetful), REFER, "RUL-34")

KEEPS = scenario("sql_statements", "foreach_without_do_keeps_the_event")


def each_of_anything(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(expression: Any, scope: Any) -> Any:
        value = original(expression, scope)
        rows = isinstance(expression, syntax.Path) and expression.steps == ("rows",)
        return [value] if rows and not isinstance(value, list) else value

    return evaluate


seed("what is no array is one element", broken(evaluator, "evaluate", each_of_anything), KEEPS, "RUL-35")

PRINT = scenario("sql_statements", "templates_print_what_is_selected")
WHOLE = scenario("sql_statements", "an_empty_template_is_the_whole_row")


def missing_is_empty(original: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda value: b"" if value is None else original(value)


def arrays_as_texts(original: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda value: str(value).encode() if isinstance(value, list) else original(value)


seed(
    "a row tells its payload twice",
    broken(template, "_encode", lambda encode: lambda value: encode(value).replace("{", '{"payload":0,', 1)),
    (KEEPS, WHOLE),
    "RUL-35",
    "RUL-37",
    origin="https://github.com/emqx/emqx/pull/11172",
)


def columns_first(_original: Callable[..., Any]) -> Callable[..., Any]:
    def select(statement: Any, scope: Any, _hides: bool) -> Any:
        row, _ = evaluator._transform(statement.fields, scope)
        seen = scope.with_columns({**row, **scope.columns})
        return [row] if evaluator._holds(statement.condition, seen) else None

    return select


seed("a condition sees the column under a selected one", broken(evaluator, "_select", columns_first), PRINT, "RUL-36")
seed("what is missing is printed as nothing", broken(template, "as_bytes", missing_is_empty), PRINT, "RUL-36")
seed("arrays are printed by the language", broken(template, "as_bytes", arrays_as_texts), PRINT, "RUL-36")


def empty_whole(original: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda text, data: b"{}" if text == "${.}" else original(text, data)


seed("an empty template prints nothing", broken(actions, "render_bytes", empty_whole), WHOLE, "RUL-37")
