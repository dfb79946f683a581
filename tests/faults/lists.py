"""Faults of lists: pages, counts and elements (PAG).

To add one: call `seed` with what is wrong, the item that must notice it, and the requirement that must fail
(`tests.faults.seeded` describes both kinds of faults), then run ``pytest tests/faults -k "part of its name"``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance.contract import paths
from conformance.reference.defects import Defect
from conformance.reference.rest import pagination
from conformance.scenarios.paged import LABELS
from tests.faults.proxy import Reply
from tests.faults.seeded import EMPTY, Broken, broken, edit, error_reply, having, in_each, on, scenario, seed, swallow

USERS = f"GET {paths.USERS}"
RETAINED = f"GET {paths.RETAINED_MESSAGES}"


def listed(test: str, parameter: str = "") -> str:
    return scenario("lists", test) + (f"[{parameter}]" if parameter else "")


# --- pages ------------------------------------------------------------------------------------------------------------

Cut = Callable[[list[Any], int, int], tuple[list[Any], bool]]


def cut(cutting: Cut) -> Broken:
    """How items are cut into pages: from items, page and limit to those of the page, and whether more follow."""
    return broken(
        pagination,
        "page_of",
        lambda _: lambda items, page, limit, traits: cutting(list(items), page, limit),
    )


def overlapping(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    start = max(0, (page - 1) * limit - 1)
    return list(items[start : start + limit]), start + limit < len(items)


def leaving_out(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    start = (page - 1) * (limit + 1)
    return list(items[start : start + limit]), start + limit < len(items)


def losing_after_the_first(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    start = (page - 1) * limit
    return list(items[start + (page > 1) : start + limit]), start + limit < len(items)


for label in LABELS:
    seed(f"pages of {label} overlap", cut(overlapping), listed("pages_are_complete", label), "PAG-01")
    seed(
        f"pages of {label} after the first lose an element",
        cut(losing_after_the_first),
        listed("pages_are_complete", label),
        "PAG-01",
    )
seed(
    "between two pages an element is lost",
    cut(leaving_out),
    listed("pages_are_complete", "GET /rules"),
    "PAG-01",
    origin="https://github.com/emqx/emqx/pull/13196",
)


def sized(items: Sequence[Any], page: int, limit: int) -> tuple[list[Any], bool]:
    return list(items[(page - 1) * limit :]), False


seed("the limit is ignored", cut(sized), listed("page_has_its_number_and_limit", "GET /clients"), "PAG-02")
for name in ("page", "limit"):
    seed(
        f"meta says another {name}",
        on(USERS, edit(lambda body, name=name: body["meta"].update({name: 1})), 200),
        listed("page_has_its_number_and_limit", USERS),
        "PAG-02",
    )
seed(
    "a page beyond the end is not found",
    lambda request, forward: (
        error_reply(400, "BAD_REQUEST") if request.is_for("GET /banned") and "page=1000" in request.query else forward()
    ),
    listed("page_beyond_the_end", "GET /banned"),
    "PAG-03",
)
seed(
    "a page beyond the end is the last one",
    cut(lambda items, page, limit: (items[-limit:], False)),
    listed("page_beyond_the_end", RETAINED),
    "PAG-03",
)
seed(
    "a page beyond the end says that more follow",
    cut(lambda items, page, limit: (items[(page - 1) * limit : page * limit], True)),
    listed("page_beyond_the_end", "GET /subscriptions"),
    "PAG-03",
)
for label in LABELS:
    for hasnext in (False, True):
        seed(
            f"hasnext of {label} is always {str(hasnext).lower()}",
            cut(lambda items, page, limit, hasnext=hasnext: (items[(page - 1) * limit : page * limit], hasnext)),
            listed("hasnext_is_no_lie", label),
            "PAG-04",
        )
    seed(
        f"a full last page of {label} says that more follow",
        broken(pagination, "page_of", having(Defect.FULL_LAST_PAGE_HAS_NEXT)),
        listed("hasnext_is_exact", label),
        "PAG-05",
        origin="https://github.com/emqx/emqx/issues/18531",
    )
for what, wrong in (("too high", 1), ("too low", -1)):
    seed(
        f"the count is {what}",
        on("GET /clients", edit(lambda body, wrong=wrong: body["meta"].update(count=body["meta"]["count"] + wrong))),
        listed("count_is_the_number_of_elements", "GET /clients"),
        "PAG-06",
    )
for label in LABELS:
    seed(
        f"the count of {label} is that of the page",
        on(label, edit(lambda body: "count" in body["meta"] and body["meta"].update(count=len(body["data"]))), 200),
        listed("count_is_the_number_of_elements", label),
        "PAG-06",
    )
    seed(
        f"{label} is not counted",
        on(label, edit(lambda body: body["meta"].pop("count", None)), 200),
        listed("count_is_the_number_of_elements", label),
        "PAG-06",
    )
for label, exact in (
    ("GET /clients", "clientid="),
    ("GET /subscriptions", "clientid="),
    ("GET /rules", "enable="),
    ("GET /banned", "clientid="),
    (USERS, "is_superuser="),
):
    seed(
        f"{label} with the filter {exact} has the count of all",
        lambda request, forward, label=label, exact=exact: (
            edit(lambda body: body["meta"].update(count=body["meta"]["count"] + 1))(forward())
            if request.is_for(label) and exact in request.query and "like_" not in request.query
            else forward()
        ),
        listed("count_is_the_number_of_elements", label),
        "PAG-06",
    )

# --- elements ---------------------------------------------------------------------------------------------------------

for label, collection, name, value in (
    ("GET /connectors", None, "description", "another"),
    ("GET /rules", "data", "created_at", "2020-01-01T00:00:00.000+00:00"),
    (USERS, "data", "is_superuser", True),
    ("GET /clients", "data", "keepalive", 7),
):
    seed(
        f"{label} shows another {name}",
        on(label, in_each(collection, lambda element, name=name, value=value: element.update({name: value})), 200),
        listed("element_is_what_its_own_get_shows", label),
        "PAG-08",
    )
for name, label in (("actions", "GET /actions"), ("schemas", "GET /schema_registry")):
    seed(
        f"{label} forgets what is new",
        on(label, edit(lambda elements: elements.clear()), 200),
        listed("configured_is_listed_until_it_is_deleted", name),
        "PAG-09",
    )
seed(
    "a deleted schema stays in the list",
    swallow("DELETE /schema_registry/{name}", EMPTY),
    listed("configured_is_listed_until_it_is_deleted", "schemas"),
    "PAG-09",
)
seed(
    "a deleted user stays in the list",
    swallow(f"DELETE {paths.USER}", EMPTY),
    listed("people_are_listed_until_they_are_deleted"),
    "PAG-09",
)
seed(
    "a retained message is not listed",
    on(RETAINED, edit(lambda body: body["data"].clear()), 200),
    listed("sessions_and_messages_are_listed_while_they_exist"),
    "PAG-09",
)
seed(
    "a retained message is listed for ever",
    swallow(f"DELETE {paths.RETAINED_MESSAGE}", EMPTY),
    listed("sessions_and_messages_are_listed_while_they_exist"),
    "PAG-09",
)


def without_rules(reply: Reply) -> Reply:
    return in_each("data", lambda entry: entry.update(rules=[]))(reply)


seed(
    "authorization rules are shown on the first page only",
    lambda request, forward: (
        without_rules(forward())
        if request.is_for(f"GET {paths.USER_RULES}") and "page=2" in request.query
        else forward()
    ),
    listed("pages_are_complete", f"GET {paths.USER_RULES}"),
    "PAG-01",
)
