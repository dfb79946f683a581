"""Connectors: names and ids, probing, enabling, starting, and what depends on them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from conformance.checks.recorder import Recorder
from conformance.requirements import requirement
from conformance.scenarios.chain import connector_of_chain, witness
from conformance.scenarios.changes import Changes, Step, step
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Answer, Deviation
from conformance.target.resources.bridges import CLOSED_URL, NO_OPERATIONS, Bridges
from conformance.target.resources.typed import configured
from conformance.target.sink import HttpSink
from conformance.target.target import LONGEST, TO_DELETE, Target
from conformance.worker.context import Context

pytestmark = [pytest.mark.scenario, pytest.mark.state("connectors")]

LONGEST_NAME = 254
TWIN = "http connector with the name of one of type mqtt"


def status_of(target: Target, connector: str) -> str:
    return str(target.connectors.read(connector)["status"])


def requests_for(collection: Bridges, identifier: str) -> Iterator[Answer]:
    """The answers to every operation on one element, the deletion last."""
    yield collection.get(identifier)
    # Of types that nobody knows the guard lets nothing pass that could name a host, such as a header, nor be started.
    parameters = {"path": "/", "method": "post"}
    minimal = collection.bodies("http").minimal
    body = collection.adopt(minimal, connector=collection.sandbox.name("missing"), parameters=parameters)
    disabled = {"url": CLOSED_URL, "enable": False}
    yield collection.put(identifier, configured(body) if collection.path == "/actions" else disabled)
    yield collection.enable(identifier, True)
    yield collection.start(identifier)
    yield collection.delete(identifier)


@requirement("CON-02", "POST /connectors", "GET /connectors/{id}")
def test_name_is_taken_once_per_type(context: Context, target: Target) -> None:
    """A second connector of the same type and name is refused with ALREADY_EXISTS and changes nothing of the first."""
    connector = target.connector_of("mqtt")
    name = name_of(connector)
    before = configured(target.connectors.read(connector))

    second = target.connectors.body(type="mqtt", name=name, description="second")
    target.api.call("POST /connectors", json=second).expect(400, code="ALREADY_EXISTS")
    after = configured(target.connectors.read(connector))
    assert after == before, f"the refused POST changed the connector from {before} to {after}"

    def make() -> str:
        other = target.connectors.body(type="http", name=name)
        target.api.call("POST /connectors", json=other).expect(201)
        return target.connectors.identify(other)

    read = target.connectors.read(context.lasting(TWIN, make, lambda known: target.connectors.get(known).ok))
    assert read["type"] == "http", f"under the id of the other type a connector of type {read['type']} is read"
    after = configured(target.connectors.read(connector))
    assert after == before, f"the connector of another type changed the first from {before} to {after}"


@requirement("CON-03", "POST /connectors", "POST /actions")
def test_bad_names_are_refused(target: Target, recorder: Recorder) -> None:
    """A name has 1 to 254 of the characters A-Z, a-z, 0-9, - and _, the first no - or _; any other is refused."""
    good, connector = target.sandbox.name("name"), target.connector_of("http")
    longest = good.ljust(LONGEST_NAME, "x")
    for collection in (target.connectors, target.actions):
        identifier = target.lasting(collection, LONGEST, partial(collection.create, name=longest))
        collection.read(identifier)
        target.keep(collection, identifier, TO_DELETE)

    odd = (good + end for end in (" ", " b", ".b", "/b", ":b", "\u00e4", "${b}"))
    for name in (*odd, f"-{good}", f"_{good}", longest + "x"):
        expect_name_refused(target, recorder, name, connector)


def expect_name_refused(target: Target, recorder: Recorder, name: str, connector: str) -> None:
    """Neither a connector nor an action on ``connector`` (an id) takes a name."""
    for collection, fields in ((target.connectors, {}), (target.actions, {"connector": connector})):
        answer = target.api.call(f"POST {collection.path}", json={**collection.body(**fields), "name": name})
        refused = (answer.status, answer.code) == (400, "BAD_REQUEST")
        shown = f"{name!r}" if len(name) < LONGEST_NAME else f"of {len(name)} bytes"
        message = f"the name {shown} answered {answer.status} {answer.code or ''}, expected 400 BAD_REQUEST"
        recorder.expect(refused, "CON-03", "name_refused", message, answer)


@requirement("CON-03", "POST /connectors", "POST /actions")
@pytest.mark.mode(Mode.DISPOSABLE, "a connector or action whose name no path carries could not be deleted")
def test_name_that_no_path_carries_is_refused(target: Target, recorder: Recorder) -> None:
    """A name with U+0000 is refused."""
    connector = target.connector_of("http")
    expect_name_refused(target, recorder, f"{target.sandbox.name('name')}\0", connector)


@requirement("CON-15", "POST /connectors", level="SHOULD")
@pytest.mark.state("connectors", alone=True)
def test_name_that_ends_in_a_newline_is_refused(target: Target) -> None:
    """A name that ends in a newline is refused like one with a newline elsewhere."""
    good = target.sandbox.name("name")
    inside = target.connectors.body(name=f"{good}\nb")
    target.api.call("POST /connectors", json=inside).expect(400, code="BAD_REQUEST")

    at_the_end = target.connectors.body(name=f"{good}\n")
    try:
        answer = target.api.call("POST /connectors", json=at_the_end)
    finally:
        # While it is there, the list of connectors breaks the contract for everybody.
        target.connectors.delete(target.connectors.identify(at_the_end))
    answer.expect(400, code="BAD_REQUEST")


@requirement("CON-20", "POST /connectors", "POST /actions", "POST /schema_registry", level="SHOULD")
@pytest.mark.mode(Mode.DISPOSABLE, "what has a number as name could not be told from what others have")
def test_name_that_is_a_number_is_refused(target: Target, recorder: Recorder) -> None:
    """A name is a text: a number is refused with 400."""
    connector = target.connector_of("http")
    number = 4_242_000_000 + zlib.crc32(target.sandbox.prefix.encode()) % 1_000_000

    bodies = {
        target.connectors: target.connectors.body(),
        target.actions: target.actions.body(connector=connector),
        target.schemas: target.schemas.body(),
    }
    for collection, body in bodies.items():
        if collection is target.schemas and target.capabilities.no_schemas is not None:
            continue
        answer = target.api.call(f"POST {collection.path}", json={**body, "name": number})
        refused = (answer.status, answer.code) == (400, "BAD_REQUEST")
        message = f"the name {number} answered {answer.status} {answer.code or ''}, expected 400 BAD_REQUEST"
        recorder.expect(refused, "CON-20", "name_refused", message, answer)


@requirement(
    "CON-04",
    *("GET /connectors/{id}", "PUT /connectors/{id}", "DELETE /connectors/{id}", "POST /connectors/{id}/{operation}"),
    *("GET /actions/{id}", "PUT /actions/{id}", "DELETE /actions/{id}", "POST /actions/{id}/{operation}"),
    *("PUT /connectors/{id}/enable/{enable}", "PUT /actions/{id}/enable/{enable}"),
)
def test_unknown_and_malformed_ids_are_not_found(target: Target, recorder: Recorder) -> None:
    """An id that is not `type:name`, or of nothing that exists, answers 404 to every operation."""
    target.connectors.read(target.connector_of("http"))

    def check(answer: Answer, what: str) -> None:
        message = f"answered {answer.status} {answer.code or ''} for {what}, expected 404 NOT_FOUND"
        found = (answer.status, answer.code) == (404, "NOT_FOUND")
        recorder.expect(found, "CON-04", "not_found", message, answer)

    name = target.sandbox.name("missing")
    malformed = {
        name: "an id without colon",
        f"http:a:{name}": "an id with two colons",
        f"nosuchtype:{name}": "an id of an unknown type",
        f"http:{name} b": "an id with a space",
    }
    for collection in (target.connectors, target.actions):
        for identifier, what in {f"http:{name}": "an id of nothing", **malformed}.items():
            for answer in requests_for(collection, identifier):
                check(answer, what)
    for identifier, what in malformed.items():
        check(target.api.call("GET /actions/{id}/metrics", path={"id": identifier}), what)
        check(target.actions.reset_metrics(identifier), what)


@requirement(
    "CON-05",
    *("GET /connectors/{id}", "PUT /connectors/{id}", "DELETE /connectors/{id}", "POST /connectors/{id}/{operation}"),
    *("GET /actions/{id}", "PUT /actions/{id}", "DELETE /actions/{id}", "POST /actions/{id}/{operation}"),
    *("PUT /connectors/{id}/enable/{enable}", "PUT /actions/{id}/enable/{enable}"),
    *("GET /actions/{id}/metrics", "PUT /actions/{id}/metrics/reset"),
    level="SHOULD",
)
def test_ids_with_impossible_names_are_not_found(target: Target, recorder: Recorder) -> None:
    """An id whose name is empty or has more than 254 bytes answers 404 to every operation."""
    longest = target.sandbox.name("missing").ljust(LONGEST_NAME, "x")

    def check(answer: Answer, what: str) -> None:
        message = f"answered {answer.status} {answer.code or ''} for {what}, expected 404"
        recorder.expect(answer.status == 404, "CON-05", "not_found", message, answer)

    for collection in (target.connectors, target.actions):
        check(collection.get(f"http:{longest}"), "a name of 254 bytes")
        check(collection.get("http:"), "an empty name")
        for answer in requests_for(collection, f"http:{longest}x"):
            check(answer, "a name of 255 bytes")
    check(target.api.call("GET /actions/{id}/metrics", path={"id": f"http:{longest}x"}), "a name of 255 bytes")
    check(target.actions.reset_metrics(f"http:{longest}x"), "a name of 255 bytes")


@requirement("CON-10", "POST /connectors_probe", "GET /connectors")
@pytest.mark.needs("sink")
def test_probe_creates_nothing(target: Target, sink: HttpSink) -> None:
    """A probe answers 204, or 400 TEST_FAILED if there is no connection, and creates nothing."""
    body = target.connectors.body(type="http", url=sink.url, pool_size=1)
    target.connectors.probe(body).expect(204)
    target.connectors.probe({**body, "url": CLOSED_URL}).expect(400, code="TEST_FAILED")

    identifier = target.connectors.identify(body)
    assert identifier not in target.connectors.ids(), "a connector that was only probed is listed"
    target.connectors.get(identifier).expect(404)

    connector = target.connector_of("http")
    before = configured(target.connectors.read(connector))
    target.connectors.probe({**body, "name": connector.partition(":")[2]}).expect(204)
    after = configured(target.connectors.read(connector))
    assert after == before, f"the probe under its name changed the connector from {before} to {after}"


@requirement("CON-19", "POST /connectors_probe", "POST /actions_probe", level="SHOULD")
@pytest.mark.needs("sink")
def test_probe_refuses_bad_names(target: Target, sink: HttpSink, recorder: Recorder) -> None:
    """A probe refuses the names that a creation refuses."""
    connector, good = target.running(sink.url), target.sandbox.name("name")
    bodies = {
        target.connectors: target.connectors.body(url=sink.url, name=good),
        target.actions: target.actions.body(connector=connector, name=good),
    }
    for collection, body in bodies.items():
        collection.probe(body).expect(204)
        for name in (f"{good} b", f"{good}.b", good.ljust(LONGEST_NAME + 1, "x")):
            answer = collection.probe({**body, "name": name})
            refused = (answer.status, answer.code) == (400, "BAD_REQUEST")
            message = f"{name[:60]!r} answered {answer.status} {answer.code or ''}, expected 400 BAD_REQUEST"
            recorder.expect(refused, "CON-19", "name_refused", message, answer)


@requirement("CON-25", "POST /connectors", "PUT /connectors/{id}", "POST /connectors_probe")
@pytest.mark.parametrize("version", ["tlsv9", "tlsv\u0101"], ids=["a number too high", "a letter beyond Latin-1"])
def test_unknown_tls_version_is_refused(target: Target, recorder: Recorder, version: str) -> None:
    """A TLS version that does not exist is refused with 400 BAD_REQUEST, whatever letters name it."""
    connector = target.connector_of("http")
    tls = {"enable": False, "versions": [version]}
    body = target.connectors.body(ssl=tls)
    for answer in (
        target.api.call("POST /connectors", json=body),
        target.connectors.probe(body),
        target.connectors.put(connector, {**configured(target.connectors.read(connector)), "ssl": tls}),
    ):
        refused = (answer.status, answer.code) == (400, "BAD_REQUEST")
        message = f"{version!r} answered {answer.status} {answer.code or ''}, expected 400 BAD_REQUEST"
        recorder.expect(refused, "CON-25", "version_refused", message, answer)


@requirement("CON-11", "PUT /connectors/{id}/enable/{enable}", "GET /connectors/{id}")
@pytest.mark.needs("sink")
def test_enabling_is_idempotent(context: Context, target: Target, sink: HttpSink) -> None:
    """Enabling and disabling answer 204 however often, `enable` follows, and a disabled connector is stopped."""
    connector = connector_of_chain(context, target, sink)
    known = Changes.of(context).switched.get(connector)
    for each in known.steps if known else switched_twice(target, connector):
        enabled = each.enabled
        each.answer.expect(204)
        read = each.read.expect(200).json["enable"]
        if read is not enabled:
            raise Deviation(f"enable is {read} after it was set to {enabled}", each.read)
        status, expected = each.settled.expect(200).json["status"], "connected" if enabled else "stopped"
        if status != expected:
            raise Deviation(f"with enable {enabled} the status is {status}, expected {expected}", each.settled)

    enable = "PUT /connectors/{id}/enable/{enable}"
    target.api.call(enable, path={"id": connector, "enable": "maybe"}).expect(400, code="BAD_REQUEST")
    assert target.connectors.read(connector)["enable"] is True, "enable/maybe was refused, but changed the connector"


def switched_twice(target: Target, connector: str) -> list[Step]:
    """A connector that is connected, twice disabled and twice enabled."""
    connected = target.eventually(lambda: status_of(target, connector) == "connected")
    assert connected, f"it is {status_of(target, connector)}"
    return [step(target, target.connectors, connector, enabled=enabled) for enabled in (False, False, True, True)]


@requirement("CON-26", "GET /connectors/{id}", "GET /connectors", "GET /actions/{id}", "GET /actions")
@pytest.mark.needs("sink")
def test_status_is_told_alike(context: Context, target: Target, sink: HttpSink) -> None:
    """The status of a connector or action is that of its nodes, or `inconsistent` if they differ, also in the list."""
    disabled, on_disabled = target.connector_of("http"), target.lasting(target.actions, "shared")
    running, (on_running, _) = target.running(sink.url), witness(context, target, sink)
    for collection, ids in ((target.connectors, (disabled, running)), (target.actions, (on_disabled, on_running))):
        target.eventually(lambda: collection.read(ids[1])["status"] == "connected", target.timing.delivered)  # noqa: B023
        listed = {collection.identify(element): element["status"] for element in collection.listed()}
        for identifier in ids:
            read = collection.read(identifier)
            of_nodes = {node["status"] for node in read["node_status"]}
            expected = of_nodes.pop() if len(of_nodes) == 1 else "inconsistent"
            told = (read["status"], listed[identifier])
            assert told == (expected, expected), (
                f"GET and list tell the status of {identifier} as {told}, by its nodes it is {expected}"
            )


@requirement("CON-12", "POST /connectors/{id}/{operation}")
@pytest.mark.needs("sink")
def test_only_an_enabled_connector_starts(target: Target, sink: HttpSink) -> None:
    """`start` answers 204 for a running connector and 400 for a disabled or unreachable one; nothing else is known."""
    connector = target.running(sink.url)
    target.connectors.start(connector).expect(204)
    for operation in NO_OPERATIONS:
        path = {"id": connector, "operation": operation}
        target.api.call("POST /connectors/{id}/{operation}", path=path).expect(400, code="BAD_REQUEST")
    assert target.eventually(lambda: status_of(target, connector) == "connected"), (
        f"it is {status_of(target, connector)}"
    )

    disabled = target.connector_of("http")
    target.connectors.start(disabled).expect(400, code="BAD_REQUEST")

    unreachable = target.leading_nowhere()
    target.connectors.start(unreachable).expect(400, code="BAD_REQUEST")


@dataclass(frozen=True, slots=True)
class Used:
    """A connector with one action, a disabled one; ``twin`` has its name and the type mqtt, and ``of_twin`` on it."""

    connector: str
    action: str
    twin: str
    of_twin: str


@pytest.fixture
def used(target: Target, context: Context) -> Used:
    """It serves several items, and the last deletes it; whoever leaves it otherwise leaves the next item another."""
    twin = target.connector_of("mqtt")
    of_twin = target.lasting(target.actions, "on mqtt", lambda: target.actions.create(type="mqtt", connector=twin))
    known: dict[str, str] = context.once("action that uses", dict)
    names = {"name": twin.partition(":")[2]}

    def is_used_alone(connector: str) -> bool:
        return target.connectors.found(connector).get("actions") == [name_of(known.get(connector, ""))]

    def create() -> str:
        # The name is taken where one that was left otherwise is still there.
        taken = target.connectors.get(f"http:{names['name']}").ok
        return target.connectors.create(**({} if taken else names))

    def is_unused(connector: str) -> bool:
        return target.connectors.found(connector).get("actions") == []

    def make() -> str:
        connector = context.lasting(TWIN, create, is_unused)
        name = f"{target.sandbox.name('act')}-b"
        known[connector] = target.actions.create(connector=connector, name=name, enable=False)
        return connector

    connector = context.lasting("connector that is used", make, is_used_alone)
    return Used(connector, known[connector], twin, of_twin)


@requirement("CON-14", "GET /connectors/{id}", "GET /connectors", "PUT /actions/{id}")
def test_connector_names_its_actions(target: Target, used: Used) -> None:
    """A connector lists exactly the names of the actions that are on it, disabled ones too, sorted."""
    connector, other, late = used.connector, target.connector_of("http"), used.action

    def names_on(identifier: str) -> list[str]:
        names: list[str] = target.connectors.read(identifier)["actions"]
        return names

    on_other, on_twin = names_on(other), names_on(used.twin)
    assert name_of(used.of_twin) in on_twin, f"{used.twin} names the actions {on_twin}, without {used.of_twin}"
    namesake = f"http:{name_of(used.twin)}"
    if namesake != connector and (left := target.connectors.found(namesake)):
        # It was there before, and names more than is on it, so that another connector took its place.
        on_it = [action["name"] for action in target.actions.listed() if _is_on(action, namesake)]
        assert left["actions"] == sorted(on_it), f"{namesake} names the actions {left['actions']}, expected {on_it}"
    early = target.actions.create(connector=connector, name=f"{name_of(late).removesuffix('-b')}-a")

    def expect(*connectors: tuple[str, list[str]]) -> None:
        for identifier, names in connectors:
            read = names_on(identifier)
            assert read == names, f"{identifier} names the actions {read}, expected {names}"

    names = [name_of(early), name_of(late)]
    expect((connector, names), (used.twin, on_twin), (other, on_other))
    listed = {target.connectors.identify(element): element["actions"] for element in target.connectors.listed()}
    assert listed[connector] == names, f"the list names the actions {listed[connector]}, expected {names}"

    moved = {**configured(target.actions.read(early)), "connector": name_of(other)}
    target.actions.put(early, moved).expect(200)
    expect((connector, names[1:]), (other, sorted([*on_other, names[0]])), (used.twin, on_twin))
    target.actions.delete(early).expect(204)
    expect((connector, names[1:]), (other, on_other))


def _is_on(action: Mapping[str, Any], connector: str) -> bool:
    return f"{action['type']}:{action['connector']}" == connector


@requirement("CON-13", "DELETE /connectors/{id}", "DELETE /actions/{id}")
def test_connector_in_use_is_not_deleted(target: Target, used: Used) -> None:
    """A connector is not deleted while an action, enabled or not, is on it, and is deleted once there is none."""
    connector, action = used.connector, used.action
    for enabled in (False, True):
        if enabled:
            target.actions.enable(action, True).expect(204)
        target.connectors.delete(connector).expect(400, code="BAD_REQUEST")
        target.connectors.get(connector).expect(200)

    target.actions.delete(action).expect(204)
    target.connectors.delete(connector).expect(204)
    target.connectors.get(connector).expect(404)


def name_of(identifier: str) -> str:
    return identifier.partition(":")[2]
