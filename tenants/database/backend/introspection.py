"""Introspection of the current schema alone: without it `public`'s tables would count as the client's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db.backends.postgresql.introspection import DatabaseIntrospection


class SchemaIntrospection(DatabaseIntrospection):
    """Django's introspection, with the wanted path narrowed to the schema while it asks."""

    @contextlib.contextmanager
    def _narrowed(self) -> Iterator[None]:
        connection: Any = self.connection
        before = (connection.tenant, connection.include_public_schema)
        connection.set_tenant(connection.tenant, include_public=False)
        try:
            yield
        finally:
            connection.set_tenant(*before)

    def get_table_list(self, cursor: Any) -> Any:
        """Tables and views of the schema."""
        with self._narrowed():
            return super().get_table_list(cursor)

    def get_table_description(self, cursor: Any, table_name: str) -> Any:
        """Columns of one of its tables."""
        with self._narrowed():
            return super().get_table_description(cursor, table_name)

    def get_sequences(self, cursor: Any, table_name: str, table_fields: Any = ()) -> Any:
        """Sequences of one of its tables."""
        with self._narrowed():
            return super().get_sequences(cursor, table_name, table_fields)

    def get_relations(self, cursor: Any, table_name: str) -> Any:
        """Foreign keys of one of its tables."""
        with self._narrowed():
            return super().get_relations(cursor, table_name)

    def get_constraints(self, cursor: Any, table_name: str) -> Any:
        """Constraints and indexes of one of its tables."""
        with self._narrowed():
            return super().get_constraints(cursor, table_name)
