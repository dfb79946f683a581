"""What takes part in an item and is no request, so that no lines repeat it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conformance.checks.names import is_list, mentions, shown
from conformance.target.guard.sandbox import PREFIX
from conformance.target.http.answer import Answer, Sent

_MOST_NAMES = 3
_LONGEST_NAME = 80
_UNSAFE = re.compile(r"[^\w.:/-]", re.ASCII)
_OF_CLIENTS = ("/clients", "/subscriptions", "/mqtt/retainer")


class Beyond:
    """What takes part in an item besides requests one after the other, so that no lines repeat it.

    ``sink``: ``host:port`` of the suite's HTTP sink, once it was started.
    """

    def __init__(self) -> None:
        self.sink: str | None = None
        self.begin()

    def begin(self) -> None:
        """Forget what took part in the item before; the sink stays."""
        self._clients: dict[str, set[str]] = {}
        self._at_once = 1

    def client(self, client_id: str, username: str | None) -> None:
        """An MQTT client of the suite takes part."""
        self._clients.setdefault(client_id, {client_id}).update([username] if username else [])

    def note(self, sent: Sent) -> None:
        self._at_once = max(self._at_once, sent.at_once)

    def reason(self, sent: Sent, steps: Sequence[Sent], answer: Answer | None, *, judged: bool) -> str | None:
        """Why the lines that repeat ``steps`` and ``sent`` need not show a failure again: one sentence, or None.

        ``answer``: what ``sent`` got. ``judged``: whether that is what the failure is about; otherwise it is something
        that was seen about the time of it.
        """
        if sent.at_once > 1 or (not judged and self._at_once > 1):
            return f"It took {self._at_once} requests at the same time, which these lines send one after the other."
        if self._clients and (not judged or self._concerns_clients(sent, answer)):
            return (
                f"MQTT clients of the suite took part, which these lines do not connect: {_listed([*self._clients])}."
            )
        if unexplained := _unexplained(sent, steps, answer):
            return f"The list showed what these lines do not make: {_listed(unexplained)}."
        if self.sink is not None and (not judged or sent.path.endswith("_probe")):
            for part in (sent, *steps):
                if self.sink.encode() in part.body:
                    return f"The suite's HTTP sink took part, which ended with the run: {self.sink}."
        return None

    def _concerns_clients(self, sent: Sent, answer: Answer | None) -> bool:
        """Whether an answer may be another one without the clients."""
        known = {name for names in self._clients.values() for name in names}
        if not known.isdisjoint(mentions(sent)):
            return True
        if sent.path.startswith(_OF_CLIENTS):
            return True
        return sent.path.startswith("/publish") and answer is not None and answer.ok


def _listed(names: Sequence[str]) -> str:
    """Some names, with nothing in them that could end a comment: a target may choose them, and lines are pasted."""
    shown = [_UNSAFE.sub("?", name)[:_LONGEST_NAME] for name in names[:_MOST_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _unexplained(sent: Sent, steps: Sequence[Sent], answer: Answer | None) -> list[str]:
    """What of the sandboxes of runs a list shows that no step made."""
    if not is_list(sent):
        return []
    made = {name for step in steps for name in mentions(step)}
    return sorted(name for name in shown(answer) if name.startswith(PREFIX) and name not in made)
