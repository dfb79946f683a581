"""Reason codes of MQTT 5 (chapter 2.4) and what older protocol versions see instead."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """The reason codes this broker sends or understands, named as in the MQTT 5 standard."""

    SUCCESS = 0x00
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC_ERROR = 0x83
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_IDENTIFIER_NOT_VALID = 0x85
    BAD_USERNAME_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_IDENTIFIER_IN_USE = 0x91
    PACKET_IDENTIFIER_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2


_CONNACK_3 = {
    Reason.UNSPECIFIED_ERROR: 1,
    Reason.MALFORMED_PACKET: 1,
    Reason.UNSUPPORTED_PROTOCOL_VERSION: 1,
    Reason.CLIENT_IDENTIFIER_NOT_VALID: 2,
    Reason.BAD_USERNAME_OR_PASSWORD: 4,
    Reason.NOT_AUTHORIZED: 5,
    Reason.BANNED: 5,
    Reason.BAD_AUTHENTICATION_METHOD: 5,
}
_SERVER_UNAVAILABLE_3 = 3
_FAILURE_3 = 0x80


def connack_code(reason: int, version: int) -> int:
    """The code a CONNACK carries for ``reason`` under protocol ``version`` (3, 4 or 5)."""
    if version >= 5 or reason == Reason.SUCCESS:
        return int(reason)
    return _CONNACK_3.get(Reason(reason), _SERVER_UNAVAILABLE_3)


def suback_code(reason: int, version: int) -> int:
    """The code a SUBACK carries: a granted QoS, or a failure that 3.1.1 only knows as 0x80."""
    return int(reason) if version >= 5 or reason < _FAILURE_3 else _FAILURE_3


def reason_name(reason: int) -> str:
    """The lower-case name rules see, ``success`` or ``not_authorized``."""
    try:
        return Reason(reason).name.lower()
    except ValueError:
        return f"unknown_{reason}"
