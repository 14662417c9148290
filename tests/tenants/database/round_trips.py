"""Counting what really goes to the server and back, by the driver's own protocol trace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


class RoundTrips:
    """How many answers the server ended; a number once the block is left."""

    count = 0


@contextmanager
def round_trips() -> Iterator[RoundTrips]:
    """Count the times the server said that it is ready for more while the block ran."""
    connection.ensure_connection()
    counted = RoundTrips()
    driver = connection.connection.pgconn
    with tempfile.TemporaryFile() as trace:
        driver.trace(trace.fileno())
        try:
            yield counted
        finally:
            driver.untrace()
        trace.seek(0)
        counted.count = trace.read().count(b"ReadyForQuery")
