"""The journal survives whatever happens to its process."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from conformance.target.guard import Outgoing
from conformance.target.journal import DELETION_ORDER, Journal, Resource, creations, in_deletion_order, read_journal

resources = st.builds(Resource, st.sampled_from(DELETION_ORDER), st.text(min_size=1, max_size=20))
steps = st.lists(st.tuples(st.sampled_from(["intend", "gone", "refused"]), resources), max_size=30)


@given(steps, st.integers(min_value=0, max_value=40))
def test_file_tells_what_may_exist_even_when_torn(tmp_path_factory, steps, torn: int) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path_factory.mktemp("journal") / "journal-main.jsonl"
    journal = Journal(file)
    for method, resource in steps:
        getattr(journal, method)([resource])
    journal.close()
    expected = set(journal)
    assert set(read_journal(file) if file.exists() else []) == expected
    if file.exists():
        with file.open("ab") as stream:
            stream.write(b'{"event": "create", "kind": "rule", "id": "half'[: torn + 1])
        assert set(read_journal(file)) == expected


def test_creation_is_on_disk_before_intend_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal-main.jsonl")
    journal.intend([Resource("rule", "r1")])
    assert read_journal(journal.file) == [Resource("rule", "r1")]


@given(st.lists(resources, max_size=20))
def test_dependents_are_deleted_first(some: list[Resource]) -> None:
    kinds = [DELETION_ORDER.index(resource.kind) for resource in in_deletion_order(some)]
    assert kinds == sorted(kinds)


def test_creations_are_read_from_any_body_the_server_could_read() -> None:
    connector = Outgoing("POST", "/connectors", b"{'type':'http','name':'a',}")
    assert creations("POST /connectors", {}, connector) == [Resource("connector", "http:a")]
    bulk = Outgoing("POST", "/publish/bulk", b'[{"topic":"t","retain":true},{"topic":"u"}]')
    assert creations("POST /publish/bulk", {}, bulk) == [Resource("retained", "t")]
    upsert = Outgoing("PUT", "/rules/r", b"{}")
    assert creations("PUT /rules/{id}", {"id": "r"}, upsert) == [Resource("rule", "r")]
    assert creations("GET /rules", {}, Outgoing("GET", "/rules", b"")) == []
