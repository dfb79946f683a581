"""Packages of one's own requirements count as those of the suite do, or are refused in a sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import emqx_conformance_extensions
from conformance import api
from conformance.catalogue import extensions
from conformance.catalogue.extensions import import_extensions
from conformance.checks import additional
from conformance.checks import extensions as importing
from conformance.checks.additional import AdditionalCheck
from conformance.checks.extensions import ExtensionError
from conformance.commands.new_scenario import contents
from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.requirements import REQUIREMENTS
from emqx_conformance_extensions import Extension
from emqx_conformance_pytest import locations, selects_suite
from tests.plugin.extensions import install
from tests.plugin.installed import ROOT, pytest_beside
from tests.run.command import environment, report_of, run
from tests.waiting import RUN_PATIENCE_S

EXAMPLE = ROOT / "docs" / "examples" / "acme-conformance"
GUIDE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")

VERSION_1 = {
    "CAPABILITIES", "VERSION", "Answer", "Api", "Capabilities", "Contract", "Delivery", "Deviation", "HttpSink",
    "Judgment", "Mode", "MqttClient", "MqttError", "Operation", "Sandbox", "Target", "Timing", "answer_check",
    "eventually", "not_demanded", "requirement",
}  # fmt: skip


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example beside a package with a requirement that no EMQX keeps, and a waiver for it."""
    site = install(EXAMPLE, tmp_path_factory.mktemp("extensions"))
    project = tmp_path_factory.mktemp("strict-project")
    for path, text in contents("strict").items():
        if not path.endswith(("test_messages.py", "checks.py")):
            file = project / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(text.replace("assert found == [reason]", "assert found == []"))
    waiver = {
        "id": "strict-lists-bans", "requirement": "STRICT-01", "versions": ">=5.8.0", "reason": "Nobody can do that.",
        "link": "https://tracker.example/1", "owner": "quality", "expires": "2099-12-31",
    }  # fmt: skip
    lines = ["[[waiver]]", *(f'{key} = "{value}"' for key, value in waiver.items())]
    (project / "strict_conformance" / "waivers.toml").write_text("\n".join(lines))
    return install(project, site)


def test_example_is_what_the_command_writes() -> None:
    files = {path.relative_to(EXAMPLE).as_posix() for path in EXAMPLE.rglob("*") if path.is_file()}
    expected = contents("acme")
    assert {path for path in files if "__pycache__" not in path} == set(expected)
    for path, text in expected.items():
        assert (EXAMPLE / path).read_text(encoding="utf-8") == text, f"emqx-conformance new-scenario acme: {path}"


def test_requirements_of_extensions_decide(target: EmbeddedDeployment, installed: Path, tmp_path: Path) -> None:
    assert target.mqtt is not None
    env = environment(target, MQTT=target.mqtt) | {"PYTHONPATH": str(installed)}
    selected = ("-n", "0", "acme_conformance", "strict_conformance")
    failed = run("run", *selected, "--report-dir", "failed", env=env, cwd=tmp_path)
    report = report_of(tmp_path / "failed")
    outcomes = {entry["id"]: entry["outcome"] for entry in report["requirements"]}
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert {name: outcomes[name] for name in outcomes if name.startswith(("ACME", "STRICT"))} == {
        "ACME-01": "passed", "ACME-02": "passed", "ACME-03": "passed", "STRICT-01": "failed",
    }  # fmt: skip
    assert report["extensions"] == ["acme (acme-conformance 0.1.0)", "strict (strict-conformance 0.1.0)"]
    assert report["selection"]["items"] == ["acme_conformance", "strict_conformance"]
    assert all(extension in failed.stdout for extension in report["extensions"])
    (failure,) = report["failures"]
    assert failure["item"] == "strict_conformance/test_bans.py::test_reason_is_kept"
    assert "/banned" in failure["curl"]

    waived = run("run", *selected, "--waivers", "strict", "--report-dir", "waived", env=env, cwd=tmp_path)
    assert waived.returncode == 0, waived.stdout + waived.stderr
    assert [use["state"] for use in report_of(tmp_path / "waived")["waivers"]] == ["reproduced"]


def test_items_are_called_alike_however_they_are_selected(installed: Path, site: Path, tmp_path: Path) -> None:
    """By module name, from another folder, beside an installed suite."""
    both = f"{site}:{installed}"
    arguments = ("--collect-only", "-q", "--pyargs", "acme_conformance.test_bans", "conformance.scenarios.test_texts")
    completed = pytest_beside(Path(both), *arguments, cwd=tmp_path)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    found = [line for line in completed.stdout.splitlines() if "::" in line]
    assert "acme_conformance/test_bans.py::test_reason_is_kept" in found
    assert any(line.startswith("conformance/scenarios/test_texts.py::") for line in found)


def test_catalogue_lists_extensions(installed: Path, tmp_path: Path) -> None:
    listed = run("requirements", env=environment() | {"PYTHONPATH": str(installed)}, cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert {"ACME-01", "ACME-02", "STRICT-01", "GEN-14"} <= {line.split()[0] for line in listed.stdout.splitlines()}


def test_fixture_in_a_foreign_project_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(target):\n    target.rules.create()\n")
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "conformance.plugin", "test_it.py"],
        env=environment() | {"PYTHONPATH": str(ROOT)}, cwd=tmp_path, capture_output=True, text=True,
        timeout=RUN_PATIENCE_S, check=False,
    )  # fmt: skip
    assert completed.returncode == 1
    assert "no run of the conformance suite is on" in completed.stdout
    assert emqx_conformance_extensions.GROUP in completed.stdout
    assert "KeyError" not in completed.stdout


Write = Callable[..., Extension]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the package ``gadget`` of an extension in this process; everything it registers is forgotten again."""
    import_module("conformance.scenarios.test_rules")  # some of the suite, whose ids nobody else may take
    known = {identifier: (list(entry.verified_by), entry.operations) for identifier, entry in REQUIREMENTS.items()}
    checks = list(additional.ADDITIONAL)
    monkeypatch.syspath_prepend(tmp_path)

    def write(files: dict[str, str], name: str = "gadget", package: str = "gadget") -> Extension:
        for path, text in {"__init__.py": "CONFORMANCE_API = 1\n", **files}.items():
            file = tmp_path / "gadget" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        extension = Extension(name, package, "gadget-requirements", "2.1")
        for module in (extensions, importing, emqx_conformance_extensions):
            monkeypatch.setattr(module, "installed", lambda: (extension,))
        monkeypatch.setattr("emqx_conformance_pytest.installed", lambda: (extension,))
        return extension

    yield write
    additional.ADDITIONAL[:] = checks
    for identifier in [*REQUIREMENTS]:
        if identifier not in known:
            del REQUIREMENTS[identifier]
        else:
            REQUIREMENTS[identifier].verified_by, REQUIREMENTS[identifier].operations = known[identifier]
    for module in [name for name in sys.modules if name.partition(".")[0] == "gadget"]:
        del sys.modules[module]


def declared(identifier: str, *operations: str, inside: str = "def test_it(target):") -> dict[str, str]:
    named = ", ".join(map(repr, (identifier, *operations)))
    return {
        "test_it.py": "from conformance.api import requirement\n\n"
        f"@requirement({named})\n{inside}\n    'A claim.'\n"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"__init__.py": ""}, "gadget.CONFORMANCE_API is None, and this suite has version 1 of conformance.api"),
        ({"__init__.py": "CONFORMANCE_API = 2"}, "gadget.CONFORMANCE_API is 2, and this suite has version 1"),
        ({"checks.py": "1 / 0"}, "gadget.checks cannot be imported: ZeroDivisionError: division by zero"),
        ({"test_it.py": "import pytest\npytest.skip('never', allow_module_level=True)"}, "cannot be imported: Skipped"),
        ({"test_it.py": "from conformance.api import nothing"}, "gadget.test_it cannot be imported: ImportError"),
        ({"more/test_it.py": ""}, "gadget/more holds tests and has no __init__.py"),
        (declared("GEN-99", "GET /rules"), "requirement GEN-99: the suite has ids GEN-"),
        (declared("RUL-08", "GET /rules"), "requirement RUL-08: the suite has ids RUL-"),
        (declared("A-1", "GET /rules"), "requirement A-1: an id is like ACME-01"),
        (declared("GADGET-01", "GET /gadgets"), "requirement GADGET-01: there is no operation 'GET /gadgets'"),
    ],
)
def test_extension_that_is_out_of_order_is_named(package: Write, files: dict[str, str], sentence: str) -> None:
    package(files)
    with pytest.raises(ExtensionError) as caught:
        import_extensions({"GET /rules"})
    assert str(caught.value).startswith("extension gadget")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_extension_without_a_package_is_named(package: Write) -> None:
    package({}, package="nowhere.at.all")
    with pytest.raises(ExtensionError, match=r"gadget-requirements 2\.1\): there is no package nowhere\.at\.all"):
        import_extensions()


def test_extension_in_order_is_taken(package: Write) -> None:
    package(declared("GADGET-01", "GET /rules"))
    import_extensions({"GET /rules"})
    import_extensions({"GET /rules"})
    assert REQUIREMENTS["GADGET-01"].verified_by == ["gadget.test_it.test_it"]


def test_session_with_items_of_an_extension_loads_the_suite(package: Write, tmp_path: Path) -> None:
    package({"sub/__init__.py": "", "sub/test_more.py": ""})
    plain: Any = {"pyargs": False, "ignored": [".*"]}
    assert selects_suite(["gadget/test_it.py"], tmp_path, **plain)
    assert selects_suite(["."], tmp_path, **plain)
    assert not selects_suite(["other"], tmp_path, **plain)
    names = ["gadget", "gadget.sub", "gadget.sub.test_more::test_it", "gadgets"]
    places = [tmp_path / place for place in ("gadget", "gadget/sub", "gadget/sub/test_more.py", "gadgets")]
    assert list(locations(names, tmp_path, pyargs=True)) == places


@pytest.mark.parametrize("judgment", [False, "", 1, ["wrong"]])
def test_check_that_gives_no_judgment_is_an_error(judgment: Any) -> None:
    check = AdditionalCheck("GADGET-02", "judge", lambda _answer, _operation: judgment)
    with pytest.raises(TypeError, match="judge of GADGET-02 returned"):
        check.decide(None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "Acme", "ac", "1acme", "acme-x", "a" * 13, "../acme"])
def test_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    refused = run("new-scenario", "--", name, env=environment(), cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is no name of 3 to 12 small letters and digits" in refused.stderr


def test_package_is_never_written_over_something(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "file"):
        refused = run("new-scenario", "acme", "--into", str(folder), env=environment(), cwd=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") <= 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_api_keeps_what_it_has_and_is_documented() -> None:
    assert api.VERSION == 1
    assert set(api.__all__) >= VERSION_1, "what is taken away needs a new version"
    missing = [name for name in api.__all__ if f"`{name}`" not in GUIDE]
    assert missing == [], "docs/extending.md names everything"
    assert all(getattr(api, name) is not None for name in api.__all__)
