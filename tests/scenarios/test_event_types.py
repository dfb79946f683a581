"""The type by which a test knows an event is read from the name after FROM, of either generation of names."""

import pytest

from conformance.scenarios.test_rule_events import type_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("$events/message_publish", "message_publish"),
        ("$events/client_connected", "client_connected"),
        ("$events/client_check_authz_complete", "client_check_authz_complete"),
        ("$events/delivery_dropped", "delivery_dropped"),
        ("$events/sys/alarm_activated", "alarm_activated"),
        ("$bridges/mqtt:*", "$bridges/mqtt:*"),
    ],
)
def test_names_of_5_8(name, expected):
    assert type_of({"event": name}) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("$events/client/connected", "client_connected"),
        ("$events/session/unsubscribed", "session_unsubscribed"),
        ("$events/message/acked", "message_acked"),
        ("$events/message/delivery_dropped", "delivery_dropped"),
        ("$events/auth/check_authn_complete", "client_check_authn_complete"),
        ("$events/auth/check_authz_complete", "client_check_authz_complete"),
        ("$events/schema_validation/failed", "schema_validation_failed"),
        ("$events/message_transformation/failed", "message_transformation_failed"),
    ],
)
def test_names_since_5_10(name, expected):
    assert type_of({"event": name}) == expected
