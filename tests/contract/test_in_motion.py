"""What a list shows of something that is being made or ended."""

from __future__ import annotations

import pytest

from conformance.contract.in_motion import without_what_moves

OF_CLIENT = "GET /clients/{clientid}/subscriptions"
MADE = {"clientid": "c", "topic": "t", "qos": 0, "nl": 0, "rap": 0, "rh": 0}
MOVING = {"clientid": "c", "topic": "u"}


def test_a_subscription_without_options_is_none() -> None:
    assert without_what_moves(OF_CLIENT, [MOVING, MADE]) == [MADE]


def test_one_that_lacks_some_of_them_is_judged() -> None:
    partly = {**MOVING, "qos": 1}
    assert without_what_moves(OF_CLIENT, [partly]) == [partly]


@pytest.mark.parametrize(("label", "body"), [("GET /subscriptions", [MOVING]), (OF_CLIENT, {"code": "x"}),
                                             (OF_CLIENT, ["x"])])  # fmt: skip
def test_everything_else_stays(label: str, body: object) -> None:
    assert without_what_moves(label, body) == body
