"""Writes the suite needs, beyond the bodies of the contract: the guard must let each through."""

from __future__ import annotations

from urllib.parse import quote

from conformance.contract import paths
from conformance.target.guard import Outgoing
from tests.safety.foreign_writes import UPLOAD, http_connector, mqtt_action, own_rule, republish, upload, write
from tests.safety.shared_target import OWN, OWN_TOPIC, SANDBOX

_EVENT = 'FROM "$events/client_connected"'
_BACK = {"type": "mqtt", "name": OWN, "server": "broker.example:1883", "clientid_prefix": OWN}
_ODD_NAME = quote(f"{OWN} /%+?#ü", safe="")

LEGITIMATE: list[Outgoing] = [
    write("GET", "/rules/theirs"),
    write("GET", "/clients?like_clientid=%25"),
    write("GET", f"{paths.USERS}/%2E%2E"),
    write("HEAD", "/banned"),
    write("DELETE", f"/rules/{OWN}"),
    write("DELETE", f"/rules/{OWN}/"),
    write("PUT", f"/rules/{OWN}", {"enable": False}),
    write("PUT", f"/rules/{OWN}", {"name": "anything", "description": "theirs"}),
    write("POST", f"/rules/{OWN}/test", {"context": {"event_type": "message_publish", "topic": "theirs"}}),
    write("POST", "/rules", own_rule(f'SELECT payload.x as y FROM "{OWN_TOPIC}/#" WHERE y > 1')),
    write("POST", "/rules", own_rule(f'FOREACH payload.l as i DO i.x FROM "{OWN_TOPIC}" , "{OWN_TOPIC}/+"')),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{SANDBOX.topic_root}from-12" WHERE a.from = 1 -- x')),
    write("POST", "/rules", own_rule(f"SELECT * {_EVENT} WHERE clientid = '{OWN}'")),
    write("POST", "/rules", own_rule(f"SELECT clientid, event as e {_EVENT} where a > 1 and clientid='{OWN}'")),
    write("POST", "/rules", own_rule(f"SELECT * {_EVENT} WHERE (a = 1 or b = 2) and clientid =~ '{OWN}'")),
    write("POST", "/rules", own_rule(f"SELECT * {_EVENT} WHERE regex_match(clientid, '^{SANDBOX.prefix}.+')")),
    write("POST", "/rules", own_rule(f"SELECT * FROM \"$events/message_dropped\" WHERE topic =~ '{OWN_TOPIC}/#'")),
    write("POST", "/rules", own_rule("not a statement")),
    write("POST", "/rules", own_rule("SELECT * FROM")),
    write("POST", "/rules", own_rule("SELECT * FROM WHERE")),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{OWN_TOPIC}" GARBAGE')),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{OWN_TOPIC}"', republish(f"{OWN_TOPIC}/${{payload.t}}"))),
    write("POST", "/rules", own_rule(f'SELECT * FROM "{OWN_TOPIC}"', f"http:{OWN}", {"function": "no_such"})),
    write("POST", "/rules", {"name": OWN, "sql": f'SELECT * FROM "{OWN_TOPIC}"'}),
    write("POST", "/rules", {"id": True, "name": OWN, "sql": f'SELECT * FROM "{OWN_TOPIC}"'}),
    write("POST", "/connectors", http_connector("http://x.invalid:80/path")),
    write("POST", "/connectors", http_connector("http://127.0.0.1:9")),
    write("POST", "/connectors", http_connector("http://sink.example:8080/hook")),
    write("POST", "/connectors", {"type": "http", "name": None}),
    write("POST", "/connectors", _BACK),
    write("POST", "/connectors", {"type": "mqtt", "name": OWN, "server": "x.invalid", "clientid_prefix": "plant"}),
    write("POST", "/connectors", {"type": "rabbitmq", "name": OWN, "server": "127.0.0.1", "port": 9}),
    write("POST", "/connectors", {"type": "kinesis", "name": OWN, "enable": False}),
    write("PUT", f"/connectors/kinesis:{OWN}/enable/false"),
    write("PUT", f"/connectors/kinesis:{OWN}", b"\0"),
    write("PUT", "/connectors/http:", {"url": "http://127.0.0.1:9"}),
    write("POST", f"/connectors/http:{OWN}/start"),
    write("POST", "/actions", mqtt_action(f"{OWN_TOPIC}/${{topic}}")),
    write("PUT", f"/actions/bridge:http:{OWN}/enable/true"),
    write("POST", "/schema_registry", {"name": OWN, "type": "json", "source": '{"$ref":"#/definitions/a"}'}),
    write("POST", paths.USERS, {"user_id": f"{OWN} /%+?#ü", "password": 0, "is_superuser": "true"}),
    write("PUT", f"{paths.USERS}/{_ODD_NAME}", {"password": "p"}),
    write("POST", f"{paths.IMPORT_USERS}?type=plain", [{"user_id": OWN, "password": "p"}]),
    write("POST", paths.IMPORT_USERS, upload("u.csv", f"user_id,password\n{OWN},p\n{OWN}-2,q\n"), UPLOAD),
    write("POST", paths.IMPORT_USERS, upload("u.json", f'[{{"user_id":"{OWN}","password":"p"}}]'), UPLOAD),
    write("POST", paths.IMPORT_USERS, upload("u.txt", "nothing"), UPLOAD),
    write("POST", paths.IMPORT_USERS, b""),
    write("PUT", f"{paths.USER_RULES}/{OWN}", {"username": f"{OWN}-2", "rules": [{"topic": "#"}]}),
    write("POST", "/publish", {"topic": OWN_TOPIC, "payload": "", "properties": {"user_properties": {"a": 1}}}),
    write("POST", "/publish", {"topic": "", "payload": ""}),
    write("POST", "/publish", {"topic": {"a": 1}, "payload": ""}),
    write("POST", "/publish", b"\x00\xff"),
    write("POST", "/publish", b'{"topic":"' + OWN_TOPIC.encode() + b'"} x'),
    write("POST", "/banned", {"as": "peerhost", "who": "192.0.2.9"}),
    write("POST", "/banned", {"as": "peerhost_net", "who": "2001:db8:1::/48"}),
    write("POST", "/banned", {"as": "peerhost", "who": OWN}),
    write("POST", "/banned", {"as": "clientid_re", "who": f"^{OWN}.*$"}),
    write("POST", "/banned", {"as": "username_re", "who": f"^{SANDBOX.prefix}("}),
    write("DELETE", f"/banned/peerhost/{OWN}"),
    write("DELETE", f"/banned/no-such-kind/{OWN}"),
    write("DELETE", f"/mqtt/retainer/message/{quote(OWN_TOPIC + '/#', safe='')}"),
    write("POST", "/clients/kickout/bulk", []),
    write("POST", "/clients/kickout/bulk", [OWN, None]),
    write("POST", f"/clients/{OWN}/subscribe", {"topic": f"$share/g/{OWN_TOPIC}"}),
    write("POST", f"/clients/{OWN}/unsubscribe", {}),
    Outgoing("DELETE", "/rules", b"", signed=False),
    Outgoing("PATCH", f"/connectors/http:{OWN}", b"", signed=False),
]  # fmt: skip
