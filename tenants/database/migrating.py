"""Bringing every client's schema to this release: SQL made once, applied to about ten schemas at a time.

What a client lacks is read from its own `django_migrations`, so a run that died is simply run again. A
client is done when its row's `release` is this code's; that nothing is to be done is one query.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.utils import ProgrammingError
from psycopg import errors, sql

from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.clients.switch import public
from tenants.database.backend.guard import OwnPath
from tenants.database.models import SchemaTemplate
from tenants.database.recording import Step, executor_here
from tenants.database.release import client_release, public_release
from tenants.database.template import path_of

CLIENTS_PER_TRANSACTION = 10
LOCK_TIMEOUT = "5s"
# Waits between tries when a lock was not had: a page or a worker holds it for seconds at most.
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
_ADVISORY_LOCK = 0x50524F4F46

Say = Callable[[str], None]


@dataclass
class Outcome:
    """How many clients were brought to this release, and which were not, with the reason."""

    migrated: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def is_current() -> bool:
    """Whether `public`, the template and every client are at this code's release: one query."""
    try:
        with public(), connection.cursor() as cursor:
            cursor.execute(
                "select exists (select 1 from tenants_schematemplate where release = %s and public_release = %s)"
                " and not exists (select 1 from tenants_client where release <> %s)",
                [client_release(), public_release(), client_release()],
            )
            return bool(cursor.fetchone()[0])
    except ProgrammingError:  # no tables yet
        return False


@contextmanager
def only_migration(say: Say) -> Iterator[None]:
    """Hold the lock that one `migrate` at a time holds; wait for it, and say so.

    It is held on a connection beside the one that migrates, which is closed now and then.
    """
    aside = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with aside.cursor() as cursor:
            for attempt in itertools.count():
                cursor.execute("select pg_try_advisory_lock(%s)", [_ADVISORY_LOCK])
                if cursor.fetchone()[0]:
                    break
                if attempt == 0:
                    say("Another migrate is running on this database; waiting for it.")
                time.sleep(0.5)
        yield
    finally:
        aside.close()


def migrate_clients(say: Say) -> Outcome:
    """Bring all clients to this release; the template of it must be made. Never raises for one client."""
    with public():
        return _Run(say).run()


class _Run:
    """One pass over the clients that are behind."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.release = client_release()
        self.outcome = Outcome()
        self.began = time.monotonic()

    def run(self) -> Outcome:
        self.total = self._behind().count()
        if not self.total:
            return self.outcome
        self.steps: list[Step] = SchemaTemplate.objects.values_list("steps", flat=True).get(pk=self.release)
        while chunk := list(self._behind().exclude(pk__in=self._failed_keys())[:CLIENTS_PER_TRANSACTION]):
            self._migrate_chunk(chunk)
            connection.close_if_crowded()
        return self.outcome

    def _behind(self):  # type: ignore[no-untyped-def]
        return Client.objects.exclude(release=self.release).order_by("slug")

    def _failed_keys(self) -> list[object]:
        return list(Client.objects.filter(slug__in=self.outcome.failed).values_list("pk", flat=True))

    def _migrate_chunk(self, chunk: list[Client]) -> None:
        applied = _applied(chunk)
        pending: list[tuple[Client, list[Step]]] = []
        for client in chunk:
            if client.schema_name not in applied:
                self.outcome.failed[client.slug] = "it has no schema, or one without django_migrations"
                continue
            known = applied[client.schema_name]
            pending.append(
                (client, [step for step in self.steps if (step["app"], step["name"]) not in known])
            )
        self._send(pending)
        for client, steps in pending:
            python = next((step for step in steps if step["sql"] is None), None)
            if python is not None and client.slug not in self.outcome.failed:
                self._by_django(client, python)

    def _send(self, pending: list[tuple[Client, list[Step]]]) -> None:
        """Apply each client's leading SQL steps, all in one transaction; one by one if that fails."""
        if not pending:
            return
        texts = [_text(client, steps, self.release) for client, steps in pending]
        try:
            _execute_patiently(texts, self.say)
        except DatabaseError as error:
            if len(pending) == 1:
                self.outcome.failed[pending[0][0].slug] = " ".join(str(error).split())
                return
            for one in pending:
                self._send([one])
            return
        done = [client for client, steps in pending if all(step["sql"] is not None for step in steps)]
        self.outcome.migrated += len(done)
        if done:
            seconds = time.monotonic() - self.began
            self.say(
                f"{self.outcome.migrated} of {self.total} clients migrated"
                f" ({done[0].slug} to {done[-1].slug}, {seconds:.1f} s)."
            )

    def _by_django(self, client: Client, step: Step) -> None:
        """Apply one migration that is more than SQL as Django does, in this client's schema alone."""
        self.say(f"{client.slug}: {step['app']}.{step['name']} is more than SQL and runs by itself.")
        try:
            with at_client(client):
                executor = executor_here()
                executor.migrate([(step["app"], step["name"])])
        except Exception as error:
            self.outcome.failed[client.slug] = f"{step['app']}.{step['name']}: {' '.join(str(error).split())}"


def _applied(chunk: list[Client]) -> dict[str, set[tuple[str, str]]]:
    """Return per schema which migrations its own table says were applied; no entry where there is none."""
    schemas = [client.schema_name for client in chunk]
    with connection.cursor() as cursor:
        cursor.execute(
            "select nspname from pg_class join pg_namespace n on n.oid = relnamespace"
            " where relname = 'django_migrations' and nspname = any(%s)",
            [schemas],
        )
        present = [row[0] for row in cursor.fetchall()]
        applied: dict[str, set[tuple[str, str]]] = {schema: set() for schema in present}
        if not present:
            return applied
        each = [
            sql.SQL("select {}, app, name from {}").format(
                sql.Literal(schema), sql.Identifier(schema, "django_migrations")
            )
            for schema in present
        ]
        cursor.execute(sql.SQL(" union all ").join(each))
        for schema, app, name in cursor.fetchall():
            applied[schema].add((app, name))
    return applied


def _text(client: Client, steps: list[Step], release: str) -> str:
    """Return the SQL of a client's leading SQL steps, and its new release if these are all it lacks."""
    leading = list(itertools.takewhile(lambda step: step["sql"] is not None, steps))
    parts = [f"set local search_path = {path_of(client.schema_name)};\n"]
    parts += [step["sql"] or "" for step in leading]
    if leading:
        rows = sql.SQL(", ").join(
            sql.SQL("({}, {}, now())").format(sql.Literal(step["app"]), sql.Literal(step["name"]))
            for step in leading
        )
        insert = sql.SQL("insert into django_migrations (app, name, applied) values ") + rows
        parts.append(f"{insert.as_string(connection.connection)};\n")
    if len(leading) == len(steps):
        stamp = sql.SQL("update public.tenants_client set release = {} where id = {}").format(
            sql.Literal(release), sql.Literal(client.pk)
        )
        parts.append(f"{stamp.as_string(connection.connection)};\n")
    return "".join(parts)


def _execute_patiently(texts: list[str], say: Say) -> None:
    """Send the texts as one transaction, again if a lock was not had in time."""
    text = OwnPath(
        "".join(texts).replace(";\n", f";\nset local lock_timeout = '{LOCK_TIMEOUT}';\n", 1)
        + f"set local search_path = {connection.wanted_path};\nset local lock_timeout = default"
    )
    for pause in (*RETRY_SECONDS, None):
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
            return
        except DatabaseError as error:
            missed = isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)
            if not missed or pause is None or connection.in_atomic_block:
                raise
            say(f"A table is in use; trying again in {pause} s.")
            time.sleep(pause)
