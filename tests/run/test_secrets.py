"""No secret gets out: everything a run writes and shows is searched, after a target told all it was told."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.reference.node_configuration import NodeConfiguration
from conformance.target.resources.access import PASSWORD
from tests.faults.proxy import FaultProxy, Reply, Request
from tests.run.command import environment, output_of, report_of, start
from tests.waiting import RUN_PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]
FUZZ = "conformance/fuzz/test_operations.py"
USERS = "/authentication/password_based:built_in_database/users"
ITEMS = [
    f"{FUZZ}::test_positive[POST /connectors-mysql]",
    f"{FUZZ}::test_positive[POST /connectors_probe-http]",
    f"{FUZZ}::test_positive[GET /connectors]",
    f"{FUZZ}::test_positive[POST /rules]",
    f"{FUZZ}::test_positive[GET /rules]",
    f"{FUZZ}::test_positive[POST /publish]",
    f"{FUZZ}::test_negative[POST /connectors-mysql]",
    f"{FUZZ}::test_boundaries[POST {USERS}]",
    f"{FUZZ}::test_examples[POST /connectors-mqtt]",
    f"{FUZZ}::test_unknown_id[GET /rules/{{id}}]",
    "conformance/fuzz/test_access.py::test_wrong_credentials[GET /rules]",
    "conformance/scenarios/test_flagship.py::test_message_reaches_the_sink",
    "conformance/scenarios/test_connector_secrets.py::test_http_connector_keeps_its_authorization",
]
ONE_ITEM = f"{FUZZ}::test_positive[GET /rules]"
EXAMPLE_SECRET = "not-a-real-password"  # of the connectors in the contract's examples

# What a target needs so that a run begins and cleans up.
_SPARED = ("/action_types", "/nodes")


class Telltale:
    """Answers with all it was told, in every place an answer has."""

    def __init__(self) -> None:
        self._turn = itertools.count()

    def __call__(self, request: Request, forward: Callable[[], Reply]) -> Reply | None:
        reply = forward()
        if request.path in _SPARED or request.method == "DELETE" or request.authorization is None:
            return reply
        told = "; ".join(tellings(request))
        turn = next(self._turn) % 7
        if turn == 0:
            return reply.with_json({"code": "INTERNAL_ERROR", "message": f"{{error,{{badmatch,{told}}}}}"}, 500)
        if turn == 1:
            return reply.with_json({"data": told, "meta": {told: told}})
        if turn == 2:
            return reply.with_json({"code": told, "message": told}, 400)
        if turn == 3:
            return Reply(404, {"content-type": "text/html"}, f"<h1>{told}</h1>".encode())
        if turn == 4:
            header = told.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")
            return Reply(418, {**reply.headers, "x-told": header}, reply.body)
        if turn == 5:
            return Reply(reply.status, reply.headers, told.encode() + b"\xff")
        return reply


def tellings(request: Request) -> Iterator[str]:
    authorization = request.authorization or ""
    yield f'authorization => <<"{authorization}">>'
    yield authorization
    scheme, _, value = authorization.partition(" ")
    secret = base64.b64decode(value).decode().partition(":")[2] if scheme == "Basic" else value
    yield from spellings(secret)
    for neighbours in ("", "x", "xy"):
        yield from base64_of(f"{neighbours}{secret}tail")
    body = request.body.decode("utf-8", "replace")
    yield body
    yield json.dumps(body)


def spellings(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield secret.encode().hex()


def base64_of(text: str) -> Iterator[str]:
    yield base64.b64encode(text.encode()).decode()
    yield base64.urlsafe_b64encode(text.encode()).decode()


def traces(secret: str) -> Iterator[str]:
    """What would show that a secret got out: also what is the same in base64 with any neighbours."""
    yield from spellings(secret)
    for offset in range(3):
        yield from (encoded[4:-4] for encoded in base64_of("x" * offset + secret))


@pytest.fixture(scope="module")
def target() -> Iterator[EmbeddedDeployment]:
    with start_embedded(configuration=NodeConfiguration(authentication_enable=True)) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def told(target: EmbeddedDeployment) -> Iterator[str]:
    """Base URL of the target behind the telltale."""
    with FaultProxy(target.base_url, Telltale()) as proxy:
        yield proxy.base_url


def secrets_of(target: EmbeddedDeployment) -> list[str]:
    roles = [secret for _, secret in target.role_keys.values()]
    return [target.api_secret, target.bearer_token, *roles, EXAMPLE_SECRET, PASSWORD]


def headers_of(target: EmbeddedDeployment) -> list[str]:
    """Values of Authorization headers, without the scheme."""
    keys = [(target.api_key, target.api_secret), *target.role_keys.values()]
    return [base64.b64encode(":".join(pair).encode()).decode() for pair in keys]


def environment_with_all_keys(target: EmbeddedDeployment, base_url: str) -> dict[str, str]:
    assert target.mqtt is not None
    variables = {"BASE_URL": base_url, "TOKEN": target.bearer_token, "MQTT": target.mqtt, "SEED": "1"}
    for role, (key, secret) in target.role_keys.items():
        variables |= {f"{role.upper()}_KEY": key, f"{role.upper()}_SECRET": secret}
    return environment(target, **variables)


def assert_no_secret(folder: Path, target: EmbeddedDeployment) -> None:
    searched = {trace.encode() for secret in secrets_of(target) for trace in traces(secret)}
    searched |= {secret[:12].encode() for secret in secrets_of(target)}
    searched |= {header.encode() for header in headers_of(target)}
    # Hypothesis notes the constants of the suite's own source, which hold no secret.
    files = [file for file in folder.rglob("*") if file.is_file() and "constants" not in file.parts]
    assert files
    for file in files:
        content = file.read_bytes()
        found = [form for form in searched if form in content]
        assert not found, f"{file}: {found}"


def command_lines() -> Iterator[bytes]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and entry.name != str(os.getpid()):
            try:
                yield (entry / "cmdline").read_bytes()
            except OSError:
                continue


def finish(process: subprocess.Popen[str], target: EmbeddedDeployment) -> int:
    """Wait for a run, looking at the command lines of all processes meanwhile."""
    secrets = [text.encode() for text in (*secrets_of(target), *headers_of(target))]

    def ended() -> bool:
        for line in command_lines():
            assert not any(secret in line for secret in secrets), line
        return process.poll() is not None

    eventually(ended, within_s=RUN_PATIENCE_S, pause_s=0.1)
    return process.returncode


def test_run_against_a_target_that_tells_everything(target: EmbeddedDeployment, told: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.commands.cli", "run", "-n", "2", "--exclusive", *ITEMS]
    process = start(command, tmp_path, environment_with_all_keys(target, told))
    assert finish(process, target) == 1, output_of(tmp_path)

    report = report_of(tmp_path / "reports")
    checks = {failure["check"] for failure in report["failures"]}
    assert {"no_server_error", "documented_status", "response_schema", "error_code", "no_internals"} <= checks, checks
    text = (tmp_path / "reports" / "run.json").read_text() + output_of(tmp_path)
    assert text.count("[redacted]") > 20
    names = {file.name for file in (tmp_path / "reports").iterdir()}
    assert {"run.json", "report.json", "junit.xml", "index.html", "allure-results"} <= names
    assert any(name.startswith("journal-") for name in names)
    assert "Traceback" not in output_of(tmp_path)
    assert_no_secret(tmp_path, target)


LEAKY_PLUGIN = """
import os, pytest

SECRET = os.environ["EMQX_CONFORMANCE_API_SECRET"]

class TheSuiteIsDefective(Exception):
    pass

def fail(told):
    raise TheSuiteIsDefective(f"cannot use {told}, Authorization: Bearer {told}")

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if os.environ["DEFECT"] == "item":
        fail(SECRET)

def pytest_runtest_logfinish(nodeid):
    if os.environ["DEFECT"] == "controller":
        fail(SECRET)

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    if os.environ["DEFECT"] == "worker":
        fail(SECRET)
"""
SUITE = [sys.executable, "-m", "conformance.commands.cli", "run"]
PYTEST = [sys.executable, "-m", "pytest", "-p", "leaky", "--showlocals", "--junitxml", "pytest.xml"]


@pytest.mark.parametrize(
    ("command", "workers", "defect"),
    [
        (SUITE, "0", "item"),
        (SUITE, "0", "controller"),
        (SUITE, "2", "worker"),
        (PYTEST, "0", "item"),
        (PYTEST, "0", "controller"),
        (PYTEST, "2", "worker"),
    ],
    ids=lambda value: "pytest" if value == PYTEST else "suite" if value == SUITE else value,
)
def test_error_of_the_suite_itself(
    command: list[str], workers: str, defect: str, target: EmbeddedDeployment, tmp_path: Path
) -> None:
    plugins = tmp_path.parent / f"{tmp_path.name}-plugins"
    plugins.mkdir()
    (plugins / "leaky.py").write_text(LEAKY_PLUGIN)
    env = environment_with_all_keys(target, target.base_url) | {
        "DEFECT": defect,
        "PYTHONPATH": f"{plugins}{os.pathsep}{ROOT}",
        "PYTEST_PLUGINS": "leaky",
    }
    item = str(ROOT / ONE_ITEM) if command is PYTEST else ONE_ITEM
    reports = ["--alluredir", "reports/allure-results"] if command is PYTEST else []
    process = start([*command, "-n", workers, item, *reports, "--report-dir", "reports"], tmp_path, env)
    assert finish(process, target) == 3, output_of(tmp_path)
    reason = json.loads((tmp_path / "reports" / "run.json").read_text())["run"]["reasons"]
    assert any(
        "TheSuiteIsDefective: cannot use [redacted], Authorization: Bearer [redacted]" in line for line in reason
    )
    if defect != "item":
        assert "in fail" in (tmp_path / "reports" / "internal-error.txt").read_text()
    if command is SUITE:
        assert "Traceback" not in output_of(tmp_path)
        assert "INTERNALERROR" not in output_of(tmp_path)
    assert_no_secret(tmp_path, target)


def test_help_shows_no_secret(target: EmbeddedDeployment, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance.commands.cli", "run", "--help"]
    process = start(command, tmp_path, environment_with_all_keys(target, target.base_url))
    assert finish(process, target) == 0
    assert "--api-secret-file" in output_of(tmp_path)
    assert_no_secret(tmp_path, target)
