"""REST operations on the rules of one user, one client or everyone (tag Authorization)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.reference.access.access import Access
from conformance.reference.access.ordering import descending, place
from conformance.reference.access.rules import SOURCE_TYPE, Rule, Source
from conformance.reference.defects import Defect
from conformance.reference.deployment import Deployment
from conformance.reference.rest.http import ApiError, Call, Crash, Reply, SchemaFilter, handles
from conformance.reference.rest.pagination import envelope

_PATH = f"/authorization/sources/{SOURCE_TYPE}/rules"


def source_of(deployment: Deployment) -> Source:
    """The configured source; raises `ApiError` 404."""
    source = deployment.part(Access).source
    if source is None:
        raise ApiError(404, "NOT_FOUND", f"Not found: {SOURCE_TYPE}")
    return source


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rules an operation is about: what differs between the ``users`` and the ``clients`` operations."""

    collection: str
    key: str
    noun: str
    label: str

    def entries(self, source: Source) -> dict[str | int, list[Rule]]:
        """The store of this kind of subject."""
        return source.users if self.collection == "users" else source.clients


USERS = Subject("users", "username", "User", "Username")
CLIENTS = Subject("clients", "clientid", "Client", "ClientID")


@handles(f"GET {_PATH}/users", filter=SchemaFilter.CHECK)
def list_users(call: Call) -> Reply:
    """Page through the users that have rules."""
    return _listed(call, USERS)


@handles(f"GET {_PATH}/clients", filter=SchemaFilter.CHECK)
def list_clients(call: Call) -> Reply:
    """Page through the clients that have rules."""
    return _listed(call, CLIENTS)


@handles(f"POST {_PATH}/users", filter=SchemaFilter.CHECK)
async def create_users(call: Call) -> Reply:
    """Add rules of users that have none yet."""
    return await _created(call, USERS)


@handles(f"POST {_PATH}/clients", filter=SchemaFilter.CHECK)
async def create_clients(call: Call) -> Reply:
    """Add rules of clients that have none yet."""
    return await _created(call, CLIENTS)


@handles(f"GET {_PATH}/users/{{username}}", filter=SchemaFilter.CHECK)
def read_user(call: Call) -> Reply:
    """Show the rules of one user."""
    return _shown(call, USERS)


@handles(f"GET {_PATH}/clients/{{clientid}}", filter=SchemaFilter.CHECK)
def read_client(call: Call) -> Reply:
    """Show the rules of one client."""
    return _shown(call, CLIENTS)


@handles(f"PUT {_PATH}/users/{{username}}", filter=SchemaFilter.CHECK)
def replace_user(call: Call) -> Reply:
    """Set the rules of one user."""
    return _replaced(call, USERS)


@handles(f"PUT {_PATH}/clients/{{clientid}}", filter=SchemaFilter.CHECK)
def replace_client(call: Call) -> Reply:
    """Set the rules of one client."""
    return _replaced(call, CLIENTS)


@handles(f"DELETE {_PATH}/users/{{username}}", filter=SchemaFilter.CHECK)
def delete_user(call: Call) -> Reply:
    """Remove the rules of one user."""
    return _deleted(call, USERS)


@handles(f"DELETE {_PATH}/clients/{{clientid}}", filter=SchemaFilter.CHECK)
def delete_client(call: Call) -> Reply:
    """Remove the rules of one client."""
    return _deleted(call, CLIENTS)


@handles(f"GET {_PATH}/all", filter=SchemaFilter.CHECK)
def read_all(call: Call) -> Reply:
    """Show the rules of everyone; there always is a list."""
    return Reply(200, {"rules": [rule.shown() for rule in source_of(call.deployment).everyone]})


@handles(f"POST {_PATH}/all", filter=SchemaFilter.CHECK)
def replace_all(call: Call) -> Reply:
    """Replace the rules of everyone."""
    source = source_of(call.deployment)
    rules = _rules(call, call.body, call.checked, leaks=True)
    if len(rules) > source.max_rules:
        raise _bad_request("The length of rules exceeds the maximum limit.")
    source.everyone = rules
    return Reply(204)


@handles(f"DELETE {_PATH}/all", filter=SchemaFilter.CHECK)
def delete_all(call: Call) -> Reply:
    """Remove the rules of everyone."""
    source_of(call.deployment).everyone = []
    return Reply(204)


@handles(f"DELETE {_PATH}", filter=SchemaFilter.CHECK)
def purge(call: Call) -> Reply:
    """Remove all rules of all subjects; only while the source is disabled (AUTZ-10)."""
    source = source_of(call.deployment)
    if source.enabled:
        raise _bad_request(f"'{SOURCE_TYPE}' type source must be disabled before purge.")
    source.purge()
    return Reply(204)


def _listed(call: Call, subject: Subject) -> Reply:
    entries = subject.entries(source_of(call.deployment))
    part: str | None = call.query.get(f"like_{subject.key}")
    names = descending(entries, place)
    if part is not None:
        has = call.deployment.has
        odd = has(Defect.NUMBERS_FOR_TEXTS) and any(isinstance(name, int) for name in names)
        if odd or (part == "" and names and has(Defect.EMPTY_FILTER)):
            raise Crash("badarg")  # the real substring search takes no empty part and no number
        names = [name for name in names if part in str(name)]
    items = [_entry(subject, name, entries[name]) for name in names]
    page = envelope(items, call.query["page"], call.query["limit"], call.deployment.traits, countable=part is None)
    return Reply(200, page)


async def _created(call: Call, subject: Subject) -> Reply:
    source = source_of(call.deployment)
    entries = subject.entries(source)
    if not isinstance(call.body, list):
        raise _no_clause()
    parsed: dict[str | int, list[Rule]] = {}
    for item, checked in zip(call.body, call.checked, strict=True):
        name: str | int = item[subject.key]
        rules = _rules(call, item, checked, leaks=False)
        if name in entries:
            raise ApiError(409, "ALREADY_EXISTS", f"{subject.noun} '{name}' already exist")
        if len(rules) > source.max_rules:
            raise _bad_request(f"The rules length of {subject.noun} '{name}' exceeds the maximum limit.")
        parsed[name] = rules
    if call.deployment.has(Defect.EQUAL_CREATIONS_AT_ONCE) and parsed:
        await call.deployment.part(Access).writes.wait(f"{subject.key} {next(iter(parsed))}")
    entries.update(parsed)
    return Reply(204)


def _shown(call: Call, subject: Subject) -> Reply:
    name = call.path[subject.key]
    rules = subject.entries(source_of(call.deployment)).get(name)
    if rules is None:
        raise ApiError(404, "NOT_FOUND", "Not Found")
    return Reply(200, _entry(subject, name, rules))


def _replaced(call: Call, subject: Subject) -> Reply:
    source = source_of(call.deployment)
    name = call.path[subject.key]
    if call.body[subject.key] != name:
        if call.deployment.has(Defect.AUTHORIZATION_OF_SOMEBODY_ELSE):
            raise _no_clause()  # AUTZ-11
        raise _bad_request(f"The {subject.key} of the body is not the one of the path.")
    rules = _rules(call, call.body, call.checked, leaks=True)
    if len(rules) > source.max_rules:
        raise _bad_request("The rules length exceeds the maximum limit.")
    subject.entries(source)[name] = rules
    return Reply(204)


def _deleted(call: Call, subject: Subject) -> Reply:
    if subject.entries(source_of(call.deployment)).pop(call.path[subject.key], None) is None:
        raise ApiError(404, "NOT_FOUND", f"{subject.label} Not Found")
    return Reply(204)


def _rules(call: Call, raw: Any, checked: Any, *, leaks: bool) -> list[Rule]:
    """The rules of one entry; ``leaks``: whether the crash for absent ones prints the request."""
    has = call.deployment.has
    if not isinstance(raw, dict) or "rules" not in raw:
        # Erratum B2: the published document does not require what the server cannot do without.
        if not has(Defect.AUTHORIZATION_ENTRY_WITHOUT_RULES):
            raise _bad_request("rules: required_field")
        raise _no_clause() if leaks else Crash("{badmatch,#{}}")
    if raw["rules"] is None:
        if not has(Defect.AUTHORIZATION_ENTRY_WITHOUT_RULES):
            raise _bad_request("rules: required_field")
        raise Crash("missing_topic_or_topics")
    crashes = has(Defect.AUTHORIZATION_TOPIC_AS_NUMBER)
    if crashes and any(not isinstance(item["topic"], str) for item in raw["rules"]):
        raise Crash("missing_topic_or_topics")
    return [Rule.parse(item) for item in checked["rules"]]


def _entry(subject: Subject, name: str | int, rules: list[Rule]) -> dict[str, Any]:
    return {subject.key: name, "rules": [rule.shown() for rule in rules]}


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "BAD_REQUEST", message)


def _no_clause() -> Crash:
    """No clause of the handler fits the request, and the error text prints the request (GEN-24)."""
    return Crash("function_clause", prints_request=True)
