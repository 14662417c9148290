"""Auditors' requests in a test whose rows no other connection sees, for they are in the test's own transaction."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection, transaction

from tenants.clients.models import Client
from tenants.database import reader
from tenants.database.backend.reader import ReaderOperations

_on_its_own = reader.reading_only


def reading_only(client: Client) -> AbstractContextManager[None]:
    """As `tenants.database.reader.reading_only`; inside a test's transaction as the same role, in a savepoint."""
    return _within(client) if connection.in_atomic_block else _on_its_own(client)


@contextmanager
def _within(client: Client) -> Iterator[None]:
    ordinary = connection.ops
    connection.ops = ReaderOperations(connection)
    try:
        with transaction.atomic():
            reader.begin_reading(client)
            yield
            transaction.set_rollback(True)
    finally:
        connection.ops = ordinary
