"""Writes that reach something foreign, by hand: the guard must refuse each, and the reference shows why."""

from __future__ import annotations

import json
from typing import Any

from conformance.contract import paths
from conformance.target.guard.guard import Outgoing
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX

JSON = "application/json"


def write(method: str, path: str, body: Any = None, content_type: str = JSON) -> Outgoing:
    """A signed request; a body goes as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Outgoing(method, path, content, content_type if content else "")


def own_rule(sql: str, *actions: Any) -> dict[str, Any]:
    return {"id": f"{OWN}-2", "name": OWN, "sql": sql, "actions": list(actions)}


def republish(topic: str) -> dict[str, Any]:
    return {"function": "republish", "args": {"topic": topic}}


def http_connector(url: str, **fields: Any) -> dict[str, Any]:
    return {"type": "http", "name": f"{OWN}-2", "url": url, **fields}


def _cassandra(servers: Any) -> dict[str, Any]:
    return {"type": "cassandra", "name": f"{OWN}-2", "keyspace": "k", "servers": servers}


def mqtt_action(topic: str, **fields: Any) -> dict[str, Any]:
    parameters = {"topic": topic}
    return {"type": "mqtt", "name": f"{OWN}-2", "connector": OWN, "parameters": parameters, **fields}


def http_action(connector: str = OWN, **fields: Any) -> dict[str, Any]:
    return {"type": "http", "name": f"{OWN}-2", "connector": connector, "parameters": {"path": "/"}, **fields}


UPLOAD = "multipart/form-data; boundary=b"


def upload(file_name: str, content: str) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="filename"; filename="{file_name}"\r\n\r\n'
    return f"{head}{content}\r\n--b--\r\n".encode()


def imported(file_name: str, content: str) -> Outgoing:
    return write("POST", f"{paths.IMPORT_USERS}?type=plain", upload(file_name, content), UPLOAD)


def event(fields: str, condition: str) -> dict[str, Any]:
    return own_rule(f'SELECT {fields} FROM "$events/client_connected" WHERE {condition}')


_FROM_OWN = f'SELECT * FROM "{OWN_TOPIC}"'

# The reference deployment applies each of these to something foreign.
APPLIED: list[Outgoing] = [
    write("DELETE", "/rules/theirs"),
    write("DELETE", "/rules/%74heirs"),
    write("PUT", "/rules/theirs", {"enable": False}),
    write("PUT", "/rules/new-and-theirs", {"sql": _FROM_OWN}),
    write("PUT", "/rules/theirs/metrics/reset"),
    write("POST", "/rules", own_rule('SELECT * FROM "#"')),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{OWN_TOPIC}", "theirs/+"')),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{OWN_TOPIC}" -- one\n, "theirs/+"')),
    write("POST", "/rules", own_rule(f'SELECT * /* FROM "{OWN_TOPIC}" */ FROM "theirs/+"')),
    write("POST", "/rules", own_rule(f"SELECT 'FROM \"{OWN_TOPIC}\"' as a FROM \"theirs/+\"")),
    write("POST", "/rules", own_rule('SELECT * FROM "$events/client_connected"')),
    write("POST", "/rules", event("*", f"clientid = '{OWN}' OR true")),
    write("POST", "/rules", event("*", f"clientid != '{OWN}'")),
    write("POST", "/rules", event("*", f"NOT clientid = '{OWN}'")),
    write("POST", "/rules", event(f"'{OWN}' as clientid", f"clientid = '{OWN}'")),
    write("POST", "/rules", event("*", f"true -- clientid = '{OWN}'")),
    write("POST", "/rules", own_rule(_FROM_OWN, republish("theirs/a"))),
    write("POST", "/rules", own_rule(_FROM_OWN, republish("${payload.t}"))),
    write("POST", "/rules", own_rule(_FROM_OWN, "http:theirs")),
    write("PUT", f"/rules/{OWN}", {"sql": _FROM_OWN, "actions": ["bridge:http:theirs"]}),
    write("PUT", f"/rules/{OWN}", {"actions": [republish("theirs/a")], "sql": _FROM_OWN}),
    write("DELETE", "/actions/http:theirs?also_delete_dep_actions=true"),
    write("PUT", "/actions/http:theirs", {"connector": "theirs", "parameters": {"path": "/mine"}}),
    write("PUT", "/actions/bridge:http:theirs/enable/false"),
    write("PUT", "/actions/http:theirs/metrics/reset"),
    write("POST", "/actions", http_action("theirs")),
    write("POST", "/actions", {**http_action(), "name": "new-and-theirs"}),
    write("POST", "/actions", mqtt_action("theirs/a", local_topic=OWN_TOPIC)),
    write("POST", "/actions", mqtt_action("${payload.t}", local_topic=OWN_TOPIC)),
    write("PUT", "/connectors/http:theirs", {"url": "http://127.0.0.1:9"}),
    write("PUT", "/connectors/connector:http:theirs/enable/false"),
    write("POST", "/connectors", {**http_connector("http://127.0.0.1:9"), "name": "new-and-theirs"}),
    write("POST", "/connectors", http_connector("http://example.com")),
    write("POST", "/connectors", http_connector("http://x.invalid@example.com/")),
    write("POST", "/connectors", http_connector("http://example.com/${x}")),
    write("POST", "/connectors", http_connector("http://127.0.0.1:80")),
    write("POST", "/connectors_probe", http_connector("http://0.0.0.0:9")),
    write("POST", "/connectors", _cassandra("x.invalid:1,example.com:1")),
    write("DELETE", "/schema_registry/theirs"),
    write("PUT", "/schema_registry/theirs", {"type": "avro", "source": '{"type":"int"}'}),
    write("POST", "/schema_registry", {"name": "new-and-theirs", "type": "avro", "source": '{"type":"int"}'}),
    write("POST", paths.USERS, {"user_id": "new-and-theirs", "password": "p"}),
    write("POST", paths.USERS, b"\n" + b'{"user_id":"new-and-theirs","password":"p"}'),
    write("PUT", f"{paths.USERS}/theirs", {"password": "mine"}),
    write("DELETE", f"{paths.USERS}/x%2Fy"),
    write("POST", f"{paths.IMPORT_USERS}?type=plain", [{"user_id": "theirs", "password": "mine"}]),
    imported("u.csv", "user_id,password\ntheirs,mine\n"),
    imported("u.csv", f"password,user_id\np,{OWN}\nmine,theirs\n"),
    imported("u.csv", '"a\nb",user_id,password\nx,theirs,mine\n'),
    imported("u.csv", f"user_id,password\n {OWN},mine\n"),
    imported("u.json", '[{"user_id":"theirs","password":"mine"}]'),
    write("POST", paths.USER_RULES, [{"username": "new-and-theirs", "rules": []}]),
    write("PUT", f"{paths.USER_RULES}/theirs", {"username": "theirs", "rules": []}),
    write("DELETE", f"{paths.USER_RULES}/theirs"),
    write("POST", paths.CLIENT_RULES, [{"clientid": f"{OWN}-2", "rules": []}, {"clientid": "new", "rules": []}]),
    write("PUT", f"{paths.CLIENT_RULES}/theirs", {"clientid": "theirs", "rules": []}),
    write("DELETE", f"{paths.CLIENT_RULES}/theirs"),
    write("POST", "/banned", {"as": "clientid", "who": "theirs"}),
    write("POST", "/banned", {"as": "username", "who": "theirs"}),
    write("POST", "/banned", {"as": "clientid_re", "who": "."}),
    write("POST", "/banned", {"as": "clientid_re", "who": f"{SANDBOX.prefix}|theirs"}),
    write("POST", "/banned", {"as": "clientid_re", "who": f"^{SANDBOX.prefix}|theirs"}),
    write("POST", "/banned", {"as": "clientid_re", "who": f"^{SANDBOX.prefix}*"}),
    write("POST", "/banned", {"as": "username_re", "who": f"^{SANDBOX.prefix}?"}),
    write("POST", "/banned", {"as": "username_re", "who": f"^{SANDBOX.prefix}{{0}}"}),
    write("POST", "/banned", {"as": "peerhost", "who": "10.0.0.7"}),
    write("POST", "/banned", {"as": "peerhost_net", "who": "192.0.2.0/23"}),
    write("POST", "/banned", {"as": "peerhost_net", "who": "198.51.100.7/16"}),
    write("POST", "/banned", {"as": "peerhost_net", "who": "0.0.0.0/0"}),
    write("DELETE", "/banned/username/theirs-banned"),
    write("DELETE", "/banned/clientid_re/%5Etheirs-b"),
    write("DELETE", "/clients/theirs"),
    write("DELETE", "/clients/theirs/authorization/cache"),
    write("POST", "/clients/kickout/bulk", ["theirs"]),
    write("POST", "/clients/kickout/bulk", [OWN, "theirs"]),
    write("POST", "/clients/theirs/subscribe", {"topic": OWN_TOPIC}),
    write("POST", "/clients/theirs-subscriber/unsubscribe", {"topic": "theirs/a"}),
    write("POST", f"/clients/{OWN}/subscribe", {"topic": "#"}),
    write("POST", f"/clients/{OWN}/subscribe", {"topic": "$share/g/theirs/a"}),
    write("POST", f"/clients/{OWN}/subscribe/bulk", [{"topic": OWN_TOPIC}, {"topic": "theirs/+"}]),
    write("POST", "/publish", {"topic": "theirs/a", "payload": ""}),
    write("POST", "/publish/bulk", [{"topic": OWN_TOPIC, "payload": ""}, {"topic": "theirs/a", "payload": ""}]),
    write("DELETE", "/mqtt/retainer/message/theirs%2Fa"),
    write("DELETE", "/mqtt/retainer/message/%23"),
    write("DELETE", "/mqtt/retainer/message/%2B%2Fa"),
    write("DELETE", paths.RULES_OF_ALL),
    write("POST", paths.RULES_OF_ALL, {"rules": []}),
    write("DELETE", paths.RETAINED_MESSAGES),
    write("DELETE", "/banned"),
    write("DELETE", "/banned/"),
]  # fmt: skip

# Only the recorded server reads these as something foreign: lenient JSON, dot segments, numbers for texts.
APPLIED_BY_LENIENT_SERVERS: list[Outgoing] = [
    write("POST", "/publish", b"{'topic':'theirs/a','payload':''}"),
    write("POST", "/publish", b'{"payload":"it\'s",\'topic\':"theirs/a"}'),
    write("POST", "/publish", b'{"topic":"' + OWN_TOPIC.encode() + b'","topic":"theirs/a","payload":""}'),
    write("POST", "/publish", b'\xef\xbb\xbf{"topic":"theirs/a","payload":"",}'),
    write("POST", "/publish", b'{"topic":"theirs/a",/* */"payload":""}'),
    write("POST", "/publish", b'{"topic":"theirs/a","payload":"\xff"}'),
    write("POST", "/publish", {"topic": 5, "payload": ""}),
    write("POST", paths.USERS, {"user_id": 7, "password": "p"}),
    write("POST", paths.USER_RULES, [{"username": 7, "rules": []}]),
    write("POST", "/banned", {"as": "username", "who": 5}),
    write("DELETE", "/banned/clientid/%2E%2E"),
    write("DELETE", "/banned/clientid/.."),
    write("DELETE", f"/rules/{OWN}/../theirs"),
    write("DELETE", f"{paths.USERS}/%2E%2E"),
]  # fmt: skip

# No reference shows these, but some server could apply them.
SUSPECT: list[Outgoing] = [
    write("DELETE", f"/rules/{OWN}/%2e%2E/theirs"),
    write("DELETE", f"{paths.USERS}/%252E%252E"),
    write("DELETE", f"/mqtt/retainer/message/{OWN}%2F..%2F.."),
    write("DELETE", "/banned/clientid/"),
    write("DELETE", f"/rules//{OWN}"),
    write("DELETE", f"/rules/{OWN}%zz"),
    write("DELETE", "/rules/"),
    write("POST", "/nodes/leave"),
    write("PATCH", "/rules", {}),
    write("DELETE", f"{paths.USERS}/."),
    write("POST", "/rules", {"sql": _FROM_OWN}),
    write("POST", "/rules", {"id": None, "sql": _FROM_OWN}),
    write("POST", "/rules", own_rule("SELECT * FROM 'theirs'")),
    write("POST", "/rules", own_rule("SELECT * FROM theirs")),
    write("POST", "/rules", own_rule(f'SELECT 1.5ffrom "theirs" WHERE a = 1 FROM "{OWN_TOPIC}"')),
    write("POST", "/rules", own_rule('SELECT * FR\n/OM "theirs/+"')),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{OWN_TOPIC}"" , ""theirs"')),
    write("POST", "/rules", own_rule('SELECT * FROM "$bridges/mqtt:*"')),
    write("POST", "/rules", own_rule(f"SELECT kv_store_put('theirs', 1) FROM \"{OWN_TOPIC}\"")),
    write("POST", "/rules", own_rule(_FROM_OWN, {"function": "emqx_mgmt:kickout_client", "args": {}})),
    write("POST", "/rules", {**own_rule(""), "sql": list(b'SELECT * FROM "#"')}),
    write("POST", "/connectors", http_connector("http://example.com#.invalid")),
    write("POST", "/connectors", http_connector("http://example.com\\@x.invalid")),
    write("POST", "/connectors", _cassandra({"1": "example.com:80"})),
    write("POST", "/connectors", {"type": "mysql", "name": OWN, "server": 2130706433}),
    write("POST", "/connectors", {"type": "mysql", "name": OWN, "server": "[::]:3306"}),
    write("POST", "/connectors", {"type": "kinesis", "name": OWN, "endpoint": "http://127.0.0.1:9"}),
    write("PUT", f"/connectors/connector:kinesis:{OWN}", {"type": "http", "url": "http://127.0.0.1:9"}),
    write("PUT", f"/connectors/kinesis:{OWN}/enable/true"),
    write("POST", "/connectors_probe", {"type": "kinesis", "name": OWN, "enable": False}),
    write("POST", "/connectors", {"type": "doris", "fe_nodes": "db.example.com:9030"}),
    write("POST", "/connectors", {"type": "doris", "name": OWN, "fe_nodes": "x.invalid:9030", "enable": False}),
    write("POST", "/connectors", {"type": "Doris ", "name": OWN, "database": "db.example.com", "enable": False}),
    write("POST", "/connectors", {"type": "doris", "name": OWN, "username": "db", "enable": False}),
    write("POST", "/connectors", {"type": "doris", "name": OWN, "pool_size": 2130706433, "enable": False}),
    write("POST", "/connectors", {"type": "doris", "name": OWN, "pool_size": "2130706433", "enable": False}),
    write("POST", "/connectors", {"type": "doris", "name": OWN, "ssl": {"db.example.com": 1}, "enable": False}),
    write("POST", "/connectors", {"type": "doris", "name": OWN, "tags": [100, 98], "enable": False}),
    write("POST", "/connectors", [{"type": "doris", "name": OWN, "fe_nodes": "db.example.com:9030"}]),
    write("POST", "/connectors", {"type": list(b"doris"), "name": OWN, "fe_nodes": "db.example.com:9030"}),
    write("POST", "/connectors", b'{"type":"http","type":"doris","fe_nodes":"db.example.com:9030"}'),
    write("POST", "/connectors", http_connector("http://127.0.0.1:9") | {"type": "doris"}),
    write("POST", "/connectors_probe", {"type": "doris", "name": OWN, "enable": False}),
    write("POST", "/connectors_probe", {"type": "no-such-member", "fe_nodes": "db.example.com:9030"}),
    write("PUT", f"/connectors/doris:{OWN}", {"fe_nodes": "db.example.com:9030", "enable": False}),
    write("PUT", f"/connectors/doris:{OWN}", {"url": "http://127.0.0.1:9"}),
    write("POST", "/actions", http_action(type="doris", parameters={"stream_load": "db.example.com"})),
    write("POST", "/actions_probe", http_action(type="doris", parameters={"path": "//db.example.com"})),
    write("PUT", f"/actions/doris:{OWN}", {"parameters": {"fe_nodes": "db.example.com:9030"}}),
    write("POST", "/connectors", {"type": "s3", "name": OWN, "host": "127.0.0.1", "port": 9}),
    write("POST", "/schema_registry", {"name": OWN, "type": "json", "source": '{"$ref":"http://example.com/s.json"}'}),
    write("PUT", f"/schema_registry/{OWN}", {"type": "json", "source": '{"$id":"http://example.com/","$ref":"s.json"}'}),
    write("POST", "/publish", {"topic": OWN_TOPIC, "payload": ""} | {"topic": [116, "heirs"]}),
    write("POST", "/publish", '{"topic":"theirs/a","payload":""}'.encode("utf-16")),
    write("POST", "/publish", b'{"topic":"theirs/a","payload":""', "text/plain"),
    write("POST", "/publish", b"topic=theirs%2Fa&payload=x", "application/x-www-form-urlencoded"),
    write("POST", "/publish", b'--b\r\nContent-Disposition: form-data; name="topic"\r\n\r\ntheirs\r\n--b--', UPLOAD),
    write("POST", "/publish", {"topic": f"$delayed/10/{OWN_TOPIC}", "payload": ""}),
    write("POST", "/publish", {"topic": f"$share/g/{OWN_TOPIC}", "payload": ""}),
    write("POST", "/clients/kickout/bulk", {"1": "theirs"}),
    write("POST", "/clients/kickout/bulk", [[OWN, ["theirs"]]]),
    write("POST", paths.CLIENT_RULES, {"1": {"clientid": "theirs", "rules": []}}),
    write("POST", paths.USERS, {"user_id": "", "password": "p"}),
    write("POST", paths.USERS, {"user_id": "..", "password": "p"}),
    write("POST", "/banned", {"as": "clientid", "who": ""}),
    write("POST", "/banned", {"who": "theirs"}),
    write("PUT", f"/rules/{OWN}", {"id": "theirs", "enable": False}),
    write("PUT", f"{paths.USERS}/{OWN}", {"user_id": "theirs", "password": "p"}),
    write("PUT", f"/schema_registry/{OWN}", {"name": "theirs", "type": "avro", "source": '{"type":"int"}'}),
    write("PUT", f"/actions/http:{OWN}", http_action() | {"name": "theirs"}),
    write("POST", f"{paths.USERS}?user_id=theirs", {"user_id": OWN, "password": "p"}),
    write("POST", f"{paths.IMPORT_USERS}?type=plain&user_id=theirs", [{"user_id": OWN, "password": "p"}]),
    write("POST", "/banned", {"as": "clientid_RE", "who": f"{OWN}|.*"}),
    imported("u.csv", f"user_id,password\n{OWN},p\n\npassword\n"),
    write("POST", paths.IMPORT_USERS, b"Content-Transfer-Encoding: base64\r\n\r\nW10=", UPLOAD),
]  # fmt: skip
