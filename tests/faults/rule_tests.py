"""Faults of the tests of rules and of what GET /rule_events says about them (RUL).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.reference.rest.http import ApiError
from conformance.reference.rules.actions import ActionRunner
from conformance.reference.rules.events import EVENTS as EVENT_TYPES
from conformance.reference.rules.testing import RuleTest
from tests.faults.proxy import Request
from tests.faults.seeded import Broken, broken, edit, error_reply, json_reply, nothing, on, scenario, seed, swallow

TEST, EVENTS = "POST /rules/{id}/test", "GET /rule_events"
MATCHED, NOT_MATCHED = json_reply(200, ["ok"]), error_reply(412, "NOT_MATCH", "SQL Not Match")

MATCHING = scenario("rule_test", "context_matches_or_not")
seed("a test has one result", on(TEST, lambda reply: reply.with_json(reply.json and ["ok"])), MATCHING, "RUL-14")
seed("a test of no actions has a result", on(TEST, lambda r: r.with_json(r.json or ["ok"]), 200), MATCHING, "RUL-14")


def context(request: Request) -> dict[str, Any]:
    found = request.json.get("context") if isinstance(request.json, dict) else None
    return found if isinstance(found, dict) else {}


WRONG = scenario("rule_test", "impossible_context_is_refused")
for name, answer, condition in (
    ("a context of no event matches", MATCHED, lambda request: "event_type" not in context(request)),
    (
        "an unknown event does not match",
        NOT_MATCHED,
        lambda request: context(request).get("event_type") == "no_such_event",
    ),
    ("a context has any QoS", MATCHED, lambda request: context(request).get("qos") == 3),
    ("a context has any columns", MATCHED, lambda request: "x_unknown" in context(request)),
    ("a statement that fails does not match", NOT_MATCHED, lambda r: context(r).get("payload") == "no JSON"),
):
    seed(name, swallow(TEST, answer, condition), WRONG, "RUL-14")
seed("an unknown rule does not match", on(TEST, lambda _: NOT_MATCHED, 404), WRONG, "RUL-14")


def run_with(stop: bool) -> Callable[..., Any]:
    return lambda original: lambda self, rule, context, **_: original(self, rule, context, stop=stop)


def count_as_failed(original: Callable[..., None]) -> Callable[..., None]:
    def render_only(self: ActionRunner, rule: Any, *rest: Any) -> None:
        rule.metrics.action_started()
        rule.metrics.action_ended("unknown")
        original(self, rule, *rest)

    return render_only


def refuse_disabled(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, rule, event, topic: rule.enable and original(self, rule, event, topic)


ON_DEMAND, COUNTED = (scenario("rule_test", f"{name}") for name in (
    "actions_run_only_on_demand", "rendered_actions_have_not_failed"
))  # fmt: skip
DISABLED = scenario("rule_test", "disabled_rule_can_be_tested")
seed("every test runs the actions", broken(RuleTest, "run", run_with(stop=False)), ON_DEMAND, "RUL-15")
seed("no test runs the actions", broken(RuleTest, "run", run_with(stop=True)), ON_DEMAND, "RUL-15")
seed("a rendered action has failed", broken(ActionRunner, "render_only", count_as_failed), COUNTED, "RUL-19")
seed("an action a test has run is not counted", broken(ActionRunner, "run", nothing), COUNTED, "RUL-19")
seed(
    "every context matches",
    on(TEST, lambda reply: reply.with_json(["ok"], 200), 412),
    (MATCHING, DISABLED),
    "RUL-14",
    "RUL-23",
)
seed("a rendered action has no result", on(TEST, lambda reply: reply.with_json([None]), 200), COUNTED, "RUL-19")
seed("a disabled rule is about nothing", broken(RuleTest, "_is_about", refuse_disabled), DISABLED, "RUL-23")

DESCRIBED = scenario("rule_events", "events_describe_themselves")
seed("an event is listed twice", on(EVENTS, lambda r: r.with_json([*r.json, r.json[0]]), 200), DESCRIBED, "RUL-16")
seed(
    "connecting is no event",
    on(EVENTS, lambda r: r.with_json([e for e in r.json if e["event"] != "$events/client_connected"]), 200),
    DESCRIBED,
    "RUL-16",
)
seed(
    "an example of an event is no statement",
    on(EVENTS, edit(lambda listed: listed[-1].update(sql_example='SELECT FROM "t/#"')), 200),
    DESCRIBED,
    "RUL-16",
)
seed(
    "a test does not know a column it is told of",
    on(EVENTS, edit(lambda listed: listed[0]["test_columns"].update(x_unknown=["1", "nobody knows it"])), 200),
    DESCRIBED,
    "RUL-16",
)
seed(
    "the details of an alarm crash its test",
    swallow(TEST, error_reply(500, "INTERNAL_ERROR"), lambda request: "details" in context(request)),
    DESCRIBED,
    "RUL-16",
    ("GEN-15", TEST, "no_server_error"),
    origin="https://github.com/emqx/emqx/pull/14824",
)


def about(wrong: Callable[[tuple[str, ...], str], bool | None]) -> Broken:
    """What a test takes a rule to be about, by the sources after its FROM and the event; None: as it is."""

    def make(original: Callable[..., bool]) -> Callable[..., bool]:
        def is_about(self: RuleTest, rule: Any, event_type: str, topic: str | None) -> bool:
            decided = wrong(tuple(rule.sources), event_type)
            return original(self, rule, event_type, topic) if decided is None else decided

        return is_about

    return broken(RuleTest, "_is_about", make)


def on_events(sources: tuple[str, ...]) -> bool:
    return any(source.startswith("$events/") for source in sources)


CONTEXTS = scenario("rule_events", "context_is_about_its_event")
seed(
    "a rule on one event is about all of them",
    about(lambda sources, event: True if on_events(sources) else None),
    CONTEXTS,
    "RUL-38",
)
seed(
    "what is acknowledged is taken for delivered",
    about(
        lambda sources, event: "$events/message_delivered" in sources if event == "message_acked" else None,
    ),
    CONTEXTS,
    "RUL-38",
)
seed("no rule is about an alarm", about(lambda _, event: False if "alarm" in event else None), CONTEXTS, "RUL-38")
seed(
    "a rule that is about several events is about the first of them",
    about(lambda sources, event: None if len(sources) < 2 else sources[0].endswith(f"/{event}")),
    CONTEXTS,
    "RUL-38",
)


def conditional(original: Callable[..., Any]) -> Callable[..., Any]:
    """Conditions hold for every event but messages."""

    def run(self: RuleTest, rule: Any, context: dict[str, Any], *, stop: bool) -> Any:
        about_messages = context["event_type"] == "message_publish"
        try:
            return original(self, rule, dict(context), stop=stop)
        except ApiError as error:
            if about_messages or error.status != 412 or not self._is_about(rule, context["event_type"], None):
                raise
            return ["ok"]

    return run


seed("conditions on events are not looked at", broken(RuleTest, "run", conditional), CONTEXTS, "RUL-38")

SEEN = scenario("rule_events", "statement_sees_the_context")


def example(names: tuple[str, ...]) -> Broken:
    """Columns of contexts are replaced by those of the examples."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: RuleTest, rule: Any, context: dict[str, Any], *, stop: bool) -> Any:
            known = EVENT_TYPES[context["event_type"]].example_context()
            return original(self, rule, {**context, **{n: known[n] for n in names if n in context}}, stop=stop)

        return run

    return broken(RuleTest, "run", make)


seed("a test knows one reason code", example(("reason_code",)), SEEN, "RUL-39")
seed("a test sees the username of the example", example(("username",)), SEEN, "RUL-39")
seed("a test sees no topic but that of the example", example(("topic",)), SEEN, "RUL-39")
