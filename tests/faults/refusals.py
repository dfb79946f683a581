"""Deployments that refuse a request and carry it out all the same: of faults in several modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.pipeline.app import Application
from conformance.reference.pipeline.routing import Endpoint
from conformance.reference.rest.http import ApiError, Call, Reply
from tests.faults.seeded import Broken, broken


def carried_out_after_all(label: str, status: int) -> Broken:
    """The deployment refuses with a 401 or 403, and carries the request out."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def serve(self: Application, endpoint: Endpoint, call: Call, query: bytes, receive: Any) -> Reply:
            try:
                answer: Reply = await original(self, endpoint, call, query, receive)
            except ApiError as error:
                if error.status == status and endpoint.label == label:
                    public = replace(endpoint, route=replace(endpoint.route, public=True))
                    await original(self, public, call, query, receive)
                raise
            return answer

        return serve

    return broken(Application, "_serve", make)


def carried_out_in_part(label: str, part: Callable[[Any], Any]) -> Broken:
    """The deployment refuses a body with 400, and carries out what ``part`` makes of it."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def serve(self: Application, endpoint: Endpoint, call: Call, query: bytes, receive: Any) -> Reply:
            try:
                answer: Reply = await original(self, endpoint, call, query, receive)
            except ApiError as error:
                if error.status == 400 and endpoint.label == label:
                    call.body = call.checked = part(call.body)
                    await self._handled(endpoint, call)
                raise
            return answer

        return serve

    return broken(Application, "_serve", make)
