"""Ids with characters that must be percent-encoded, and ids that look like steps in a path (GEN)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from conformance.contract import paths
from conformance.requirements import requirement
from conformance.target.guard.mode import Mode
from conformance.target.http.answer import Answer, Deviation
from conformance.target.resources.collection import Collection
from conformance.target.target import Target

pytestmark = pytest.mark.scenario

LONGEST = 255
"""Bytes of the longest id that is tried."""
ENDINGS = ("/a/b", " c", "100%", "%2F", "%252F", "a+b", "?x=1&y", "#z", "'\"<>", "ünïcödé ✓", "..")


def ids(target: Target, *, topic: bool = False) -> list[str]:
    """Names, or topics, of the sandbox with every ending, and one that is as long as it may be."""
    fresh = target.sandbox.topic if topic else target.sandbox.name
    endings = [ending.replace("+", "").replace("#", "") if topic else ending for ending in ENDINGS]
    return [*(f"{fresh()}{ending}" for ending in endings), fresh().ljust(LONGEST, "a")]


STORES: Mapping[str, Callable[[Target], Collection]] = {
    paths.USER: lambda target: target.users,
    paths.RULES_OF_USER: lambda target: target.user_rules,
    paths.RULES_OF_CLIENT: lambda target: target.client_rules,
}


@requirement("GEN-20", *(f"{method} {path}" for path in STORES for method in ("GET", "DELETE")))
@pytest.mark.needs("authenticator", "authorization")
@pytest.mark.state("authorization")
@pytest.mark.parametrize("path", STORES)
def test_ids_are_decoded_once(path: str, target: Target) -> None:
    """What has an id of any characters is read and deleted under that id, percent-encoded once."""
    collection = STORES[path](target)
    for identifier in ids(target):
        collection.create(**{collection.parameter: identifier})
    for identifier in ids_of(collection):
        shown = collection.read(identifier)[collection.parameter]
        assert shown == identifier, f"under the encoded {identifier!r}, {shown!r} is read"
        collection.delete(identifier).expect(204)
        collection.get(identifier).expect(404)


def ids_of(collection: Collection) -> list[str]:
    """The ids of the sandbox that a collection lists."""
    name = "like_user_id" if collection.parameter == "user_id" else f"like_{collection.parameter}"
    found = collection.ids(**{name: collection.sandbox.prefix})
    assert len(found) > len(ENDINGS), f"{len(found)} of the created ids are listed: {found}"
    return found


@requirement("GEN-20", f"DELETE {paths.BAN}", sentence="A ban of any client id is lifted under the encoded id.")
@pytest.mark.state("bans")
def test_subjects_of_bans_are_decoded_once(target: Target) -> None:
    """A ban of a client id of any characters is lifted under that id, percent-encoded once."""
    subjects = ids(target)
    for subject in subjects:
        target.bans.create(who=subject)
    for subject in subjects:
        listed = [ban["who"] for ban in target.bans.listed(clientid=subject)]
        assert listed == [subject], f"the ban of {subject!r} is listed as {listed}"
        target.bans.delete(f"clientid/{subject}").expect(204)
        left = target.bans.listed(clientid=subject)
        assert left == [], f"lifted, and still listed: {left}"


@requirement(
    "GEN-20",
    f"GET {paths.RETAINED_MESSAGE}",
    f"DELETE {paths.RETAINED_MESSAGE}",
    sentence="A retained message on any topic is read and deleted under the encoded topic.",
)
@pytest.mark.needs("retainer")
@pytest.mark.state("retained")
def test_topics_are_decoded_once(target: Target) -> None:
    """A retained message on a topic of any characters is read and deleted under that topic, percent-encoded once."""
    for topic in ids(target, topic=True):
        target.retained.create(topic=topic)
        shown = target.retained.read(topic)["topic"]
        assert shown == topic, f"under the encoded {topic!r}, the message of {shown!r} is read"
        target.retained.delete(topic).expect(204)
        gone = target.eventually(lambda: target.retained.get(topic).status == 404)  # noqa: B023
        assert gone, f"{topic!r} was deleted and is there"


@requirement(
    "GEN-20",
    "GET /clients/{clientid}",
    "DELETE /clients/{clientid}",
    "GET /clients/{clientid}/subscriptions",
    "POST /clients/{clientid}/subscribe",
    "POST /clients/{clientid}/unsubscribe",
    "GET /clients/{clientid}/mqueue_messages",
    "GET /clients/{clientid}/inflight_messages",
    "GET /clients/{clientid}/authorization/cache",
    sentence="A client with any id is read, subscribed and kicked under the encoded id.",
)
@pytest.mark.needs("mqtt")
def test_client_ids_are_decoded_once(target: Target) -> None:
    """A client with an id of any characters is read, subscribed and kicked under that id, percent-encoded once."""
    topic = target.sandbox.topic()
    for identifier in ids(target):
        client = target.connect(identifier)
        shown = target.clients.read(identifier)["clientid"]
        assert shown == identifier, f"under the encoded {identifier!r}, the client {shown!r} is read"
        found = target.clients.ids(clientid=identifier)
        assert found == [identifier], f"clientid={identifier!r} finds {found}"
        answered = target.clients.subscribe(identifier, topic).expect(200).json["clientid"]
        assert answered == identifier, f"under the encoded {identifier!r}, the client {answered!r} is subscribed"
        listed = target.eventually(lambda: target.clients.filters(identifier) == {topic})  # noqa: B023
        assert listed, f"{identifier!r} was subscribed and has the subscriptions {target.clients.filters(identifier)}"
        target.clients.unsubscribe(identifier, topic).expect(204)
        target.clients.queued(identifier).expect(200, 501)
        target.clients.unacknowledged(identifier).expect(200, 501)
        target.api.call("GET /clients/{clientid}/authorization/cache", path={"clientid": identifier}).expect(200)
        target.clients.delete(identifier).expect(204)
        assert target.eventually(lambda: target.clients.get(identifier).status == 404), f"{identifier!r} is still there"  # noqa: B023
        client.close()


# Reads that end at something else where dot segments are removed after they were decoded, and what they end at.
ASTRAY = (
    ("/clients/{}/subscriptions", "the list of all subscriptions"),
    ("/rules/{}/metrics", "a path without an id"),
    (f"{paths.USERS}/{{}}", "the authenticator"),
    (f"{paths.USER_RULES}/{{}}", "a list of rules"),
    (f"{paths.CLIENT_RULES}/{{}}", "a list of rules"),
    ("/schema_registry/{}", "the list of schemas"),
    ("/clients/{}", "the list of clients"),
    ("/connectors/{}", "the list of connectors"),
)


@requirement("GEN-21", level="SHOULD")
@pytest.mark.reads
def test_dots_are_no_steps(target: Target) -> None:
    """`.` and `..` as an id, encoded or not, never address anything else: the answer is 400 or 404."""
    astray: list[tuple[str, Answer]] = []
    for template, what in ASTRAY:
        for dots in ("%2E", "%2E%2E", "%2e%2e"):
            answer = target.api.send("GET", template.format(dots))
            if answer.status not in (400, 404):
                astray.append((f"GET {template.format(dots)} answered {answer.status} ({what})", answer))
    if astray:
        raise Deviation(f"{'; '.join(what for what, _ in astray)}; expected 400 or 404", astray[0][1])


@requirement("GEN-21", level="SHOULD", sentence="To lift the ban of `..` lifts no other ban.")
@pytest.mark.writes("DELETE /banned")
@pytest.mark.mode(Mode.EXCLUSIVE, "a target that takes `..` for a step clears every ban")
@pytest.mark.state("bans", alone=True)
def test_dots_lift_no_ban(target: Target) -> None:
    """To lift the ban of a client `..` lifts no other ban."""
    banned = target.bans.create()
    answer = target.api.send("DELETE", "/banned/clientid/%2E%2E")
    left = target.bans.listed(clientid=banned.partition("/")[2])
    assert left, f"DELETE /banned/clientid/%2E%2E answered {answer.status} and lifted the ban of {banned}"
    answer.expect(400, 404)
