"""The order of the pipeline and the answer of each of its steps."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from conformance.contract import load_contract
from conformance.reference.defects import NO_TRAITS
from conformance.reference.pipeline import app
from conformance.reference.pipeline.operations import MODULES
from conformance.reference.rest.http import ROUTES, Reply, Route, SchemaFilter
from tests.fidelity.live import KEY, SECRET, TOKEN
from tests.recorded import RECORDED
from tests.reference.core.conftest import Api, basic

BAD_SECRET = basic(KEY, "wrong")


def test_every_operation_of_the_contract_has_a_handler():
    assert MODULES
    assert set(load_contract().operations) <= set(ROUTES)


# Routing


@pytest.mark.parametrize(
    ("accept", "content_type", "start"),
    [
        ("application/json", "application/json", b'{"code":"NOT_FOUND"'),
        ("application/json, */*", "application/json", b'{"code":"NOT_FOUND"'),
        ("text/plain", "text/plain", b"404"),
        ("*/*", "text/html", b"<html>"),
        ("", "text/html", b"<html>"),
    ],
)
def test_unknown_path_answers_by_accept_and_before_credentials(either_api, accept, content_type, start):
    answer = either_api("GET", "/nowhere", auth=None, accept=accept)
    assert answer.status == 404
    assert answer.headers["content-type"] == content_type
    assert answer.content.startswith(start)


@pytest.mark.parametrize("path", ["/rules/%zz", "/rules/%", "/rules/a%2"])
def test_undecodable_path_is_400_without_body(either_api, path):
    answer = either_api("GET", path)
    assert (answer.status, answer.content) == (400, b"")


def test_encoded_slash_stays_inside_a_parameter(either_api):
    assert either_api("GET", "/rules%2Fx").json["message"] == "Request Path Not Found"
    assert either_api("GET", "/connectors/http%3Aa%2Fb").code == "NOT_FOUND"


def test_trailing_slash_is_ignored_and_empty_parameters_bind(either_api):
    assert either_api("GET", "/action_types/").status == 200
    assert either_api("GET", "/connectors//").json["message"] != "Request Path Not Found"


def test_dot_segments_reach_another_resource_on_the_recorded_server_only(api, recorded_api):
    for client in (api, recorded_api):
        assert client("POST", "/banned", {"as": "clientid", "who": "a"}).status == 200
    assert recorded_api("DELETE", "/banned/clientid/%2E%2E").status == 204
    assert recorded_api("GET", "/banned").json["data"] == []
    assert api("DELETE", "/banned/clientid/%2E%2E").code == "NOT_FOUND"
    assert api("DELETE", "/banned/clientid/x/%2E%2E/%2E%2E").code == "NOT_FOUND"
    assert [ban["who"] for ban in api("GET", "/banned").json["data"]] == ["a"]


# Methods


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/banned", "DELETE, GET, POST"),
        ("PATCH", "/connectors/http:x", "DELETE, GET, PUT"),
        ("HEAD", "/connectors", "GET, POST"),
        ("GET", "/clients/kickout/bulk", "POST"),
    ],
)
def test_other_method_is_405_with_allow_and_before_credentials(either_api, method, path, allow):
    answer = either_api(method, path, auth=None)
    assert (answer.status, answer.headers["allow"], answer.content) == (405, allow, b"")


@pytest.mark.parametrize(("method", "recorded_status"), [("OPTIONS", 500), ("FOO", 500), ("TRACE", 501)])
def test_exotic_methods(api, recorded_api, method, recorded_status):
    answer = recorded_api(method, "/connectors")
    assert (answer.status, answer.content) == (recorded_status, b"")
    answer = api(method, "/connectors")
    assert (answer.status, answer.headers["allow"], answer.content) == (405, "GET, POST", b"")
    assert api("GET", "/connectors").status == 200


def test_exotic_method_on_an_unknown_path_is_404(either_api):
    assert either_api("FOO", "/nowhere").status == 404


# Credentials


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        (None, "AUTHORIZATION_HEADER_ERROR"),
        ('Digest username="u"', "AUTHORIZATION_HEADER_ERROR"),
        (BAD_SECRET, "BAD_API_KEY_OR_SECRET"),
        (basic("nobody", SECRET), "BAD_API_KEY_OR_SECRET"),
        (basic("admin", "public"), "BAD_API_KEY_OR_SECRET"),
        ("Bearer unknown", "BAD_TOKEN"),
    ],
)
def test_refused_credentials(either_api, auth, code):
    answer = either_api("GET", "/connectors", auth=auth)
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["www-authenticate"] == 'Basic Realm="emqx-dashboard"'


@pytest.mark.parametrize("auth", ["Token x", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer a b{", "Bearer ", "", "Digest"])
def test_unparsable_authorization_is_400_without_body(either_api, auth):
    answer = either_api("GET", "/connectors", auth=auth)
    assert (answer.status, answer.content) == (400, b"")


def test_bearer_and_basic_give_the_same(either_api):
    answers = [either_api("GET", "/action_types", auth=auth) for auth in (basic(KEY, SECRET), f"bearer {TOKEN}")]
    assert answers[0].status == 200
    assert answers[0].content == answers[1].content


def test_credentials_and_role_come_before_body_and_resource(either_api):
    broken = {"content_type": "application/json"}
    assert either_api("PUT", "/connectors/http:none", b"{", auth=BAD_SECRET, **broken).status == 401
    viewer = either_api("PUT", "/connectors/http:none", b"{", auth=basic("viewer", SECRET), **broken)
    assert (viewer.status, viewer.code) == (403, "UNAUTHORIZED_ROLE")
    assert either_api("PUT", "/connectors/http:none", b"{", **broken).code == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("viewer", "GET", "/connectors", 200),
        ("viewer", "POST", "/publish", 403),
        ("viewer", "DELETE", "/banned", 403),
        ("publisher", "POST", "/publish", 202),
        ("publisher", "GET", "/connectors", 403),
        ("publisher", "POST", "/banned", 403),
    ],
)
def test_roles(either_api, role, method, path, status):
    body = {"topic": "t", "payload": "x"} if method == "POST" else None
    assert either_api(method, path, body, auth=basic(role, SECRET)).status == status


# Body


@pytest.mark.parametrize("text", [b'{"topic":', b'{"topic":"t","payload":"x"} x', b'{"topic":"t","qos":NaN}', b"{"])
def test_what_is_no_json_is_400(either_api, text):
    answer = either_api("POST", "/publish", text, content_type="application/json")
    assert (answer.status, answer.json) == (
        400,
        {"code": "BAD_REQUEST", "message": "Invalid json message received"},
    )


@pytest.mark.parametrize(
    "text",
    [
        b'{"topic":"t","payload":"x",}',
        b'\xef\xbb\xbf{"topic":"t","payload":"x"}',
        b'{"topic":"t","payload":"\xff"}',
        b'{"topic":"t","payload":"\\ud800"}',
        b'{"topic":"t","topic":"u","payload":"x"}',
        b"{'topic':'t','payload':'x'}",
    ],
)
def test_sloppy_json_passes_on_the_recorded_server_only(api, recorded_api, text):
    assert recorded_api("POST", "/publish", text, content_type="application/json").status == 202
    assert api("POST", "/publish", text, content_type="application/json").code == "BAD_REQUEST"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/merge-patch+json", ""])
@pytest.mark.parametrize(("method", "path"), [("POST", "/publish"), ("POST", "/rules"), ("PUT", "/connectors/http:x")])
def test_other_content_type_is_415(either_api, method, path, content_type):
    answer = either_api(method, path, b'{"a":1}', content_type=content_type)
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_content_type_do_not_matter(either_api, content_type):
    assert either_api("POST", "/publish", b'{"topic":"t","payload":"x"}', content_type=content_type).status == 202


def test_operations_without_body_ignore_one_but_junk_json(either_api):
    assert either_api("GET", "/connectors", {"a": 1}).status == 200
    assert either_api("GET", "/connectors", b"hello", content_type="text/plain").status == 200
    assert either_api("DELETE", "/banned", b"{", content_type="application/json").status == 400


def test_no_body_is_an_empty_object(either_api):
    message = either_api("POST", "/publish").json["message"]
    assert {problem["path"] for problem in json.loads(message)} == {"root.topic", "root.payload"}


def test_body_beyond_8_mb(api, recorded_api):
    body = b'{"topic":"t","payload":"' + b"x" * 8_000_000 + b'"}'
    recorded = recorded_api("POST", "/publish", body, content_type="application/json")
    assert (recorded.status, recorded.content) == (500, b"")
    assert api("POST", "/publish", body, content_type="application/json").code == "BAD_REQUEST"


def test_null_for_an_array(api, recorded_api):
    recorded = recorded_api("POST", "/clients/kickout/bulk", b"null", content_type="application/json")
    assert (recorded.status, recorded.content) == (500, b"")
    assert recorded_api("POST", "/clients/kickout/bulk", {}).status == 204
    for body in (b"null", b"{}"):
        assert api("POST", "/clients/kickout/bulk", body, content_type="application/json").code == "BAD_REQUEST"


# Query


def test_query_is_checked_and_the_last_of_a_repeated_scalar_counts(either_api):
    assert either_api("GET", "/clients?limit=0").code == "BAD_REQUEST"
    assert either_api("GET", "/clients?limit=abc&limit=7").json["meta"]["limit"] == 7
    assert either_api("GET", "/clients?x_unknown=1").status == 200
    assert either_api("GET", "/clients?limit=%zz").status == 400
    assert either_api("GET", "/clients?fields=clientid&fields=username").code == "BAD_REQUEST"


# Handler


def _add_routes(monkeypatch):
    def broken(_call):
        raise RuntimeError("boom hunter2")

    monkeypatch.setitem(ROUTES, "GET /breaking", Route(broken, SchemaFilter.NONE))
    monkeypatch.setitem(ROUTES, "GET /wordless", Route(lambda _call: Reply(204), SchemaFilter.NONE))


@pytest.mark.parametrize("traits", [NO_TRAITS, RECORDED], ids=["default", "recorded"])
def test_unexpected_errors_tell_clients_nothing_of_the_inside(monkeypatch, capfd, traits):
    _add_routes(monkeypatch)
    api = Api(traits=traits)
    answer = api("GET", "/breaking")
    wordless = api("GET", "/wordless")
    api.live.close()
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert ("hunter2" in answer.json["message"]) is bool(traits)
    assert "hunter2" in capfd.readouterr().err
    assert (wordless.status, wordless.content) == (204, b"")
    assert "content-length" not in wordless.headers


# Connection


def test_connection_ends_after_1000_requests_on_the_recorded_server_only(api, recorded_api):
    for client, closed in ((api, None), (recorded_api, "close")):
        connection = client.connection()
        for _ in range(999):
            answer = client("HEAD", "/connectors", auth=None, connection=connection)
            assert "connection" not in answer.headers
        assert client("HEAD", "/connectors", auth=None, connection=connection).headers.get("connection") == closed
        connection.close()


EARLY = [("POST", "/publish", None, 401), ("POST", "/nowhere", basic(KEY, SECRET), 404), ("PUT", "/rules", None, 405)]


@pytest.mark.parametrize(("method", "path", "auth", "status"), EARLY)
def test_connection_ends_after_an_answer_that_left_the_body_unread_on_the_recorded_server_only(
    api, recorded_api, method, path, auth, status
):
    for client, closed in ((api, False), (recorded_api, True)):
        connection = client.connection()
        answer = client(method, path, {"topic": "t", "payload": "x"}, auth=auth, connection=connection)
        assert (answer.status, answer.headers.get("connection")) == (status, None)
        # Closed between two requests, or while the second arrives: an end of stream, a reset or a broken pipe.
        with pytest.raises(ConnectionError) if closed else nullcontext():
            # Not carried out either.
            client("POST", "/publish", {"topic": "t/early", "payload": "x", "retain": True}, connection=connection)
        assert client("GET", "/mqtt/retainer/message/t%2Fearly").status == (404 if closed else 200)
        connection.close()


def test_connection_goes_on_after_an_answer_that_read_the_body(either_api):
    connection = either_api.connection()
    for body in ({}, {"topic": "t", "payload": "x", "qos": 3}):
        assert either_api("POST", "/publish", body, connection=connection).status == 400
    assert either_api("GET", "/nowhere", connection=connection).status == 404
    assert either_api("GET", "/connectors", connection=connection).status == 200
    connection.close()


def test_configuration_writes_take_their_time_one_after_the_other(monkeypatch):
    slept: list[float] = []
    real_sleep = app.asyncio.sleep

    async def sleep(seconds):
        slept.append(seconds)
        await real_sleep(0)

    api = Api(traits=NO_TRAITS)
    api.live.call(lambda deployment: setattr(deployment, "settings", _slow(deployment.settings)))
    monkeypatch.setattr(app, "asyncio", _Asyncio(sleep))
    assert api("POST", "/connectors", {"type": "http", "name": "c", "url": "http://127.0.0.1:1"}).status == 201
    assert api("GET", "/connectors").status == 200
    assert api("POST", "/connectors", {"type": "http"}).status == 400
    assert api("DELETE", "/connectors/http:c").status == 204
    assert api("POST", "/publish", {"topic": "t", "payload": "x"}).status == 202
    monkeypatch.undo()
    api.live.close()
    assert slept == [0.25, 0.25]


class _Asyncio:
    """The module with another ``sleep``."""

    def __init__(self, sleep):
        self.sleep = sleep

    def __getattr__(self, name):
        return getattr(asyncio, name)


def _slow(settings):
    return replace(settings, config_write_latency=0.25)
