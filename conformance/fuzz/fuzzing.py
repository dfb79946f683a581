"""What the fuzz items must know of an operation beyond its schema: one record each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.fuzz.identities import Adapter, Identities
from conformance.fuzz.witness import Arrange

NO_SUCH_MEMBER = "no-such-member"
"""A text that is a member of no enumeration."""

Whole = Callable[[Any, Identities, bool], Any]
"""Gets a body, its identities and whether it must be valid; returns the body to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzing:
    """What no schema says of one operation.

    Bodies. ``identities``: puts identities of the sandbox into an object of the body; ``grammar``: makes valid what has
    a grammar of its own (SQL, sources of schemas, times), for bodies that must be accepted; ``whole``: does either for
    bodies that are more than objects. Pointers to fields, of a list to those of its rows: ``ignored`` may hold
    anything; ``overwritten`` are replaced by live servers before they are looked at, so that random data there proves
    nothing (each alone is tried). ``any_fields``: nobody minds a field that the operation does not know.
    ``any_media_type``: JSON is not all it takes.

    Queries. ``query``: parameters without which the operation means something else; ``edges``: further values of a
    parameter with whether they are valid, ``unchecked``: parameters that no server checks as documented;
    ``one_filter``: filters exclude one another; ``patterns``: fuzzy filters are regular expressions.

    Answers. ``also_accepted``: statuses with codes, besides 2xx, by which a healthy target accepts a valid request, for
    what it asks may be impossible right now. ``knows_any_id``: an unknown id is not answered with 404. ``lags``: the
    effect may show later than the answer. ``stores_nothing``: no list shows what it did.

    ``witness``: makes a valid request of which can be seen whether it was carried out; ``unseen``: why nobody could
    see it. ``needs`` and ``state``: what that relies on besides what the operation does (markers).
    """

    identities: Adapter | None = None
    grammar: Adapter | None = None
    whole: Whole | None = None
    ignored: frozenset[str] = frozenset()
    overwritten: frozenset[str] = frozenset()
    any_fields: bool = False
    any_media_type: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    edges: Mapping[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)
    unchecked: frozenset[str] = frozenset()
    one_filter: bool = False
    patterns: bool = False
    also_accepted: frozenset[tuple[int, str]] = frozenset()
    knows_any_id: bool = False
    lags: bool = False
    stores_nothing: bool = False
    witness: Arrange | None = None
    unseen: str = ""
    needs: tuple[str, ...] = ()
    state: tuple[str, ...] = ()


Records = dict[str, Fuzzing]
"""Label of an operation -> its record."""

READ = Fuzzing()
"""A read of which the schema says everything."""
