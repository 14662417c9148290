"""Django's SQL compilers for the reader, who is given no secret and so must not ask for one."""

from __future__ import annotations

from typing import Any

from django.db.models.sql import compiler as stock
from django.db.models.sql.compiler import (
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)


class SQLCompiler(stock.SQLCompiler):
    """Selects what a model has, but its secrets: they are deferred, and asking for one by name is refused."""

    def get_default_columns(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Return the columns of a model without those of `SECRETS`, unless nothing else was asked for."""
        from tenants.database.backend.reader import SECRETS

        columns = super().get_default_columns(*args, **kwargs)
        kept = [c for c in columns if (c.target.model._meta.db_table, c.target.column) not in SECRETS]
        return kept if any(not c.target.primary_key for c in kept) else columns


__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]
