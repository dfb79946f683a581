"""Choosing variant and version, and the cache."""

import pytest

from conformance.contract import cache as kept
from conformance.contract import loading
from conformance.contract.cache import cache_folder
from conformance.contract.document import DocumentError, openapi_root
from conformance.contract.loading import described_versions, load_contract, load_published
from conformance.contract.versions import VersionError


def afresh(*arguments, **options):
    """The contract, from its files as they are now."""
    loading._loaded.cache_clear()
    return load_contract(*arguments, **options)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of our own, in which made documents are small; tells its folder."""
    monkeypatch.setattr(kept.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        loading, "_make", lambda _root, variant, version: {"paths": {}, "x-made": f"{variant} {version}"}
    )
    yield tmp_path / "cache" / "emqx-conformance"
    loading._loaded.cache_clear()


def test_both_variants_have_the_same_operations():
    published, corrected = load_contract("published"), load_contract("corrected")
    assert list(published.operations) == list(corrected.operations)
    assert published.digest != corrected.digest


@pytest.mark.parametrize(
    ("wanted", "described"),
    [
        (None, "5.8.9"), ("5.8.9", "5.8.9"), ("5.8.1", "5.8.1"), ("5.8.4", "5.8.1"), ("5.0.0", "5.8.1"),
        ("6.1.2", "5.8.9"), ("v5.8.9", "5.8.9"), ("e5.8.9-rc.1", "5.8.9"), (" 5.10.0 ", "5.8.9"),
        ("5.8", "5.8.1"), ("5.8.9-g12ab", "5.8.9"),
    ],
)  # fmt: skip
def test_the_closest_described_version_below_is_chosen(wanted, described):
    assert load_contract(version=wanted).version == described


@pytest.mark.parametrize("garbled", ["five", "5", "5.8.9.1", "5.8.x", "-5.8.1"])
def test_a_garbled_version_is_one_clear_error(garbled):
    with pytest.raises(VersionError, match=r"is no EMQX version; expected one like 5\.8\.9"):
        load_contract(version=garbled)


def test_versions_are_ordered_as_numbers(tmp_path):
    folder = tmp_path / "overlays" / "versions"
    folder.mkdir(parents=True)
    for version in ("5.8.9", "5.10.0", "5.8.10"):
        (folder / f"{version}.yaml").touch()
    assert described_versions(tmp_path) == ["5.8.9", "5.8.10", "5.10.0"]


def test_without_any_described_version_there_is_an_error(tmp_path):
    with pytest.raises(DocumentError, match="no overlay describes a version"):
        loading.describe_version(tmp_path, "5.8.9")


def test_versions_differ_as_their_overlays_say():
    old, new = load_contract(version="5.8.1"), load_contract(version="5.8.9")
    imported = "POST /authentication/password_based:built_in_database/import_users"
    assert "tablestore" not in old.types("actions")
    assert "tablestore" in new.types("actions")
    assert "tablestore" in new.types("connectors")
    assert {204} == {status for status in old.operation(imported).responses if status < 300}
    assert {200} == {status for status in new.operation(imported).responses if status < 300}


def test_the_second_load_comes_from_the_cache(cache, monkeypatch):
    first = afresh()
    assert len(list(cache.glob("*.json"))) == 1
    monkeypatch.setattr(loading, "_make", None)  # making it again would fail
    assert afresh().document == first.document


def test_variants_and_versions_do_not_share_a_cache_entry(cache):
    digests = {afresh("published").digest, afresh(version="5.8.1").digest, afresh().digest}
    assert len(digests) == 3
    assert len(list(cache.glob("*.json"))) == 3


@pytest.mark.parametrize("damage", ["", "{", "\n[]", "0000\n{}", "\udcff", "of another", "a flipped bit"])
def test_a_damaged_cache_is_ignored_and_replaced(cache, damage):
    good = afresh()
    (entry,) = cache.glob("*.json")
    whole = entry.read_bytes()
    if damage == "of another":
        kept.keep("another", {"paths": {"/x": {}}})
        (entry.parent / "another.json").replace(entry)
    elif damage == "a flipped bit":
        entry.write_bytes(whole.replace(b"corrected", b"corrected".upper()))
    else:
        entry.write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert entry.read_bytes() != whole
    assert afresh().document == good.document
    assert entry.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_error(cache):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    assert afresh().document["x-made"] == "corrected 5.8.9"


def test_a_failed_write_leaves_nothing_behind(cache, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(kept.Path, "replace", fail)
    afresh()
    assert list(cache.iterdir()) == []


def test_old_cache_entries_are_forgotten(cache):
    cache.mkdir(parents=True)
    for number in range(30):
        (cache / f"{number}.json").write_text("{}")
    afresh()
    assert len(list(cache.glob("*.json"))) <= 17


@pytest.mark.parametrize(("platform", "variable"), [("linux", "XDG_CACHE_HOME"), ("darwin", "HOME")])
def test_the_cache_is_in_the_users_cache_directory(platform, variable, monkeypatch, tmp_path):
    monkeypatch.setattr(kept.sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert cache_folder().is_relative_to(tmp_path)
    assert cache_folder().name == "emqx-conformance"


def test_a_document_survives_the_cache():
    # JSON has only text keys: a YAML key such as 200 without quotes would not survive.
    made = loading.correct(openapi_root(), "5.8.9")[0]
    assert afresh().document == made


def test_what_a_version_publishes_has_nothing_beyond_its_document():
    published = load_published("5.8.9").document["components"]["schemas"]
    assert "bridge_tablestore.get_connector" in published
    assert "created_at" not in published["bridge_http.get_bridge_v2"]["properties"]
