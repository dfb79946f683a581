"""What versions of EMQX are known to do wrong, by name."""

from __future__ import annotations

from dataclasses import dataclass

PAGE = "docs/known-defects.md"
"""Where this repository tells of the defects in the waivers that ship with it, a section under the name of each."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect that waivers are for.

    ``request``: the smallest request that shows it, method and path below the base URL and its body, one line for each
    step; ``answer``: what came. ``seen``: versions on which it was seen. ``versions``: the range for which waivers of
    it waive. ``upstream``: addresses of issues and pull requests of EMQX about it, none where none is known.
    ``fixed``: versions that no longer have it, "" where none is known.
    """

    name: str
    symptom: str
    request: str
    answer: str
    seen: tuple[str, ...]
    versions: str
    upstream: tuple[str, ...]
    fixed: str

    @property
    def section(self) -> str:
        """Address of its section, relative to the repository."""
        return f"{PAGE}#{self.name}"
