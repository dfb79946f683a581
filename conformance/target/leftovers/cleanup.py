"""Delete what the journal says may exist: dependents first, patiently, and say what is still there and why.

Whatever the journal says, a resource is only deleted if it carries a name of the sandbox: the guard looks at every
request, and a rule whose id the server invented has to show the name first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from conformance.contract import paths
from conformance.target.errors import SafetyViolation
from conformance.target.guard.sandbox import PREFIX, Owned, run_of
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api, NoAnswer, encode, query_string
from conformance.target.journal.journal import Journal
from conformance.target.journal.resource import NAMED_RULE, Resource, dependents_first
from conformance.target.leftovers.listing import Reader, listing_of
from conformance.target.timing import eventually

_PAUSES = (0.07, 0.23, 0.7)
"""Pauses of a clean-up, each before another attempt on everything that is still there, as shares of its time."""

# What a target may answer to a DELETE that it does not carry out: nobody's fault, or not the target's alone.
_EXCUSED = frozenset({401, 403, 408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Left:
    """A resource that could not be deleted, or may not have been.

    ``at_fault``: whether the target is to blame, because it answered the deletion as it never may, or stored what
    cannot be deleted (``unreachable``). ``curl`` repeats the deletion.
    """

    kind: str
    id: str
    problem: str
    operation: str
    at_fault: bool = False
    curl: str | None = None
    unreachable: bool = False

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.id}: {self.problem}"


def clean_up(api: Api, journal: Journal, sandbox: Owned, resources: Iterable[Resource]) -> list[Left]:
    """Delete ``resources`` for good, with retries; returns what is left. Raises `TargetLost`."""
    return _CleanUp(api, journal, sandbox).finish(resources)


def read_rules_of_all(api: Api) -> str | None:
    """The authorization rules for all clients as JSON, None if they cannot be read. Raises `TargetLost`."""
    try:
        answer = api.send("GET", paths.RULES_OF_ALL, observed=False)
    except NoAnswer:
        return None
    value = answer.json if answer.status == 200 and answer.is_json else None
    rules = value.get("rules") if isinstance(value, dict) else None
    return json.dumps(rules, sort_keys=True) if isinstance(rules, list) else None


def tidy_up(api: Api, journal: Journal, sandbox: Owned, resources: Iterable[Resource]) -> list[Left]:
    """Delete ``resources`` with one attempt each; returns what is left, which stays in the journal.

    Raises `TargetLost`.
    """
    return [left for _, left in _CleanUp(api, journal, sandbox).attempt(resources)]


class _CleanUp:
    def __init__(self, api: Api, journal: Journal, sandbox: Owned) -> None:
        self._api = api
        self._journal = journal
        self._sandbox = sandbox

    def attempt(self, resources: Iterable[Resource]) -> list[tuple[Resource, Left]]:
        """One attempt each."""
        failed = []
        for resource in dependents_first(resources):
            left = self._delete(resource)
            if left is not None:
                failed.append((resource, left))
            elif not self._may_yet_appear(resource):
                self._journal.gone([resource])
        return failed

    def finish(self, resources: Iterable[Resource]) -> list[Left]:
        """As many attempts as patience allows, then look again at what is deleted asynchronously."""
        resources = list(resources)
        failed = self.attempt(resources)
        hopeless = [left for _, left in failed if left.unreachable]
        failed = [(resource, left) for resource, left in failed if not left.unreachable]
        for share in _PAUSES:
            late = self._late(resources, {resource for resource, _ in failed})
            if not (failed or late):
                break
            time.sleep(share * self._api.timing.cleaned)
            failed = self.attempt([resource for resource, _ in failed] + late)
        there = {resource for resource, _ in failed} | set(self._journal)
        deleted = [resource for resource in resources if resource.record.deleted_late and resource not in there]
        deadline = time.monotonic() + self._api.timing.deleted
        lefts = (self._still_there(resource, deadline - time.monotonic()) for resource in deleted)
        return hopeless + [left for _, left in failed] + [left for left in lefts if left is not None]

    def _late(self, resources: Iterable[Resource], failed: set[Resource]) -> list[Resource]:
        """Messages whose deletion came before they could be retained."""
        live = set(self._journal) - failed
        return [resource for resource in resources if resource.kind == "retained" and resource in live]

    def _may_yet_appear(self, resource: Resource) -> bool:
        """Whether a publish that was answered may not have retained its message yet: that write is asynchronous."""
        return resource.kind == "retained" and self._journal.age_s(resource) < self._api.timing.retained

    def _delete(self, resource: Resource) -> Left | None:
        """Delete one resource; None once it is gone."""
        try:
            if resource.record.put_back:
                return self._put_back(resource)
            if resource.nameless:
                return self._delete_nameless(resource)
            for found in self._found(resource):
                left = self._delete_found(found)
                if left is not None:
                    return left
        except NoAnswer as error:
            return _left(resource, str(error))
        except SafetyViolation as error:
            return _left(resource, f"not deleted: {error}")
        except _Unproven as error:
            return _left(resource, f"not deleted: {error}")
        return None

    def _put_back(self, resource: Resource) -> Left | None:
        """Make the rules for all clients what they were."""
        if read_rules_of_all(self._api) == resource.id:
            return None
        rules = json.loads(resource.id)
        method = "POST" if rules else "DELETE"
        label = f"{method} {resource.operation}"
        content = encode({"rules": rules}) if rules else None
        answer = self._api.send(
            method, resource.path, operation=label, content=content, content_type="application/json", observed=False
        )
        if answer.status == 204:
            return None
        problem = f"not put back: {method} answered {answer.status}"
        at_fault = answer.status not in _EXCUSED
        return Left(resource.kind, resource.shown, problem, label, at_fault, answer.curl(self._api.redact))

    def _delete_nameless(self, resource: Resource) -> Left | None:
        """Delete what no path leads to for certain in the one way that could work: by the JSON of its id as a text.

        No answer proves that it is gone, only its list does. And should there be something else with that text as its
        id, it is left alone.
        """
        listed = self._listed(resource.kind)
        if resource not in listed:
            return None
        tried, curl = "no path leads to it", None
        other = Resource(resource.kind, resource.id)
        if resource.no_text and other not in listed:
            answer = self._send_delete(resource)
            tried, curl = f"DELETE answered {answer.status}", answer.curl(self._api.redact)
            if resource not in self._listed(resource.kind):
                return None
        problem = f"{tried}, and it is still listed; {resource.record.last_resort}"
        left = _left(resource, problem, at_fault=True, curl=curl)
        return replace(left, unreachable=True)

    def _listed(self, kind: str) -> set[Resource | None]:
        """Everything that the list of a kind shows."""
        listing = listing_of(kind)
        reading = Reader(self._api).read(listing)
        if reading.problem or not reading.complete:
            raise _Unproven(f"its list cannot be read ({reading.problem or 'it is too long'})")
        return {listing.resource(entry) for entry in reading.entries}

    def _found(self, resource: Resource) -> Iterator[Resource]:
        """What has to be deleted for a resource: usually itself."""
        if resource.kind == NAMED_RULE:
            yield from self._rules_called(resource.id)
        elif resource.name is not None and not self._sandbox.owns_rule(resource.id):
            yield from self._proven(resource)
        elif resource.kind == "retained" and resource.id.endswith("#"):
            yield from self._retained_under(resource.id)
        else:
            yield resource

    def _rules_called(self, name: str) -> Iterator[Resource]:
        """Rules with a name of the sandbox, whatever their ids."""
        if not self._sandbox.owns_name(name):
            raise _Unproven(f"the name {name} is outside the sandbox")
        reading = Reader(self._api).read(listing_of("rule"), prefix=f"{PREFIX}{run_of(name)}")
        if reading.problem:
            raise _Unproven(f"its id is unknown, and {reading.problem}")
        for entry in reading.entries:
            if entry.get("name") == name:
                self._sandbox.adopt_rule(str(entry["id"]))
                yield Resource("rule", str(entry["id"]), name)

    def _proven(self, resource: Resource) -> Iterator[Resource]:
        """A rule with an invented id, once it showed the name that makes it the sandbox's."""
        assert resource.name is not None
        answer = self._get(resource)
        if answer.status == 404:
            return
        rule = answer.json if answer.status == 200 and answer.is_json else None
        if (
            not self._sandbox.owns_name(resource.name)
            or not isinstance(rule, dict)
            or rule.get("name") != resource.name
        ):
            raise _Unproven(f"it does not show the name {resource.name}")
        self._sandbox.adopt_rule(resource.id)
        yield resource

    def _retained_under(self, topic_filter: str) -> Iterator[Resource]:
        query = query_string({"topic": topic_filter, "limit": 1000})
        answer = self._api.send("GET", paths.RETAINED_MESSAGES + query, observed=False)
        value = answer.json if answer.status == 200 and answer.is_json else None
        data = value.get("data") if isinstance(value, dict) else None
        if not isinstance(data, list):
            raise _Unproven(f"GET {paths.RETAINED_MESSAGES} answered {answer.status}")
        yield from (Resource("retained", str(entry["topic"])) for entry in data)

    def _delete_found(self, resource: Resource) -> Left | None:
        answer = self._send_delete(resource)
        if answer.status == 400 and resource.kind == "action" and self._are_ours(resource, _rules_of(answer)):
            # Without the flag first: with it the action would also vanish from the rule of a stranger who used it.
            answer = self._send_delete(resource, "?also_delete_dep_actions=true")
        if answer.status in (204, 404) or self._is_gone(resource):
            return None
        users = self._users(resource, answer) if answer.status == 400 else ""
        at_fault = answer.status not in _EXCUSED and not users
        problem = f"DELETE answered {answer.status}{users}"
        return _left(resource, problem, at_fault=at_fault, curl=answer.curl(self._api.redact))

    def _send_delete(self, resource: Resource, query: str = "") -> Answer:
        label = f"DELETE {resource.operation}"
        return self._api.send("DELETE", resource.path + query, operation=label, observed=False)

    def _get(self, resource: Resource) -> Answer:
        return self._api.send("GET", resource.path, observed=False)

    def _is_gone(self, resource: Resource) -> bool:
        """Whether a resource is not there after all; a ban cannot be read alone."""
        return resource.kind != "ban" and self._get(resource).status == 404

    def _still_there(self, resource: Resource, within_s: float) -> Left | None:
        """Something that is deleted asynchronously, and was not."""
        if resource.id.endswith("#"):
            return None
        try:
            if eventually(lambda: self._get(resource).status == 404, within_s):
                return None
        except NoAnswer as error:
            return _left(resource, str(error))
        problem = "still there after its deletion was answered"
        self._journal.record([resource])
        return _left(resource, problem, at_fault=True)

    def _are_ours(self, action: Resource, rules: list[str]) -> bool:
        """Whether all rules that use an action belong to the same run."""
        run = run_of(action.owner)
        return bool(rules) and all(self._sandbox.owns_rule(rule) or (run and run_of(rule) == run) for rule in rules)

    def _users(self, resource: Resource, answer: Answer) -> str:
        """Who uses a resource that the target refuses to delete, as the end of a sentence."""
        users = _rules_of(answer)
        if resource.kind == "connector":
            read = self._get(resource)
            value = read.json if read.is_json else None
            users = [*_texts(value.get("actions")), *_texts(value.get("sources"))] if isinstance(value, dict) else []
        return f", because {', '.join(users)} use it" if users else ""


class _Unproven(Exception):
    """What is to be deleted cannot be found, or is not shown to be the run's."""


def _left(resource: Resource, problem: str, *, at_fault: bool = False, curl: str | None = None) -> Left:
    return Left(resource.kind, resource.shown, problem, f"DELETE {resource.operation}", at_fault, curl)


def _rules_of(answer: Answer) -> list[str]:
    """The rules that an answer names as users of an action (ACT-03)."""
    value = answer.json if answer.is_json else None
    return _texts(value.get("rules")) if isinstance(value, dict) else []


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
