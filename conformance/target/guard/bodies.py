"""What the body of each write names, and whether all of it is inside the sandbox.

A check gets one reading of a body (see `guard_readings`) and the decoded path parameters. Fields are looked for at any
depth where that costs no legitimate request: a server that takes an object for a list must find nothing foreign either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from conformance.target.guard.identities import Findings, Judge, is_number
from conformance.target.guard.mode import Mode
from conformance.target.guard.readings import as_text, elements, fields, lenient_readings, scalars, values_at
from conformance.target.guard.statements import statement
from conformance.target.guard.types import stated_types

BodyCheck = Callable[[Judge, Any, Mapping[str, str]], Findings]

# Fields whose value EMQX hides; a number there makes its lists fail (real-server.md). Header names are compared in
# lower case.
SECRET_FIELDS = frozenset(
    {
        "access_key_id", "access_key_secret", "account_key", "authorization", "aws_secret_access_key", "bind_password",
        "credentials", "jwt", "password", "private_key", "private_key_password", "proxy-authorization", "pwd", "secret",
        "secret_access_key", "secret_key", "security_token", "sp_token", "token",
    }
)  # fmt: skip

# Actions a rule can carry out by itself; any other function is code of the target.
_RULE_FUNCTIONS = frozenset({"console", "republish"})
_MQTT = "mqtt"

NOT_RETAINED = (False, "false", None)
"""Values of the field ``retain`` by which a message is certainly not kept."""


def names_nothing(_judge: Judge, _body: Any, _path: Mapping[str, str]) -> Findings:
    """For operations whose body only holds values of what the path addresses."""
    return iter(())


def tried(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    """The name of something that is tried and not stored."""
    for item in elements(body):
        for name in fields(item, "name"):
            yield from judge.name(name, "name")


def named(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    """The name under which something is stored."""
    for item in elements(body):
        for name in fields(item, "name"):
            yield from judge.new(name, "name")


def identified_by(key: str) -> BodyCheck:
    """The names of the users or clients that a body, or each of its rows, is about."""

    def check(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
        for value in values_at(body, key):
            yield from judge.new(value, key)

    return check


def schema(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    yield from named(judge, body, path)
    yield from schema_source(judge, body, path)


def schema_source(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    """A JSON Schema may refer to others by URL, which validators fetch."""
    for source in values_at(body, "source"):
        for reading in lenient_readings((as_text(source) or "").encode("utf-8", "replace")):
            for reference in values_at(reading, "$ref"):
                url = as_text(reference) or "#"
                if not url.startswith("#") and not ("://" in url and judge.hosts.allows(url)):
                    yield f"the schema refers to {url[:200]!r}, which could make the target talk to a stranger"


def connector(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    yield from named(judge, body, path)
    yield from _connector_settings(judge, body, path)
    yield from _numeric_secrets(judge, body)
    if fields(body, "enable") != [False]:
        yield from _unnamed_hosts(judge, body, path, "a connector of type")


def connector_probe(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    yield from tried(judge, body, path)
    yield from _connector_settings(judge, body, path)
    yield from _unnamed_hosts(judge, body, path, "a probe of type")


def _connector_settings(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    """What holds for connectors whether they are stored or only tried: their hosts and client ids."""
    yield from _strangers(judge, body, path)
    if _MQTT in stated_types(body, path) and judge.hosts.names_configured(body):
        yield from _client_ids(judge, body)


def _client_ids(judge: Judge, body: Any) -> Findings:
    """A connector back to the broker under test must not take over a session, and its own must be recognised."""
    prefixes = [as_text(prefix) for prefix in values_at(body, "clientid_prefix")]
    if not prefixes or not all(judge.sandbox.owns_name(prefix) for prefix in prefixes):
        yield (
            f"a connector back to the broker needs a clientid_prefix inside the sandbox {judge.sandbox.prefix}, "
            f"not {prefixes or 'none'}"
        )
    for static in values_at(body, "static_clientids"):
        for clientid in values_at(static, "clientid"):
            yield from judge.name(clientid, "static clientid")


def _unnamed_hosts(judge: Judge, body: Any, path: Mapping[str, str], what: str) -> Findings:
    """Types that, once started, contact a host which is not a field of the body, or may."""
    if not isinstance(body, dict):
        return  # nothing else is ever a configuration
    for name in sorted(judge.types.never_started(body, path)):
        yield f"{what} {name[:60]} may contact a host that the body does not name: it may only exist disabled"
    if "s3" in stated_types(body, path) and any(_absent(body, key) for key in ("access_key_id", "secret_access_key")):
        yield f"{what} s3 without keys of its own would ask the metadata service of the target's cloud for some"


def _absent(body: Any, key: str) -> bool:
    values = fields(body, key)
    return not values or None in values or "" in values


def action_probe(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    yield from tried(judge, body, path)
    yield from _action_settings(judge, body, path)


def action(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    yield from named(judge, body, path)
    yield from _action_settings(judge, body, path)
    yield from _numeric_secrets(judge, body)


def _action_settings(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    for name in values_at(body, "connector"):
        yield from judge.name(name, "connector")
    for topic_filter in values_at(body, "local_topic"):
        yield from judge.topic(topic_filter, "local_topic")
    if _MQTT in stated_types(body, path):
        # Its connector may lead back to the broker under test.
        for topic in values_at(body, "topic"):
            yield from judge.topic(topic, "topic of the mqtt action")
    yield from _strangers(judge, body, path)


def _strangers(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    """Hosts in the fields that hold some, and anything that might be one in a type that nobody knows."""
    yield from judge.hosts.findings(body)
    yield from judge.types.findings(body, path, judge.hosts, judge.sandbox)


def new_rule(judge: Judge, body: Any, path: Mapping[str, str]) -> Findings:
    for item in elements(body):
        identifiers = [identifier for identifier in fields(item, "id") if identifier is not None]
        has_owned_name = any(judge.sandbox.owns_name(as_text(name)) for name in fields(item, "name"))
        if not identifiers and fields(item, "sql") and not has_owned_name:
            # The server invents the id: only the name can tell a later sweep whose rule it is.
            yield f"a rule without id needs a name inside the sandbox {judge.sandbox.prefix}, or no sweep would find it"
    yield from rule(judge, body, path)


def rule(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    """Id, statement and actions of a rule; what a PUT leaves out was judged when it was written."""
    for item in elements(body):
        for identifier in fields(item, "id"):
            yield from judge.new(identifier, "rule id")
    for sql in values_at(body, "sql"):
        text = as_text(sql)
        if text is not None:
            yield from statement(judge, text)
    for actions in values_at(body, "actions"):
        for element in elements(actions):
            if isinstance(element, str) and ":" in element:
                yield from judge.resource_id(element, "action")
        for function in values_at(actions, "function"):
            text = as_text(function) or ""
            if text not in _RULE_FUNCTIONS and ":" in text:
                yield f"the function {text[:200]!r} would run code of the target: only console and republish are known"
        for topic in values_at(actions, "topic"):
            yield from judge.topic(topic, "the republish topic")
            if isinstance(topic, str):  # nothing else ever becomes the topic of a message
                yield from judge.deletable(topic, "the republish topic")


def published(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    """Topics, and those of messages that may be retained also as what is stored."""
    retained = any(value not in NOT_RETAINED for value in values_at(body, "retain"))
    for topic in values_at(body, "topic"):
        yield from judge.topic(topic)
        if retained:
            yield from judge.deletable(topic, "the topic of a retained message")


def subscriptions(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    for topic_filter in values_at(body, "topic"):
        yield from judge.subscription(topic_filter)


def kicked_out(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    for clientid in scalars(body):
        yield from judge.name(clientid, "clientid")


def ban(judge: Judge, body: Any, _path: Mapping[str, str]) -> Findings:
    for item in elements(body):
        for who in fields(item, "who"):
            for kind in fields(item, "as") or [None]:
                yield from judge.subject(kind, who)
            yield from judge.deletable(who, "who")
        for kind in fields(item, "as"):
            yield from judge.deletable(kind, "as")


def _numeric_secrets(judge: Judge, body: Any) -> Findings:
    if judge.mode >= Mode.EXCLUSIVE:
        return
    for key, value in numeric_secrets(body):
        yield (
            f"{key} {value!r} is a number: a real EMQX 5.8 stores it and then cannot list connectors for anybody "
            "until it is deleted, so it needs --exclusive"
        )


def numeric_secrets(body: Any) -> Iterator[tuple[str, Any]]:
    """Fields at any depth that hold a secret, and hold a number: the field and the number."""
    for key, value in _members(body):
        if key.lower() in SECRET_FIELDS and is_number(value):
            yield key, value


def _members(body: Any) -> Iterator[tuple[str, Any]]:
    """Key and value of every member at any depth, each value of a repeated key."""
    pending = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            for key in node:
                for value in fields(node, key):
                    yield key, value
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
