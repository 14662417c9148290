"""Who reads: the database roles under which auditors, and whoever is in by break-glass, are answered.

Two kinds of roles, neither of which may write anything:

- one that signs in and has no rights of its own (`PROOFLINE_READER_ROLE`);
- one per client, which nobody signs in as: it may use that client's schema and read its tables.

`reading_only` signs in as the first and takes a client's role for one read-only transaction. Roles belong to the
whole server, so a client's bears its id, which no two databases share.

Of `public` every client's role reads the tables that pages need, column by column, never a secret. Row security
opens them to these roles alone, and what names one client to that client's: a grant to each role, or to one that all
are members of, would make everybody who makes a client wait for the other.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django_tenants.utils import quote_schema_name
from psycopg import errors

from tenants.clients.models import Client
from tenants.database.backend.reader import SECRETS, ReaderWrapper
from tenants.database.errors import NoReader

_CLIENTS_AT_ONCE: Final = 50
# The tables of `public` that a client's pages read, by model, and the column that says which client's role sees a
# row; without one all clients' roles do. What is secret is left out (`SECRETS`).
_IN_PUBLIC: Final = {
    "tenants.ApiToken": "client_id",
    "tenants.Assignment": "",
    "tenants.AssignmentHistory": "client_id",
    "tenants.BreakGlass": "client_id",
    "tenants.Client": "",
    "tenants.ClientHistory": "id",
    "tenants.ClientSummary": "client_id",
    "tenants.Engagement": "",
    "tenants.EngagementAuditor": "",
    "tenants.EngagementAuditorHistory": "",
    "tenants.EngagementHistory": "client_id",
    "tenants.Host": "tenant_id",
    "tenants.HostHistory": "tenant_id",
    "tenants.IdentityProvider": "client_id",
    "tenants.IdentityProviderHistory": "client_id",
    "tenants.Installation": "",
    "tenants.Invitation": "client_id",
    "tenants.Membership": "",
    "tenants.MembershipHistory": "client_id",
    "tenants.Notification": "",
    "tenants.NotificationMark": "",
    "tenants.NotificationSetting": "",
    "tenants.ReadLogEntry": "client_id",
    "tenants.SavedView": "",
    "tenants.SigningKey": "",
    "tenants.User": "",
    "tenants.WorkItem": "client_id",
    "contenttypes.ContentType": "",
    # Who has a second factor, as the list of people says; never with what.
    "mfa.Authenticator": "",
}
_POLICY: Final = "proofline_readers"
_MARK: Final = """
select (select obj_description(oid, 'pg_policy') from pg_policy
    where polname = %s and polrelid = 'public.tenants_client'::regclass),
    exists (select from pg_roles where rolname = %s)
"""


def role_of(client_id: uuid.UUID) -> str:
    """Return the name of a client's reading role."""
    return f"{settings.PROOFLINE_READER_ROLE}_{client_id.hex}"


def grants(schema: str, client_id: uuid.UUID) -> str:
    """Return the SQL that makes a client's reading role and lets it read `schema`: what is there and what will be.

    It can be repeated. Tables that the same owner makes later (migrations, partitions) are readable at once.
    """
    role, quoted = role_of(client_id), quote_schema_name(schema)
    return (
        f"{_role(role, 'nologin')};\n"
        f"grant usage on schema {quoted} to {role};\n"
        f"grant select on all tables in schema {quoted} to {role};\n"
        f"alter default privileges in schema {quoted} grant select on tables to {role};\n"
        f"grant {role} to {settings.PROOFLINE_READER_ROLE} with inherit false, set true;\n"
    )


def removal(client_id: uuid.UUID) -> str:
    """Return the SQL that removes a client's reading role, once its schema is dropped."""
    return f"drop role if exists {role_of(client_id)};\n"


def _role(name: str, options: str) -> str:
    """Make a role where there is none; two who make it at once are not told."""
    return (
        f"do $make$ begin create role {name} {options} nosuperuser nocreatedb nocreaterole; exception"
        " when duplicate_object or unique_violation then null; end $make$"
    )


# The installation's part ────────────────────────────────────────────────────────────────────────────


def password() -> str:
    """Return the reader's password: the setting, or one derived from the owner's, from which nothing leads back."""
    if settings.PROOFLINE_READER_PASSWORD:
        return str(settings.PROOFLINE_READER_PASSWORD)
    owner = connections["default"].settings_dict["PASSWORD"] or ""
    if not owner:
        raise NoReader(
            "The reader of the database needs a password. Set PROOFLINE_READER_PASSWORD, since DATABASE_URL has none."
        )
    return hmac.new(owner.encode(), b"proofline reader", hashlib.sha256).hexdigest()


def ensure_readers() -> None:
    """Have all roles there, with their rights as this code wants them: part of `migrate`, which may be repeated.

    Raises:
        NoReader: the database's owner may not make roles, or the reader cannot sign in; the sentence says what to do.
    """
    try:
        _ensure_installation()
        _ensure_clients()
    except DatabaseError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise NoReader(
                "The owner of the database may not make the roles that auditors read under. As the server's"
                f" administrator: alter role {connection.settings_dict['USER']} createrole;"
                f" (the server said: {' '.join(str(error).split())})"
            ) from error
        raise


def _ensure_installation() -> None:
    login = settings.PROOFLINE_READER_ROLE
    opening = _opening_public()
    mark = hashlib.sha256(opening.encode()).hexdigest()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MARK, [_POLICY, login])
        marked, known = cursor.fetchone()
        cursor.execute(_role(login, "login noinherit"))
        if marked != mark:
            # Locks the tables for a moment, so only where something differs.
            cursor.execute(opening)
            cursor.execute(f"comment on policy {_POLICY} on public.tenants_client is '{mark}'")
    # A role that was just made has no password yet; trying it would only leave a fault in the server's log.
    if not (known and _can_sign_in()):
        with connection.cursor() as cursor:
            # Hashed here, so that no log of the server ever holds it.
            hashed = connection.connection.pgconn.encrypt_password(
                password().encode(), login.encode(), b"scram-sha-256"
            )
            cursor.execute(f"alter role {login} password '{hashed.decode()}'")
        if not connection.in_atomic_block and not _can_sign_in():
            raise NoReader(
                f"The role {login} cannot sign in to the database, so no auditor could be answered. Let it"
                " connect (pg_hba.conf, method scram-sha-256) from where the portal runs."
            )


def _opening_public() -> str:
    """Return the SQL that lets the clients' roles, and nobody else, read what their pages need of `public`."""
    prefix = f"{settings.PROOFLINE_READER_ROLE}_"
    statements = []
    for label, client in _IN_PUBLIC.items():
        options = apps.get_model(label)._meta
        table = f"public.{options.db_table}"
        columns = [
            f'"{each.column}"'
            for each in options.concrete_fields
            if (options.db_table, each.column) not in SECRETS
        ]
        seen = f"starts_with(current_user::text, '{prefix}')"
        if client:
            seen = f"current_user::text = '{prefix}' || replace({client}::text, '-', '')"
        statements += [
            f"alter table {table} enable row level security",
            f"drop policy if exists {_POLICY} on {table}",
            f"create policy {_POLICY} on {table} for select to public using ({seen})",
            f"revoke all on {table} from public",
            f"grant select ({', '.join(columns)}) on {table} to public",
        ]
    return ";\n".join(statements)


def _can_sign_in() -> bool:
    reader = _connection()
    try:
        reader.ensure_connection()
    except DatabaseError:
        return False
    finally:
        reader.close()
    return True


def _ensure_clients() -> None:
    while lacking := _lacking():
        with transaction.atomic(), connection.cursor() as cursor:
            for client_id, schema in lacking:
                cursor.execute(grants(schema, client_id))


def _lacking() -> list[tuple[uuid.UUID, str]]:
    """Return some of the clients whose reading role is not there, or may not read or be taken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.id, c.schema_name from tenants_client c"
            " left join pg_roles r on r.rolname = %s || replace(c.id::text, '-', '')"
            " where to_regnamespace(quote_ident(c.schema_name)) is not null and (r.oid is null"
            " or not has_schema_privilege(r.oid, to_regnamespace(quote_ident(c.schema_name)), 'usage')"
            " or not pg_has_role(%s::name, r.oid, 'set'))"
            " order by c.id limit %s",
            [
                f"{settings.PROOFLINE_READER_ROLE}_",
                settings.PROOFLINE_READER_ROLE,
                _CLIENTS_AT_ONCE,
            ],
        )
        return list(cursor.fetchall())


# Reading ────────────────────────────────────────────────────────────────────────────────────────────


def _connection() -> ReaderWrapper:
    ordinary = connections["default"].settings_dict
    kept = {name: value for name, value in ordinary["OPTIONS"].items() if name not in ("pool", "assume_role")}
    login: dict[str, Any] = {"USER": settings.PROOFLINE_READER_ROLE, "PASSWORD": password()}
    return ReaderWrapper({**ordinary, **login, "OPTIONS": kept, "CONN_MAX_AGE": 0}, "default")


def begin_reading(client: Client) -> None:
    """In the transaction that has just begun on the present connection: only reads, only this client's."""
    with connection.cursor() as cursor:
        cursor.execute("set transaction read only")
        cursor.execute(f"set local role {role_of(client.pk)}")


@contextmanager
def reading_only(client: Client) -> Iterator[None]:
    """Have this thread's connection be the reader's at one client within the block, and the ordinary one after it.

    The connection is made for the block and closed with it, so that nothing that was said on it outlives it.
    """
    ordinary, reader = connections["default"], _connection()
    connections["default"] = reader
    try:
        with transaction.atomic():
            begin_reading(client)
            # Only now: before it has the client's role, the reader may not use the schema.
            reader.set_tenant(client)
            yield
            transaction.set_rollback(True)
    finally:
        connections["default"] = ordinary
        reader.close()


__all__ = ["begin_reading", "ensure_readers", "grants", "reading_only", "removal", "role_of"]
