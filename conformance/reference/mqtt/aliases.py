"""Topics written as numbers to a client that allows it: the outgoing topic aliases of MQTT 5 [MQTT-3.1.2-26]."""

from __future__ import annotations


class OutgoingAliases:
    """The aliases of one connection: the first ``most`` topics get one each, the others are always written out."""

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._numbers: dict[str, int] = {}

    def written(self, topic: str) -> tuple[str, int | None]:
        """The topic name of a PUBLISH, empty where its alias is known to the client, and the alias if there is one."""
        known = self._numbers.get(topic)
        if known is not None:
            return "", known
        return topic, len(self._numbers) + 1 if len(self._numbers) < self._most else None

    def sent(self, topic: str, alias: int | None) -> None:
        """The client got a PUBLISH with that alias."""
        if alias is not None:
            self._numbers[topic] = alias
