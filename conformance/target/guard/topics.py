"""Which topics a topic filter of MQTT matches."""

from __future__ import annotations


def matches(topic: str, topic_filter: str) -> bool:
    """Whether ``topic_filter``, without a share prefix, matches ``topic``; a leading wildcard no ``$`` topic."""
    names, levels = topic.split("/"), topic_filter.split("/")
    if topic.startswith("$") and levels[0] in ("#", "+"):
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(names) or level not in ("+", names[index]):
            return False
    return len(names) == len(levels)
