"""Making a client: its row and its schema, in one round trip and one transaction."""

from __future__ import annotations

from django.db import DatabaseError, connection, router
from django.db.models import Model
from psycopg import errors, sql

from tenants.clients.models import Client
from tenants.clients.switch import public
from tenants.database.backend.guard import OwnPath
from tenants.database.errors import NotProvisioned
from tenants.database.reader import grants
from tenants.database.release import client_release
from tenants.database.template import path_of

# Takes a spare schema of this release that nobody else is taking, or makes the schema. The template's text
# lies in the same database, so it does not travel.
_SCHEMA = """
do $provision$
declare
    spare text;
    template text;
begin
    delete from public.tenants_spareschema where schema_name = (
        select schema_name from public.tenants_spareschema
        where release = {release} and exists (select from pg_catalog.pg_namespace where nspname = schema_name)
        order by made_at for update skip locked limit 1
    ) returning schema_name into spare;
    if found then
        execute format('alter schema %I rename to %I', spare, {name});
    else
        select ddl into strict template from public.tenants_schematemplate where release = {release};
        create schema {schema};
        execute template;
    end if;
end
$provision$;
"""


def provision(client: Client) -> None:
    """Give `client` a schema of this release, and a row if it has none yet.

    One text goes to the server: a spare schema is renamed (`tenants.database.spares`) or, where there is none,
    all is made from the template of this release; then the client's reading role and its row with its `release`.
    All of it is there afterwards, or nothing.

    Raises `NotProvisioned` before the first `migrate` of a release, and Django's `IntegrityError` or
    `ProgrammingError` if a client or a schema of this name exists.
    """
    release = client_release()
    with public():
        before = client.release
        client.release = release
        row = _insert(client) if client._state.adding else _stamp(client)
        text = (
            f"set local search_path = {path_of(client.schema_name)};{_schema(client.schema_name, release)}"
            f"{grants(client.schema_name, client.pk)}{row};\nset local search_path = {connection.wanted_path}"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(OwnPath(text))
        except BaseException as error:
            client.release = before
            if isinstance(error, DatabaseError) and isinstance(error.__cause__, errors.NoDataFound):
                raise NotProvisioned(
                    f"There is no template for release {release} of the client schemas. "
                    "Run `manage.py migrate` first."
                ) from error
            raise
    client._state.adding = False
    client._state.db = router.db_for_write(Client)


def _schema(name: str, release: str) -> str:
    return _text(
        sql.SQL(_SCHEMA).format(
            name=sql.Literal(name), schema=sql.Identifier(name), release=sql.Literal(release)
        )
    )


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
