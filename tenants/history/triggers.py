"""The triggers of history: one keeps each change of a tracked row, one refuses any change of what was kept.

They are pgtrigger's, so that migrations carry them, with a template of their own: pgtrigger's can be switched off by a
setting of the session (`pgtrigger.ignore`), these cannot.
"""

from typing import Any

import pgtrigger
from pghistory import trigger as stock
from pgtrigger import compiler


class TriggerSql(compiler.UpsertTriggerSql):
    """A trigger's SQL. Migrations refer to it: its text must not change once they have run.

    No name in it is qualified: it is made in whatever schema is first on the path, like its table.
    """

    def get_template(self) -> str:
        """Return the text that pgtrigger fills in."""
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                {func}
            END
            $$;
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid} {when} {operation} ON {table}
                FOR EACH {level} {condition} EXECUTE FUNCTION {execute};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class _Unstoppable(pgtrigger.Trigger):
    """A trigger made by our template."""

    def compile(self, model: Any) -> compiler.Trigger:
        """Return the trigger as a migration keeps it."""
        made = super().compile(model)
        wanted = {name: value for name, value in made.sql.kwargs.items() if name != "ignore_func_name"}
        return compiler.Trigger(name=self.name, sql=TriggerSql(**wanted))


class Kept(_Unstoppable, stock.Event):
    """Keeps a changed row: its values now, what they were before, and the context of the change.

    The history's table is found beside the changed one (`TG_TABLE_SCHEMA`), so that a statement that names the
    schema itself, on another path, is kept as well.
    """

    def get_func(self, model: Any) -> str:
        """Return the function's body."""
        assert self.event_model is not None
        kept = {
            field.column: f'{self.row}."{field.column}"'
            for field in self.event_model._meta.fields
            if not field.name.startswith("pgh_")
        }
        key = model._meta.pk.column
        excluded = [f.column for f in model._meta.concrete_fields if f.column not in kept]
        before = "to_jsonb(OLD)" + "".join(f" - '{column}'" for column in excluded)
        kept |= {
            "pgh_created_at": "clock_timestamp()",
            "pgh_label": f"'{self.label}'",
            "pgh_obj_id": f'{self.row}."{key}"',
            "pgh_before": before if self.operation == pgtrigger.Update else "NULL::jsonb",
            "pgh_context": "NULLIF(current_setting('pghistory.context_metadata', true), '')::jsonb",
            "pgh_context_id": "NULLIF(current_setting('pghistory.context_id', true), '')::uuid",
        }
        columns = ", ".join(f'"{column}"' for column in kept)
        places = ", ".join(f"${number}" for number in range(1, len(kept) + 1))
        # Names of our own columns, no value.
        into = f'INSERT INTO %I."{self.event_model._meta.db_table}" ({columns}) VALUES ({places})'  # noqa: S608
        return f"EXECUTE format('{into}', TG_TABLE_SCHEMA) USING {', '.join(kept.values())}; RETURN NULL;"


class AppendOnly(_Unstoppable):
    """Refuses to change or remove a row of history, by whatever SQL."""

    name = "append_only"
    when = pgtrigger.Before
    operation = pgtrigger.Update | pgtrigger.Delete
    func = "RAISE EXCEPTION 'history rows are only ever added (%)', TG_OP;"

    def render_func(self, model: Any) -> str:
        """Return the function's body, its percent sign as it stands."""
        return str(self.func)


class NeverEmptied(AppendOnly):
    """Refuses to empty a table of history."""

    name = "never_emptied"
    level = pgtrigger.Statement
    operation = pgtrigger.Truncate


def history_triggers() -> list[pgtrigger.Trigger]:
    """The triggers that a table of history has."""
    return [AppendOnly(), NeverEmptied()]


def keep(event_model: Any, *, label: Any, row: Any, operation: Any, condition: Any) -> Kept:
    """Return the trigger that keeps one kind of change in a table of history."""
    return Kept(
        event_model=event_model,
        name=f"kept_{label}",
        label=label,
        row=row,
        operation=operation,
        condition=condition,
        level=pgtrigger.Row,
    )
