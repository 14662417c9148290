"""`stored_vs_jsonb`: everything the product keeps for an event, against its raw record in a jsonb column.

The product's bytes are those of all relations that hold events, batches, days, tallies, members and ledger
leaves, with their indexes, TOAST and visibility maps, and of the objects. The anchor is `(time, uid, raw
jsonb)` with that primary key, filled by COPY with the same events.
"""

import argparse
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Figure, main, tell, throwaway
from tests.benchmarks.records import ZONE, LogFiles, delivered_at, recorded, story
from tests.benchmarks.rulebook import write_rulebook

RULES = 92
SIZES = {False: (100_000, 5_000), True: (1_200, 600)}
# Of the whole story: 31,609 records, so that most of a file's records are like no other in it.
PATTERN = 40_000
# Facts and snapshots of inventory are no events; everything else that recording an event writes is counted.
COUNTED = (
    "evidence_event%", "evidence_batch", "evidence_sourceday", "evidence_proof", "evidence_rejectedrecord",
    "evidence_ledgerentry", "evidence_factchange", "evidence_deliveredbatch", "evidence_delivery",
    "controls_occurrence", "controls_tally", "controls_controlexception", "controls_exceptionact",
)  # fmt: skip


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Store the same records both ways, count bytes."""
    records, per_file = SIZES[options.quick]
    with throwaway() as folder, tempfile.TemporaryDirectory() as rulebook:
        from controls.rules import registry

        write_rulebook(Path(rulebook), RULES)
        registry.FOLDER = Path(rulebook)
        files = (
            recorded(options.logs, records, per_file) if options.logs else story(records, per_file, PATTERN)
        )
        rows, tables, objects = _product(files, folder)
        stored, anchor = _anchor(files)
        assert rows == stored, f"the product holds {rows} events, the anchor {stored}"
        for name, size in sorted(tables.items(), key=lambda each: -each[1]):
            tell(f"  {name}: {size / rows:.1f} B per event")
        tell(f"  objects: {objects / rows:.1f} B per event")
        each = (sum(tables.values()) + objects) / rows
        yield Figure.cost("stored_vs_jsonb", each, anchor / rows, "bytes/event", 3)


def _product(files: LogFiles, folder: Path) -> tuple[int, dict[str, int], int]:
    from evidence.events.models import Event
    from evidence.intake.ingest import ingest
    from evidence.intake.sources import connect
    from tenants.clients.services import create_client
    from tenants.clients.switch import client

    create_client("stored", name="Stored", zone=ZONE)
    with client("stored"):
        source = connect("aws", at=delivered_at())
        if files.listings:
            ingest(source, io.BytesIO(files.listings), name="iam.jsonl", way="ingest", at=delivered_at())
        before, packed = _relations("stored"), _objects(folder)
        for place, content in enumerate(files.files):
            _, found = ingest(
                source, io.BytesIO(content), name=f"{place}.json", way="ingest", at=delivered_at()
            )
            assert not found.waiting, found
        rows = Event.objects.count()
        _vacuum("stored")
        after = _relations("stored")
        grown = {
            name: size - before.get(name, 0) for name, size in after.items() if size != before.get(name, 0)
        }
        return rows, grown, _objects(folder) - packed


def _vacuum(schema: str) -> None:
    """What autovacuum does on its own: visibility and free-space maps are there, no row moves."""
    from django.db import connection

    with connection.cursor() as cursor:
        for name in _relations(schema):
            cursor.execute(f'VACUUM "{schema}"."{name}"')


def _relations(schema: str) -> dict[str, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = %s AND relkind = 'r' AND relname LIKE ANY(%s)",
            [schema, list(COUNTED)],
        )
        return {str(name): int(size) for name, size in cursor.fetchall()}


def _objects(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "objects").rglob("*") if path.is_file())


def _anchor(files: LogFiles) -> tuple[int, int]:
    import psycopg
    from psycopg.types.json import Jsonb

    from evidence.ocsf.event import Event
    from evidence.sources.contract import Window
    from evidence.sources.registry import adapter

    url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://")
    seen: set[Any] = set()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE public.anchor (time timestamptz, uid bytea, raw jsonb, PRIMARY KEY (time, uid))"
        )
        for content in files.files:
            read = adapter("aws").read(io.BytesIO(content), window=Window.around(delivered_at()))
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY public.anchor FROM STDIN (FORMAT BINARY)") as copy,
            ):
                copy.set_types(["timestamptz", "bytea", "jsonb"])
                for event in read:
                    if isinstance(event, Event) and (event.time, event.uid) not in seen:
                        seen.add((event.time, event.uid))
                        copy.write_row((event.time, event.uid, Jsonb(event.raw, dumps=bytes.decode)))
        connection.execute("VACUUM public.anchor")
        found = connection.execute(
            "SELECT count(*), pg_total_relation_size('public.anchor') FROM public.anchor"
        )
        row = found.fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--logs", type=Path, help="a folder with CloudTrail files to measure instead of the story"
    )
    main(figures, parser)
