"""The kinds of resources that the API manages: one record each, from which every table about resources derives.

It says where a kind is found, what names one of it, how all of them are listed and got rid of, what they rely on and
what a write costs. What a run may touch is not here: the guard has a table of its own, which can be audited alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.contract import paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of resource. Labels are those of operations (``POST /rules``).

    Where: ``path`` of the collection, ``item`` of an element ("" if it has none), ``root``: how the paths of all
    operations on it begin. ``plural``: what sentences call the collection; names of its own tables are ``name``.

    What names one: ``identity``: the fields of a body whose values, joined by ``separator``, are its id; with a
    ``pattern`` in front where the last of them may be a regular expression. ``labels``: further fields that may carry
    the name of a run.

    How it comes and goes: ``created``: status of a successful POST. ``created_by``: operations whose bodies may create
    one; in those of ``several`` a list holds several. ``upserted``: PUT of an element creates it. ``trials``: writes
    that name one and make nothing. ``emptied_by``: operations that take those of everybody away for good.
    ``deleted_after``: kinds that use it, which are deleted first. ``deleted_late``: its deletion is answered before it
    is gone. ``put_back``: it is never created or deleted, but what it was is put back. ``last_resort``: the end of a
    sentence on what removes one that no path leads to.

    How all are listed: in pages unless not ``paged``. ``optional``: a target may lack the collection. ``stable``, or
    all but ``unstable``: fields that only change when somebody changes them; neither is given where elements come and
    go by themselves. ``searches``: query parameters that find a part of a name; ``by_topic``: found by topic filters.
    ``fields``: what to ask for of each where that can be said.

    What it relies on: ``capability`` of the target for all operations, ``arrangement``: for one to exist. ``state``:
    the lock that items hold who rely on the collection; with an operation of ``disturbed_by`` they hold it alone.
    ``typed``: bodies depend on a type. ``configured``: it is part of the configuration, so that each write costs a
    real server about 0.2 s. ``switched``: it has ``/enable/{enable}``.
    """

    name: str
    plural: str
    path: str
    item: str = ""
    root: str = ""
    identity: tuple[str, ...] = ()
    separator: str = ""
    pattern: str = ""
    labels: tuple[str, ...] = ()
    created: int = 201
    created_by: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    upserted: bool = False
    trials: tuple[str, ...] = ()
    emptied_by: tuple[str, ...] = ()
    deleted_after: tuple[str, ...] = ()
    deleted_late: bool = False
    put_back: bool = False
    last_resort: str = "only whoever edits the target's configuration removes it"
    paged: bool = True
    optional: bool = False
    stable: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    by_topic: bool = False
    fields: str = ""
    capability: str = ""
    arrangement: str = ""
    state: str = ""
    disturbed_by: tuple[str, ...] = ()
    typed: bool = False
    configured: bool = False
    switched: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        """The path parameters that address an element."""
        return parameters_in(self.item)

    @property
    def configuration_writes(self) -> Iterator[str]:
        """Operations that change the configuration of a target."""
        if self.configured:
            yield from (f"POST {self.path}", f"PUT {self.item}", f"DELETE {self.item}")
            if self.switched:
                yield f"PUT {self.item}/enable/{{enable}}"

    @property
    def choosing_type(self) -> Iterator[str]:
        """Operations whose bodies depend on a type."""
        if self.typed:
            yield from (f"POST {self.path}", *self.trials, f"PUT {self.item}")

    def join(self, *values: str) -> str:
        """The id that the values of the identity make."""
        return self.separator.join(values)

    def split(self, identifier: str) -> tuple[str, ...]:
        """The values of the path parameters, of an id as one text."""
        return tuple(identifier.split(self.separator, 1)) if len(self.parameters) > 1 else (identifier,)

    def own_name(self, identifier: str) -> str:
        """The part of an id that carries the name of whoever made it."""
        own = identifier.partition(self.separator)[2] if self.separator else identifier
        return own.removeprefix(self.pattern)


def parameters_in(path: str) -> tuple[str, ...]:
    """The names of the parameters of a path template."""
    return tuple(segment[1:-1] for segment in path.split("/") if segment.startswith("{"))


# What a connector or action says about its own state, and what others say about it.
_BRIDGE_STATE = (
    "status", "status_reason", "error", "node_status", "metrics", "node_metrics", "actions", "sources", "rules",
    "created_at", "last_modified_at",
)  # fmt: skip

_ALL_RULES = "only DELETE of the rules of everybody, with the source disabled, removes it"

RULE = Kind(
    name="rule",
    plural="rules",
    path="/rules",
    item="/rules/{id}",
    root="/rules",
    identity=("id",),
    labels=("name",),
    created_by=("POST /rules",),
    upserted=True,
    trials=("POST /rules/{id}/test",),
    deleted_after=("client",),
    stable=("name", "sql", "actions", "enable", "description"),
    searches=("like_id", "like_from"),
    configured=True,
)
ACTION = Kind(
    name="action",
    plural="actions",
    path="/actions",
    item="/actions/{id}",
    root="/actions",
    identity=("type", "name"),
    separator=":",
    created_by=("POST /actions",),
    trials=("POST /actions_probe",),
    deleted_after=("rule",),
    paged=False,
    unstable=_BRIDGE_STATE,
    state="connectors",
    typed=True,
    configured=True,
    switched=True,
)
CONNECTOR = Kind(
    name="connector",
    plural="connectors",
    path="/connectors",
    item="/connectors/{id}",
    root="/connectors",
    identity=("type", "name"),
    separator=":",
    created_by=("POST /connectors",),
    trials=("POST /connectors_probe",),
    deleted_after=("action",),
    paged=False,
    unstable=_BRIDGE_STATE,
    state="connectors",
    typed=True,
    configured=True,
    switched=True,
)
SCHEMA = Kind(
    name="schema",
    plural="schemas",
    path="/schema_registry",
    item="/schema_registry/{name}",
    root="/schema_registry",
    identity=("name",),
    created_by=("POST /schema_registry",),
    deleted_after=("rule",),
    deleted_late=True,
    paged=False,
    stable=("type", "source", "description"),
    capability="schemas",
    configured=True,
)
USER = Kind(
    name="user",
    plural="users",
    path=paths.USERS,
    item=paths.USER,
    root="/authentication/",
    identity=("user_id",),
    created_by=(f"POST {paths.USERS}", f"POST {paths.IMPORT_USERS}"),
    several=(f"POST {paths.IMPORT_USERS}",),
    deleted_after=("client",),
    last_resort="only deleting the authenticator and creating it anew removes it, with all other users",
    optional=True,
    stable=("user_id", "is_superuser"),
    searches=("like_user_id",),
    capability="authenticator",
)


def _rules_of(of: str, key: str, collection: str, item: str) -> Kind:
    """Authorization rules of single users or clients: the same but for what names them."""
    return Kind(
        name=f"{of}_rules",
        plural=f"rules of {of}s",
        path=collection,
        item=item,
        root=collection,
        identity=(key,),
        created=204,
        created_by=(f"POST {collection}", f"PUT {item}"),
        several=(f"POST {collection}",),
        upserted=True,
        emptied_by=(f"DELETE {paths.AUTHORIZATION_RULES}",),
        deleted_after=("client",),
        last_resort=_ALL_RULES,
        optional=True,
        stable=("rules",),
        searches=(f"like_{key}",),
        capability="authorization",
        state="authorization",
    )


USER_RULES = _rules_of("user", "username", paths.USER_RULES, paths.RULES_OF_USER)
CLIENT_RULES = _rules_of("client", "clientid", paths.CLIENT_RULES, paths.RULES_OF_CLIENT)
_GIVEN_TO_ALL = (
    f"POST {paths.RULES_OF_ALL}", f"DELETE {paths.RULES_OF_ALL}", f"DELETE {paths.AUTHORIZATION_RULES}",
)  # fmt: skip

RULES_OF_ALL = Kind(
    name="rules_of_all",
    plural="rules of all",
    path=paths.RULES_OF_ALL,
    item=paths.RULES_OF_ALL,
    root=paths.AUTHORIZATION_RULES,
    created_by=_GIVEN_TO_ALL,
    put_back=True,
    paged=False,
    optional=True,
    stable=("rules",),
    capability="authorization",
    state="authorization",
    disturbed_by=_GIVEN_TO_ALL,
)
BAN = Kind(
    name="ban",
    plural="bans",
    path="/banned",
    item=paths.BAN,
    root="/banned",
    identity=("as", "who"),
    separator="/",
    pattern="^",
    created=200,
    created_by=("POST /banned",),
    emptied_by=("DELETE /banned",),
    deleted_after=("client",),
    last_resort="only DELETE /banned lifts it, with all other bans",
    stable=("as", "who", "by", "reason", "at", "until"),
    searches=("like_clientid", "like_username"),
    state="bans",
    disturbed_by=("POST /banned", "DELETE /banned"),
)
RETAINED = Kind(
    name="retained",
    plural="retained messages",
    path=paths.RETAINED_MESSAGES,
    item=paths.RETAINED_MESSAGE,
    root="/mqtt/retainer/",
    identity=("topic",),
    created_by=("POST /publish", "POST /publish/bulk"),
    several=("POST /publish/bulk",),
    emptied_by=(f"DELETE {paths.RETAINED_MESSAGES}",),
    deleted_after=("rule", "client"),
    deleted_late=True,
    last_resort="only DELETE of all retained messages removes it",
    by_topic=True,
    arrangement="retainer",
    state="retained",
    disturbed_by=(f"DELETE {paths.RETAINED_MESSAGES}",),
)
CLIENT = Kind(
    name="client",
    plural="clients",
    path="/clients",
    item="/clients/{clientid}",
    root="/clients",
    identity=("clientid",),
    labels=("username",),
    deleted_late=True,
    searches=("like_clientid",),
    fields="clientid,username",
    arrangement="mqtt",
)
SUBSCRIPTION = Kind(
    name="subscription",
    plural="subscriptions",
    path="/subscriptions",
    root="/subscriptions",
    identity=("clientid", "topic"),
    separator=" ",
)

KINDS: tuple[Kind, ...] = (
    RULE, ACTION, CONNECTOR, SCHEMA, USER, USER_RULES, CLIENT_RULES, RULES_OF_ALL, BAN, RETAINED, CLIENT, SUBSCRIPTION,
)  # fmt: skip
"""All of them, in the order in which reports show their collections."""

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}

CONFIGURATION_WRITES = frozenset(label for kind in KINDS for label in kind.configuration_writes)
"""Operations that a real server carries out one after the other, each in about 0.2 s."""


def kind_of(path: str) -> Kind | None:
    """The kind that an operation with this path template is about: ``/rules/{id}/test`` -> rules."""
    found = [kind for kind in KINDS if path.startswith(kind.root)]
    return max(found, key=lambda kind: len(kind.root), default=None)


def in_deletion_order() -> tuple[Kind, ...]:
    """Dependents first: a rule uses actions, an action uses its connector, and a rule may retain messages.

    What is put back comes last, when nobody needs it otherwise any more.
    """
    ordered: list[Kind] = []
    waiting = sorted((kind for kind in KINDS if kind.item), key=lambda kind: kind.put_back)
    while waiting:
        done = {kind.name for kind in ordered}
        free = next(kind for kind in waiting if done.issuperset(kind.deleted_after))
        waiting.remove(free)
        ordered.append(free)
    return tuple(ordered)
