"""The two clients' files, written and read back once for all tests of the simulator."""

import pytest

from config.demo.write import write_client
from tests.config.demo.reading import END, Written


@pytest.fixture(scope="session")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written("harbor", write_client("harbor", tmp_path_factory.mktemp("harbor"), end=END))


@pytest.fixture(scope="session")
def larkfield(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written("larkfield", write_client("larkfield", tmp_path_factory.mktemp("larkfield"), end=END))


@pytest.fixture(params=["harbor", "larkfield"])
def written(request: pytest.FixtureRequest) -> Written:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Written)
    return found
