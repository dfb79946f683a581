"""The rules that lists are looked at with: few that differ in all that lists are filtered by.

A rule is costly to create, so those of a worker serve all its items, and those that need one without more to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.target.target import Target
from conformance.worker.context import Context

FEW = 4
"""How many: their pages are full with some limits, and not with others."""
WITHOUT_ACTIONS, DISABLED = 2, 3
"""The number of a rule without actions, on ``common``, and that of a disabled one, on ``last``."""


@dataclass(frozen=True, slots=True)
class ListedRules:
    """What the rules of a worker are made of. Their ids begin with ``mark``.

    The descriptions differ in a character, which patterns may give a meaning, but for the last, and by halves in how
    they begin. The first rule has an action of ``actions``, the second another action and the other one, the third
    none. They listen to topics below ``root``, the last one of which is ``last``, the second and third to ``common`` as
    well, and the third to ``source``. Every other one is disabled. The last one passes payloads with x = 1.
    """

    context: Context
    target: Target
    mark: str
    root: str
    common: str
    actions: tuple[str, str]
    source: str

    @property
    def last(self) -> str:
        return f"{self.root}/3"

    @property
    def ids(self) -> list[str]:
        return [self.rule(number) for number in range(FEW)]

    @property
    def descriptions(self) -> list[str]:
        return [f"half {self.mark}-a%b", f"half {self.mark}-a_b", f"{self.mark}-a*b", f"{self.mark}-axb"]

    def rule(self, number: int) -> str:
        """The id of one of them."""
        rules = self.target.rules
        return self.context.lasting(
            f"listed rule {number}", lambda: rules.create(**self._fields(number)), lambda known: rules.get(known).ok
        )

    def _fields(self, number: int) -> dict[str, Any]:
        return {
            "id": f"{self.mark}-{number}",
            "sql": (
                f'SELECT * FROM "{self.root}/x/0"',
                f'SELECT * FROM "{self.root}/1", "{self.common}"',
                f'SELECT * FROM "{self.root}/2", "{self.common}", "$bridges/{self.source}" '
                f"WHERE topic = '{self.common}'",
                f'SELECT * FROM "{self.last}" WHERE payload.x = 1',
            )[number],
            "enable": number % 2 == 0,
            "description": self.descriptions[number],
            "actions": (
                [self.actions[0]],
                [{"function": "console"}, self.actions[1]],
                [],
                [{"function": "console"}],
            )[number],
        }


def listed_rules(context: Context, target: Target) -> ListedRules:
    """Those of a worker; none is created yet."""
    sandbox = target.sandbox

    def make() -> tuple[Any, ...]:
        actions = (f"http:{sandbox.name('act')}", f"http:{sandbox.name('act')}")
        names = sandbox.name("page"), sandbox.topic("f"), sandbox.topic("a")
        return *names, actions, f"mqtt:{sandbox.name('source')}"

    return ListedRules(context, target, *context.once("names of listed rules", make))
