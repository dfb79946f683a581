"""Seeded faults of authorization rules. How to add one: see `tests.faults.seeded`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access import rules as access_rules
from conformance.reference.access.access import Access
from conformance.reference.access.rules import Rule, Source
from conformance.reference.mqtt.authorization import AuthorizationCache
from conformance.reference.mqtt.broker import Broker
from conformance.reference.rest.http import Call
from tests.faults.proxy import Reply
from tests.faults.seeded import (
    EMPTY,
    Broken,
    before,
    broken,
    broken_handler,
    edit,
    error_reply,
    fuzz,
    in_each,
    nothing,
    on,
    scenario,
    seed,
    swallow,
)

READ_CACHE = "GET /clients/{clientid}/authorization/cache"


def api(test: str) -> str:
    return scenario("authorization", test)


def data(test: str) -> str:
    return scenario("permissions", test)


def reverse(reply: Reply) -> Reply:
    return edit(lambda entry: entry["rules"].reverse())(reply)


seed(
    "rules are shown in reverse order",
    on(f"GET {paths.RULES_OF_USER}", reverse, 200),
    api("rules_are_kept_in_order[users]"),
    "AUTZ-01",
)
seed(
    "an eq prefix is lost",
    broken(
        Rule,
        "shown",
        lambda original: lambda self: original(replace(self, topic=self.topic.removeprefix("eq "))),
    ),
    api("rules_are_kept_in_order[clients]"),
    "AUTZ-01",
)
seed(
    "rules deny nothing",
    broken(Source, "decide", nothing),
    (
        data("denied_publish_is_told_and_not_delivered"),
        data("denied_publish_of_an_old_client_is_dropped"),
        data("denied_subscription_is_refused[mqtt5]"),
    ),
    "AUTZ-02",
)
seed(
    "rules of users come before those of clients",
    broken(
        Source,
        "_candidates",
        lambda original: lambda self, request: [
            *self.users.get(request.username, ()), *self.clients.get(request.clientid, ()), *self.everyone
        ],
    ),
    data("first_match_wins"),
    "AUTZ-03",
)  # fmt: skip
seed(
    "rules of everybody come first",
    broken(
        Source,
        "_candidates",
        lambda original: lambda self, request: [*self.everyone, *original(self, request)],
    ),
    data("rules_of_everybody_come_last"),
    "AUTZ-03",
)
seed(
    "an eq rule is about every topic below",
    broken(
        Rule,
        "applies",
        lambda original: lambda self, request: original(replace(self, topic=self.topic.removeprefix("eq ")), request),
    ),
    data("eq_is_taken_literally"),
    "AUTZ-04",
)
seed(
    "placeholders in topics are not filled in",
    broken(access_rules, "_rendered", lambda original: lambda template, request: template),
    data("placeholders_are_filled_in"),
    "AUTZ-05",
)
seed(
    "rules ignore the QoS",
    broken(Rule, "applies", lambda original: lambda self, request: original(replace(self, qos=(0, 1, 2)), request)),
    data("qos_and_retain_restrict"),
    "AUTZ-06",
)
seed(
    "rules ignore the retain flag",
    broken(Rule, "applies", lambda original: lambda self, request: original(replace(self, retain=None), request)),
    data("qos_and_retain_restrict"),
    "AUTZ-06",
)


def store_what_is_new(original: Any) -> Any:
    """A batch stores the entries that are new, and says 409 for the rest."""

    def handler(call: Call) -> Any:
        for entry in call.body:
            call.deployment.access.source.users.setdefault(entry["username"], [])
        return original(call)

    return handler


seed(
    "a refused batch stores what is new in it",
    broken_handler(f"POST {paths.USER_RULES}", store_what_is_new),
    api("batch_is_all_or_nothing[users]"),
    "AUTZ-07",
)
seed(
    "the number of rules is not limited",
    swallow(f"PUT {paths.RULES_OF_CLIENT}", EMPTY, lambda request: len(request.json["rules"]) > 100),
    api("number_of_rules_is_limited[clients]"),
    "AUTZ-08",
    origin="https://github.com/emqx/emqx/pull/13196",
)
seed(
    "no rules of everybody is not found",
    on(
        f"GET {paths.RULES_OF_ALL}",
        lambda reply: reply if reply.json["rules"] else error_reply(404, "NOT_FOUND"),
        200,
    ),
    fuzz("positive", f"GET {paths.RULES_OF_ALL}"),
    "GEN-28",
    origin="https://github.com/emqx/emqx/pull/5892",
)
seed(
    "rules of everybody are added, not replaced",
    broken_handler(
        f"POST {paths.RULES_OF_ALL}",
        lambda original: lambda call: _keeping(call, original),
    ),
    api("rules_of_everybody_are_one_list"),
    "AUTZ-09",
)
seed(
    "rules of everybody are not replaced by none",
    swallow(f"POST {paths.RULES_OF_ALL}", EMPTY, lambda request: not request.json["rules"]),
    api("rules_of_everybody_are_one_list"),
    "AUTZ-09",
)


def _keeping(call: Call, original: Any) -> Any:
    source = call.deployment.access.source
    before = list(source.everyone)
    reply = original(call)
    source.everyone = [*before, *source.everyone]
    return reply


seed(
    "rules in use are purged",
    broken_handler(
        f"DELETE {paths.AUTHORIZATION_RULES}",
        lambda original: lambda call: (call.deployment.access.source.purge(), original(call))[1],
    ),
    api("rules_in_use_cannot_be_purged"),
    "AUTZ-10",
)


def obey_the_body(original: Any) -> Any:
    def handler(call: Call) -> Any:
        call.path["username"] = call.body["username"]
        return original(call)

    return handler


seed(
    "the name in the body of a PUT counts, not that in its path",
    broken_handler(f"PUT {paths.RULES_OF_USER}", obey_the_body),
    api("body_and_path_must_agree[users]"),
    "AUTZ-11",
)
seed(
    "clearing the cache does nothing",
    broken(AuthorizationCache, "clear", nothing),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)
seed(
    "the cache shows the opposite decision",
    on(
        READ_CACHE,
        edit(lambda entries: [entry.update(result="deny") for entry in entries]),
        200,
    ),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)
for name, change in {
    "publishing for subscribing": lambda entry: entry["access"].update(action_type="subscribe"),
    "any QoS for 0": lambda entry: entry["access"].update(qos=0),
    "milliseconds for seconds": lambda entry: entry.update(updated_time=entry["updated_time"] // 1000),
}.items():
    seed(
        f"the cache takes {name}",
        on(READ_CACHE, in_each(None, change), 200),
        data("cache_is_shown_and_cleared"),
        "AUTZ-12",
    )


def clear_all(call: Call) -> None:
    for session in call.deployment.part(Broker).sessions.values():
        session.authorization_cache.clear()


seed(
    "clearing one cache clears those of all clients",
    before("DELETE /clients/{clientid}/authorization/cache", clear_all),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)
seed(
    "PUT of rules that do not exist is not found",
    on(f"PUT {paths.RULES_OF_USER}", lambda reply: error_reply(404, "NOT_FOUND"), 204),
    api("put_creates_and_delete_removes[users]"),
    "AUTZ-13",
)


def with_the_namesake(deletion: str, stored: str) -> Broken:
    (name,) = re.findall(r"{(.*)}", deletion)
    return before(
        deletion, lambda call: getattr(call.deployment.part(Access).source, stored).pop(call.path[name], None)
    )


for kind, deletion, namesakes in (
    ("users", f"DELETE {paths.RULES_OF_USER}", "clients"),
    ("clients", f"DELETE {paths.RULES_OF_CLIENT}", "users"),
):
    seed(
        f"with rules of {kind} those of {namesakes} of the same names are deleted",
        with_the_namesake(deletion, namesakes),
        api(f"put_creates_and_delete_removes[{kind}]"),
        "AUTZ-13",
    )
seed(
    "an entry without rules is taken",
    swallow(f"PUT {paths.RULES_OF_USER}", EMPTY, lambda request: "rules" not in request.json),
    api("rules_may_not_be_missing[users]"),
    "AUTZ-14",
)
seed(
    "a number is taken for a topic",
    swallow(
        f"PUT {paths.RULES_OF_CLIENT}",
        EMPTY,
        lambda request: any(rule["topic"] == 5 for rule in request.json["rules"]),
    ),
    api("topic_must_be_a_text[clients]"),
    "AUTZ-15",
)


def lower(original: Any) -> Any:
    def handler(call: Call) -> Any:
        call.path["clientid"] = call.path["clientid"].partition("/")[0]
        return original(call)

    return handler


seed(
    "a name ends at a slash",
    broken_handler(f"DELETE {paths.RULES_OF_CLIENT}", lower),
    api("any_text_is_a_name[a/b-clients]"),
    "AUTZ-16",
)
