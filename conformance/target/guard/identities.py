"""Whether what a request names is inside the sandbox: names, ids, topics, filters, subjects of bans.

Every method yields one sentence per objection and nothing for what is safe. Where a request only refers to something,
values that cannot name anything (null, booleans, objects) are safe: nothing has such a name. Where it could create
something they are not, for a server may store them (see `Judge.new`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.mode import Mode
from conformance.target.guard.paths import unreachable
from conformance.target.guard.readings import as_text
from conformance.target.guard.sandbox import Owned, goal, is_prefixed
from conformance.target.guard.types import KnownTypes

Findings = Iterator[str]

# No path reaches a resource of these names, because servers remove such segments (behaviour 0.1).
UNREACHABLE = ("", ".", "..")

_NETWORK_KINDS = ("peerhost", "peerhost_net")
_PATTERN_KINDS = ("clientid_re", "username_re")


@dataclass(slots=True)
class Judge:
    """Decides for one worker of one run, by its sandbox, the hosts it may name, the types it knows and its mode."""

    sandbox: Owned
    hosts: HostPolicy
    mode: Mode
    types: KnownTypes

    def name(self, value: Any, what: str) -> Findings:
        """A name that a request creates or addresses; ``what`` it is called in the sentence."""
        if is_number(value):
            if self.mode < Mode.DISPOSABLE:
                yield (
                    f"{what} {value!r} is a number, which is outside the sandbox {self.sandbox.prefix} and cannot be "
                    "deleted again where EMQX 5.8 stores it: it needs --disposable"
                )
            return
        text = as_text(value)
        if text is None or self.sandbox.owns_name(text):
            return
        if text not in UNREACHABLE:
            yield f"{what} {_shown(text)} is outside the sandbox {self.sandbox.prefix}"
        elif self.mode < Mode.DISPOSABLE:
            yield f"{what} {text!r} could not be deleted again, because no path reaches it: it needs --disposable"

    def new(self, value: Any, what: str) -> Findings:
        """A name under which a request could store something: owned, and within reach of a deletion."""
        yield from self.name(value, what)
        yield from self.deletable(value, what)

    def deletable(self, value: Any, what: str) -> Findings:
        """Whether what is stored under an id can be read and deleted under it, whoever owns it."""
        why = unreachable(value) if self.mode < Mode.DISPOSABLE else None
        if why is not None:
            shown = f"{what} {_shown(value)}" if isinstance(value, str) else what
            yield f"{shown} {why}: what is stored under it could not be deleted again, so it needs --disposable"

    def rule(self, value: str) -> Findings:
        """A rule by the id in a path: one with a name of the sandbox, or one whose id the server invented for it."""
        if not self.sandbox.owns_rule(value):
            yield from self.name(value, "rule id")

    def resource_id(self, value: Any, what: str = "id") -> Findings:
        """``type:name`` of a connector or action, with or without EMQX's prefix; the name must be owned.

        A number as a name was given by the suite, where it may give one: see `name`.
        """
        text = as_text(value)
        name = None if text is None else text.rpartition(":")[2]
        disposable = self.mode >= Mode.DISPOSABLE and name is not None and name.isdecimal()
        if name and not disposable and not self.sandbox.owns_name(name):
            yield f"{what} {_shown(text)} is outside the sandbox {self.sandbox.prefix}"

    def topic(self, value: Any, what: str = "topic") -> Findings:
        """A topic name or filter to which no prefix like ``$share`` applies. The empty one is no topic at all."""
        yield from self._topic(goal(value) if isinstance(value, str) else value, what, shared=False)

    def subscription(self, value: Any, what: str = "topic filter") -> Findings:
        """A filter to subscribe to; ``$share/<group>/`` and the like may stand before an owned one."""
        yield from self._topic(value, what, shared=True)

    def _topic(self, value: Any, what: str, *, shared: bool) -> Findings:
        if is_number(value):
            if self.mode < Mode.DISPOSABLE:
                yield f"{what} {value!r} is a number, which is outside the sandbox {self.sandbox.topic_root}"
            return
        text = as_text(value)
        if not text or (self.sandbox.owns_topic(text) and (shared or not is_prefixed(text))):
            return
        yield f"{what} {_shown(text)} is outside the sandbox {self.sandbox.topic_root}"

    def subject(self, kind: Any, who: Any) -> Findings:
        """A ban: kind and subject together decide whom it can hit."""
        kind, text = as_text(kind) or "", as_text(who)
        if kind not in _PATTERN_KINDS and (is_number(who) or text in UNREACHABLE):
            yield from self.name(who, "who")
        elif is_number(who):
            yield f"the ban of {kind} {who!r} could hit somebody outside the sandbox {self.sandbox.prefix}"
        elif text is not None and not self._hits_only_the_sandbox(kind, text):
            yield (
                f"the ban of {kind or 'a'} {_shown(text)} could hit somebody outside the sandbox "
                f"{self.sandbox.prefix}: names must be owned, patterns start with ^ and the whole prefix and have no "
                "alternatives, addresses come from the documentation ranges"
            )

    def _hits_only_the_sandbox(self, kind: str, who: str) -> bool:
        if kind in _NETWORK_KINDS:
            # A name of the sandbox is no address on any server, so it can hit nobody.
            return self.sandbox.owns_network(who) or self.sandbox.owns_name(who)
        if kind in _PATTERN_KINDS:
            return self.sandbox.owns_pattern(who)
        if kind in ("clientid", "username"):
            return self.sandbox.owns_name(who)
        # Unknown kinds are refused by servers; should one take the text for a pattern, it stands for itself.
        return self.sandbox.owns_name(who) and who.replace("-", "").replace("_", "").isalnum()


def is_number(value: Any) -> bool:
    """Whether EMQX could take ``value`` for a name although it is no text."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(text: str | None) -> str:
    return repr(text if text is None or len(text) <= 200 else text[:200] + "...")
