"""The database backend: django-tenants' interface, a guarded driver connection beneath it.

django-tenants sets the search path when a cursor is made and swallows the error if that fails; here the
guard (`tenants.database.backend.guard`) confirms the path when a statement is sent, and this wrapper only
says which path is wanted.
"""

from __future__ import annotations

import types
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.backends.postgresql.base import TIMESTAMPTZ_OID, Cursor, ServerBindingCursor
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.utils.asyncio import async_unsafe
from django_tenants.postgresql_backend import base as stock
from django_tenants.utils import quote_schema_name
from psycopg.pq import Format, TransactionStatus

from tenants.database.backend.guard import (
    GuardedBindingCursor,
    GuardedConnection,
    GuardedCursor,
    GuardedServerCursor,
)
from tenants.database.backend.introspection import SchemaIntrospection
from tenants.database.errors import PathNotConfirmed

# What would be lost with a session that is in no transaction.
_HELD = """
select exists (select from pg_catalog.pg_cursors where is_holdable and name <> '')
    or exists (select from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid())
    or exists (select from pg_catalog.pg_class where relnamespace = pg_catalog.pg_my_temp_schema())
"""

# psycopg as Django sees it, but its connections are guarded.
_driver = types.ModuleType("psycopg")
_driver.__dict__.update(vars(psycopg))
_driver.connect = GuardedConnection.connect

_GUARDED = {Cursor: GuardedCursor, ServerBindingCursor: GuardedBindingCursor}


class DatabaseWrapper(stock.DatabaseWrapper):
    """A connection that is at one client or at `public`, and sends nothing unless the server agrees.

    `wanted_path` is the text of the search path for the schema that was set last.
    """

    Database = _driver
    wanted_path: str

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        options = settings_dict["OPTIONS"]
        if pool := options.get("pool"):
            own = {} if pool is True else pool
            options = {**options, "pool": {"connection_class": GuardedConnection, **own}}
            settings_dict = {**settings_dict, "OPTIONS": options}
        super().__init__(settings_dict, *args, **kwargs)
        self.introspection = SchemaIntrospection(self)

    # Which schema is wanted

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """Want the schema of `tenant` from now on; nothing is sent.

        Content types are not forgotten as the stock backend does: they lie in `public` alone.
        """
        public = stock.get_public_schema_name()
        schema = tenant.schema_name
        schemas = [schema, public] if include_public and schema != public else [schema]
        schemas += stock.EXTRA_SEARCH_PATHS
        for name in schemas:
            stock._check_schema_name(name)
        # By name and last: unnamed it would be searched first, with the tables a client before left in it.
        self.wanted_path = ", ".join([*(_quoted(name) for name in schemas), "pg_temp"])
        self.tenant = tenant
        self.schema_name = schema
        self.include_public_schema = include_public
        self.set_settings_schema(schema)
        if stock.EXTRA_SET_TENANT_METHOD:
            stock.EXTRA_SET_TENANT_METHOD(self, tenant)

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Nothing is set when a cursor is made: the guard confirms when a statement is sent."""

    # The driver's connection

    def get_connection_params(self) -> dict[str, Any]:
        """As Django's, with the guarded cursor in place of Django's own."""
        params = super().get_connection_params()
        factory = params["cursor_factory"]
        params["cursor_factory"] = _GUARDED.get(factory, factory)
        return params

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> GuardedConnection:
        """Return a driver connection held by this wrapper, fresh or out of the pool."""
        connection = super().get_new_connection(conn_params)
        if not isinstance(connection, GuardedConnection):
            raise ImproperlyConfigured(
                f"The pool makes connections of {type(connection).__name__}; it must make GuardedConnection."
            )
        connection.begin_lease(self)
        return connection

    @async_unsafe
    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's, with the guarded class for named cursors."""
        if not name or self.settings_dict["OPTIONS"].get("server_side_binding") is True:
            return super().create_cursor(name)
        cursor = GuardedServerCursor(
            self.connection, name=name, scrollable=False, withhold=self.connection.autocommit
        )
        loader = self.connection.adapters.get_loader(TIMESTAMPTZ_OID, Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return cursor

    def _close(self) -> Any:
        if self.connection is not None:
            self.connection.end_lease()
        return super()._close()

    def is_usable(self) -> bool:
        """Whether the connection still answers, on the path wanted."""
        try:
            return super().is_usable()
        except PathNotConfirmed:
            return False

    def close_if_unusable_or_obsolete(self) -> None:
        """Between requests and tasks: also close a connection that has served many clients."""
        super().close_if_unusable_or_obsolete()
        self.close_if_crowded()

    def close_if_crowded(self) -> bool:
        """Close a connection that has served `PROOFLINE_CLIENTS_PER_CONNECTION` clients; return whether it was.

        The server's process keeps every table it ever touched, per client, and gives nothing back but by
        ending. Nothing is closed in the middle of a transaction, nor while the session holds an open cursor,
        an advisory lock or a temporary table; it is asked for those. To be called where no cursor of the
        driver's is in use: between requests, between tasks, between two clients of a loop over all.
        """
        connection = self.connection
        if (
            connection is None
            or len(connection.schemas_seen) < settings.PROOFLINE_CLIENTS_PER_CONNECTION
            or self.in_atomic_block
            or self._holds_something()
        ):
            return False
        if self.pool:
            connection.close()  # a pool replaces a closed connection that is given back
        self.close()
        return True

    def _holds_something(self) -> bool:
        if not self.get_autocommit() or self.connection.info.transaction_status != TransactionStatus.IDLE:
            return True
        try:
            with self.cursor() as cursor:
                cursor.execute(_HELD)
                return bool(cursor.fetchone()[0])
        except DatabaseError:
            return True  # it did not say; the next to ask may hear


def _quoted(name: str) -> str:
    """Quote a schema's name; `public` stays bare, as the server itself would print it."""
    return name if name == "public" else quote_schema_name(name)


__all__ = ["DatabaseWrapper"]
