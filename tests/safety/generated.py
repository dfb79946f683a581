"""Requests of every writing operation: sandboxed and foreign, in every encoding that could hide which of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.contract import paths
from conformance.target.guard.guard import Outgoing
from conformance.target.guard.table import TABLE, Access
from tests.safety.foreign_writes import JSON, UPLOAD, upload
from tests.safety.generated_sql import statements
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX, SUBSCRIBER, THEIR_TOPICS, THEIRS, UNUSED

WRITES = sorted(label for label, touch in TABLE.items() if touch.access is Access.SANDBOXED)

BROKER = "broker.example:1883"
"""Stands for the broker under test, which has another address in every deployment."""

_TAKEN_PREFIX = SANDBOX.prefix[:-1]


def _mostly(likely: SearchStrategy[Any], unlikely: SearchStrategy[Any], of: int = 6) -> SearchStrategy[Any]:
    """``unlikely`` once in ``of`` times, so that several fields of a request can be inside together."""
    return st.sampled_from((likely,) * (of - 1) + (unlikely,)).flatmap(lambda chosen: chosen)


_their_names = st.sampled_from(
    (*THEIRS, SUBSCRIBER, "", ".", "..", f" {OWN}", OWN.upper(), f"x:{OWN}", f"{_TAKEN_PREFIX}2")
)
_unreachable_names = st.sampled_from((f"{OWN}/../x", f"{OWN}%2F..", f"{OWN}\x01", f"{OWN}\ufffd", OWN + "ü" * 1000))
_odd_names = _mostly(
    st.sampled_from((f"{OWN} /%+?#ü", f"{OWN}\n", SANDBOX.prefix, f"{OWN}:x")), _unreachable_names, 2
)  # fmt: skip
_no_names = st.sampled_from(
    (None, True, False, 5, 1.5, {}, {"a": 1}, {"user_id": OWN}, [], [OWN], [{"a": OWN}], list(OWN.encode()),
     list(b"theirs"), ["the", "irs"], {"1": "theirs"})
)  # fmt: skip
_foreign = _mostly(_their_names, _no_names, 3)
_existing = _mostly(st.sampled_from((OWN, OWN, UNUSED)), _mostly(_their_names, _odd_names, 3), 4)
_references = _mostly(st.just(OWN), _foreign)
_new = _mostly(st.just(f"{OWN}-2"), _mostly(_foreign, _odd_names, 3), 4)

_own_topics = st.sampled_from(
    (
        OWN_TOPIC,
        f"{OWN_TOPIC}/x",
        f"{OWN_TOPIC}/#",
        f"{OWN_TOPIC}/${{payload.t}}",
        f"{OWN_TOPIC}/../x",
        f"$share/g/{OWN_TOPIC}",
        f"{SANDBOX.topic_root}+",
    )
)
_their_topics = st.sampled_from(
    (*THEIR_TOPICS, "#", "+/a", "theirs/#", "$share/g/theirs/a", "$queue/theirs/a", "$exclusive/theirs/a",
     "${payload.t}", f"$share/{OWN_TOPIC}", f"+{OWN_TOPIC}", _TAKEN_PREFIX, "", "$SYS/x", 5, list(b"theirs/a"), None)
)  # fmt: skip
_topics = _mostly(_own_topics, _their_topics)

_hosts = _mostly(
    st.sampled_from(("http://127.0.0.1:9", "http://cft.invalid:9", "http://sink.example:8080/x", BROKER)),
    st.sampled_from(
        ("http://example.com", "http://127.0.0.1", "http://x.invalid@example.com", "http://example.com#x.invalid",
         "http://example.com\\@x.invalid", "http://example.com/${x}", "http://[::]:9", "http://127.1:9",
         "example.com:1", "x.invalid:1,example.com:1", "http://x.invalid.example.com", 2130706433,
         {"1": "example.com:80"}, ["x.invalid:9", "example.com:9"], "HTTP://EXAMPLE.COM", "http://example.com%2f.invalid")
    ),
)  # fmt: skip

_bare_hosts = _mostly(st.sampled_from(("127.0.0.1", "cft.invalid")), st.just("example.com") | _hosts)

_flags = _mostly(st.booleans(), st.sampled_from(("true", "false", None, 1)))
_texts = st.sampled_from(("", "x", "it's", '"', "theirs", OWN))
_REPUBLISHED = {"qos": 0, "retain": False}


def _object(required: Mapping[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.fixed_dictionaries(dict(required), optional=optional)


def _several(items: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.lists(items, min_size=1, max_size=3)


_rule_actions = st.lists(
    _references.map(lambda name: f"http:{name}")
    | _references.map(lambda name: f"bridge:http:{name}")
    | st.just({"function": "console"})
    | _topics.map(lambda topic: {"function": "republish", "args": {"topic": topic, **_REPUBLISHED}}),
    max_size=2,
)
_http_connectors = _object({"type": st.just("http"), "name": _new, "url": _hosts}, enable=_flags, description=_texts)
_ports = st.sampled_from((9, 9, 80))
_mqtt_connectors = _object(
    {
        "type": st.just("mqtt"),
        "name": _new,
        "server": _mostly(st.just(BROKER), _hosts, 3),
    },
    clientid_prefix=_mostly(st.just(OWN), _their_names, 3),
    static_clientids=_several(_object({"node": st.just("n"), "ids": _several(_object({"clientid": _references}))})),
    pool_size=st.just(1),
)
_other_connectors = st.one_of(
    *(
        _object({"type": st.just(kind), "name": _new, **fields}, enable=_flags)
        for kind, fields in {
            "cassandra": {"servers": _hosts, "keyspace": st.just("k")},
            "mysql": {"server": _hosts, "database": st.just("d"), "username": st.just("u")},
            "kafka_producer": {"bootstrap_hosts": _hosts},
            "redis": {"parameters": _object({"redis_type": st.just("single"), "server": _hosts})},
            "s3": {"host": _bare_hosts, "port": _ports, "access_key_id": _texts, "secret_access_key": _texts},
            "rabbitmq": {"server": _bare_hosts, "port": _ports, "username": st.just("u"), "password": st.just("p")},
            "kinesis": {"endpoint": _hosts, "aws_access_key_id": _texts, "aws_secret_access_key": _texts},
        }.items()
    )
)
_connectors = _mostly(_http_connectors | _mqtt_connectors, _other_connectors, 3)
_http_actions = _object(
    {"type": st.just("http"), "name": _new, "connector": _references, "parameters": st.just({"path": "/"})},
    enable=_flags, local_topic=_topics, description=_texts,
)  # fmt: skip
_mqtt_actions = _object(
    {
        "type": st.just("mqtt"),
        "name": _new,
        "connector": _references,
        "parameters": _object({"topic": _topics}, qos=st.just(0), payload=_texts),
    },
    local_topic=_topics,
)


def _without(body: SearchStrategy[Any], *names: str) -> SearchStrategy[Any]:
    return body.map(lambda value: {name: item for name, item in value.items() if name not in names})


_OWN_SUBJECTS: Mapping[Any, tuple[Any, ...]] = {
    "clientid": (UNUSED, UNUSED, OWN, f"{OWN}/../x"),
    "username": (UNUSED, UNUSED, OWN, f"{OWN}%2F.."),
    "clientid_re": (f"^{OWN}$", f"^{SANDBOX.prefix}(x)?"),
    "username_re": (f"^{OWN}-", f"^{SANDBOX.prefix}[a-z]"),
    "peerhost": ("192.0.2.7", "2001:db8::7"),
    "peerhost_net": ("198.51.100.0/25", "2001:db8::/40"),
    "CLIENTID_RE": (OWN,),
    None: (OWN,),
    5: (OWN,),
}
_foreign_subjects = st.sampled_from(
    (*THEIRS, "", ".", "theirs.*", f"{OWN}|.", f"^{OWN}|.", f"^{SANDBOX.prefix}*", f"^{SANDBOX.prefix}{{0}}",
     f"^{_TAKEN_PREFIX}", f"^[c]{SANDBOX.prefix[1:]}", "(?i)^" + SANDBOX.prefix, "10.0.0.7", "10.0.0.0/8", "0.0.0.0/0",
     "192.0.2.0/16", "::/0", "127.0.0.1", "2001:db8::/31", 5, list(b"theirs"))
)  # fmt: skip
_bans = st.sampled_from(tuple(_OWN_SUBJECTS)).flatmap(
    lambda kind: _object(
        {"as": st.just(kind), "who": _mostly(st.sampled_from(_OWN_SUBJECTS[kind]), _foreign_subjects, 3)}
    )
)
_rights = st.lists(st.just({"topic": "#", "permission": "deny", "action": "all"}) | st.just({"topic": "a"}), max_size=1)
_messages = _object({"topic": _topics, "payload": _texts}, qos=st.sampled_from((0, 1, 2)), retain=_flags)
_filters = _object({"topic": _topics}, qos=st.sampled_from((0, 1)), nl=st.sampled_from((0, 1)))
_users = _object({"user_id": _new, "password": _mostly(st.just("p"), _texts)}, is_superuser=_flags)
_sources = st.sampled_from(
    ('{"type":"int"}', '{"type":"int"}', '{"$ref":"http://example.com/x"}', "message A { int32 a = 1; }", "x")
)
_schemas = _object({"name": _new, "type": st.sampled_from(("avro", "avro", "json")), "source": _sources})

_BODIES: Mapping[str, SearchStrategy[Any]] = {
    "POST /connectors": _connectors,
    "PUT /connectors/{id}": _without(_connectors, "name", "type"),
    "POST /connectors_probe": _connectors,
    "POST /actions": _http_actions | _mqtt_actions,
    "PUT /actions/{id}": _without(_http_actions | _mqtt_actions, "name", "type"),
    "POST /actions_probe": _http_actions | _mqtt_actions,
    "POST /rules": _object({"id": _new, "sql": statements()}, name=_new, actions=_rule_actions, enable=_flags),
    "PUT /rules/{id}": _object({}, sql=statements(), actions=_rule_actions, enable=_flags, id=_new),
    "POST /rules/{id}/test": st.just({"context": {"event_type": "message_publish", "topic": f"{OWN_TOPIC}/rule"}}),
    "POST /schema_registry": _schemas,
    "PUT /schema_registry/{name}": _without(_schemas, "name"),
    f"POST {paths.USERS}": _users,
    f"PUT {paths.USER}": _without(_users, "user_id"),
    f"POST {paths.IMPORT_USERS}": _several(_users),
    f"POST {paths.USER_RULES}": _several(_object({"username": _new, "rules": _rights})),
    f"PUT {paths.RULES_OF_USER}": _object({"username": _references, "rules": _rights}),
    f"POST {paths.CLIENT_RULES}": _several(_object({"clientid": _new, "rules": _rights})),
    f"PUT {paths.RULES_OF_CLIENT}": _object({"clientid": _references, "rules": _rights}),
    "POST /banned": _bans,
    "POST /clients/{clientid}/subscribe": _filters,
    "POST /clients/{clientid}/subscribe/bulk": _several(_filters),
    "POST /clients/{clientid}/unsubscribe": _filters,
    "POST /clients/{clientid}/unsubscribe/bulk": _several(_filters),
    "POST /clients/kickout/bulk": _several(_references),
    "POST /publish": _messages,
    "POST /publish/bulk": _several(_messages),
}

_QUERIES = {f"POST {paths.IMPORT_USERS}": "?type=plain", "DELETE /actions/{id}": "?also_delete_dep_actions=true"}
_ODD_SEGMENTS = ("", ".", "..", "%2E%2E", "%2e", "%2E.", "theirs", "..%2F..", "%252E%252E")
_BRIDGE_TYPES = _mostly(
    st.sampled_from(("http", "mqtt")), st.sampled_from(("kinesis", "connector:http", "bridge:http", "", "x"))
)
_PARAMETERS: Mapping[str, SearchStrategy[str]] = {
    "operation": _mostly(st.just("start"), st.just("stop")),
    "enable": st.sampled_from(("true", "false", "True")),
    "topic": _topics.filter(lambda topic: isinstance(topic, str)),
}


_identities_in_the_query = st.sampled_from(
    [f"{key}={quote(name)}" for key in ("user_id", "username", "name", "id") for name in (OWN, f"{OWN}/../x", "theirs")]
)


@st.composite
def requests(draw: Callable[..., Any], label: str) -> Outgoing:
    """A request of an operation, nearly always signed; every other one plays tricks with path or body."""
    method, template = label.split(" ", 1)
    tricks = draw(st.sampled_from(("", "", "path", "body")))
    path = draw(_paths(template, tricks == "path"))
    body, content_type = draw(_bodies(label, tricks == "body")) if label in _BODIES else (b"", "")
    if label in _QUERIES:
        path += draw(_mostly(st.just(_QUERIES[label]), st.just("")))
    if tricks == "body" and label in _BODIES and draw(st.booleans()):
        path += ("&" if "?" in path else "?") + draw(_identities_in_the_query)
    return Outgoing(method, path, body, content_type, signed=draw(st.integers(0, 15)) < 15)


@st.composite
def _paths(draw: Callable[..., Any], template: str, tricky: bool) -> str:
    segments = []
    ban = draw(_bans) if template == paths.BAN else {}
    for part in template.strip("/").split("/"):
        value = part
        if part.startswith("{"):
            name = part[1:-1]
            value = str(ban[name]) if name in ban else draw(_PARAMETERS.get(name, _existing))
            if name == "id" and template.startswith(("/connectors", "/actions")):
                value = f"{draw(_BRIDGE_TYPES)}:{value}"
        segments.append(draw(_written(value)) if tricky else quote(value, safe=""))
    if not tricky:
        return "/" + "/".join(segments)
    for _ in range(draw(st.integers(0, 2))):
        segments.insert(draw(st.integers(0, len(segments))), draw(st.sampled_from(_ODD_SEGMENTS)))
    return "/" + "/".join(segments) + draw(_mostly(st.just(""), st.sampled_from(("/", "//", "/..", "#x", "%")), 3))


def _written(text: str) -> SearchStrategy[str]:
    """A segment in any of the encodings a URL allows, and some it does not."""
    usual = quote(text, safe="")
    every_byte = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))
    others = (every_byte, every_byte.lower(), quote(usual, safe=""), quote(text, safe="/:$"))
    return _mostly(st.just(usual), st.sampled_from(others), 3)


@st.composite
def _bodies(draw: Callable[..., Any], label: str, tricky: bool) -> tuple[bytes, str]:
    value = draw(_BODIES[label])
    if label.endswith("import_users") and isinstance(value, list) and draw(st.booleans()):
        return draw(_uploads(value)), UPLOAD
    if not tricky:
        return json.dumps(value).encode(), JSON
    value = draw(_reshaped(value))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, dict) and value and draw(st.booleans()):
        again = json.dumps(draw(_BODIES[label]))
        if again.startswith("{"):  # every field a second time, before or after
            text = f"{text[:-1]},{again[1:]}" if draw(st.booleans()) else f"{again[:-1]},{text[1:]}"
    content_type = draw(_mostly(st.just(JSON), st.sampled_from(("text/plain", f"{JSON}; charset=utf-8", UPLOAD))))
    return draw(_spelled(text)), content_type


def _reshaped(value: Any) -> SearchStrategy[Any]:
    """The value itself, or in a shape that a lenient server might accept in its place."""
    shapes = [[value], {"1": value}, None, {}]
    if isinstance(value, list) and value:
        shapes += [value[0], {str(number): item for number, item in enumerate(value, 1)}, [value]]
    return _mostly(st.just(value), st.sampled_from(shapes), 4)


def _spelled(text: str) -> SearchStrategy[bytes]:
    """JSON as it should be, or as only some parsers read it."""
    raw = text.encode("utf-8", "surrogatepass")
    variants = (
        b"\xef\xbb\xbf" + raw,
        raw.replace(b'"', b"'") if b"'" not in raw else raw,
        raw[:-1] + b"," + raw[-1:],
        b"/* x */" + raw,
        raw.replace(b",", b",//x\n", 1),
        raw.replace(b'":', b'"\n: ', 1),
        raw[:-1],
        raw + b" {}",
        raw.replace(b'{"', b'{"x":"\xff","', 1),
        text.encode("utf-16", "surrogatepass"),
        raw.replace(b"theirs", b"\\u0074heirs"),
    )
    return st.sampled_from((raw, *variants))


@st.composite
def _uploads(draw: Callable[..., Any], rows: list[dict[str, Any]]) -> bytes:
    """The rows as a JSON or CSV file."""
    if draw(st.booleans()):
        return upload(draw(_mostly(st.just("u.json"), st.just("u.csv"))), json.dumps(rows))
    columns = draw(st.permutations(("user_id", "password")))
    quoted = draw(st.booleans())
    lines = [",".join(columns)]
    for row in rows:
        cells = [str(row[column]) for column in columns]
        lines.append(",".join(f'"{cell}"' for cell in cells) if quoted else ",".join(cells))
    head = draw(st.sampled_from(("", "\ufeff", "\n", "x,y\n")))
    return upload(draw(_mostly(st.just("u.csv"), st.just("u.txt"))), head + "\n".join(lines) + "\n")
