"""Spare schemas: made ahead, so that a new client's schema is there by being renamed.

`tenants.database.provision` takes them. A spare is no client: it has a row of its own kind, and a name that no
client can have. It is of use for the release it was made for and is replaced when that is over.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import quote_schema_name

from tenants.clients.switch import public
from tenants.database.backend.guard import OwnPath
from tenants.database.models import SchemaTemplate, SpareSchema
from tenants.database.release import client_release
from tenants.database.template import creation

# With an underscore, which no slug has.
PREFIX = "spare_"
_ADVISORY_LOCK = 0x5350415245

_OF_NO_USE = """
select schema_name from public.tenants_spareschema
where release <> %(release)s or not exists (select from pg_catalog.pg_namespace where nspname = schema_name)
    or schema_name in (select schema_name from public.tenants_spareschema where release = %(release)s
        order by made_at offset %(size)s)
limit 1 for update skip locked
"""


@dataclass
class Refilled:
    """What a refill did."""

    made: int = 0
    removed: int = 0


def refill_spares() -> Refilled:
    """Have as many spares of this release as `PROOFLINE_SPARE_SCHEMAS` says, and no others.

    Each is made or removed in a transaction of its own. One refill works at a time; another that comes
    meanwhile does nothing. Before the first `migrate` of a release none are made.
    """
    refilled = Refilled()
    with public():
        while _remove_one():
            refilled.removed += 1
        while _make_one():
            refilled.made += 1
    return refilled


def _remove_one() -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OF_NO_USE, {"release": client_release(), "size": settings.PROOFLINE_SPARE_SCHEMAS})
        row = cursor.fetchone()
        if row is None:
            return False
        cursor.execute("set local client_min_messages = warning")
        cursor.execute(f"drop schema if exists {quote_schema_name(row[0])} cascade")
        SpareSchema.objects.filter(pk=row[0]).delete()
        return True


def _make_one() -> bool:
    release = client_release()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            return False
        if SpareSchema.objects.filter(release=release).count() >= settings.PROOFLINE_SPARE_SCHEMAS:
            return False
        ddl = SchemaTemplate.objects.filter(pk=release).values_list("ddl", flat=True).first()
        if ddl is None:
            return False
        spare = PREFIX + secrets.token_hex(8)
        cursor.execute(OwnPath(f"{creation(spare, ddl)}set local search_path = {connection.wanted_path}"))
        SpareSchema.objects.create(schema_name=spare, release=release, made_at=timezone.now())
        return True
