"""What the network refused, in the words of a person rather than of Python."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from http.client import RemoteDisconnected

_WORDS: Mapping[type[OSError], str] = {
    ConnectionRefusedError: "the connection was refused",
    ConnectionResetError: "the connection was reset",
    BrokenPipeError: "the connection was closed while the request was sent",
}


def in_words(cause: OSError, said: str = "") -> str:
    """An error of the network in a few words; ``said``: its text, fit to be printed, for those that have no others."""
    if isinstance(cause, RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(cause, socket.gaierror):
        return f"the name of the host cannot be resolved ({cause.strerror or said})"
    for kind, words in _WORDS.items():
        if isinstance(cause, kind):
            return words
    return (cause.strerror if not isinstance(cause, ssl.SSLError) else None) or said or type(cause).__name__
