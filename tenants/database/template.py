"""The template of a release: a schema migrated for real once, kept as text, thrown away.

A text is kept only after it was replayed and the catalogs of both schemas were the same, so what
`tenants.database.ddl` cannot express stops the release and not a client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django_tenants.utils import quote_schema_name

from tenants.database.backend.guard import OwnPath
from tenants.database.catalog import Fact, describe
from tenants.database.ddl import dump
from tenants.database.errors import NotProvisioned
from tenants.database.models import SchemaTemplate
from tenants.database.recording import migrate_and_record
from tenants.database.release import client_release, migration_hash

# With an underscore, which no slug has, so that no client can be called like them.
TEMPLATE_SCHEMA = "client_template"
PROOF_SCHEMA = "client_template_proof"


def make_template() -> SchemaTemplate:
    """Make and keep the template of this code's release; `public` must be migrated before.

    It begins with the last template whose migrations are all still the same, and with nothing where there is none.

    `NotProvisioned` names what the DDL text does not reproduce, if there is anything.
    """
    with _at_public(), _throwaway(TEMPLATE_SCHEMA), _throwaway(PROOF_SCHEMA):
        before = _unchanged()
        with connection.cursor() as cursor:
            cursor.execute(OwnPath(creation(TEMPLATE_SCHEMA, before.ddl if before else "")))
        connection.set_schema(TEMPLATE_SCHEMA)
        steps = migrate_and_record(before.steps if before else ())
        connection.set_schema_to_public()
        ddl = dump(TEMPLATE_SCHEMA)
        with connection.cursor() as cursor:
            cursor.execute(OwnPath(creation(PROOF_SCHEMA, ddl)))
        refuse_difference(describe(TEMPLATE_SCHEMA), describe(PROOF_SCHEMA))
        for step in steps:
            if step["sql"] and TEMPLATE_SCHEMA in step["sql"]:
                step["sql"] = None
        template, _ = SchemaTemplate.objects.update_or_create(
            release=client_release(), defaults={"ddl": ddl, "steps": steps}
        )
    return template


def _unchanged() -> SchemaTemplate | None:
    """Return the newest template if the source of each of its migrations is as it was then."""
    newest = SchemaTemplate.objects.order_by("-made_at").first()
    if newest is None or not newest.steps:
        return None
    for step in newest.steps:
        source = migration_hash(step["app"], step["name"])
        if source is None or source != step.get("source"):
            return None
    return newest


def path_of(schema: str) -> str:
    """Return the search path of a client's schema, as the backend sets it."""
    return f"{quote_schema_name(schema)}, public, pg_temp"


def creation(schema: str, ddl: str) -> str:
    """Return one text that creates `schema` and all in it; it sets the path for its transaction."""
    return f"set local search_path = {path_of(schema)};\ncreate schema {quote_schema_name(schema)};\n{ddl}"


def refuse_difference(migrated: frozenset[Fact], replayed: frozenset[Fact]) -> None:
    """Raise `NotProvisioned` with the first differences between two descriptions, if there are any."""
    lost = [f"missing: {' '.join(fact)}" for fact in sorted(migrated - replayed)]
    new = [f"instead: {' '.join(fact)}" for fact in sorted(replayed - migrated)]
    if lost or new:
        raise NotProvisioned(
            "The DDL text read from the migrated template does not make the same schema "
            f"({len(lost)} lines missing, {len(new)} instead). Teach `tenants/database/ddl.py`:\n"
            + "\n".join(lost[:10] + new[:10])
        )


@contextmanager
def _at_public() -> Iterator[None]:
    before = (connection.tenant, connection.include_public_schema)
    connection.set_schema_to_public()
    try:
        yield
    finally:
        connection.set_tenant(*before)


@contextmanager
def _throwaway(schema: str) -> Iterator[None]:
    """Have no such schema before the block, nor after it."""
    _drop(schema)
    try:
        yield
    finally:
        connection.set_schema_to_public()
        if not connection.needs_rollback:
            _drop(schema)


def _drop(schema: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set client_min_messages = warning")
        cursor.execute(f"drop schema if exists {quote_schema_name(schema)} cascade")
        cursor.execute("reset client_min_messages")
