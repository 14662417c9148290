"""No read of another client's row, whatever happens to the connections (assurance: isolation)."""

import pytest

from config.devstack import testing
from tests.faults.storm import OURS, STOCK, build_schemas, storm

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def few_clients_per_connection(settings) -> None:
    """Fewer than the storm has, so that its connections are closed on the way."""
    settings.PROOFLINE_CLIENTS_PER_CONNECTION = 4


@pytest.fixture(scope="module")
def url(module_database: str, django_db_blocker) -> str:
    address = testing.database_url(module_database)
    build_schemas(address)
    with django_db_blocker.unblock():
        yield address


def test_a_hundred_thousand_reads_in_a_storm_are_all_of_the_right_client(url: str, capsys) -> None:
    figures = storm(OURS, url, reads=110_000, seconds=400)
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.wrong == []
    assert figures.misplaced == 0
    assert figures.reads >= 100_000
    assert figures.disturbances["aimed cancel"] > 20
    assert figures.disturbances["kill"] > 0
    assert figures.renewed > 100
    assert figures.torn == 0


def test_a_pool_under_the_storm_hands_no_client_to_another(url: str, capsys) -> None:
    figures = storm(OURS, url, reads=10_000, seconds=120, pool=True)
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.wrong == []
    assert figures.misplaced == 0
    assert figures.reads >= 10_000
    assert figures.renewed > 0
    assert figures.torn == 0


@pytest.mark.nightly
@pytest.mark.parametrize("pool", [False, True], ids=["alone", "pool"])
def test_five_minutes_of_storm_each_way(url: str, pool: bool, capsys) -> None:
    figures = storm(OURS, url, reads=10**9, seconds=300, pool=pool)
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.wrong == []
    assert figures.misplaced == 0
    assert figures.reads >= 100_000


@pytest.mark.nightly
def test_the_same_storm_finds_the_stock_backend_wrong(url: str, capsys) -> None:
    figures = storm(STOCK, url, reads=10**9, seconds=60)
    with capsys.disabled():
        print(f"\n{figures}\n{figures.wrong[:10]}")
    # Cursors taken from the driver are the plainest flaw; the storm must find the others too.
    assert sum(figures.wrong_ways.values()) > figures.wrong_ways["driver"] > 0
