"""The pytest plugin: options, markers and fixtures of the suite, and the start of a run.

It does nothing unless items of the suite are selected, so that the suite's own tests run beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from conformance.checks.recorder import Recorder
from conformance.contract import Contract, cache, load_contract
from conformance.exit_codes import USAGE_ERROR
from conformance.result import PartSelected
from conformance.run import allure_results
from conformance.run.beginning import StartError
from conformance.run.choice import Choice, check_requirements, tags_of
from conformance.run.controller import Controller
from conformance.run.item_life import ItemRunner
from conformance.run.node_ids import PACKAGE, give_stable_id
from conformance.run.order import by_type
from conformance.run.sample import sample_for
from conformance.run.sharding import cost_in, cut
from conformance.target.capabilities import Capabilities
from conformance.target.errors import ConfigurationError
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.session import Api
from conformance.target.settings.options import CHOICES, OPTIONS, Option
from conformance.target.sink import HttpSink
from conformance.target.target import Target
from conformance.waivers import load_waivers
from conformance.worker.context import Context, state_folder, stop_flag
from conformance.worker.plan import Plan
from conformance.worker.stopping import INTERRUPTED, Interrupts
from emqx_conformance_extensions import GROUP, folders, installed
from emqx_conformance_pytest import locations, selects_suite

MARKERS = (
    "fuzz: property-based items",
    "model: model-based state machines",
    "scenario: hand-written stateful scenarios",
    "requirement(id): the requirement a test verifies",
    "needs(capability): skipped with a reason where the target lacks it (mqtt, authenticator, authorization, sink, "
    "viewer, publisher, bearer, users, decisions, told denials, retainer, schemas, loop)",
    "reads: sends nothing but reads and arranges nothing, so that it runs with --read-only",
    "mode(mode, why): skipped unless the run's mode allows at least as much (see conformance.target.guard.mode)",
    "writes(label): operations a test uses that its id does not name",
    "state(name, alone=False): global state a test relies on, or changes for everybody (alone=True)",
    "resource_type(type): the connector or action type a test is about",
)

_CHOICE = pytest.StashKey[tuple[Choice, Mapping[str, str]]]()
_RUNNER = pytest.StashKey[ItemRunner]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "EMQX conformance")
    for option in (*OPTIONS, *CHOICES):
        settings: dict[str, Any] = {"dest": _destination(option.field), "help": option.help}
        if option.is_flag:
            settings["action"] = "store_true"
        else:
            settings |= {"metavar": option.metavar, "choices": option.choices or None}
            settings["action"] = "append" if option.is_list else "store"
        # Another plugin may have an option of that name (pytest-base-url has --base-url): see `_given`.
        with contextlib.suppress(argparse.ArgumentError):
            group.addoption(option.flag, **settings)


# Before the cache of pytest looks at its own options of the same meaning.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if _selects_conformance(config):
        _take_over(config)
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_itemcollected(item: pytest.Item) -> None:
    give_stable_id(item)


def _take_over(config: pytest.Config) -> None:
    """Read pytest's ``--lf`` and ``--ff`` as ``--last-failed`` and ``--failed-first``: a report knows what failed."""
    for theirs, ours in (("lf", "last_failed"), ("failedfirst", "failed_first")):
        if getattr(config.option, theirs, False):
            setattr(config.option, theirs, False)
            setattr(config.option, _destination(ours), True)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is imported and collected stays to the end: the more there is, the longer it takes to look for garbage."""
    if not gc.isenabled() or not _selects_conformance(session.config):
        return (yield)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    choice, tags = config.stash.get(_CHOICE, (Choice(), {}))
    if _CHOICE in config.stash:
        items[:] = by_type(items)
    if choice.narrows or choice.first:
        items[:], others = choice.of(items, tags)
        if others:
            config.hook.pytest_deselected(items=others)
    runner = config.stash.get(_RUNNER, None)
    if runner is not None and _selection(config, choice.whole) is None:
        runner.context.sample = sample_for(runner.context, items, sharded=choice.shard is not None)
    if choice.shard is not None and runner is not None:
        cost = cost_in(runner.context, choice.shard_costs)
        items[:], runner.shard = cut(items, choice.shard, cost)
    if (controller := _controller(config)) is not None:
        items[:] = controller.dispatch.in_order(items)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        if "conformance" in config.workerinput:
            plan = Plan.from_json(config.workerinput["conformance"])
            contract = load_contract(plan.configuration.contract, plan.contract_version)
            config.stash[_CHOICE] = Choice.from_json(config.workerinput["conformance_choice"]), tags_of(contract)
            _start_items(config, plan, config.workerinput["workerid"], _interrupts_of_worker(plan))
        return
    if config.option.collectonly or not _selects_conformance(config):
        return
    controller = _controller(config)
    if controller is None:
        chosen = _all_given(config, CHOICES)
        try:
            check_requirements(chosen["requirement"] or ())
            controller = Controller.start(_all_given(config, OPTIONS), chosen)
        except ConfigurationError as error:
            pytest.exit(str(error), returncode=USAGE_ERROR)
        except StartError as error:
            pytest.exit(str(error), returncode=error.exit_code)
        config.pluginmanager.register(controller)
    config.pluginmanager.register(controller.dispatch)
    controller.gathered.selection = _selection(config, controller.choice)
    controller.gathered.whole = _selection(config, controller.choice.whole)
    controller.dispatch.whole = controller.gathered.whole is None
    config.stash[_CHOICE] = controller.choice, tags_of(controller.contract)
    try:
        controller.check_names()
    except StartError as error:
        controller.abandon(error)
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
    # Hypothesis keeps tables of characters, which take it a second to make: not in whatever folder the user is in.
    kept = cache.folder_for("hypothesis")
    set_hypothesis_home_dir(kept or state_folder(plan.configuration, plan.run_id) / "hypothesis")
    runner = ItemRunner(Context(plan, worker), load_waivers(*plan.configuration.waivers), interrupts)
    attendant = allure_results.Attendant(runner.context.recorder.hide, runner.unwritable)
    stack = contextlib.ExitStack()
    stack.enter_context(attendant)
    config.add_cleanup(stack.close)
    config.stash[_RUNNER] = runner
    config.pluginmanager.register(runner, "conformance-items")


def _selects_conformance(config: pytest.Config) -> bool:
    return selects_suite(
        config.args,
        config.invocation_params.dir,
        pyargs=config.option.pyargs,
        ignored=config.getini("norecursedirs"),
    )


def _selection(config: pytest.Config, choice: Choice) -> PartSelected | None:
    """What the command line selects, None if that is the whole suite."""
    option = config.option
    selected = list(locations(config.args, config.invocation_params.dir, pyargs=option.pyargs))
    whole = all(any(package.is_relative_to(location) for location in selected) for package in (PACKAGE, *folders()))
    narrows = choice.narrows or choice.shard is not None
    if whole and not (option.keyword or option.markexpr or option.deselect or narrows):
        return None
    return PartSelected(
        items=[] if whole else [_short(argument) for argument in config.args],
        expression=option.keyword or None,
        markers=option.markexpr or None,
        deselected=list(option.deselect or ()),
        options=list(choice.told) if narrows else [],
    )


def _short(argument: str) -> str:
    """An argument as the id of an item, where it is a path into this package or an extension."""
    for root in (PACKAGE.parent, *(extension.root for extension in installed())):
        argument = argument.removeprefix(f"{root}{os.sep}")
    return argument


def _all_given(config: pytest.Config, options: Iterable[Option]) -> dict[str, Any]:
    return {option.field: _given(config, option) for option in options}


def _given(config: pytest.Config, option: Option) -> Any:
    """The value of an option on the command line, also where the option of that name is another plugin's."""
    if hasattr(config.option, _destination(option.field)):
        return getattr(config.option, _destination(option.field))
    named = any(str(argument).partition("=")[0] == option.flag for argument in config.invocation_params.args)
    return config.getoption(option.flag) if named else None


def _destination(field: str) -> str:
    return f"conformance_{field}"


@pytest.fixture(scope="session")
def context(pytestconfig: pytest.Config) -> Context:
    """Everything of this worker."""
    runner = pytestconfig.stash.get(_RUNNER, None)
    if runner is None:
        pytest.fail(
            "no run of the conformance suite is on: its fixtures serve tests in packages of the entry-point group "
            f"{GROUP} (emqx-conformance new-scenario NAME writes one)",
            pytrace=False,
        )
    return runner.context


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
