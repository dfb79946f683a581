"""Faults of what writes of users and authorization rules mean afterwards: to MQTT clients, and to others' entries.

How to add one: see `tests.faults.seeded`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from conformance.contract import paths
from conformance.reference.access import import_rows
from conformance.reference.access import rules as access_rules
from conformance.reference.access.access import Access
from conformance.reference.access.passwords import Algorithm
from conformance.reference.access.rules import MAX_RULES, Rule, Source
from conformance.reference.access.users import Authenticated, Authenticator, ImportCounts, User
from conformance.reference.mqtt.authorization import AuthorizationCache
from conformance.reference.mqtt.broker import Broker
from conformance.reference.mqtt.connection import Connection
from conformance.reference.mqtt.session import Session
from conformance.reference.rest.http import ApiError, Call
from tests.faults.cases import case
from tests.faults.seeded import Broken, before, broken, broken_handler, changed_body, scenario, seed

CREATE, CHANGE, DELETE = f"POST {paths.USERS}", f"PUT {paths.USER}", f"DELETE {paths.USER}"
PULL = "https://github.com/emqx/emqx/pull/"


def api(test: str) -> str:
    return scenario("authentication", test)


def login(test: str) -> str:
    return scenario("login", test)


def ruled(test: str) -> str:
    return scenario("authorization", test)


def data(test: str) -> str:
    return scenario("permissions", test)


def users_of(call: Call) -> dict[Any, User]:
    authenticator = call.deployment.part(Access).authenticator
    assert authenticator is not None
    return authenticator.users


def source_of(call: Call) -> Source:
    source = call.deployment.part(Access).source
    assert source is not None
    return source


# --- superusers -------------------------------------------------------------------------------------------------------


def ordinary(known: set[Any]) -> Broken:
    """Whoever is ``known`` is an ordinary user to MQTT."""

    def make(original: Any) -> Any:
        def authenticate(self: Authenticator, clientid: str, username: str | None, password: bytes | None) -> Any:
            verdict = original(self, clientid, username, password)
            return Authenticated() if isinstance(verdict, Authenticated) and username in known else verdict

        return authenticate

    return broken(Authenticator, "authenticate", make)


changed: set[Any] = set()
imported: set[Any] = set()
seed(
    "a superuser by a change obeys the rules",
    (before(CHANGE, lambda call: changed.add(call.path["user_id"])), ordinary(changed)),
    login("who_becomes_superuser_is_above_the_rules[changed]"),
    "AUTN-10",
)
seed(
    "a superuser by an import obeys the rules",
    (
        broken(
            Authenticator,
            "load",
            lambda original: lambda self, rows: original(self, [(imported.add(row.user_id), row)[1] for row in rows]),
        ),
        ordinary(imported),
    ),
    login("who_becomes_superuser_is_above_the_rules[imported]"),
    "AUTN-10",
)
seed(
    "superusers may not subscribe to what rules deny",
    broken(
        Access,
        "authorize",
        lambda original: (
            lambda self, **asked: original(
                self, **{**asked, "is_superuser": asked["is_superuser"] and asked["action"] == "publish"}
            )
        ),
    ),
    login("superuser_is_above_the_rules"),
    "AUTN-10",
)

# --- passwords --------------------------------------------------------------------------------------------------------


def flag_alone(original: Any) -> Any:
    """A change of the flag leaves the password."""

    def update(self: Authenticator, user_id: Any, password: str, flag: Any) -> User:
        known = self.users.get(user_id)
        user: User = original(self, user_id, password, flag)
        if known is not None and known.is_superuser is not user.is_superuser:
            user = self.users[user_id] = replace(user, password=known.password)
        return user

    return update


seed(
    "a change of the flag leaves the password as it was",
    broken(Authenticator, "update", flag_alone),
    login("who_becomes_superuser_is_above_the_rules[changed]"),
    "AUTN-10",
)
former: dict[Any, User] = {}


def also_by_former(original: Any) -> Any:
    """Whoever has a user of a deleted one's name may use the password of that."""

    def authenticate(self: Authenticator, clientid: str, username: str | None, password: bytes | None) -> Any:
        known = former.get(username)
        if known is not None and password is not None and username in self.users:
            password_is_right = self.algorithm.verify(known.password, password)
            if password_is_right:
                return Authenticated()
        return original(self, clientid, username, password)

    return authenticate


def remember(call: Call) -> None:
    user = users_of(call).get(call.path["user_id"])
    if user is not None:
        former[user.user_id] = user


seed(
    "a user that is created again has the password of the deleted one, too",
    (
        before(DELETE, remember),
        broken(Authenticator, "authenticate", also_by_former),
    ),
    login("user_may_connect[mqtt5]"),
    "AUTN-01",
)


def and_kicked(original: Any) -> Any:
    """Deleting a user ends its connections."""

    def handler(call: Call) -> Any:
        reply = original(call)
        broker = call.deployment.part(Broker)
        for clientid in list(broker.sessions):
            session = broker.sessions.get(clientid)
            if session is not None and session.username == call.path["user_id"]:
                broker.kick(clientid)
        return reply

    return handler


seed(
    "the deletion of a user ends its connections",
    broken_handler(DELETE, and_kicked),
    login("user_may_connect[mqtt3.1.1]"),
    "AUTN-01",
)

# --- imports ----------------------------------------------------------------------------------------------------------


def keeping(*names: str) -> Callable[[Any], Any]:
    """An import leaves of superusers what they had."""

    def make(original: Any) -> Any:
        def load(self: Authenticator, rows: Any) -> ImportCounts:
            return original(self, [_kept(self.users.get(row.user_id), row) for row in rows])

        return load

    def _kept(known: User | None, row: User) -> User:
        raised = known is not None and known.is_superuser
        return replace(row, **{name: getattr(known, name) for name in names}) if raised else row

    return make


seed(
    "an import leaves superusers what they are",
    broken(Authenticator, "load", keeping("is_superuser")),
    (api("import_counts_its_rows"), login("who_becomes_superuser_is_above_the_rules[imported]")),
    "AUTN-13",
    "AUTN-10",
)
seed(
    "an import leaves superusers their password",
    broken(Authenticator, "load", keeping("password")),
    login("imported_users_may_connect[plain]"),
    "AUTN-05",
)


def known_as_replaced(original: Any) -> Any:
    def load(self: Authenticator, rows: Any) -> ImportCounts:
        counts: ImportCounts = original(self, rows)
        counts.override, counts.skipped = counts.override + counts.skipped, 0
        return counts

    return load


seed(
    "an import of what is known already counts as a replacement",
    broken(Authenticator, "load", known_as_replaced),
    api("import_counts_its_rows"),
    "AUTN-13",
)


def in_rows(reader: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Broken:
    """The rows of one kind of file are read otherwise."""
    return broken(import_rows, reader, lambda original: lambda content: [change(row) for row in original(content)])


def by_place(row: dict[str, Any]) -> dict[str, Any]:
    names = ("user_id", "password", "is_superuser") if "password" in row else ("user_id", "password_hash", "salt")
    return dict(zip(names, row.values(), strict=False))


for what, form, kind, fault in (
    (
        "passwords of a CSV file keep the end of their line",
        "csv",
        "plain",
        in_rows("_csv_rows", lambda row: {**row, "password": f"{row.get('password')}\r"} if "password" in row else row),
    ),
    (
        "the salts of a CSV file are ignored",
        "csv",
        "hash",
        in_rows("_csv_rows", lambda row: {name: value for name, value in row.items() if name != "salt"}),
    ),
    ("columns of a CSV file are told by their place", "csv", "plain", in_rows("_csv_rows", by_place)),
    (
        "passwords of a JSON file are read in lower case",
        "json",
        "plain",
        in_rows("_json_rows", lambda row: {**row, "password": row["password"].lower()} if "password" in row else row),
    ),
    (
        "a JSON file has no hashes",
        "json",
        "hash",
        in_rows("_json_rows", lambda row: {name: value for name, value in row.items() if name != "password_hash"}),
    ),
):
    seed(what, fault, login(f"imported_users_may_connect[{kind}-{form}]"), "AUTN-05")
seed(
    "a hash in upper case lets nobody in",
    broken(
        Algorithm,
        "verify",
        lambda original: (
            lambda self, stored, password: stored.digest == stored.digest.lower() and original(self, stored, password)
        ),
    ),
    login("hash_in_upper_case_is_the_same"),
    "AUTN-18",
    origin=f"{PULL}14585",
)

# --- what is shown, and of whom ---------------------------------------------------------------------------------------


def with_hash(original: Any) -> Any:
    """Users are shown with the hash of their password."""

    def handler(call: Call) -> Any:
        reply = original(call)
        for shown in reply.body.get("data", [reply.body]):
            shown["password_hash"] = users_of(call)[shown["user_id"]].password.digest
        return reply

    return handler


for what, label in (("the list of users shows", f"GET {paths.USERS}"), ("the answer to a new user has", CREATE)):
    seed(
        f"{what} the hashes of passwords", broken_handler(label, with_hash), api("passwords_are_never_shown"), "AUTN-04"
    )


def without_case(call: Call) -> None:
    if any(str(known).lower() == call.body["user_id"].lower() for known in users_of(call)):
        raise ApiError(409, "ALREADY_EXISTS", "User already exists")


seed(
    "a user exists whatever the case of its id",
    before(CREATE, without_case),
    api("nearly_equal_ids_are_different_users"),
    "AUTN-16",
)
seed(
    "ids of users lose their blanks",
    changed_body(CREATE, lambda body: body.update(user_id=body["user_id"].strip())),
    api("nearly_equal_ids_are_different_users"),
    "AUTN-16",
)


def stripped(call: Call) -> None:
    call.path["clientid"] = call.path["clientid"].strip()


seed(
    "a blank behind a name in a path is cut off",
    before(f"DELETE {paths.RULES_OF_CLIENT}", stripped),
    ruled("nearly_equal_names_are_different[clients]"),
    "AUTZ-16",
)


def put_for(name: str) -> Callable[[Call], None]:
    def strip(call: Call) -> None:
        call.path[name] = call.body[name] = call.path[name].strip()

    return strip


seed(
    "a blank behind a name is cut off when its rules are put",
    before(f"PUT {paths.RULES_OF_USER}", put_for("username")),
    ruled("nearly_equal_names_are_different[users]"),
    "AUTZ-16",
)

# --- rules that were written ------------------------------------------------------------------------------------------


def deciding(further: Callable[[Source, access_rules.Request], Iterator[Rule]], *, first: bool = True) -> Broken:
    """Further rules decide, before or after those that are stored."""

    def make(original: Any) -> Any:
        def candidates(self: Source, request: access_rules.Request) -> Iterator[Rule]:
            if first:
                yield from further(self, request)
            yield from original(self, request)
            if not first:
                yield from further(self, request)

        return candidates

    return broken(Source, "_candidates", make)


gone: dict[Any, list[Rule]] = {}


def until_written(store: Callable[[Source], dict[Any, list[Rule]]], name: str) -> tuple[Callable[[Call], Any], Broken]:
    """What is deleted decides until something is there again."""

    def keep(call: Call) -> None:
        gone[name, call.path[name]] = store(source_of(call)).get(call.path[name], [])

    def still(source: Source, request: access_rules.Request) -> Iterator[Rule]:
        who = getattr(request, name)
        if who not in store(source):
            yield from gone.get((name, who), ())

    return keep, deciding(still)


for kind, store, name, label in (
    ("users", lambda source: source.users, "username", f"DELETE {paths.RULES_OF_USER}"),
    ("clients", lambda source: source.clients, "clientid", f"DELETE {paths.RULES_OF_CLIENT}"),
):
    keep, still_deciding = until_written(store, name)
    seed(
        f"deleted rules of {kind} decide on",
        (before(label, keep), still_deciding),
        data(f"rules_decide_as_they_are_now[{kind}]"),
        "AUTZ-18",
    )
of_everybody: list[Rule] = []


def keep_those_of_everybody(call: Call) -> None:
    of_everybody[:] = source_of(call).everyone


seed(
    "deleted rules of everybody decide on",
    (
        before(f"DELETE {paths.RULES_OF_ALL}", keep_those_of_everybody),
        deciding(lambda source, _: iter(() if source.everyone else of_everybody), first=False),
    ),
    data("rules_of_everybody_come_last"),
    "AUTZ-03",
)
seed(
    "decisions are remembered from one connection to the next",
    broken(
        Session,
        "attach",
        lambda original: (
            lambda self, connection, username, peer: (
                cache := self.authorization_cache,
                original(self, connection, username, peer),
                setattr(self, "authorization_cache", cache),
            )
        ),
    ),
    data("rules_decide_as_they_are_now[clients]"),
    "AUTZ-18",
)


def leaving(field: str) -> Broken:
    """A PUT leaves one field of the rules of a user as it was."""

    def make(original: Any) -> Any:
        def handler(call: Call) -> Any:
            known = source_of(call).users.get(call.path["username"], [])
            reply = original(call)
            rules = source_of(call).users[call.path["username"]]
            for number, (old, new) in enumerate(zip(known, rules, strict=False)):
                rules[number] = replace(new, **{field: getattr(old, field)})
            return reply

        return handler

    return broken_handler(f"PUT {paths.RULES_OF_USER}", make)


for field in ("topic", "permission", "action", "qos", "retain"):
    seed(
        f"the {field} of a user's rule cannot be changed",
        leaving(field),
        case("updates", "update_of_authorization_rules", **{field: True}),
        "VAR-11",
    )

# --- whose rules decide, about what -----------------------------------------------------------------------------------

seed(
    "rules of a user are about the client of that name",
    deciding(lambda source, request: iter(source.users.get(request.clientid, ()))),
    data("first_match_wins"),
    "AUTZ-03",
)
seed(
    "rules of a client are about the user of that name",
    deciding(lambda source, request: iter(source.clients.get(request.username or "", ()))),
    data("first_match_wins"),
    "AUTZ-03",
)
seed(
    "rules of a client are about all that are called so but for capitals",
    deciding(
        lambda source, request: (
            rule
            for known, rules in source.clients.items()
            for rule in rules
            if known != request.clientid and str(known).lower() == request.clientid.lower()
        ),
    ),
    data("first_match_wins"),
    "AUTZ-03",
)


def obeys_those_of_everybody(call: Call) -> None:
    asked = access_rules.Request("http_api", None, "publish", call.body["topic"], 0, False)
    if replace(source_of(call), users={}, clients={}).decide(asked) is False:
        raise ApiError(400, "BAD_REQUEST", "not authorized")


seed(
    "the API may not publish what is denied to everybody",
    before("POST /publish", obeys_those_of_everybody),
    data("api_is_above_the_rules"),
    "AUTZ-19",
)


def denials_first(rules: list[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: rule.permission != "deny")


def decided_by(change: Callable[[Source], Source]) -> Broken:
    """Other rules decide than those that are stored."""
    return broken(Source, "_candidates", lambda original: lambda self, request: original(change(self), request))


seed(
    "of a user's rules a denial wins",
    decided_by(lambda source: replace(source, users={who: denials_first(source.users[who]) for who in source.users})),
    data("first_match_wins"),
    "AUTZ-03",
)
seed(
    "of everybody's rules a denial wins",
    decided_by(lambda source: replace(source, everyone=denials_first(source.everyone))),
    data("rules_of_everybody_come_last"),
    "AUTZ-03",
)


def above_the_rules(condition: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """For subscriptions on a condition the client is taken for a superuser."""

    def make(original: Any) -> Any:
        def subscribe(self: Connection, session: Session, text: str, *options: Any) -> Any:
            was = session.is_superuser
            session.is_superuser = was or condition(text)
            try:
                return original(self, session, text, *options)
            finally:
                session.is_superuser = was

        return subscribe

    return make


for prefix in ("$share/", "$queue/"):
    seed(
        f"rules are not about subscriptions to {prefix}",
        broken(Connection, "_subscribe_one", above_the_rules(lambda text, prefix=prefix: str(text).startswith(prefix))),
        data("denied_shared_subscription_is_refused"),
        "AUTZ-02",
    )


# --- topics of rules --------------------------------------------------------------------------------------------------

EQ = "eq "


def applying(change: Callable[[Rule, access_rules.Request], Rule | None]) -> Broken:
    """A rule is taken for another one, or for none."""

    def make(original: Any) -> Any:
        def applies(self: Rule, request: access_rules.Request) -> bool:
            taken = change(self, request)
            return taken is not None and bool(original(taken, request))

        return applies

    return broken(Rule, "applies", make)


def filled_in(rule: Rule, request: access_rules.Request) -> Rule:
    if not rule.topic.startswith(EQ):
        return rule
    return replace(rule, topic=rule.topic.replace("${clientid}", request.clientid))


for what, change in (
    ("placeholders in a literal topic are filled in", filled_in),
    (
        "an eq rule is about subscriptions only",
        lambda rule, request: None if rule.topic.startswith(EQ) and request.action == "publish" else rule,
    ),
    (
        "an eq rule without a wildcard is about nothing",
        lambda rule, request: None if rule.topic.startswith(EQ) and not rule.topic.endswith("#") else rule,
    ),
):
    seed(what, applying(change), data("eq_is_taken_literally"), "AUTZ-04")

seed(
    "of two eq prefixes one is lost",
    broken(Rule, "shown", lambda original: lambda self: original(replace(self, topic=one_prefix(self.topic)))),
    ruled("rules_are_kept_in_order[users]"),
    "AUTZ-01",
    origin=f"{PULL}13389",
)


def one_prefix(topic: str) -> str:
    return topic.removeprefix(EQ) if topic.startswith(EQ * 2) else topic


def level_by_level(original: Any) -> Any:
    """A placeholder is a whole level of a topic, or none."""

    def rendered(template: str, request: access_rules.Request) -> str | None:
        levels = [original(level, request) if level.startswith("${") else level for level in template.split("/")]
        return None if None in levels else "/".join(levels)

    return rendered


def once(original: Any) -> Any:
    """Of a placeholder that is there twice the first is filled in."""

    def rendered(template: str, request: access_rules.Request) -> str | None:
        begins, _, rest = template.partition("${clientid}")
        return original(f"{begins}{request.clientid}", request) + rest if rest else original(template, request)

    return rendered


for what, fault in (
    ("placeholders count for publishing only", applying(
        lambda rule, request: None if "${" in rule.topic and request.action == "subscribe" else rule
    )),
    ("a placeholder is a whole level of a topic", broken(access_rules, "_rendered", level_by_level)),
    ("a placeholder is filled in once", broken(access_rules, "_rendered", once)),
    ("placeholders in rules of users are not filled in", decided_by(
        lambda source: replace(source, users={
            who: [rule for rule in rules if "${" not in rule.topic] for who, rules in source.users.items()
        })
    )),
):  # fmt: skip
    seed(what, fault, data("placeholders_are_filled_in"), "AUTZ-05")
seed(
    "a rule about all has no retain flag",
    applying(lambda rule, _: replace(rule, retain=None) if rule.action == "all" else rule),
    data("qos_and_retain_restrict"),
    "AUTZ-06",
)

# --- clients without a user name --------------------------------------------------------------------------------------

ANONYMOUS = ("authentication.enable=false",)
seed(
    "rules of everybody are not about clients without a user name",
    broken(
        Source,
        "decide",
        lambda original: (
            lambda self, request: original(self if request.username else replace(self, everyone=[]), request)
        ),
    ),
    data("rules_of_everybody_come_last"),
    "AUTZ-03",
    settings=ANONYMOUS,
)

# --- the cache --------------------------------------------------------------------------------------------------------

CACHE = "GET /clients/{clientid}/authorization/cache"
seed(
    "the cache shows every decision as one about QoS 0",
    broken_handler(CACHE, lambda original: lambda call: _shown(original(call), qos=0)),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)
seed(
    "the cache shows every decision with a retain flag",
    broken_handler(CACHE, lambda original: lambda call: _shown(original(call), retain=True)),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)


def _shown(reply: Any, **access: Any) -> Any:
    for entry in reply.body:
        entry["access"].update(access)
    return reply


def in_seconds(reply: Any) -> Any:
    for entry in reply.body:
        entry["updated_time"] //= 1000
    return reply


seed(
    "the cache tells its times in seconds",
    broken_handler(CACHE, lambda original: lambda call: in_seconds(original(call))),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)


def what_allows(cache: AuthorizationCache) -> None:
    for access, decision in list(cache._decisions.items()):
        if decision.allowed:
            del cache._decisions[access]


seed(
    "clearing the cache forgets what is allowed and nothing else",
    broken(AuthorizationCache, "clear", lambda _: what_allows),
    data("cache_is_shown_and_cleared"),
    "AUTZ-12",
)

# --- how many rules ---------------------------------------------------------------------------------------------------


def too_many(count: Callable[[Call], int]) -> Callable[[Call], None]:
    def check(call: Call) -> None:
        if count(call) > MAX_RULES:
            raise ApiError(400, "BAD_REQUEST", "The rules length exceeds the maximum limit.")

    return check


def unlimited(original: Any) -> Any:
    """The rules of everybody are not counted."""

    def handler(call: Call) -> Any:
        source = source_of(call)
        source.max_rules, most = len(call.checked["rules"]), source.max_rules
        try:
            return original(call)
        finally:
            source.max_rules = most

    return handler


for what, label, count in (
    (
        "rules that are replaced count, too",
        f"PUT {paths.RULES_OF_CLIENT}",
        lambda call: len(source_of(call).clients.get(call.path["clientid"], ())) + len(call.body["rules"]),
    ),
    (
        "the rules of a batch are counted together",
        f"POST {paths.CLIENT_RULES}",
        lambda call: sum(len(entry["rules"]) for entry in call.body),
    ),
):
    seed(what, before(label, too_many(count)), ruled("number_of_rules_is_limited[clients]"), "AUTZ-08")
seed(
    "the number of everybody's rules is not limited",
    broken_handler(f"POST {paths.RULES_OF_ALL}", unlimited),
    ruled("number_of_rules_of_everybody_is_limited"),
    "AUTZ-08",
)
