"""Monthly partitions of the event table, made on demand."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from django.db import connection, transaction

# Months known to exist, per (database, schema, month): nothing drops a partition while workers run.
_known: set[tuple[str, str, int]] = set()


def month_of(time: datetime) -> int:
    """Return the month as one number (2026-11 → 202611), in UTC as partitions are."""
    time = time.astimezone(UTC)
    return time.year * 100 + time.month


def ensure(months: Iterable[int]) -> None:
    """Make the partitions of these months that do not exist.

    The month's table is made by itself and attached: `CREATE TABLE … PARTITION OF` would lock out every
    reader of the parent. Call it before the recording transaction, so that its lock is short.
    """
    schema = connection.schema_name
    database = str(connection.settings_dict["NAME"])
    for month in sorted(set(months)):
        if (database, schema, month) not in _known:
            with transaction.atomic():
                _make(month)
                # Within a larger transaction the table exists only once that one commits.
                transaction.on_commit(partial(_known.add, (database, schema, month)))


def _make(month: int) -> None:
    year, number = divmod(month, 100)
    start = datetime(year, number, 1, tzinfo=UTC)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    name = f"evidence_event_{year}_{number:02d}"
    with connection.cursor() as cursor:
        # Two workers that need one month at once: the second waits here and then finds it made.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema() || %s))", [name])
        cursor.execute("SELECT to_regclass(quote_ident(current_schema()) || '.' || %s)", [name])
        if cursor.fetchone()[0] is None:
            cursor.execute(
                f"CREATE TABLE {name} (LIKE evidence_event INCLUDING ALL);"
                f"ALTER TABLE evidence_event ATTACH PARTITION {name}"
                f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
            )
