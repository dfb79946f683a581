"""What a handler of the reference deployment receives and returns.

The pipeline (`conformance.reference.pipeline.app`) does routing, method, authentication, body decoding and the schema
filter, in the order EMQX does them; a handler sees a `Call` that passed all of them, and answers with a `Reply`
or raises an `ApiError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from conformance.reference.deployment import Deployment


class SchemaFilter(Enum):
    """How the pipeline treats query and body before the handler runs (EMQX differs by module)."""

    TRANSLATE = "check, fill the defaults, convert the values"
    CHECK = "check; query converted, body handed on as it came"
    CONTENT_TYPE = "only the content type of a body is checked, by the letters of its header"
    BY_HANDLER = "only that a body is JSON is checked, the rest by the handler"
    NONE = "nothing is checked"


@dataclass(slots=True)
class Call:
    """A request after the pipeline.

    ``path``: decoded path parameters by name. ``query``: checked and converted values with defaults filled
    (raw strings where the filter does not convert). ``raw_query``: the pairs as sent. ``body``: decoded JSON,
    ``{}`` if none was sent, or raw bytes under a content type that is not JSON. ``checked``: the body converted and
    with defaults filled, under TRANSLATE and CHECK alike. ``role``: role of the API key.
    """

    deployment: Deployment
    operation: str
    path: Mapping[str, str]
    query: dict[str, Any] = field(default_factory=dict)
    raw_query: list[tuple[str, str]] = field(default_factory=list)
    body: Any = None
    checked: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    role: str = "administrator"


@dataclass(slots=True)
class Reply:
    """Status and JSON value; ``body`` None sends no body at all, bytes go out as they are with ``headers``."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An error answer ``{code, message, **extra}`` with an HTTP status."""

    def __init__(self, status: int, code: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    def reply(self) -> Reply:
        return Reply(self.status, {"code": self.code, "message": self.message, **self.extra})


def unsupported_media_type() -> ApiError:
    return ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "content-type:application/json Required")


class Crash(Exception):
    """A recorded defect of 5.8.9: the operation dies, which the client sees as a 500.

    ``reason``: what the error text names. ``prints_request``: the text shows the whole request with its Authorization
    header (behaviour 0.1 step 6). ``silent``: died outside the handler, so the answer has no body at all.
    """

    def __init__(self, reason: str, *, prints_request: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.prints_request = prints_request
        self.silent = silent


Handler = Callable[[Call], Reply | Awaitable[Reply]]

BASE_PATH = "/api/v5"


@dataclass(frozen=True, slots=True)
class Route:
    """A handler and how the pipeline treats requests for it; ``public`` needs no credentials."""

    handler: Handler
    filter: SchemaFilter
    public: bool = False
    base: str = BASE_PATH


ROUTES: dict[str, Route] = {}


def handles(
    label: str,
    filter: SchemaFilter = SchemaFilter.TRANSLATE,
    *,
    public: bool = False,
    base: str = BASE_PATH,
) -> Callable[[Handler], Handler]:
    """Register a handler for an operation label (``"GET /rules/{id}"``, without ``/api/v5``).

    ``base`` is what stands before the label's path on the wire, for the few operations outside ``/api/v5``.
    """

    def register(handler: Handler) -> Handler:
        if label in ROUTES:
            raise ValueError(f"two handlers for {label}")
        ROUTES[label] = Route(handler, filter, public, base)
        return handler

    return register
