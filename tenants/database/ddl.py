"""A schema's DDL as one text without its name, read from the catalog.

For replay on a path whose first schema is new and empty. It covers what migrations make: enumerations,
domains, sequences and identities, functions, tables (partitioned ones with their partitions), defaults,
constraints, indexes, triggers, views, comments, grants, the rows that migrations left, and where sequences
stand. What it does not cover is found by `tenants.database.template`, which replays the text and compares
catalogs before it keeps it.
"""

# ruff: noqa: S608 - the texts put together here are constants and names read from the catalog, quoted.

from __future__ import annotations

from typing import Any, Final

from django.db import connection, transaction

from tenants.database.catalog import narrowed_to

_Row = tuple[Any, ...]

_TYPES: Final = """
select format('create type %%I as enum (%%s)', typname,
    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid))
from pg_type t where typnamespace = %(schema)s and typtype = 'e'
union all
select concat_ws(' ', 'create domain', quote_ident(typname), 'as', format_type(typbasetype, typtypmod),
    'default ' || typdefault, case when typnotnull then 'not null' end,
    (select string_agg(format('constraint %%I %%s', conname, pg_get_constraintdef(c.oid)), ' ' order by conname)
     from pg_constraint c where contypid = t.oid and contype = 'c'))
from pg_type t where typnamespace = %(schema)s and typtype = 'd'
"""

# Options as in CREATE SEQUENCE; for an identity in parentheses after it.
_SEQUENCE_OPTIONS: Final = """concat_ws(' ', 'start', seqstart, 'increment', seqincrement, 'minvalue', seqmin,
    'maxvalue', seqmax, 'cache', seqcache, case when seqcycle then 'cycle' end)"""

_SEQUENCES: Final = f"""
select format('create sequence %%I as %%s %%s', relname, seqtypid::regtype, {_SEQUENCE_OPTIONS})
from pg_sequence s join pg_class c on c.oid = seqrelid
where relnamespace = %(schema)s and not exists (select 1 from pg_depend where classid = 'pg_class'::regclass
    and objid = seqrelid and deptype = 'i')
order by relname
"""

_SEQUENCE_OWNERS: Final = """
select format('alter sequence %%I owned by %%I.%%I', c.relname, t.relname, attname)
from pg_depend d join pg_class c on c.oid = objid and c.relkind = 'S' join pg_class t on t.oid = refobjid
    join pg_attribute on attrelid = refobjid and attnum = refobjsubid
where c.relnamespace = %(schema)s and classid = 'pg_class'::regclass and deptype = 'a'
order by c.relname
"""

# A function whose signature or body names a table's row type can only follow the tables.
_FUNCTIONS: Final = """
select quote_ident(proname), pg_get_functiondef(p.oid),
    prosqlbody is not null or exists (select 1 from pg_type t join pg_class c on c.oid = typrelid
        where (t.oid = prorettype or t.oid = any(proargtypes)) and relkind in ('r', 'p', 'v', 'm'))
from pg_proc p where pronamespace = %(schema)s and prokind in ('f', 'p') order by p.oid
"""

_TABLES: Final = """
select c.oid, c.relname, c.relkind::text, c.relpersistence::text, pg_get_partkeydef(c.oid), c.reloptions,
    p.relname, pg_get_expr(c.relpartbound, c.oid)
from pg_class c left join pg_inherits i on inhrelid = c.oid left join pg_class p on p.oid = inhparent
where c.relnamespace = %(schema)s and c.relkind in ('r', 'p')
order by p.relname is not null, c.oid
"""

_COLUMNS: Final = f"""
select c.oid, concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod),
    'collate ' || nullif(attcollation, t.typcollation)::regcollation::text,
    case attgenerated when 's' then format('generated always as (%%s) stored', pg_get_expr(adbin, adrelid))
        when 'v' then format('generated always as (%%s) virtual', pg_get_expr(adbin, adrelid))
        else 'default ' || pg_get_expr(adbin, adrelid) end,
    case when attidentity <> '' then (select format('generated %%s as identity (sequence name %%I %%s)',
        case attidentity when 'a' then 'always' else 'by default' end, q.relname, {_SEQUENCE_OPTIONS})
        from pg_depend join pg_class q on q.oid = objid join pg_sequence on seqrelid = q.oid
        where classid = 'pg_class'::regclass and refobjid = c.oid and refobjsubid = attnum and deptype = 'i') end,
    case when attnotnull then coalesce((select format('constraint %%I ', conname) from pg_constraint
        where conrelid = c.oid and contype = 'n' and conkey = array[attnum]), '') || 'not null' end)
from pg_class c join pg_attribute on attrelid = c.oid join pg_type t on t.oid = atttypid
    left join pg_attrdef on adrelid = c.oid and adnum = attnum
where relnamespace = %(schema)s and relkind in ('r', 'p') and not relispartition
    and attnum > 0 and not attisdropped
order by c.oid, attnum
"""

# Primary, unique, check and exclusion constraints stand in the table; the rest follows the rows.
_CONSTRAINTS: Final = """
select conrelid, quote_ident(conname), pg_get_constraintdef(c.oid), contype in ('p', 'u', 'c', 'x') and convalidated,
    conrelid::regclass::text
from pg_constraint c join pg_class t on t.oid = conrelid
where connamespace = %(schema)s and contype in ('p', 'u', 'c', 'x', 'f') and conislocal and conparentid = 0
    and (contype <> 'c' or coninhcount = 0)
order by c.conrelid, contype = 'f', conname
"""

_INDEXES: Final = """
select replace(pg_get_indexdef(indexrelid, 0, true), ' ON ONLY ', ' ON ')
from pg_index join pg_class c on c.oid = indexrelid
where relnamespace = %(schema)s
    and not exists (select 1 from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
    and not exists (select 1 from pg_inherits where inhrelid = indexrelid)
order by indexrelid
"""

_TRIGGERS: Final = """
select pg_get_triggerdef(t.oid, true),
    case tgenabled when 'D' then 'disable trigger' when 'R' then 'enable replica trigger'
        when 'A' then 'enable always trigger' end, tgrelid::regclass::text, quote_ident(tgname)
from pg_trigger t join pg_class c on c.oid = tgrelid
where relnamespace = %(schema)s and not tgisinternal and tgparentid = 0 order by tgrelid, tgname
"""

_VIEWS: Final = """
select format('create %%s %%I as %%s', case relkind when 'm' then 'materialized view' else 'view' end, relname,
    rtrim(pg_get_viewdef(oid), '; '))
from pg_class where relnamespace = %(schema)s and relkind in ('v', 'm') order by oid
"""

_COMMENTS: Final = """
select case when objsubid = 0 then format('comment on table %%I is %%L', relname, description)
    else format('comment on column %%I.%%I is %%L', relname, attname, description) end
from pg_description join pg_class c on classoid = 'pg_class'::regclass and c.oid = objoid
    left join pg_attribute on attrelid = objoid and attnum = objsubid
where relnamespace = %(schema)s and relkind in ('r', 'p') order by relname, objsubid
"""

# What was granted to others than the owner, and for functions what PUBLIC had and lost.
_GRANTS: Final = """
select format('grant %%s on %%s to %%s%%s', privilege_type, what,
    case when grantee = 0 then 'public' else grantee::regrole::text end,
    case when is_grantable then ' with grant option' else '' end)
from (
    select format('table %%I', relname) as what, relowner as owner, relacl as acl from pg_class
    where relnamespace = %(schema)s and relkind in ('r', 'p', 'v', 'm')
    union all
    select format('sequence %%I', relname), relowner, relacl from pg_class
    where relnamespace = %(schema)s and relkind = 'S'
    union all
    select format('%%s %%s', case prokind when 'p' then 'procedure' else 'function' end, oid::regprocedure),
        proowner, proacl from pg_proc where pronamespace = %(schema)s and prokind in ('f', 'p')
) things, aclexplode(acl) where grantee <> owner
union all
select format('grant %%s (%%I) on table %%I to %%s', privilege_type, attname, relname,
    case when grantee = 0 then 'public' else grantee::regrole::text end)
from pg_attribute join pg_class c on c.oid = attrelid, aclexplode(attacl)
where relnamespace = %(schema)s and attnum > 0 and not attisdropped
union all
select format('revoke all on %%s %%s from public', case prokind when 'p' then 'procedure' else 'function' end,
    oid::regprocedure)
from pg_proc where pronamespace = %(schema)s and proacl is not null
    and not exists (select 1 from aclexplode(proacl) where grantee = 0)
"""

_SEQUENCE_POSITIONS: Final = """
select format('select setval(%%L, %%s)', quote_ident(relname), last)
from (select relname, case when relnamespace = %(schema)s then pg_sequence_last_value(seqrelid) end as last
    from pg_sequence join pg_class c on c.oid = seqrelid) sequences
where last is not null order by relname
"""

_ROW_COLUMNS: Final = """
select c.relname, array_agg(attname::text order by attnum)
from pg_class c join pg_attribute on attrelid = c.oid
where relnamespace = %(schema)s and relkind = 'r' and attnum > 0 and not attisdropped and attgenerated = ''
group by c.oid order by c.oid
"""


def dump(schema: str) -> str:
    """Return the DDL of `schema` as SQL statements, each ended by a semicolon and a line end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select oid, quote_ident(nspname) from pg_namespace where nspname = %s", [schema])
        row = cursor.fetchone()
        if row is None:
            raise LookupError(f'There is no schema "{schema}" in this database.')
        with narrowed_to(schema):
            statements = _Dump(cursor, row[0], row[1]).statements()
    return "".join(f"{statement.strip().rstrip(';')};\n" for statement in statements)


class _Dump:
    """One reading of one schema."""

    def __init__(self, cursor: Any, oid: int, schema: str) -> None:
        self.cursor = cursor
        self.oid = oid
        self.schema = schema

    def ask(self, query: str) -> list[_Row]:
        self.cursor.execute(query, {"schema": self.oid})
        rows: list[_Row] = self.cursor.fetchall()
        return rows

    def column(self, query: str) -> list[str]:
        return [row[0] for row in self.ask(query)]

    def statements(self) -> list[str]:
        early, late = self._functions()
        inline, after = self._constraints()
        return [
            "set local check_function_bodies = off",
            *self.column(_TYPES),
            *self.column(_SEQUENCES),
            *early,
            *self._tables(inline),
            *self.column(_SEQUENCE_OWNERS),
            *late,
            *self.column(_VIEWS),
            *self._rows(),
            *self.column(_SEQUENCE_POSITIONS),
            *self.column(_INDEXES),
            *after,
            *self._triggers(),
            *self.column(_COMMENTS),
            *self.column(_GRANTS),
        ]

    def _functions(self) -> tuple[list[str], list[str]]:
        """Definitions carry the schema's name once, before the function's own."""
        early: list[str] = []
        late: list[str] = []
        for name, definition, after_tables in self.ask(_FUNCTIONS):
            bare = definition.replace(f" {self.schema}.{name}(", f" {name}(", 1)
            (late if after_tables else early).append(bare)
        return early, late

    def _constraints(self) -> tuple[dict[int, list[str]], list[str]]:
        inline: dict[int, list[str]] = {}
        after: list[str] = []
        for table, name, definition, stands_inside, table_name in self.ask(_CONSTRAINTS):
            if stands_inside:
                inline.setdefault(table, []).append(f"constraint {name} {definition}")
            else:
                after.append(f"alter table {table_name} add constraint {name} {definition}")
        return inline, after

    def _tables(self, constraints: dict[int, list[str]]) -> list[str]:
        columns: dict[int, list[str]] = {}
        for table, definition in self.ask(_COLUMNS):
            columns.setdefault(table, []).append(definition)
        quote = connection.ops.quote_name
        made: list[str] = []
        for oid, name, kind, persistence, key, options, parent, bound in self.ask(_TABLES):
            head = f"create {'unlogged ' if persistence == 'u' else ''}table {quote(name)}"
            lines = columns.get(oid, []) + constraints.get(oid, [])
            if parent is None:
                body = f"{head} (\n    " + ",\n    ".join(lines) + "\n)"
            else:
                inside = f" ({', '.join(lines)})" if lines else ""
                body = f"{head} partition of {quote(parent)}{inside} {bound}"
            if kind == "p":
                body += f" partition by {key}"
            if options:
                body += f" with ({', '.join(options)})"
            made.append(body)
        return made

    def _triggers(self) -> list[str]:
        made: list[str] = []
        for definition, change, table, name in self.ask(_TRIGGERS):
            made.append(definition)
            if change:
                made.append(f"alter table {table} {change} {name}")
        return made

    def _rows(self) -> list[str]:
        quote = connection.ops.quote_name
        made: list[str] = []
        for table, columns in self.ask(_ROW_COLUMNS):
            now = table == "django_migrations"
            values = " || ', ' || ".join(
                "'now()'" if now and name == "applied" else f"quote_nullable({quote(name)}::text)"
                for name in columns
            )
            self.cursor.execute(f"select '(' || {values} || ')' from only {quote(table)} order by ctid")
            if rows := [row[0] for row in self.cursor.fetchall()]:
                names = ", ".join(quote(name) for name in columns)
                made.append(
                    f"insert into {quote(table)} ({names}) overriding system value values\n    "
                    + ",\n    ".join(rows)
                )
        return made
