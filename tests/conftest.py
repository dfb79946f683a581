"""What all tests share. Settings of property tests: what a machine under load takes is no failure."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nightly", action="store_true", help="Also what is marked nightly: more of the same, for a night."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for the night, unless it is asked for, by an id or by words as well."""
    if config.getoption("--nightly") or config.option.keyword or any("::" in argument for argument in config.args):
        return
    late = {item for item in items if item.get_closest_marker("nightly")}
    if late:
        items[:] = [item for item in items if item not in late]
        config.hook.pytest_deselected(items=list(late))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can get."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])
