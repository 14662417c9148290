"""`ingest_vs_copy`, `ingest_vs_bulk_create`: the whole intake against storing rows that are ready.

The product's side takes committed receipts to the end: it seals them (hash, zstd, synced object, leaf) and
records them (parse, normalize, ask for duplicates, judge by 92 rules, tally, store), by what a worker calls.
The anchor's side has its rows ready: it packs and syncs the same raw bytes and copies the rows.
"""

import argparse
import io
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Figure, Side, Workers, in_turn, main, tell, throwaway
from tests.benchmarks.records import ZONE, LogFiles, delivered_at, story
from tests.benchmarks.rulebook import expected, write_rulebook

RULES = 92
SIZES = {False: (20_000, 5_000, 4_000), True: (1_200, 300, 600)}
COLUMNS = (
    "time, uid, digest, batch_id, seq, class_uid, source_id, activity_id, status_id, severity_id, src_ip,"
    " actor_key, action, target_key"
)
TYPES = (
    "timestamptz", "bytea", "bytea", "int8", "int4", "int4", "int2", "int2", "int2", "int2", "inet", "text",
    "text", "text",
)  # fmt: skip
ANCHOR = """
CREATE TABLE {name} (
    time timestamptz NOT NULL, uid bytea NOT NULL, digest bytea NOT NULL, batch_id bigint NOT NULL,
    seq integer NOT NULL, class_uid integer NOT NULL, source_id smallint NOT NULL, activity_id smallint NOT NULL,
    status_id smallint NOT NULL, severity_id smallint NOT NULL, src_ip inet, actor_key text NOT NULL,
    action text NOT NULL, target_key text NOT NULL, PRIMARY KEY (time, uid)
);
CREATE INDEX ON {name} USING brin (time);
"""


@dataclass
class Work:
    """What the processes share: they are forked when it is whole."""

    files: LogFiles
    rows: Sequence[Sequence[tuple[Any, ...]]]
    folder: Path


work: Work


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Measure all sides in turn."""
    global work
    records, per_file, pattern = SIZES[options.quick]
    began = time.monotonic()
    with throwaway() as folder, tempfile.TemporaryDirectory() as rulebook:
        from controls.rules import registry

        made = write_rulebook(Path(rulebook), RULES)
        registry.FOLDER = Path(rulebook)
        assert len(registry.rules()) == RULES
        files = story(records, per_file, pattern)
        work = Work(files, [_rows(content, place) for place, content in enumerate(files.files, 1)], folder)
        tell(
            f"  {files.records} records in {len(files.files)} files; set up in {time.monotonic() - began:.0f} s"
        )
        from django.db import connections

        connections.close_all()
        rounds = 1 if options.quick else 3
        head = files.first(1)
        with Workers(2) as workers:
            whole = in_turn(_against_copy(workers, expected(made, files.counted)), rounds=rounds)
            part = in_turn(_against_orm(workers, head, expected(made, head.counted)), rounds=rounds)
    rate = {name: files.records / taken.seconds for name, taken in whole.items()}
    orm = {name: head.records / taken.seconds for name, taken in part.items()}
    unit = "events/s"
    yield Figure.rate("ingest_vs_copy", rate["2 working"], rate["1 copying"], unit, 0.6)
    yield Figure.rate("ingest_vs_copy_1_to_1", rate["1 working"], rate["1 copying"], unit, None)
    yield Figure.rate("ingest_vs_copy_2_to_2", rate["2 working"], rate["2 copying"], unit, None)
    yield Figure.rate("ingest_vs_bulk_create", orm["1 working"], orm["bulk_create"], unit, 4)


def _against_copy(workers: Workers, hits: dict[str, int]) -> list[Side]:
    def copying(count: int) -> Side:
        return Side(f"{count} copying", _table, lambda table: _copy(workers, table, count), _copied)

    return [
        _product(workers, work.files, hits, 2), copying(1), _product(workers, work.files, hits, 1), copying(2)
    ]  # fmt: skip


def _against_orm(workers: Workers, head: LogFiles, hits: dict[str, int]) -> list[Side]:
    """On the first file alone: the ORM would need minutes for all of them."""
    create = Side("bulk_create", _client, lambda slug: workers.do([(_create, (slug,))], count=1), _created)
    return [_product(workers, head, hits, 1), create]


def _product(workers: Workers, files: LogFiles, hits: dict[str, int], count: int) -> Side:
    return Side(
        f"{count} working",
        lambda: _deliver(files),
        lambda delivered: _take(workers, delivered, count),
        lambda delivered: _stored(delivered, hits),
    )


def _rows(content: bytes, batch: int) -> list[tuple[Any, ...]]:
    """The narrow rows of one file, made by the product's adapter."""
    from ipaddress import ip_address

    from evidence.ocsf.event import Event
    from evidence.sources.contract import Window
    from evidence.sources.registry import adapter

    read = adapter("aws").read(io.BytesIO(content), window=Window.around(delivered_at()))
    events = sorted((o for o in read if isinstance(o, Event)), key=lambda e: (e.time, e.uid))
    return [
        (
            e.time, e.uid, e.digest, batch, e.seq, e.class_uid, 1, e.activity_id, e.status_id, e.severity_id,
            ip_address(e.src_ip) if e.src_ip else None, e.actor_key, e.action, e.target_key,
        )
        for e in events
    ]  # fmt: skip


# The product.

_numbers = iter(range(1, 1000))


def _client() -> str:
    from tenants.clients.services import create_client

    return create_client(f"bench-{next(_numbers)}", name="Benchmark", zone=ZONE).slug


def _deliver(files: LogFiles) -> tuple[str, list[Any]]:
    """A new client that knows its accounts, with every file received and none sealed."""
    from evidence.intake.ingest import ingest
    from evidence.intake.services import receive_file
    from evidence.intake.sources import connect
    from tenants.clients.switch import client

    slug = _client()
    with client(slug):
        source = connect("aws", at=delivered_at())
        ingest(source, io.BytesIO(files.listings), name="iam.jsonl", way="ingest", at=delivered_at())
        return slug, [
            receive_file(
                source, io.BytesIO(content), name=f"{place}.json", way="ingest", at=delivered_at()
            ).pk
            for place, content in enumerate(files.files)
        ]


def _take(workers: Workers, delivered: Any, count: int) -> None:
    slug, deliveries = delivered
    workers.do([(_finish, (slug, each)) for each in deliveries], count=count)


def _finish(slug: str, delivery: Any) -> None:
    from evidence.intake.ingest import finish
    from evidence.intake.models import Delivery
    from tenants.clients.switch import client

    with client(slug):
        found = finish(Delivery.objects.get(pk=delivery), at=delivered_at())
    assert not found.waiting, found


def _stored(delivered: Any, hits: dict[str, int]) -> int:
    """Events stored; every rule has the members it must have, and the day's figures count them."""
    from django.db.models import Count, Sum

    from controls.results.models import Occurrence, Tally
    from evidence.events.models import Event
    from tenants.clients.switch import client

    with client(delivered[0]):
        members = dict(
            Occurrence.objects.exclude(result__in=("none", "attached"))
            .values_list("rule")
            .annotate(Count("pk"))
        )
        tallied = dict(Tally.objects.values_list("rule").annotate(Sum("population")))
        assert {rule: members.get(rule) for rule in hits} == hits, (hits, members)
        assert {rule: n for rule, n in tallied.items() if n} == members
        assert members["R01"] > 0
        return Event.objects.count()


# The anchors.


def _table() -> str:
    from django.db import connection

    name = f"public.anchor_{next(_numbers)}"
    with connection.cursor() as cursor:
        cursor.execute(ANCHOR.format(name=name))
    return name


def _copy(workers: Workers, table: Any, count: int) -> None:
    workers.do([(_copy_one, (table, place)) for place in range(len(work.rows))], count=count)


_anchor_connection: Any = None


def _copy_one(table: str, place: int) -> None:
    """Pack and sync one batch's raw bytes, copy its rows, commit."""
    global _anchor_connection
    import psycopg
    import zstandard

    if _anchor_connection is None or _anchor_connection.closed:
        _anchor_connection = psycopg.connect(
            os.environ["DATABASE_URL"].replace("postgres://", "postgresql://")
        )
    path = work.folder / f"{table}.{place}.zst"
    with path.open("wb") as file:
        file.write(zstandard.ZstdCompressor(level=3, write_checksum=True).compress(work.files.files[place]))
        file.flush()
        os.fsync(file.fileno())
    statement = f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
    with _anchor_connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(TYPES)
        write = copy.write_row
        for row in work.rows[place]:
            write(row)
    _anchor_connection.commit()


def _copied(table: Any) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def _create(slug: str) -> None:
    from evidence.events.models import Event
    from evidence.events.partitions import ensure, month_of
    from tenants.clients.switch import client

    names = [name.strip() for name in COLUMNS.split(",")]
    with client(slug):
        for rows in work.rows[:1]:
            ensure({month_of(row[0]) for row in rows})
            Event.objects.bulk_create(
                [Event(**dict(zip(names, row, strict=True)) | {"src_ip": _text(row[10])}) for row in rows],
                batch_size=1000,
                ignore_conflicts=True,
            )


def _text(address: Any) -> str | None:
    return None if address is None else str(address)


def _created(slug: Any) -> int:
    from evidence.events.models import Event
    from tenants.clients.switch import client

    with client(slug):
        return Event.objects.count()


if __name__ == "__main__":
    main(figures)
