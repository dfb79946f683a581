"""Retained messages: one per topic, overwritten and deleted by publishing, deleted by topic and by filter."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from conformance.contract import paths
from conformance.models.machine import Model, invariant, rule
from conformance.requirements import requirement

pytestmark = [pytest.mark.model, pytest.mark.needs("retainer"), pytest.mark.state("retained")]

LEVELS = st.sampled_from(["a", "b", "a/x", "a/y", "b/x", "a b", "ü%"])


class Retained(Model):
    """``messages``: topic below the program's root -> payload."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.target.sandbox.topic("mdl")
        self.messages: dict[str, str] = {}

    @rule(level=LEVELS, payload=st.sampled_from(["one", "two", "ünï"]))
    def retain(self, level: str, payload: str) -> None:
        self.target.publish(f"{self.root}/{level}", payload, retain=True)
        self.messages[f"{self.root}/{level}"] = payload

    @rule(level=LEVELS)
    def publish_without_retaining(self, level: str) -> None:
        self.target.publish(f"{self.root}/{level}", "passing", retain=False)

    @rule(level=LEVELS)
    def clear_by_an_empty_payload(self, level: str) -> None:
        self.target.publish(f"{self.root}/{level}", "", retain=True)
        self.messages.pop(f"{self.root}/{level}", None)

    @rule(level=LEVELS)
    def delete(self, level: str) -> None:
        topic = f"{self.root}/{level}"
        known = self.messages.pop(topic, None)
        self.target.retained.delete(topic).expect(404 if known is None else 204)

    @rule(level=st.sampled_from(["a", "b"]))
    def delete_by_filter(self, level: str) -> None:
        prefix = f"{self.root}/{level}"
        matching = [topic for topic in self.messages if topic == prefix or topic.startswith(f"{prefix}/")]
        self.target.retained.delete(f"{prefix}/#").expect(204 if matching else 404)
        self.messages = {topic: payload for topic, payload in self.messages.items() if topic not in matching}

    @invariant()
    def list_is_the_model(self) -> None:
        """The list of the program's topics is the model's, and each message reads as it was published (eventually)."""
        self.target.eventually(lambda: self._listed() == sorted(self.messages))
        listed = self._listed()
        assert listed == sorted(self.messages), f"the list has {listed}, the model {sorted(self.messages)}"
        for topic, payload in self.messages.items():
            self.target.eventually(lambda topic=topic, payload=payload: self._payload(topic) == payload)  # type: ignore[misc]
            found = self._payload(topic)
            assert found == payload, f"{topic} holds {found!r}, the model has {payload!r}"

    def _listed(self) -> list[str]:
        return sorted(entry["topic"] for entry in self.target.retained.listed(topic=f"{self.root}/#"))

    def _payload(self, topic: str) -> str:
        return base64.b64decode(self.target.retained.read(topic)["payload"]).decode()


@requirement(
    "MDL-04",
    f"GET {paths.RETAINED_MESSAGES}",
    f"GET {paths.RETAINED_MESSAGE}",
    f"DELETE {paths.RETAINED_MESSAGE}",
    "POST /publish",
)
def test_retained(explore: Callable[[type[Model]], None]) -> None:
    """Whatever is published, cleared and deleted, the retained messages are the last of each topic."""
    explore(Retained)
