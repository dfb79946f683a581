"""The pytest plugin: options, markers and fixtures of the suite, and the start of a run.

It does nothing unless items of the suite are selected, so that the suite's own tests run beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.checks.recorder import Recorder
from conformance.contract import Contract
from conformance.controller import Controller
from conformance.itemrun import ItemRunner
from conformance.items import PACKAGE, is_conformance_path
from conformance.report import allure_results
from conformance.run import Context, Plan, stop_flag
from conformance.start import StartError
from conformance.stopping import INTERRUPTED, Interrupts
from conformance.target.capabilities import Capabilities
from conformance.target.options import OPTIONS
from conformance.target.sandbox import Sandbox
from conformance.target.session import Api
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.waivers import load_waivers

MARKERS = (
    "fuzz: property-based items",
    "model: model-based state machines",
    "scenario: hand-written stateful scenarios",
    "requirement(id): the requirement a test verifies",
    "needs(capability): skipped with a reason where the target lacks it (mqtt, authenticator, authorization, sink, "
    "viewer, publisher, users, decisions, told denials, retainer, schemas, loop)",
    "reads: sends nothing but reads and arranges nothing, so that it runs with --read-only",
    "mode(mode, why): skipped unless the run's mode allows at least as much (see conformance.target.mode)",
    "writes(label): operations a test uses that its id does not name",
    "state(name, alone=False): global state a test relies on, or changes for everybody (alone=True)",
    "resource_type(type): the connector or action type a test is about",
)

_RUNNER = pytest.StashKey[ItemRunner]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "EMQX conformance")
    for option in OPTIONS:
        if option.is_flag:
            group.addoption(option.flag, dest=_destination(option.field), action="store_true", help=option.help)
        else:
            group.addoption(
                option.flag,
                dest=_destination(option.field),
                metavar=option.metavar,
                choices=option.choices or None,
                help=option.help,
            )


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        if "conformance" in config.workerinput:
            plan = Plan.from_json(config.workerinput["conformance"])
            _start_items(config, plan, config.workerinput["workerid"], _interrupts_of_worker(plan))
        return
    if config.option.collectonly or not _selects_conformance(config):
        return
    controller = _controller(config)
    if controller is None:
        options = {option.field: getattr(config.option, _destination(option.field)) for option in OPTIONS}
        try:
            controller = Controller.start(options)
        except StartError as error:
            pytest.exit(str(error), returncode=error.exit_code)
        config.pluginmanager.register(controller)
    controller.complete = _selects_everything(config)
    if controller.plan.configuration.waivers is not None:
        try:
            controller.check_waivers()
        except StartError as error:
            pytest.exit(str(error), returncode=error.exit_code)
    if not getattr(config.option, "numprocesses", None):
        _start_items(config, controller.plan, "main", controller.interrupts)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    runner = session.config.stash.get(_RUNNER, None)
    controller = _controller(session.config)
    for part in (runner, controller):
        if part is not None:
            part.interrupts.hold()
    if runner is None:
        return
    runner.finish()
    if controller is None:
        session.config.workeroutput["conformance"] = runner.summary()  # type: ignore[attr-defined]
    else:
        controller.worker_finished(**runner.summary())


def _controller(config: pytest.Config) -> Controller | None:
    """The controller of the run, if this process has one."""
    return next((plugin for plugin in config.pluginmanager.get_plugins() if isinstance(plugin, Controller)), None)


def _interrupts_of_worker(plan: Plan) -> Interrupts:
    """A signal to a worker of xdist ends the whole run: Ctrl-C reaches all processes of a terminal."""
    interrupts = Interrupts()
    interrupts.install()
    interrupts.ask(lambda: stop_flag(plan).set(INTERRUPTED))
    return interrupts


def _start_items(config: pytest.Config, plan: Plan, worker: str, interrupts: Interrupts) -> None:
    runner = ItemRunner(Context(plan, worker), load_waivers(plan.configuration.waivers), interrupts)
    concealer = allure_results.Concealer(runner.context.recorder.hide)
    concealer.__enter__()
    config.add_cleanup(concealer.__exit__)
    config.stash[_RUNNER] = runner
    config.pluginmanager.register(runner, "conformance-items")


def _selects_conformance(config: pytest.Config) -> bool:
    for argument in config.args:
        location = argument.partition("::")[0]
        if config.option.pyargs and location.split(".")[0] == "conformance":
            return True
        if is_conformance_path(config.invocation_params.dir / location):
            return True
    return False


def _selects_everything(config: pytest.Config) -> bool:
    """Whether the arguments name the whole suite rather than some items of it."""
    option = config.option
    if option.keyword or option.markexpr or option.deselect or option.maxfail:
        return False
    locations = [config.invocation_params.dir / argument for argument in config.args]
    return any(PACKAGE.is_relative_to(location.resolve()) for location in locations) or "conformance" in config.args


def _destination(field: str) -> str:
    return f"conformance_{field}"


@pytest.fixture(scope="session")
def context(pytestconfig: pytest.Config) -> Context:
    """Everything of this worker."""
    return pytestconfig.stash[_RUNNER].context


@pytest.fixture(scope="session")
def api(context: Context) -> Api:
    """The session with the target: every answer is checked against the contract."""
    return context.api


@pytest.fixture(scope="session")
def contract(context: Context) -> Contract:
    return context.contract


@pytest.fixture(scope="session")
def recorder(context: Context) -> Recorder:
    """Where an item records what it decided."""
    return context.recorder


@pytest.fixture(scope="session")
def sandbox(context: Context) -> Sandbox:
    """Names and topics this worker may use."""
    return context.sandbox


@pytest.fixture(scope="session")
def capabilities(context: Context) -> Capabilities:
    return context.capabilities


@pytest.fixture
def target(context: Context) -> Iterator[Target]:
    """The target's collections and broker; whatever the item creates is deleted after it."""
    target = context.target()
    yield target
    target.close()


@pytest.fixture
def sink(context: Context) -> HttpSink:
    """The HTTP sink of this worker."""
    return context.sink
