"""An installed suite for all tests of this folder."""

from pathlib import Path

import pytest

from tests.plugin.installed import install


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("site"))
