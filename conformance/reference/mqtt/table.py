"""Which sessions a topic concerns: exact topics in a dictionary, wildcards in a trie, groups in turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.reference.mqtt.session import Subscription
from conformance.reference.mqtt.topics import Filter, has_wildcard


class ExclusiveError(Exception):
    """An exclusive topic is held by another client."""


@dataclass(slots=True)
class _Entries:
    """Everybody who subscribed to one filter: sessions by client id, and shared groups by name."""

    plain: dict[str, Subscription] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)

    def add(self, subscription: Subscription) -> None:
        clientid, group = subscription.session.clientid, subscription.filter.group
        if group is None:
            self.plain[clientid] = subscription
        else:
            self.groups.setdefault(group, _Group()).members[clientid] = subscription

    def discard(self, topic_filter: Filter, clientid: str) -> None:
        if topic_filter.group is None:
            self.plain.pop(clientid, None)
        elif (group := self.groups.get(topic_filter.group)) is not None:
            group.members.pop(clientid, None)
            if not group.members:
                del self.groups[topic_filter.group]

    def __bool__(self) -> bool:
        return bool(self.plain or self.groups)

    def receivers(self) -> Iterator[Subscription]:
        yield from self.plain.values()
        for group in self.groups.values():
            yield group.next()


@dataclass(slots=True)
class _Group:
    """A shared subscription: members take turns, those that are connected first."""

    members: dict[str, Subscription] = field(default_factory=dict)
    turn: int = 0

    def next(self) -> Subscription:
        everybody = list(self.members.values())
        online = [member for member in everybody if member.session.connected] or everybody
        self.turn += 1
        return online[self.turn % len(online)]


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    entries: _Entries = field(default_factory=_Entries)


class SubscriptionTable:
    """All subscriptions of a broker."""

    def __init__(self) -> None:
        self._exact: dict[str, _Entries] = {}
        self._root = _Node()
        self._exclusive: dict[str, str] = {}

    def exclusive_holder(self, topic: str) -> str | None:
        """The client id that holds ``$exclusive/topic``."""
        return self._exclusive.get(topic)

    def add(self, subscription: Subscription) -> None:
        topic_filter = subscription.filter
        if topic_filter.exclusive:
            self._exclusive[topic_filter.topic] = subscription.session.clientid
        if has_wildcard(topic_filter.topic):
            node = self._root
            for level in topic_filter.topic.split("/"):
                node = node.children.setdefault(level, _Node())
            node.entries.add(subscription)
        else:
            self._exact.setdefault(topic_filter.topic, _Entries()).add(subscription)

    def discard(self, topic_filter: Filter, clientid: str) -> None:
        if topic_filter.exclusive and self._exclusive.get(topic_filter.topic) == clientid:
            del self._exclusive[topic_filter.topic]
        if has_wildcard(topic_filter.topic):
            self._prune(topic_filter, clientid)
        elif (entries := self._exact.get(topic_filter.topic)) is not None:
            entries.discard(topic_filter, clientid)
            if not entries:
                del self._exact[topic_filter.topic]

    def member(self, topic_filter: Filter) -> Subscription | None:
        """The member of a group whose turn it is; None if there is no such group."""
        if has_wildcard(topic_filter.topic):
            node: _Node | None = self._root
            for level in topic_filter.topic.split("/"):
                node = node.children.get(level) if node is not None else None
            entries = node.entries if node is not None else _Entries()
        else:
            entries = self._exact.get(topic_filter.topic, _Entries())
        group = entries.groups.get(topic_filter.group or "")
        return group.next() if group is not None else None

    def _prune(self, topic_filter: Filter, clientid: str) -> None:
        path: list[tuple[_Node, str]] = []
        node = self._root
        for level in topic_filter.topic.split("/"):
            if level not in node.children:
                return
            path.append((node, level))
            node = node.children[level]
        node.entries.discard(topic_filter, clientid)
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.entries or child.children:
                return
            del parent.children[level]

    def receivers(self, topic: str) -> list[Subscription]:
        """The subscriptions that a message on ``topic`` goes to, one per matching filter or group."""
        found: list[Subscription] = []
        exact = self._exact.get(topic)
        if exact is not None:
            found.extend(exact.receivers())
        if self._root.children:
            names = topic.split("/")
            self._walk(self._root, names, 0, names[0].startswith("$"), found)
        return found

    def _walk(self, node: _Node, names: list[str], depth: int, hidden: bool, found: list[Any]) -> None:
        children = node.children
        # A wildcard at the root does not see $ topics [MQTT-4.7.2-1].
        if not hidden and (everything := children.get("#")) is not None:
            found.extend(everything.entries.receivers())
        if depth == len(names):
            found.extend(node.entries.receivers())
            return
        if (child := children.get(names[depth])) is not None:
            self._walk(child, names, depth + 1, False, found)
        if not hidden and (child := children.get("+")) is not None:
            self._walk(child, names, depth + 1, False, found)
