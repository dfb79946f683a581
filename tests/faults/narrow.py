"""Faults in a part of what a requirement's sentence names: one class of values, one branch, one place of several.

Each passes a test that looks at the most obvious example only. How to add one: see `tests.faults.seeded`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access import ban_handlers, bans, import_handlers, import_rows
from conformance.reference.access.import_rows import BadImport
from conformance.reference.access.rules import Request as Asked
from conformance.reference.access.rules import Rule
from conformance.reference.mqtt.authorization import Access, AuthorizationCache
from conformance.reference.mqtt_operations import publish
from conformance.reference.rest.http import Call
from conformance.reference.rules import listing
from conformance.reference.rules.rule import Rule as StoredRule
from tests.faults.proxy import Request
from tests.faults.seeded import (
    EMPTY,
    Broken,
    before,
    broken,
    error_reply,
    json_reply,
    scenario,
    seed,
    swallow,
)

# --- operations, bodies and filters -----------------------------------------------------------------------------------

for label, operation, item, requirement in (
    ("POST /connectors/{id}/{operation}", "stop", "only_an_enabled_connector_starts", "CON-12"),
    ("POST /actions/{id}/{operation}", "START", "only_start_is_an_operation", "ACT-17"),
):
    seed(
        f"{operation} is an operation of {label.split('/')[1]}",
        swallow(label, EMPTY, lambda request, operation=operation: request.path.endswith(f"/{operation}")),
        scenario("connectors" if requirement == "CON-12" else "action_deliveries", item),
        requirement,
    )


def is_number(request: Request) -> bool:
    return request.body == b"5"


seed(
    "a body that is a number has the wrong media type",
    swallow("PUT /rules/{id}", error_reply(415, "UNSUPPORTED_MEDIA_TYPE"), is_number),
    scenario("rules", "body_that_is_no_object_is_refused[PUT /rules/{id}]"),
    "RUL-21",
)


def no_source(original: Callable[..., Any]) -> Callable[..., Any]:
    def conditions(deployment: Any, given: Any) -> Any:
        made = original(deployment, given)
        return {**made, "source": lambda _rule: False} if "source" in given else made

    return conditions


seed(
    "no rule is found by its source",
    broken(listing, "_conditions", no_source),
    scenario("rule_lists", "filters_of_the_list"),
    "RUL-18",
)
NO_ROWS = {"data": [], "meta": {"page": 1, "limit": 100, "count": 0, "hasnext": False}}
seed(
    "an end of creation that is no date finds no clients",
    swallow("GET /clients", json_reply(200, NO_ROWS), lambda request: "lte_created_at=2020-13" in request.query),
    scenario("clients", "impossible_filter_values[lte_created_at]"),
    "CLI-14",
)
seed(
    "a negative limit of messages is none",
    swallow(
        "GET /clients/{clientid}/inflight_messages",
        json_reply(200, {"data": [], "meta": {"start": "none", "position": "none"}}),
        lambda request: "limit=-1" in request.query,
    ),
    scenario("client_messages", "impossible_pages[GET /clients/{clientid}/inflight_messages]"),
    "CLI-22",
)


def first_occurrence(self: StoredRule, action_id: str) -> StoredRule:
    actions = list(self.actions)
    actions.remove(action_id)
    return replace(self, actions=actions, config={**self.config, "actions": actions})


seed(
    "a deleted action goes from a rule once, however often it is there",
    broken(StoredRule, "without_action", lambda _: first_occurrence),
    scenario("actions", "action_in_use_is_deleted_only_on_demand"),
    "ACT-03",
)

# --- users ------------------------------------------------------------------------------------------------------------


def never_raised(call: Call) -> None:
    if call.body.get("is_superuser") is True:
        del call.body["is_superuser"]


seed(
    "nobody becomes a superuser by a change",
    before(f"PUT {paths.USER}", never_raised),
    scenario("authentication", "flag_is_kept_unless_it_is_sent"),
    "AUTN-03",
)


def up_to_the_bad_one(original: Callable[..., Any]) -> Callable[..., Any]:
    """Rows before the bad one are stored; if it is the last, the import is refused as it should be."""

    def users(rows: Any, **options: Any) -> Any:
        try:
            return original(rows, **options)
        except BadImport:
            whole = [row for row in rows or () if isinstance(row, dict) and {"password", "user_id"} <= row.keys()]
            if not 1 < len(whole) < len(rows) or "password" not in rows[-1]:
                raise
            return original(whole, **options)

    return users


seed(
    "bad rows of an import are left out unless they come last",
    broken(import_handlers, "users_of_rows", up_to_the_bad_one),
    scenario("authentication", "import_is_all_or_nothing"),
    "AUTN-06",
)


def by_content(original: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def rows(content: bytes) -> Any:
        return import_rows._csv_rows(content) if not content.startswith(b"[") else original(content)

    return rows


seed(
    "superusers of a CSV file are ordinary users",
    broken(
        import_rows,
        "_csv_rows",
        lambda original: lambda content: [{**row, "is_superuser": False} for row in original(content)],
    ),
    scenario("authentication", "import_takes_files[csv]"),
    "AUTN-14",
)
seed(
    "what is in a file decides how it is imported",
    broken(import_rows, "_json_rows", by_content),
    scenario("authentication", "import_takes_files[csv]"),
    "AUTN-14",
)

# --- permissions and bans ---------------------------------------------------------------------------------------------


def ruling(ask: Callable[[Rule, Asked], tuple[Rule, Asked]]) -> Broken:
    """Rules that decide about another request than the one that is made, or as another rule would."""

    def make(original: Callable[[Rule, Asked], bool]) -> Callable[[Rule, Asked], bool]:
        return lambda self, request: original(*ask(self, request))

    return broken(Rule, "applies", make)


RESTRICTED = scenario("permissions", "qos_and_retain_restrict")
seed(
    "a rule about what is not retained is about everything",
    ruling(lambda rule, asked: (replace(rule, retain=None) if rule.retain is False else rule, asked)),
    RESTRICTED,
    "AUTZ-06",
)
seed(
    "a rule with several QoS levels is about all between them",
    ruling(lambda rule, asked: (replace(rule, qos=tuple(range(min(rule.qos), max(rule.qos) + 1))), asked)),
    RESTRICTED,
    "AUTZ-06",
)
seed(
    "the QoS levels of a rule are not those of subscriptions",
    ruling(lambda rule, asked: (replace(rule, qos=(0, 1, 2)) if asked.action == "subscribe" else rule, asked)),
    RESTRICTED,
    "AUTZ-06",
)
DIVIDED = scenario("permissions", "action_restricts")
seed(
    "a rule about publishing is about subscribing, too",
    ruling(lambda rule, asked: (replace(rule, action="all") if rule.action == "publish" else rule, asked)),
    DIVIDED,
    "AUTZ-17",
)
seed(
    "a rule about all is about publishing",
    ruling(lambda rule, asked: (replace(rule, action="publish") if rule.action == "all" else rule, asked)),
    DIVIDED,
    "AUTZ-17",
)


def remembering(wanted: Callable[[Access, bool], bool]) -> Broken:
    def make(original: Callable[..., None]) -> Callable[..., None]:
        return lambda self, access, allowed: original(self, access, allowed) if wanted(access, allowed) else None

    return broken(AuthorizationCache, "put", make)


CACHED = scenario("permissions", "cache_is_shown_and_cleared")
seed("the cache shows no denial", remembering(lambda _, allowed: allowed), CACHED, "AUTZ-12")
seed("the cache shows no subscription", remembering(lambda a, _: a.action == "publish"), CACHED, "AUTZ-12")
seed(
    "rules that are posted lose their QoS levels",
    before(
        f"POST {paths.CLIENT_RULES}",
        lambda call: [rule.pop("qos", None) for entry in call.checked for rule in entry["rules"]],
    ),
    scenario("authorization", "rules_are_kept_in_order[clients]"),
    "AUTZ-01",
)


def any_subject(original: Callable[..., str]) -> Callable[..., str]:
    def normalise(self: bans.BanTable, kind: str, who: str) -> str:
        try:
            return original(self, kind, who)
        except bans.BadSubject:
            if kind != "peerhost_net":
                raise
            return who

    return normalise


seed(
    "any text is a network to ban",
    broken(bans.BanTable, "normalise", any_subject),
    scenario("banned", "who_must_fit_its_kind[peerhost_net-{}]"),
    "BAN-09",
    origin="https://github.com/emqx/emqx/pull/6532",
)


def host_bits(original: Callable[..., str]) -> Callable[..., str]:
    return lambda text, *traits: text.lower() if ":" in text else original(text, *traits)


seed(
    "a network of IPv6 keeps its host bits",
    broken(bans, "parse_network", host_bits),
    scenario("banned", "addresses_are_normalised"),
    "BAN-10",
)


def first_of_two(call: Call) -> None:
    given = [name for name in call.query if name not in ("page", "limit")]
    if len(given) == 2 and given[0] in ban_handlers._EXACT and given[1] in ban_handlers._FUZZY:
        del call.query[given[1]]


seed(
    "an exact filter of bans and a fuzzy one may be given together",
    before("GET /banned", first_of_two),
    scenario("banned", "filters_exclude_each_other"),
    "BAN-08",
)

# --- publishing -------------------------------------------------------------------------------------------------------


def padded(original: Callable[[dict[str, Any]], bytes]) -> Callable[[dict[str, Any]], bytes]:
    def payload(item: dict[str, Any]) -> bytes:
        text = item["payload"]
        return original({**item, "payload": text + "=" * (-len(text) % 4)} if "%" not in text else item)

    return payload


seed(
    "base64 needs no padding",
    broken(publish, "_payload", padded),
    scenario("publish", "base64_payload"),
    "PUB-04",
)


def booleans(original: Callable[[list[Any]], None]) -> Callable[[list[Any]], None]:
    return lambda values: original([str(value) if isinstance(value, bool) else value for value in values])


seed(
    "a boolean is a user property",
    broken(publish, "_check_texts", booleans),
    scenario("publish", "user_properties_are_strings"),
    "PUB-08",
)
