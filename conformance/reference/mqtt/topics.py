"""Topic names and filters: validity, matching, and the prefixes of shared and exclusive subscriptions."""

from __future__ import annotations

from dataclasses import dataclass

MAX_TOPIC_BYTES = 65535
QUEUE_GROUP = "$queue"


class FilterError(ValueError):
    """A topic filter that no subscription may have."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A topic filter without its prefix; ``group`` of a shared subscription (``$queue`` for ``$queue/t``)."""

    topic: str
    group: str | None = None
    exclusive: bool = False

    def __str__(self) -> str:
        """The filter as the subscriber wrote it."""
        if self.exclusive:
            return f"$exclusive/{self.topic}"
        if self.group is None:
            return self.topic
        return f"$queue/{self.topic}" if self.group == QUEUE_GROUP else f"$share/{self.group}/{self.topic}"


def actual_topic(topic: str) -> str:
    """Where a message goes in the end that is published to ``$delayed/<seconds>/<topic>``, any other topic as it is."""
    return topic.split("/", 2)[2] if topic.startswith("$delayed/") and topic.count("/") >= 2 else topic


def parse_filter(text: str) -> Filter:
    """Split prefixes off; FilterError if a prefix is malformed. Wildcards are not checked here."""
    if text.startswith("$share/"):
        group, slash, topic = text.removeprefix("$share/").partition("/")
        if not group or not slash or not topic or "+" in group or "#" in group or _is_shared(topic):
            raise FilterError(f"malformed shared subscription {text!r}")
        return Filter(topic, group)
    if text.startswith("$queue/"):
        topic = text.removeprefix("$queue/")
        if not topic or _is_shared(topic):
            raise FilterError(f"malformed shared subscription {text!r}")
        return Filter(topic, QUEUE_GROUP)
    if text.startswith("$exclusive/"):
        topic = text.removeprefix("$exclusive/")
        if not topic:
            raise FilterError(f"malformed exclusive subscription {text!r}")
        return Filter(topic, exclusive=True)
    return Filter(text)


def _is_shared(topic: str) -> bool:
    return topic.startswith(("$share/", "$queue/"))


def is_topic_name(topic: str) -> bool:
    """Whether messages can be published to ``topic``."""
    return valid_length(topic) and "+" not in topic and "#" not in topic


def is_topic_filter(topic: str) -> bool:
    """Whether ``topic`` (without a share prefix) is a well-formed filter."""
    if not valid_length(topic):
        return False
    levels = topic.split("/")
    for index, level in enumerate(levels):
        if level == "#":
            if index != len(levels) - 1:
                return False
        elif level != "+" and ("+" in level or "#" in level):
            return False
    return True


def valid_length(topic: str) -> bool:
    """1 to 65535 bytes without U+0000."""
    return 0 < len(topic) <= MAX_TOPIC_BYTES and "\0" not in topic and len(topic.encode()) <= MAX_TOPIC_BYTES


def has_wildcard(topic: str) -> bool:
    """Whether a filter can match more than its own text."""
    return "+" in topic or "#" in topic


def matches(topic: str, topic_filter: str) -> bool:
    """Whether a message on ``topic`` is for ``topic_filter``; no wildcard at the root matches ``$...`` topics."""
    if topic == topic_filter and not has_wildcard(topic_filter):
        return True
    names, levels = topic.split("/"), topic_filter.split("/")
    if names[0].startswith("$") and levels[0] in ("+", "#"):
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return index == len(levels) - 1
        if index >= len(names) or (level != "+" and level != names[index]):
            return False
    return len(names) == len(levels)
