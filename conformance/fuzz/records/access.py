"""Users, authorization rules and bans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.contract import paths
from conformance.fuzz.fuzzing import READ, Fuzzing, Records
from conformance.fuzz.identities import Adapter, Identities, nameable, put
from conformance.fuzz.witness import Arrange, Write, by_name, creation, deletion, replacement, stored
from conformance.target.resources.access import PASSWORD
from conformance.target.resources.collection import Collection, arranged
from conformance.target.sink import HttpSink
from conformance.target.target import Target


def _row(body: dict[str, Any], identities: Identities) -> None:
    superuser = body.get("is_superuser")
    body.clear()
    body.update(user_id=identities.name(), password=PASSWORD)
    if isinstance(superuser, bool):
        body["is_superuser"] = superuser


def _rules_of(key: str) -> Adapter:
    def adapt(body: dict[str, Any], identities: Identities) -> None:
        body.setdefault("rules", [])
        del body["rules"][100:]
        if key in identities.path:
            body[key] = identities.path[key]

    return adapt


def _banned(body: dict[str, Any], identities: Identities) -> None:
    if not nameable(body.get("who")):
        return
    kind = body.get("as")
    if kind in ("peerhost", "peerhost_net"):
        body["who"] = identities.sandbox.address() + ("/32" if kind == "peerhost_net" else "")
        if isinstance(body.get("reason", ""), str):
            body["reason"] = identities.sandbox.prefix  # it tells a later sweep whose ban of an address it is
    elif kind in ("clientid_re", "username_re"):
        body["who"] = f"^{identities.name()}$"
    else:
        body["who"] = identities.name()


def _time(body: dict[str, Any], identities: Identities) -> None:
    if isinstance(body.get("at"), str):
        body["at"] = "2022-01-01T00:00:00Z"
    elif isinstance(body.get("at"), int):
        body["at"] = abs(body["at"]) % 4_000_000_000
    if "until" in body and body["until"] != "infinity":
        body["until"] = "2099-01-01T00:00:00Z" if isinstance(body["until"], str) else 4_000_000_000


def _imported(target: Target, sink: HttpSink) -> Write:
    user = target.sandbox.name("user")
    return Write(
        lambda: stored(target.users.get(user)),
        body=[{"user_id": user, "password": PASSWORD, "is_superuser": True}],
        query={"type": "plain"},
    )


def _given_to_all(target: Target, sink: HttpSink) -> Write:
    known = _rules_known_to_all(target)
    rule = {"topic": target.sandbox.topic("acl"), "permission": "deny", "action": "publish"}
    return Write(lambda: _rules_known_to_all(target), body={"rules": [rule]}, undo=lambda: _give_to_all(target, known))


def _taken_from_all(target: Target, sink: HttpSink) -> Write:
    known = _rules_known_to_all(target)
    rule = {"topic": target.sandbox.topic("acl"), "permission": "deny", "action": "publish"}
    _give_to_all(target, [*known, rule])
    return Write(lambda: _rules_known_to_all(target), undo=lambda: _give_to_all(target, known))


def _rules_known_to_all(target: Target) -> list[Any]:
    rules: list[Any] = target.api.call(f"GET {paths.RULES_OF_ALL}").expect(200).json["rules"]
    return rules


def _give_to_all(target: Target, rules: list[Any]) -> None:
    arranged(target.api.call(f"POST {paths.RULES_OF_ALL}", json={"rules": rules}), 204)


def _ban(target: Target, sink: HttpSink) -> Write:
    body = target.bans.body()
    return Write(lambda: target.bans.listed(clientid=body["who"]), body=body)


def _unban(everything: bool) -> Arrange:
    def arrange(target: Target, sink: HttpSink) -> Write:
        path = target.bans.path_of(target.bans.create())
        return Write(lambda: target.bans.listed(clientid=path["who"]), {} if everything else path)

    return arrange


def _of_rules(key: str, path: str, item: str, rules: Callable[[Target], Collection]) -> Records:
    """The rules of single users or clients: the same but for what names them."""
    return {
        f"GET {path}": READ,
        f"GET {item}": READ,
        f"POST {path}": Fuzzing(
            identities=put(key, Identities.name),
            grammar=_rules_of(key),
            witness=lambda target, sink: creation(target, rules(target), by_name(rules(target))),
        ),
        # An upsert.
        f"PUT {item}": Fuzzing(
            identities=put(key, lambda identities: identities.path[key]),
            grammar=_rules_of(key),
            knows_any_id=True,
            witness=lambda target, sink: replacement(rules(target), {"rules": []}),
        ),
        f"DELETE {item}": Fuzzing(witness=lambda target, sink: deletion(target, rules(target), by_name(rules(target)))),
    }


_NEW_USER = put("user_id", Identities.name)

RECORDS: Records = {
    f"GET {paths.USERS}": READ,
    f"GET {paths.USER}": READ,
    f"POST {paths.USERS}": Fuzzing(
        identities=_NEW_USER, witness=lambda target, sink: creation(target, target.users, by_name(target.users))
    ),
    f"PUT {paths.USER}": Fuzzing(
        witness=lambda target, sink: replacement(target.users, {"is_superuser": True}, ("user_id",))
    ),
    f"DELETE {paths.USER}": Fuzzing(witness=lambda target, sink: deletion(target, target.users, by_name(target.users))),
    # Takes files as well. The rows may have any columns, and the type decides what they must hold, so that it cannot
    # vary alone (erratum D6).
    f"POST {paths.IMPORT_USERS}": Fuzzing(
        identities=_NEW_USER,
        grammar=_row,
        # Only true and "true" raise privileges, everything else makes an ordinary user (behaviour 5).
        ignored=frozenset({"/is_superuser"}),
        any_fields=True,
        any_media_type=True,
        query={"type": "plain"},
        unchecked=frozenset({"type"}),
        witness=_imported,
    ),
    f"DELETE {paths.AUTHORIZATION_RULES}": Fuzzing(
        also_accepted=frozenset({(400, "BAD_REQUEST")}), unseen="it is refused while the source is enabled"
    ),
    **_of_rules("username", paths.USER_RULES, paths.RULES_OF_USER, lambda target: target.user_rules),
    **_of_rules("clientid", paths.CLIENT_RULES, paths.RULES_OF_CLIENT, lambda target: target.client_rules),
    f"GET {paths.RULES_OF_ALL}": READ,
    f"POST {paths.RULES_OF_ALL}": Fuzzing(grammar=_rules_of(""), witness=_given_to_all),
    f"DELETE {paths.RULES_OF_ALL}": Fuzzing(witness=_taken_from_all),
    # Its filters exclude one another (erratum D8), and the fuzzy ones are regular expressions (erratum D7).
    "GET /banned": Fuzzing(one_filter=True, patterns=True),
    "POST /banned": Fuzzing(identities=_banned, grammar=_time, witness=_ban),
    "DELETE /banned": Fuzzing(witness=_unban(everything=True)),
    f"DELETE {paths.BAN}": Fuzzing(witness=_unban(everything=False)),
}
