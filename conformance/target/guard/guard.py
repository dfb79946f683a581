"""The safety guard: refuses, before it is sent, every request that could touch what the suite did not create.

It sits in the session's transport, below schemathesis and below every scenario. What each operation may touch is said
by one table (`guard_table`); what cannot be judged is refused. The guard judges how any server could read a request,
not how a correct one would: percent tricks, lenient JSON, and bodies under another media type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from conformance.contract import Contract
from conformance.target.guard.hosts import HostPolicy
from conformance.target.guard.identities import Findings, Judge
from conformance.target.guard.mode import Mode
from conformance.target.guard.paths import (
    Routes,
    covers,
    decode,
    has_dots,
    split_path,
    unsafe_segment,
    without_dots,
)
from conformance.target.guard.readings import lenient_readings, query_reading
from conformance.target.guard.sandbox import Owned
from conformance.target.guard.table import TABLE, Access, Touch
from conformance.target.guard.texts import CONFIGURED, damaging_texts
from conformance.target.guard.types import KnownTypes

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

# EMQX reads forms for every operation (behaviour 0.1 step 4).
_FORMS = ("multipart/", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it would go on the wire.

    ``path`` is raw and percent-encoded, below ``/api/v5``. ``signed``: whether it carries any credentials.
    ``headers``: by lower-case name.
    """

    method: str
    path: str
    body: bytes
    content_type: str = ""
    signed: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


class Guard:
    """Decides for one worker of one run. ``refusal`` is pure; the transport raises on what it returns."""

    def __init__(self, contract: Contract, sandbox: Owned, hosts: HostPolicy, mode: Mode) -> None:
        self._judge = Judge(sandbox, hosts, mode, KnownTypes(contract))
        self._routes = Routes(contract)

    @property
    def sandbox(self) -> Owned:
        """What may be touched; a sweep puts the leftovers it deletes here."""
        return self._judge.sandbox

    @sandbox.setter
    def sandbox(self, sandbox: Owned) -> None:
        self._judge.sandbox = sandbox

    def classify(self, label: str) -> Access:
        """What an operation does, by its label. Raises KeyError for one that nobody has classified."""
        return TABLE[label].access

    def match(self, method: str, path: str) -> tuple[str | None, dict[str, str]]:
        """The operation a server would route ``path`` (raw, below /api/v5) to, with its decoded parameters."""
        return self._routes.find(method, decode(split_path(path)))

    def refusal(self, request: Outgoing) -> str | None:
        """Why ``request`` must not be sent, in one sentence, or None if it is safe."""
        return next(self._findings(self._judge, request), None)

    def least_mode(self, request: Outgoing) -> Mode | None:
        """The least mode in which ``request`` is safe, None if it is in none."""
        judges = (replace(self._judge, mode=mode) for mode in Mode)
        return next((judge.mode for judge in judges if not any(self._findings(judge, request))), None)

    def _findings(self, judge: Judge, request: Outgoing) -> Findings:
        yield from _framing(request)
        if request.method in READ_METHODS:
            return
        if judge.mode is Mode.READ_ONLY:
            yield f"{request.method} is a write, and the run is read-only"
            return
        raw_segments = split_path(request.path)
        objection = unsafe_segment(raw_segments)
        if objection is not None:
            yield objection
            return
        segments = decode(raw_segments)
        if has_dots(segments):
            yield from self._dots(judge.mode, request.method, segments)
            return
        label, parameters = self._routes.find(request.method, segments)
        if label is None and not request.signed and self._routes.is_known(segments):
            return  # a probe for 405: without credentials nothing can be applied
        touch = TABLE.get(label or "")
        if label is None or touch is None:
            yield "the contract has no such operation, so nobody can say what it would touch"
            return
        if touch.access is Access.GLOBAL:
            if judge.mode < Mode.EXCLUSIVE:
                yield f"{label} touches what all clients of the target share, which needs --exclusive"
            return
        if label in CONFIGURED and judge.mode < Mode.DISPOSABLE:
            for reading in lenient_readings(request.body):
                yield from damaging_texts(reading)
        yield from _outside(judge, touch, parameters, request)

    def _dots(self, mode: Mode, method: str, segments: list[str]) -> Findings:
        """Dot segments: EMQX removes them after decoding, so the request is one for another resource (GEN-21)."""
        resolved, _ = self._routes.find(method, without_dots(segments))
        touch = TABLE.get(resolved or "")
        if resolved is None or touch is None or touch.access is not Access.GLOBAL:
            yield (
                f"with its dot segments removed the path addresses {resolved or 'no operation of the contract'}, "
                "which is not what it says"
            )
        elif not covers(resolved, self._routes.find(method, segments)[0]):
            yield f"with its dot segments removed the path addresses {resolved}, otherwise something else"
        elif mode < Mode.EXCLUSIVE:
            yield f"with its dot segments removed the path addresses {resolved}, which needs --exclusive"


def _outside(judge: Judge, touch: Touch, parameters: Mapping[str, str], request: Outgoing) -> Findings:
    """What a write names that is not inside the sandbox."""
    yield from touch.path(judge, parameters)
    if touch.body is not None and "?" in request.path:
        yield from touch.body(judge, query_reading(request.path), parameters)
    if touch.upload is not None:
        yield from touch.upload(judge, request.body, request.content_type)
    elif touch.body is not None and request.content_type.strip().lower().startswith(_FORMS):
        yield f"a form ({request.content_type[:60]}) is read by other rules than JSON, so it cannot be judged"
    elif touch.body is not None:
        for reading in lenient_readings(request.body):
            yield from touch.body(judge, reading, parameters)


def _framing(request: Outgoing) -> Findings:
    """A body that a server reads in another length or encoding than the guard could hide a second request."""
    headers = request.headers
    if not headers:
        return
    if "transfer-encoding" in headers:
        yield "a body with Transfer-Encoding can be read as more than one request"
    if "content-encoding" in headers:
        yield "a body with Content-Encoding cannot be judged"
    length = headers.get("content-length")
    if length is not None and length != str(len(request.body)):
        yield f"its Content-Length is {length}, but its body has {len(request.body)} bytes: the rest would be a request"
