"""Which commands have the database started for them."""

import pytest

from config.devstack.commands import needs_database


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("", False),
        ("help", False),
        ("help migrate", False),
        ("--version", False),
        ("migrate", True),
        ("migrate --help", False),
        ("ingest harbor aws file.gz", True),
        ("sources --json", False),
        ("sources check folder", False),
        ("rules test R01", False),
        ("rules backtest harbor R01 --since 2026-01-01 --until 2026-02-01", True),
        ("verify bundle.zip", False),
        ("verify --client harbor", True),
        ("verify --client=harbor", True),
        ("a-command-nobody-knows-yet", True),
    ],
)
def test_the_database_is_started_for_what_asks_it(line: str, needs: bool) -> None:
    assert needs_database(line.split()) is needs
