"""Requirements of lists on a target where others have more than anybody wants to walk."""

from __future__ import annotations

from pathlib import Path

import requests

from conformance.contract import paths
from conformance.reference.embedded import start_embedded
from conformance.scenarios.walked import ONE_PAGE
from tests.faults.proxy import FaultProxy, Reply
from tests.run.command import environment, report_of, run
from tests.waiting import PATIENCE_S

LISTS = "conformance/scenarios/test_lists.py"
COUNTED = f"{LISTS}::test_count_is_the_number_of_elements[GET {paths.USERS}]"
SAME = f"{LISTS}::test_element_is_what_its_own_get_shows[GET {paths.USERS}]"
FILTERED = "conformance/scenarios/test_list_filters.py::test_filters_of_users"


def test_list_that_others_fill_is_looked_at_through_a_filter(tmp_path: Path) -> None:
    whole: list[str] = []

    def record(request, forward) -> Reply:
        reply = forward()
        if request.is_for(f"GET {paths.USERS}") and len(reply.json.get("data", ())) >= ONE_PAGE:
            whole.append(request.query)
        return reply

    with start_embedded() as target, FaultProxy(target.base_url, record) as proxy:
        users = [{"user_id": f"operator-{number}", "password": "foreign"} for number in range(ONE_PAGE)]
        imported = requests.post(
            f"{target.base_url}{paths.IMPORT_USERS}?type=plain",
            json=users,
            auth=(target.api_key, target.api_secret),
            timeout=PATIENCE_S,
        )
        assert imported.json()["success"] == ONE_PAGE
        env = environment(target, BASE_URL=proxy.base_url)
        completed = run("run", "-n", "0", COUNTED, SAME, FILTERED, env=env, cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "Traceback" not in completed.stdout + completed.stderr

    found = {entry["id"]: entry for entry in report_of(tmp_path / "reports")["requirements"]}
    assert found["PAG-06"]["outcome"] == "skipped", "a list that others may change is not counted"
    assert f"{ONE_PAGE} elements or more" in found["PAG-06"]["reason"]
    assert found["PAG-07"]["outcome"] == found["PAG-08"]["outcome"] == "passed"
    # The inventory before and after the run; to be counted and walked, with a filter that most pass and without; to see
    # how large it is. Nobody reads it page by page.
    assert len(whole) <= 8, whole
