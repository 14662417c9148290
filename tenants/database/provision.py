"""Making a client: its row and its schema, in one round trip and one transaction."""

from __future__ import annotations

from django.db import connection, router
from django.db.models import Model
from psycopg import sql

from tenants.clients.models import Client
from tenants.clients.switch import public
from tenants.database.backend.guard import OwnPath
from tenants.database.release import client_release
from tenants.database.template import creation, template_ddl


def provision(client: Client) -> None:
    """Create the schema of `client` from the template of this release, and its row if it has none yet.

    One text goes to the server: schema, tables, functions, triggers, grants, the rows of
    `django_migrations`, and the client's row with its `release`. All of it is there afterwards, or nothing.
    The template's text is read once per process before.

    Raises `NotProvisioned` before the first `migrate` of a release, and Django's `IntegrityError` or
    `ProgrammingError` if a client or a schema of this name exists.
    """
    release = client_release()
    with public():
        ddl = template_ddl(release)
        before = client.release
        client.release = release
        row = _insert(client) if client._state.adding else _stamp(client)
        text = f"{creation(client.schema_name, ddl)}{row};\nset local search_path = {connection.wanted_path}"
        try:
            with connection.cursor() as cursor:
                cursor.execute(OwnPath(text))
        except BaseException:
            client.release = before
            raise
    client._state.adding = False
    client._state.db = router.db_for_write(Client)


def _insert(instance: Model) -> str:
    """Return the INSERT of an unsaved row, values merged; what Django's `save()` would store."""
    fields = instance._meta.concrete_fields
    values = [
        sql.Literal(field.get_db_prep_save(field.pre_save(instance, add=True), connection))
        for field in fields
    ]
    statement = sql.SQL("insert into public.{} ({}) values ({})").format(
        sql.Identifier(instance._meta.db_table),
        sql.SQL(", ").join([sql.Identifier(str(field.column)) for field in fields]),
        sql.SQL(", ").join(values),
    )
    return _text(statement)


def _stamp(client: Client) -> str:
    statement = sql.SQL("update public.{} set release = {} where id = {}").format(
        sql.Identifier(client._meta.db_table), sql.Literal(client.release), sql.Literal(client.pk)
    )
    return _text(statement)


def _text(statement: sql.Composed) -> str:
    connection.ensure_connection()
    return statement.as_string(connection.connection)
