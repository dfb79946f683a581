"""What counts as a change of the configuration of a target: what it took, of the operations that change one."""

from __future__ import annotations

from conformance.target.http.writes import WriteCount


def test_changes_of_the_configuration_are_the_writes_that_were_taken() -> None:
    answered = {
        "POST /rules": {201: 3, 400: 9},
        "PUT /connectors/{id}": {200: 5},
        "POST /connectors_probe": {204: 2},
        "POST /rules/{id}/test": {200: 2},
        "GET /rules": {200: 2},
        "POST /publish": {200: 2},
        "DELETE /rules/{id}": {404: 2},
    }
    count = WriteCount()
    for label, statuses in answered.items():
        for status, times in statuses.items():
            for _ in range(times):
                count.answered(label, status, 0.1)

    assert count.since().counts == {"PUT /connectors/{id}": 5, "POST /rules": 3}
