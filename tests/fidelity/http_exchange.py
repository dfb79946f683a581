"""Send recorded requests byte for byte and show answers the way they were recorded."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any

from tests.waiting import PATIENCE_S

# What is compared of the head of an answer, where it was recorded.
_HEADERS = ("content-type", "allow", "www-authenticate")


@dataclass(frozen=True, slots=True)
class Answer:
    """``shown`` is shaped like a recorded ``response``; ``text`` is its body for observations that look at it."""

    shown: dict[str, Any]
    text: str


class RestClient:
    """One client of a deployment; ``credentials`` maps the recorded word to the Authorization header (None: none)."""

    def __init__(self, address: tuple[str, int], credentials: dict[str, str | None]) -> None:
        self._address = address
        self._credentials = credentials

    def send(self, request: dict[str, Any]) -> Answer:
        """Send one recorded ``request`` on a connection of its own."""
        connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE_S)
        target = request["path"] + (f"?{request['query']}" if request.get("query") else "")
        try:
            connection.putrequest(request["method"], target, skip_accept_encoding=True)
            body = body_of(request)
            for name, value in self._headers(request, body).items():
                connection.putheader(name, value.encode() if isinstance(value, str) else value)
            connection.endheaders(body)
            response = connection.getresponse()
            return _shown(response, response.read())
        finally:
            connection.close()

    def _headers(self, request: dict[str, Any], body: bytes | None) -> dict[str, str]:
        headers = {"accept": "application/json"}
        for name, value in request.get("headers", {}).items():
            if name == "authorization":
                value = self._credentials[value]
            if value is None:
                headers.pop(name, None)
            else:
                headers[name] = value
        if body is not None:
            headers["content-length"] = str(len(body))
        return headers


def body_of(request: dict[str, Any]) -> bytes | None:
    """Bytes of a recorded body; None if nothing was sent."""
    if "body" in request:
        return json.dumps(request["body"], ensure_ascii=False).encode()
    if "body_text" in request:
        return request["body_text"].encode("utf-8", "surrogatepass")
    if "body_b64" in request:
        return base64.b64decode(request["body_b64"])
    if "body_text_repeat" in request:
        parts = request["body_text_repeat"]
        head, tail = parts["prefix"].encode(), parts["suffix"].encode()
        return head + head[-1:] * (parts["length"] - len(head) - len(tail)) + tail
    return None


def _shown(response: http.client.HTTPResponse, body: bytes) -> Answer:
    shown: dict[str, Any] = {"status": response.status}
    shown["headers"] = {name: value for name in _HEADERS if (value := response.getheader(name)) is not None}
    text = body.decode("utf-8", "replace")
    if body:
        try:
            shown["body"] = json.loads(text)
        except ValueError:
            shown["body_text"] = text
    return Answer(shown, text)


def recorded_answer(response: dict[str, Any]) -> dict[str, Any]:
    """A recorded ``response`` reduced to what `Answer.shown` has."""
    headers = {name: value for name, value in response["headers"].items() if name in _HEADERS}
    bodies = {name: value for name, value in response.items() if name.startswith("body")}
    return {"status": response["status"], "headers": headers, **bodies}
