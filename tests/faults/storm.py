"""The storm: threads that read and write as five clients while their connections are cancelled and killed.

Each of five schemas, and `public`, has a table `seeded` whose rows name the schema they lie in, and a table
`written`. A wrong read is a seeded row of another schema than the one the thread was at; a misplaced write is a
row of `written` that names another schema than the one it lies in.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import Error, connections, models, transaction
from django.db.utils import ProgrammingError

CLIENTS = ("alpha", "beta", "gamma", "delta", "epsilon")
OURS = "tenants.database.backend"
STOCK = "django_tenants.postgresql_backend"
ROWS = 50
ALIAS = "storm"


class Seeded(models.Model):
    """A row that names the schema it lies in."""

    owner = models.TextField()

    class Meta:
        app_label = "faults"
        managed = False
        db_table = "seeded"

    def __str__(self) -> str:
        return self.owner


def build_schemas(url: str) -> None:
    """Make the five schemas and the tables of the same names in each and in `public`."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(_AIM)
        for schema in (*CLIENTS, "public"):
            server.execute(f'create schema if not exists "{schema}"')
            server.execute(f'create table "{schema}".seeded (id integer primary key, owner text not null)')
            server.execute(f'create table "{schema}".written (owner text not null)')
            server.execute(
                f'insert into "{schema}".seeded select n, %s from generate_series(1, {ROWS}) n', [schema]
            )


def wrapper_of(engine: str, *, pool: int = 0, **address: object) -> Any:
    """Return a connection wrapper of a backend to the database that Django is connected to.

    `pool` is how many connections its pool may have; 0 for none. `address` overrides settings, such as PORT.
    """
    settings = copy.deepcopy(connections["default"].settings_dict)
    settings |= {"ENGINE": engine, "CONN_MAX_AGE": 0, **address}
    settings["OPTIONS"] = {**settings["OPTIONS"], "application_name": "storm"}
    if pool:
        settings["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool, "timeout": 30}
    return importlib.import_module(f"{engine}.base").DatabaseWrapper(settings, alias=ALIAS)


@dataclass
class Figures:
    """What a storm saw."""

    engine: str
    reads: int = 0
    wrong: list[str] = field(default_factory=list)
    misplaced: int = 0
    written: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    disturbances: Counter[str] = field(default_factory=Counter)
    # Connections closed because they had served many clients, and those of which a cursor was then still open.
    renewed: int = 0
    torn: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def wrong_ways(self) -> Counter[str]:
        """How many reads were wrong by each way of reading."""
        return Counter(line.split(":")[0] for line in self.wrong)

    def __str__(self) -> str:
        refused = sum(self.errors.values())
        return (
            f"{self.engine}: {self.reads:,} reads in {self.seconds:.0f} s, {len(self.wrong)} wrong "
            f"{dict(self.wrong_ways) or ''}; "
            f"{self.written:,} writes, {self.misplaced} misplaced; {refused:,} errors {dict(self.errors)}; "
            f"disturbed by {dict(self.disturbances)}; read by {dict(self.ways)}; "
            f"{self.renewed:,} connections renewed, {self.torn} torn"
        )


def storm(
    engine: str, url: str, *, reads: int, seconds: float, pool: bool = False, threads: int = 8
) -> Figures:
    """Run until `reads` seeded rows were read, or `seconds` are over; count what was wrong."""
    figures = Figures(engine + (" with a pool" if pool else ""))
    stop = threading.Event()
    failures: list[BaseException] = []
    lock = threading.Lock()

    def guarded(run: Callable[[], None]) -> Callable[[], None]:
        def running() -> None:
            try:
                run()
            except BaseException as error:
                failures.append(error)
                stop.set()

        return running

    sailors = [_Sailor(engine, number, stop, figures, lock, pool=pool) for number in range(threads)]
    jobs = [threading.Thread(target=guarded(sailor.run)) for sailor in sailors]
    jobs.append(threading.Thread(target=guarded(lambda: _disturb(url, stop, figures))))
    began = time.monotonic()
    for job in jobs:
        job.start()
    while not stop.wait(0.05):
        if figures.reads >= reads or time.monotonic() - began > seconds:
            stop.set()
    for job in jobs:
        job.join()
    figures.seconds = time.monotonic() - began
    if pool:
        sailors[0].wrapper.close_pool()
    if failures:
        raise failures[0]
    _count_writes(url, figures)
    return figures


def _count_writes(url: str, figures: Figures) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        for schema in (*CLIENTS, "public"):
            for owner, count in server.execute(f'select owner, count(*) from "{schema}".written group by 1'):
                figures.written += count
                figures.misplaced += count if owner != schema else 0
            server.execute(f'truncate "{schema}".written')


# The outside connection

# Looks for a back end that is setting its path until it finds one, for some milliseconds.
_AIM = """
create or replace function public.storm_aim() returns boolean language plpgsql as $$
declare victim integer;
begin
    for n in 1..200 loop
        select pid into victim from pg_stat_activity
        where application_name = 'storm' and state = 'active' and query ilike '%search\\_path%' limit 1;
        if victim is not null then
            return pg_cancel_backend(victim);
        end if;
        perform pg_stat_clear_snapshot();
    end loop;
    return false;
end $$
"""
_BLIND = """select {function}(pid) from pg_stat_activity
    where application_name = 'storm' and datname = current_database() order by random() limit 1"""


def _disturb(url: str, stop: threading.Event, figures: Figures) -> None:
    """Cancel and terminate: of ten cancels eight are aimed at a back end that is just setting its path."""
    dice = random.Random(4)
    with psycopg.connect(url, autocommit=True) as server:
        while not stop.wait(dice.uniform(0.0, 0.006)):
            throw = dice.random()
            if throw < 0.79:
                hit = server.execute("select public.storm_aim()").fetchone()
                figures.disturbances["aimed cancel" if hit and hit[0] else "aim without a victim"] += 1
            elif throw < 0.97:
                server.execute(_BLIND.format(function="pg_cancel_backend"))
                figures.disturbances["blind cancel"] += 1
            else:
                server.execute(_BLIND.format(function="pg_terminate_backend"))
                figures.disturbances["kill"] += 1


class _Undone(Exception):
    """The caller's own reason to roll back."""


class _Sailor:
    """One thread with one connection."""

    def __init__(
        self, engine: str, number: int, stop: threading.Event, figures: Figures, lock: Any, *, pool: bool
    ) -> None:
        self.engine = engine
        self.pool = pool
        self.dice = random.Random(1000 + number)
        self.stop = stop
        self.figures = figures
        self.lock = lock
        self.at = "public"

    def run(self) -> None:
        """Sail until told to stop."""
        self.wrapper = wrapper_of(self.engine, pool=10 if self.pool else 0)
        connections[ALIAS] = self.wrapper
        ways: list[tuple[int, Callable[[], None]]] = [
            (46, self.by_cursor),
            (12, self.by_orm),
            (6, self.by_copy),
            (6, self.by_server_cursor),
            (5, self.by_stream),
            (5, self.by_iterator),
            (5, self.by_driver),
            (5, self.in_transaction),
            (4, self.in_savepoints),
            (3, self.write),
            (2, self.err),
            (1, self.leave_transaction_by_text),
        ]
        actions, weights = [way for _, way in ways], [weight for weight, _ in ways]
        try:
            while not self.stop.is_set():
                with self.turn():
                    if self.dice.random() < 0.03:
                        self.hurry()
                    for action in self.dice.choices(actions, weights, k=self.dice.randint(2, 12)):
                        with self.entered(self.dice.choice(CLIENTS)):
                            action()
        finally:
            with contextlib.suppress(Exception):
                self.wrapper.close()
            delattr(connections._connections, ALIAS)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Survive what the storm does to the connection, as a request would: note it, and start again."""
        try:
            yield
        except (Error, psycopg.Error) as error:
            with self.lock:
                self.figures.errors[type(error).__name__] += 1
            self.recover()
        if self.dice.random() < (0.2 if self.pool else 0.004):
            self.wrapper.close()
        if self.dice.random() < 0.05:
            self.renew()

    def recover(self) -> None:
        """Get the connection back into a usable state, or let it go."""
        try:
            if self.wrapper.connection is not None and not self.wrapper.get_autocommit():
                self.wrapper.rollback()
                self.wrapper.set_autocommit(True)
        except (Error, psycopg.Error):
            self.wrapper.close()
        if self.wrapper.connection is not None and not self.wrapper.is_usable():
            self.wrapper.close()

    def renew(self, *, torn: bool = False) -> None:
        """Have a connection closed that served many clients; `torn` where nothing may be closed."""
        if self.engine == OURS and self.wrapper.close_if_crowded():
            with self.lock:
                self.figures.renewed += 1
                self.figures.torn += torn

    @contextlib.contextmanager
    def entered(self, client: str) -> Iterator[None]:
        """Be at a client; restore what was before, and send nothing."""
        before = self.at
        self.at = client
        self.wrapper.set_schema(client)
        try:
            yield
        finally:
            self.at = before
            self.wrapper.set_schema(before)

    def hurry(self) -> None:
        """Have the server stop whatever takes longer than some milliseconds, for a while."""
        with self.wrapper.cursor() as cursor:
            cursor.execute(f"set statement_timeout = {self.dice.choice([0, 0, 1, 2, 5])}")

    def seen(self, way: str, owners: list[str]) -> None:
        """Count what was read, and whether it was of the client the thread was at."""
        with self.lock:
            self.figures.reads += len(owners)
            self.figures.ways[way] += len(owners)
            for owner in owners:
                if owner != self.at:
                    self.figures.wrong.append(f"{way}: read {owner} at {self.at}")

    def number(self) -> int:
        return self.dice.randint(1, ROWS)

    # Ways to read

    def by_cursor(self) -> None:
        with self.wrapper.cursor() as cursor:
            for _ in range(self.dice.randint(1, 3)):
                cursor.execute("select owner from seeded where id = %s", [self.number()])
                self.seen("cursor", [cursor.fetchone()[0]])

    def by_orm(self) -> None:
        self.seen("orm", [Seeded.objects.using(ALIAS).get(pk=self.number()).owner])

    def by_copy(self) -> None:
        with (
            self.wrapper.cursor() as cursor,
            cursor.copy(f"copy (select owner from seeded where id = {self.number()}) to stdout") as copied,
        ):
            owners = [row[0] for row in copied.rows()]
        self.seen("copy", owners)

    def by_server_cursor(self) -> None:
        with transaction.atomic(using=ALIAS), self.wrapper.chunked_cursor() as cursor:
            cursor.execute("select owner from seeded where id <= 4")
            self.seen("server-side", [row[0] for row in cursor.fetchmany(2)])
            self.renew(torn=True)
            self.seen("server-side", [row[0] for row in cursor.fetchmany(2)])

    def by_iterator(self) -> None:
        for each in Seeded.objects.using(ALIAS).filter(pk__lte=4).iterator(chunk_size=2):
            self.seen("iterator", [each.owner])
            if each.pk < 3:  # rows are still to be fetched
                self.renew(torn=True)

    def by_stream(self) -> None:
        with self.wrapper.cursor() as cursor:
            owners = [row[0] for row in cursor.stream("select owner from seeded where id <= 3")]
        self.seen("stream", owners)

    def by_driver(self) -> None:
        self.wrapper.ensure_connection()
        with self.wrapper.connection.cursor() as cursor:
            cursor.execute("select owner from seeded where id = %s", [self.number()])
            self.seen("driver", [cursor.fetchone()[0]])

    # Transactions, writes, errors

    def in_transaction(self) -> None:
        """Read, switch inside the transaction, read; roll back half of the time, and read on."""
        with contextlib.suppress(_Undone), transaction.atomic(using=ALIAS):
            self.by_cursor()
            with self.entered(self.dice.choice(CLIENTS)):
                self.by_cursor()
            self.by_cursor()
            if self.dice.random() < 0.5:
                raise _Undone
        self.by_cursor()

    def in_savepoints(self) -> None:
        """Nested savepoints with switches inside, some undone by an error of the caller."""
        with transaction.atomic(using=ALIAS):
            self.by_cursor()
            for _ in range(2):
                with contextlib.suppress(_Undone, ProgrammingError), transaction.atomic(using=ALIAS):
                    with self.entered(self.dice.choice(CLIENTS)):
                        self.by_orm()
                        if self.dice.random() < 0.5:
                            raise _Undone
                    with self.wrapper.cursor() as cursor:
                        if self.dice.random() < 0.5:
                            cursor.execute("select nothing from no_such_table")
                self.by_cursor()

    def write(self) -> None:
        with self.wrapper.cursor() as cursor:
            cursor.execute("insert into written (owner) values (%s)", [self.at])

    def err(self) -> None:
        with contextlib.suppress(Error), self.wrapper.cursor() as cursor:
            cursor.execute(
                self.dice.choice(["select 1 / 0", "select", "select pg_sleep(0.004), owner from seeded"])
            )
        self.by_cursor()

    def leave_transaction_by_text(self) -> None:
        with self.wrapper.cursor() as cursor:
            cursor.execute("begin")
            with self.entered(self.dice.choice(CLIENTS)):
                self.by_cursor()
            cursor.execute(self.dice.choice(["rollback", "commit"]))
            self.by_cursor()
