"""Who does what when: chunks of items by their costs, and a scheduler of xdist that gives them out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalogue.registry import import_suite
from conformance.contract import load_contract
from conformance.run.costs import Cost, Costs, shipped_costs
from conformance.run.grouping import Chunk
from conformance.run.node_ids import operation_of, requirements_of
from conformance.run.schedule import Queue, in_chunks
from conformance.run.scheduler import CostScheduling
from conformance.run.types_of_items import Types

CONTRACT = load_contract()
TYPES = Types(CONTRACT.every_type)
MODULE = "conformance/fuzz/test_operations.py"


@pytest.mark.parametrize(
    ("node_id", "told"),
    [
        (f"{MODULE}::test_positive[POST /connectors-http]", "http"),
        (f"{MODULE}::test_positive[PUT /actions/{{id}}-azure_event_hub_producer]", "azure_event_hub_producer"),
        ("conformance/scenarios/test_types.py::test_life[kafka_producer-action]", "kafka_producer"),
        (f"{MODULE}::test_positive[GET /connectors]", None),
        ("conformance/scenarios/test_deliveries.py::test_delivery[plus-mqtt5-published0]", None),
        ("conformance/scenarios/test_rules.py::test_http_is_no_type", None),
        ("conformance/scenarios/test_actions.py::test_optional_fields_may_be_left_out", "s3"),
    ],
)
def test_an_id_tells_the_type(node_id: str, told: str | None) -> None:
    import_suite()
    assert TYPES.of(node_id) == told


def indices(chunks: Sequence[Chunk]) -> list[tuple[int, ...]]:
    return [chunk.items for chunk in chunks]


def test_items_about_one_type_stay_together_and_the_longest_come_first() -> None:
    ids = ["m::a[x-http]", "m::short", "m::b[x-mqtt]", "m::long", "m::c[y-http]"]
    costs = Costs({name: Cost(seconds) for name, seconds in zip(ids, (1.0, 0.1, 0.5, 9.0, 1.0), strict=True)})
    assert indices(in_chunks(ids, costs, TYPES, 0.2)) == [(3,), (0, 4), (2,), (1,)]


def test_sharers_are_few_where_writes_are_counted():
    ids = [f"conformance/scenarios/test_{letter}.py::test_it[{item}]" for letter in "abcdef" for item in "xy"]
    costs = Costs({name: Cost(0.1, 2) for name in ids} | {ids[0]: Cost(0.1), ids[1]: Cost(0.1)})

    free = in_chunks(ids, costs, TYPES, 0.2)
    few = in_chunks(ids, costs, TYPES, 0.2, counted=True, workers=3)

    assert len(free) == 7, "each module, and each item that writes nothing"
    assert {chunk.items for chunk in few} == {(0,), (1,), (2, 3, 4, 5), (6, 7, 8, 9, 10, 11)}


def test_as_few_workers_make_things_as_end_in_time_where_writes_are_counted() -> None:
    ids = [f"conformance/scenarios/test_{letter}.py::test_it[{item}]" for letter in "abcdef" for item in "xy"]
    ids.append("conformance/fuzz/test_access.py::test_reads")
    costs = Costs({name: Cost(0.1, 2) for name in ids[:-1]} | {ids[-1]: Cost(6.0)})

    few = in_chunks(ids, costs, TYPES, 0.2, counted=True, workers=4)
    fewer = in_chunks(ids, costs, TYPES, 0.2, counted=True, workers=2)

    assert {chunk.items for chunk in few} == {(0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10, 11), (12,)}
    assert {chunk.items for chunk in fewer} == {tuple(range(12)), (12,)}


def test_what_is_joined_keeps_its_order() -> None:
    ids = ["m/test_a.py::test_it[x]", "m/test_a.py::test_it[y]", "m/test_a.py::test_it[z]"]
    costs = Costs({ids[0]: Cost(0.1, 1), ids[1]: Cost(0.1), ids[2]: Cost(0.1, 1)})

    assert indices(in_chunks(ids, costs, TYPES, 0.2, counted=True)) == [(0, 1, 2)]


def test_items_of_a_test_that_writes_share_with_those_that_do() -> None:
    ids = ["m/test_a.py::test_it[reads]", "m/test_a.py::test_it[writes]", "m/test_b.py::test_reads"]
    costs = Costs({ids[0]: Cost(0.1), ids[1]: Cost(0.1, 2), ids[2]: Cost(0.1)})

    assert {chunk.items for chunk in in_chunks(ids, costs, TYPES, 0.2, counted=True)} == {(0, 1), (2,)}


def generated(*operations: str) -> list[str]:
    return [f"conformance/fuzz/test_access.py::test_it[{operation}]" for operation in operations]


FAR = {"price_s": 0.0, "away_s": 1.0}


def test_what_takes_longer_than_the_share_of_a_worker_is_split_by_what_it_shares():
    rules = generated("POST /rules", "GET /rules/{id}", "PUT /rules/{id}")
    users = generated(*(f"{method} /authentication/{{id}}/users/{{user_id}}" for method in ("GET", "PUT", "DELETE")))
    ids = [name for pair in zip(rules, users, strict=True) for name in pair]
    costs = Costs(dict.fromkeys(ids, Cost(0.0, 1, requests=1)))

    assert indices(in_chunks(ids, costs, TYPES, workers=1, **FAR)) == [(0, 1, 2, 3, 4, 5)]
    assert sorted(indices(in_chunks(ids, costs, TYPES, workers=2, **FAR))) == [(0, 2, 4), (1, 3, 5)]
    assert max(map(len, indices(in_chunks(ids, costs, TYPES, workers=6, **FAR)))) == 1
    dear = in_chunks(ids, costs, TYPES, price_s=2.0, away_s=1.0, workers=2)
    assert len(dear) == 1, "two would wait for each other's writes"
    counted = in_chunks(ids, costs, TYPES, workers=2, counted=True, **FAR)
    assert len(counted) == 1, "writes are counted"


def test_what_is_about_a_type_is_not_split():
    ids = generated("POST /connectors-mqtt", "PUT /connectors/{id}-mqtt", "GET /rules")
    costs = Costs({ids[0]: Cost(0.0, 1, requests=9), ids[1]: Cost(0.0, 1, requests=9), ids[2]: Cost(0.0)})
    assert indices(in_chunks(ids, costs, TYPES, workers=8, **FAR)) == [(0, 1), (2,)]


LABELS = st.sampled_from([*sorted(CONTRACT.operations), "PUT /connectors/{id}-http", "POST /actions-mqtt"])
SECONDS = st.floats(0.0, 10.0)
COSTS_OF = st.builds(Cost, SECONDS, st.integers(0, 3), st.integers(0, 20))


@given(st.lists(st.tuples(LABELS, COSTS_OF), max_size=20), st.integers(1, 8), SECONDS, SECONDS)
def test_split_or_not_every_item_comes_once_and_in_order(
    items: list[tuple[str, Cost]], workers: int, price_s: float, away_s: float
) -> None:
    ids = [f"m/fuzz/test_{number}.py::test_it[{label}]" for number, (label, _) in enumerate(items)]
    costs = Costs(dict(zip(ids, (cost for _, cost in items), strict=True)))

    chunks = in_chunks(ids, costs, TYPES, price_s, away_s=away_s, workers=workers)

    assert sorted(item for chunk in chunks for item in chunk.items) == list(range(len(ids)))
    assert all(list(chunk.items) == sorted(chunk.items) for chunk in chunks)
    if sum(chunk.writes_s for chunk in chunks) > sum(chunk.seconds for chunk in chunks) / workers * (1 - 1e-9):
        return
    share_s = sum(chunk.total_s for chunk in chunks) / workers
    for chunk in chunks:
        may_be_long = len(chunk.items) == 1 or chunk.waits_for_writes or TYPES.of(ids[chunk.items[0]]) is not None
        assert may_be_long or chunk.total_s <= share_s * (1 + 1e-9)


def test_where_writes_decide_all_that_share_them_stay_together() -> None:
    ids = [
        *(f"m/scenarios/test_{name}.py::test_it" for name in "ab"),
        *generated("POST /rules", "POST /connectors-redis", "POST /connectors-mqtt", "GET /rules"),
        *generated("POST /connectors-http"),
    ]
    costs = Costs({one: Cost(1.0, 0 if "GET" in one else 2) for one in ids})

    chunks = in_chunks(ids, costs, TYPES, 10.0, workers=2)
    assert indices(chunks) == [(0, 1, 2, 5, 6), (3,), (4,)], "items about no type make connectors of type http, too"
    assert len(in_chunks(ids, costs, TYPES, 0.1, workers=4)) > 3


def test_one_worker_does_all_that_share_what_they_write_if_it_ends_no_later_than_others() -> None:
    ids = [*(f"m/scenarios/test_{name}.py::test_it" for name in "abc"), *generated("GET /banned", "GET /clients")]
    costs = Costs({one: Cost(3.0) if "GET" in one else Cost(1.0, 1) for one in ids})
    assert sorted(indices(in_chunks(ids, costs, TYPES, 0.1, workers=2))) == [(0, 1, 2), (3,), (4,)]
    assert len(in_chunks(ids, costs, TYPES, 0.1, workers=4)) == 5


def test_items_about_what_is_configured_stay_with_those_that_make_it() -> None:
    ids = [
        *generated("POST /rules", "GET /rules", "GET /banned"),
        "m/scenarios/test_a.py::test_w",
        "m/scenarios/test_a.py::test_r",
    ]
    ids[1], ids[2] = (one.replace("test_it", "test_reads") for one in ids[1:3])
    costs = Costs({one: Cost(1.0, 2 if one in (ids[0], ids[3]) else 0) for one in ids})
    assert indices(in_chunks(ids, costs, TYPES, 10.0, workers=2)) == [(0, 1, 3, 4), (2,)]


def test_where_writes_decide_no_worker_is_left_behind_with_all_that_share_them() -> None:
    ids = [f"m/scenarios/test_{name}.py::test_it" for name in "abcd"]
    costs = Costs(dict.fromkeys(ids, Cost(1.0, 2)))
    assert indices(in_chunks(ids, costs, TYPES, 10.0, workers=4)) == [(0, 1), (2, 3)]


def test_writes_count_with_their_price() -> None:
    ids = ["m::writes", "m::reads"]
    costs = Costs({"m::writes": Cost(0.1, 10), "m::reads": Cost(1.0)})
    assert indices(in_chunks(ids, costs, TYPES, 0.2)) == [(0,), (1,)]
    assert indices(in_chunks(ids, costs, TYPES, 0.0)) == [(1,), (0,)]


def test_at_a_distance_what_does_not_write_weighs_more() -> None:
    ids = ["m::writes", "m::reads"]
    costs = Costs({"m::writes": Cost(0.1, 10, requests=10), "m::reads": Cost(1.0, requests=200)})
    (reads, writes) = in_chunks(ids, costs, TYPES, 0.2, away_s=0.05)
    assert (reads.items, writes.items) == ((1,), (0,))
    assert (reads.total_s, writes.total_s) == pytest.approx((11, 2.6))


def test_what_failed_comes_before_all_others() -> None:
    ids = ["m::long", "m::failed", "m::short"]
    costs = Costs({"m::long": Cost(9), "m::failed": Cost(0.1), "m::short": Cost(0.2)})
    assert indices(in_chunks(ids, costs, TYPES, 0.2, first={"m::failed"})) == [(1,), (0,), (2,)]


@pytest.fixture(scope="module")
def every_id() -> list[str]:
    """Ids of items with entries of their own in the table that ships, of functions, and of items about all types."""
    import_suite()
    table = shipped_costs()
    phases = ("positive", "negative", "boundaries", "examples")
    labels = [
        f"{label}-{resource_type}"
        for label, types in (
            ("PUT /connectors/{id}", CONTRACT.types("connectors")),
            ("PUT /actions/{id}", CONTRACT.types("actions")),
        )
        for resource_type in types
    ]
    by_type = [f"conformance/fuzz/test_operations.py::test_{phase}[{label}]" for phase in phases for label in labels]
    refused = [name for name in table.functions if name.endswith("_refused")]
    return list(dict.fromkeys([*table.items, *by_type, *refused]))


def test_under_a_budget_nothing_comes_twice_before_everything_came_once(every_id: list[str]) -> None:
    chunks = in_chunks(every_id, shipped_costs(), TYPES, 0.2, hurried=True)
    order = [item for chunk in chunks for item in chunk.items]
    assert sorted(order) == list(range(len(every_id)))

    def shown(node_id: str) -> set[object]:
        return {*requirements_of(node_id), operation_of(node_id), TYPES.of(node_id)}

    everything = set().union(*map(shown, every_id))
    seen: set[object] = set()
    for place, item in enumerate(order):
        more = shown(every_id[item]) - seen
        seen |= more
        if seen == everything:
            assert place < len(order) / 3, "the floor is small"
            assert len(chunks[place].items) == 1
            break
        assert more, f"{every_id[item]} shows nothing new, and something else has not come yet"


def test_under_a_budget_each_comes_first_by_its_cheapest_item() -> None:
    ids = ["m::dear[GET /rules]", "m::cheap[GET /rules]", "m::other[GET /banned]"]
    costs = Costs({ids[0]: Cost(5), ids[1]: Cost(1), ids[2]: Cost(2)})
    assert indices(in_chunks(ids, costs, TYPES, 0.2, hurried=True)) == [(1,), (2,), (0,)]


READS, WRITES = Chunk((1,), 1.0, 0.0), Chunk((2,), 0.2, 4.0)


def test_two_write_while_the_others_read() -> None:
    queue = Queue([WRITES, WRITES, WRITES, READS, READS])
    assert [queue.take(writing) for writing in (0, 1, 2)] == [WRITES, WRITES, READS]
    assert queue.take(writing=1) is WRITES
    assert queue.take(writing=2) is READS
    assert queue.take(writing=2) is None


def test_whoever_has_nothing_else_to_do_writes_as_well() -> None:
    queue = Queue([WRITES, WRITES])
    assert [queue.take(writing) for writing in (0, 1, 2)] == [WRITES, WRITES, None]


def test_more_write_where_a_write_leaves_the_target_idle() -> None:
    far = Chunk((1,), 3.9, 4.0)
    queue = Queue([far, far, far, READS])
    assert [queue.take(writing) for writing in (0, 1, 2)] == [far, far, READS]


def test_nobody_makes_those_wait_who_come_last() -> None:
    queue = Queue([WRITES, WRITES, WRITES])
    assert [queue.take(writing) for writing in (0, 1, 2, 1)] == [WRITES, WRITES, None, WRITES]


@dataclass(eq=False)
class Worker:
    """What a scheduler of xdist knows of a worker."""

    given: list[int] = field(default_factory=list)
    shutting_down: bool = False
    gateway: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(id="gw"))

    def send_runtest_some(self, items: Sequence[int]) -> None:
        assert not self.shutting_down, "a worker that ends takes nothing more"
        self.given += items

    def shutdown(self) -> None:
        self.shutting_down = True


class Session:
    """A scheduler with its workers, who do what they are given: only what is followed by something, or the last."""

    def __init__(self, sizes: Sequence[int], workers: int) -> None:
        firsts = [sum(sizes[:place]) for place in range(len(sizes))]
        chunks = [
            Chunk(tuple(range(first, first + size)), 1.0, 9.0 * (place % 2))
            for place, (first, size) in enumerate(zip(firsts, sizes, strict=True))
        ]
        self.chunks = chunks
        self.scheduler = CostScheduling.__new__(CostScheduling)
        self.scheduler.numnodes = workers
        self.scheduler.node2collection, self.scheduler.node2pending = {}, {}
        self.scheduler.pending, self.scheduler.collection, self.scheduler.config = [], None, None
        self.scheduler.steal_requested_from_node = None
        self.scheduler._plan, self.scheduler._queue = (lambda _ids, _workers: chunks), None
        self.scheduler._waiting_for_writes = frozenset()
        self.ids = [f"m::item[{number}]" for number in range(sum(sizes))]
        self.done: dict[Worker, list[int]] = {}
        for _ in range(workers):
            self.join()
        self.scheduler.schedule()

    def join(self) -> None:
        worker = Worker()
        self.done[worker] = []
        self.scheduler.add_node(worker)
        self.scheduler.add_node_collection(worker, self.ids)

    def step(self, worker: Worker) -> bool:
        """Let a worker do an item, if it can."""
        waiting = worker.given[len(self.done[worker]) :]
        if not waiting or (len(waiting) == 1 and not worker.shutting_down):
            return False
        self.done[worker].append(waiting[0])
        self.scheduler.mark_test_complete(worker, waiting[0])
        return True

    def finish(self) -> None:
        goes_on = True
        while goes_on:
            steps = [self.step(worker) for worker in list(self.done) if worker in self.scheduler.nodes]
            goes_on = any(steps)

    @property
    def counts(self) -> Counter[int]:
        return Counter(item for done in self.done.values() for item in done)


SIZES = st.lists(st.integers(1, 5), max_size=12)


@given(SIZES, st.integers(1, 5))
@settings(deadline=None)
def test_every_item_is_done_once_and_chunks_stay_whole(sizes: list[int], workers: int) -> None:
    session = Session(sizes, workers)
    session.finish()
    assert session.counts == Counter(range(sum(sizes)))
    assert session.scheduler.tests_finished
    assert not session.scheduler.has_pending
    for chunk in session.chunks:
        (whose,) = [done for done in session.done.values() if chunk.items[0] in done]
        place = whose.index(chunk.items[0])
        assert tuple(whose[place : place + len(chunk.items)]) == chunk.items


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(2, 4), st.integers(0, 8), st.data())
@settings(deadline=None)
def test_what_a_worker_that_died_left_is_done_by_another(
    sizes: list[int], workers: int, steps: int, data: st.DataObject
) -> None:
    session = Session(sizes, workers)
    for _ in range(steps):
        session.step(data.draw(st.sampled_from(list(session.done))))
    victim = data.draw(st.sampled_from(session.scheduler.nodes))
    crashed = session.scheduler.remove_node(victim)
    session.join()  # xdist starts another one in its place
    session.scheduler.schedule()
    session.finish()
    lost = Counter({session.ids.index(crashed): 1}) if crashed is not None else Counter()
    assert session.counts + lost == Counter(range(sum(sizes)))
    assert session.scheduler.tests_finished
