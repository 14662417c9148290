"""Migrating one schema by Django's own executor, and keeping the SQL that each migration sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NotRequired, TypedDict

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.operations import RunPython
from django.db.migrations.operations.base import Operation

from tenants.database.release import client_labels, migration_hash


class Step(TypedDict):
    """One migration of the client apps; `sql` is null where only Django itself can apply it.

    `source` is the hash of its source then (`tenants.database.release.migration_hash`).
    """

    app: str
    name: str
    sql: str | None
    source: NotRequired[str | None]


def executor_here(progress: Callable[..., None] | None = None) -> MigrationExecutor:
    """Return Django's executor for the schema that the connection is at."""
    return MigrationExecutor(connection, progress)


def client_targets(executor: MigrationExecutor) -> list[tuple[str, str]]:
    """Return the last migration of each client app."""
    labels = set(client_labels())
    return [key for key in executor.loader.graph.leaf_nodes() if key[0] in labels]


def client_plan(executor: MigrationExecutor) -> list[Migration]:
    """Return all migrations that a client schema has, in their order, applied or not."""
    return [node for node, _ in executor.migration_plan(client_targets(executor), clean_start=True)]


def migrate_here(targets: Iterable[tuple[str, str | None]] | None = None) -> None:
    """Bring the schema that the connection is at to its last migrations, or to `targets`, the stock way."""
    executor = executor_here()
    executor.migrate(list(client_targets(executor) if targets is None else targets))


def migrate_and_record(known: Iterable[Step] = ()) -> list[Step]:
    """Migrate the schema that the connection is at, and return one step per migration of the plan.

    `known` are those that the schema has already.
    """
    recorded = {(step["app"], step["name"]): step for step in known}
    sent: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []

    class RecordingEditor(connection.SchemaEditorClass):  # type: ignore[name-defined]
        """Keeps the text of each statement as it goes to the server, parameters merged."""

        def execute(self, sql: Any, params: Any = ()) -> Any:
            text = str(sql)
            current.append(text if params is None else self.connection.ops.compose_sql(text, params))
            return super().execute(sql, params)

    def progress(action: str, migration: Migration | None = None, fake: bool = False) -> None:
        nonlocal current
        if action == "apply_start" and migration is not None:
            current = sent.setdefault((migration.app_label, migration.name), [])
        elif action == "apply_success":
            current = []

    executor = executor_here(progress)
    stock_editor = connection.SchemaEditorClass
    connection.SchemaEditorClass = RecordingEditor
    try:
        executor.migrate(client_targets(executor))
    finally:
        connection.SchemaEditorClass = stock_editor
    for migration in client_plan(executor):
        key = (migration.app_label, migration.name)
        recorded.setdefault(key, _step(migration, sent.get(key)))
    return [recorded[migration.app_label, migration.name] for migration in client_plan(executor)]


def _step(migration: Migration, sent: list[str] | None) -> Step:
    is_sql = sent is not None and migration.atomic and all(map(_is_sql, migration.operations))
    sql = "".join(f"{text.strip()}\n;\n" for text in sent or ()) if is_sql else None
    source = migration_hash(migration.app_label, migration.name)
    return Step(app=migration.app_label, name=migration.name, sql=sql, source=source)


def _is_sql(operation: Operation) -> bool:
    """Whether the operation does the same in every schema: no Python of a migration's author runs in it."""
    inner = getattr(operation, "database_operations", None)
    if inner is not None:
        return all(map(_is_sql, inner))
    if isinstance(operation, RunPython):
        return False
    return type(operation).__module__.startswith(
        ("django.db.migrations.", "django.contrib.postgres.", "pgtrigger.migrations")
    )
