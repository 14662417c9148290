"""Everything the catalog says about one schema, as comparable lines.

Used to prove a template before it is kept, and to compare a provisioned schema with a migrated one. Every
name is printed relative to the schema, so that two schemas of the same making give the same lines.
"""

# ruff: noqa: S608 - the texts put together here are constants and names read from the catalog, quoted.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django_tenants.utils import quote_schema_name


class Fact(NamedTuple):
    """One line of a schema's description."""

    kind: str
    name: str
    definition: str


# Each asks for (name, definition) of one kind of thing in the schema whose OID is %(schema)s.
# {acl} prints the grants with the owner as `owner`, in a fixed order.
_ACL: Final = """(select coalesce(string_agg(format('%%s=%%s%%s', case when a.grantee = {owner} then 'owner'
    when a.grantee = 0 then 'public' when a.grantee::regrole::text = %(reader)s then 'reader'
    else a.grantee::regrole::text end, a.privilege_type,
    case when a.is_grantable then '*' else '' end), ' ' order by a.grantee <> {owner}, a.grantee::regrole::text,
    a.privilege_type), 'none') from aclexplode(coalesce({acl}, acldefault('{letter}', {owner}))) a)"""


def _acl(letter: str, acl: str, owner: str) -> str:
    return _ACL.format(letter=letter, acl=acl, owner=owner)


_QUERIES: Final = {
    "schema": f"select '', {_acl('n', 'nspacl', 'nspowner')} from pg_namespace where oid = %(schema)s",
    "default grants": f"""select defaclobjtype::text, {_acl("r", "defaclacl", "defaclrole")}
        from pg_default_acl where defaclnamespace = %(schema)s""",
    "table": f"""select relname, concat_ws(' | ', relkind::text, relpersistence::text, relreplident::text,
            relrowsecurity::text, relforcerowsecurity::text, reloptions::text, pg_get_partkeydef(oid),
            pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class'),
            (select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits
             where inhrelid = c.oid), {_acl("r", "relacl", "relowner")})
        from pg_class c where relnamespace = %(schema)s and relkind in ('r', 'p', 'f')""",
    "column": """select c.relname || '.'
            || lpad((row_number() over (partition by c.oid order by attnum))::text, 4, '0'),
            concat_ws(' | ', attname, format_type(atttypid, atttypmod), attnotnull::text,
            pg_get_expr(d.adbin, d.adrelid), 'identity ' || attidentity::text, 'generated ' || attgenerated::text,
            nullif(attcollation, 100)::regcollation::text, attstorage::text, attcompression::text,
            nullif(attstattarget, -1)::text, attoptions::text, attacl::text, col_description(c.oid, attnum))
        from pg_attribute a join pg_class c on c.oid = attrelid
            left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
        where relnamespace = %(schema)s and relkind in ('r', 'p', 'f', 'c') and attnum > 0 and not attisdropped""",
    "constraint": """select coalesce(conrelid::regclass::text, contypid::regtype::text) || '.' || conname,
            concat_ws(' | ', contype::text, pg_get_constraintdef(oid), condeferrable::text, condeferred::text,
            convalidated::text, connoinherit::text, coninhcount::text)
        from pg_constraint where connamespace = %(schema)s""",
    "index": """select indexrelid::regclass::text, concat_ws(' | ', pg_get_indexdef(indexrelid, 0, true),
            indisprimary::text, indisvalid::text, indisclustered::text, indisreplident::text, c.reloptions::text,
            (select inhparent::regclass::text from pg_inherits where inhrelid = indexrelid))
        from pg_index join pg_class c on c.oid = indexrelid where relnamespace = %(schema)s""",
    "trigger": """select tgrelid::regclass::text || '.' || tgname,
            concat_ws(' | ', pg_get_triggerdef(t.oid, true), tgenabled::text)
        from pg_trigger t join pg_class c on c.oid = tgrelid
        where relnamespace = %(schema)s and not tgisinternal""",
    "function": f"""select oid::regprocedure::text, concat_ws(' | ', prokind::text,
            pg_get_function_result(oid), pg_get_function_arguments(oid), prolang::text, provolatile::text,
            proparallel::text, proisstrict::text, prosecdef::text, proleakproof::text, procost::text, prorows::text,
            proconfig::text, prosrc, pg_get_function_sqlbody(oid), {_acl("f", "proacl", "proowner")})
        from pg_proc where pronamespace = %(schema)s""",
    "sequence": f"""select seqrelid::regclass::text, concat_ws(' | ', seqtypid::regtype::text, seqstart::text,
            seqincrement::text, seqmax::text, seqmin::text, seqcache::text, seqcycle::text,
            coalesce((case when relnamespace = %(schema)s then pg_sequence_last_value(seqrelid) end)::text, 'unused'),
            (select string_agg(deptype::text || ' ' || refobjid::regclass::text || '.' || attname, ',')
             from pg_depend join pg_attribute on attrelid = refobjid and attnum = refobjsubid
             where classid = 'pg_class'::regclass and objid = seqrelid and deptype in ('a', 'i')),
            {_acl("s", "relacl", "relowner")})
        from pg_sequence join pg_class c on c.oid = seqrelid where relnamespace = %(schema)s""",
    "type": """select t.oid::regtype::text, concat_ws(' | ', typtype::text, typnotnull::text, typdefault,
            format_type(nullif(typbasetype, 0), typtypmod),
            (select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum
             where enumtypid = t.oid))
        from pg_type t left join pg_class c on c.oid = typrelid
        where typnamespace = %(schema)s and typcategory <> 'A' and (typtype <> 'c' or relkind = 'c')
            and not (typtype = 'm')""",
    "view": f"""select oid::regclass::text, concat_ws(' | ', relkind::text, pg_get_viewdef(oid), reloptions::text,
            {_acl("r", "relacl", "relowner")})
        from pg_class where relnamespace = %(schema)s and relkind in ('v', 'm')""",
    "rule": """select ev_class::regclass::text || '.' || rulename, pg_get_ruledef(r.oid)
        from pg_rewrite r join pg_class c on c.oid = ev_class
        where relnamespace = %(schema)s and rulename <> '_RETURN'""",
    "policy": """select polrelid::regclass::text || '.' || polname, concat_ws(' | ', polcmd::text,
            polpermissive::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
        from pg_policy p join pg_class c on c.oid = polrelid where relnamespace = %(schema)s""",
    "statistics": """select stxname, pg_get_statisticsobjdef(oid) from pg_statistic_ext
        where stxnamespace = %(schema)s""",
}


def describe(schema: str, reader: str = "") -> frozenset[Fact]:
    """Return all that the catalog says about `schema`, and the rows that its tables hold.

    `reader` is the role that reads it (`tenants.database.reader`), printed as such; every other one by its name.

    The time stamps in `django_migrations` are left out. `LookupError` if there is no such schema.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select oid from pg_namespace where nspname = %s", [schema])
        row = cursor.fetchone()
        if row is None:
            raise LookupError(f'There is no schema "{schema}" in this database.')
        facts: set[Fact] = set()
        with narrowed_to(schema):
            for kind, query in _QUERIES.items():
                cursor.execute(query, {"schema": row[0], "reader": reader})
                facts.update(Fact(kind, name, definition) for name, definition in cursor.fetchall())
            for table in [fact.name for fact in facts if fact.kind == "table"]:
                facts.update(_rows(cursor, table))
        return frozenset(facts)


def _rows(cursor: Any, table: str) -> set[Fact]:
    # `to_jsonb` names the columns, so their order does not matter here; it is compared above.
    quoted = quote_schema_name(table)
    cursor.execute(f"select (to_jsonb(t) - 'applied')::text from only {quoted} t")
    return {Fact("row", table, definition) for (definition,) in cursor.fetchall()}


@contextmanager
def narrowed_to(schema: str) -> Iterator[None]:
    """Have only `schema` on the path, so that names in it print bare and all others print whole."""
    before = (connection.tenant, connection.include_public_schema)
    connection.set_schema(schema, include_public=False)
    try:
        yield
    finally:
        connection.set_tenant(*before)
