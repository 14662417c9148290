"""Fixtures for all tests: the database."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from config.devstack import testing

# A browser's driver leaves an event loop in the worker's thread; Django would take the tests after it for
# asynchronous code and refuse them the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes in a test's id by their argument: what holds a time or a seed differs from worker to worker."""
    if isinstance(val, bytes) and (len(val) > 40 or not val.isascii() or not val.decode().isprintable()):
        return argname
    return None


def pytest_unconfigure() -> None:
    """Leave nothing in the system's temporary folder."""
    testing.remove_state()


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker, worker_id: str) -> Iterator[None]:
    """One database for each xdist worker, cloned from the migrated template; asked for by `django_db`."""
    with django_db_blocker.unblock(), testing.cloned_database(worker_id) as name:
        before = testing.connect_django(name)
        yield
        testing.connect_django(before)


@pytest.fixture
def own_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str) -> Iterator[str]:
    """A database for this test alone, in which commits are real and other connections see them.

    For tests of several connections, of clients being made, of processes; use it without the `django_db`
    mark. Yields the database's name (`config.devstack.testing.database_url` makes an address of it).
    """
    yield from _alone(django_db_blocker, worker_id)


@pytest.fixture(scope="module")
def module_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[str]:
    """As `own_database`, for all tests of a module together; the tests see what earlier ones left."""
    yield from _alone(django_db_blocker, worker_id)


_numbers = itertools.count()


def _alone(blocker: DjangoDbBlocker, worker: str) -> Iterator[str]:
    with blocker.unblock(), testing.cloned_database(f"{worker}_{next(_numbers)}") as name:
        before = testing.connect_django(name)
        yield name
        testing.connect_django(before)


@pytest.fixture
def harbor(db: None) -> Iterator[Any]:
    """The client Harbor, in which the test is; gone with the test's transaction."""
    from tenants.clients.switch import client
    from tests import make

    with client(make.client()) as found:
        yield found


@pytest.fixture(autouse=True)
def _auditors_see_the_tests_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer auditors inside the test's transaction where there is one; see `tests/reading.py`."""
    from tests.reading import reading_only

    monkeypatch.setattr("tenants.access.middleware.reading_only", reading_only)
