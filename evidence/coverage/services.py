"""Counting what was heard, per source and client-zone day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection


@dataclass(slots=True)
class Heard:
    """Additions to one source-day."""

    events: int = 0
    duplicates: int = 0
    rejected: int = 0
    late: int = 0
    snapshots: int = 0


def add(source_id: int, days: Mapping[date, Heard]) -> None:
    """Add to the counts of one source; rows are taken in order of date, so two workers cannot deadlock."""
    if not days:
        return
    rows = [(day, h.events, h.duplicates, h.rejected, h.late, h.snapshots) for day, h in sorted(days.items())]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO evidence_sourceday AS d
                (source_id, local_date, events, duplicates, rejected, late, snapshots)
            SELECT %s, * FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[])
            ON CONFLICT (source_id, local_date) DO UPDATE SET
                events = d.events + excluded.events, duplicates = d.duplicates + excluded.duplicates,
                rejected = d.rejected + excluded.rejected, late = d.late + excluded.late,
                snapshots = d.snapshots + excluded.snapshots
            """,
            [source_id, *(list(column) for column in zip(*rows, strict=True))],
        )
