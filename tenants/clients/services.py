"""What may be done with a client: make one."""

from __future__ import annotations

import re
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name
from django.db import DatabaseError, IntegrityError, transaction
from psycopg import errors

from tenants.clients.models import SLUG_PATTERN, Client, Host, validate_zone
from tenants.clients.names import validate_one_line
from tenants.clients.signals import client_created
from tenants.clients.switch import client as at_client
from tenants.clients.switch import public
from tenants.database.models import SpareSchema
from tenants.database.provision import provision

# The schema bears the slug, and the address does: these are PostgreSQL's, or ours, or could be taken for ours.
# Schemas that PostgreSQL keeps for itself (`pg_…`, `information_schema`) have underscores, which no slug has.
RESERVED_SLUGS = frozenset({
    "accounts", "admin", "api", "c", "clients", "invitations", "portal", "proofline", "public", "schema", "settings",
    "spare", "staff", "static", "template",
})  # fmt: skip
PAPERS = ("A4", "Letter")


class ClientRefused(ValueError):
    """A client cannot be made as asked; the sentence says why and what to do."""


def create_client(
    slug: str, *, name: str, zone: str = "UTC", paper: str = "A4", host: str | None = None
) -> Client:
    """Make a client: its row, its schema, its host if it has one, and what the apps put into a new schema.

    All of it in one transaction, with `client_created` sent inside it. Raises `ClientRefused` for a slug,
    zone, paper or host that is malformed or taken, and `NotProvisioned` before the first `migrate`.
    """
    client = Client(id=uuid.uuid4(), schema_name=slug, slug=slug, name=name.strip(), zone=zone, paper=paper)
    host = host.strip().lower().rstrip(".") if host else None
    _refuse_malformed(client, host)
    with public():
        _refuse_taken(client, host)
        try:
            with transaction.atomic():
                provision(client)
                if host:
                    Host.objects.create(domain=host, tenant=client, is_primary=True)
                with at_client(client):
                    client_created.send(sender=Client, client=client)
        except DatabaseError as error:
            # Taken between the question and the making of it.
            if isinstance(error, IntegrityError) or isinstance(error.__cause__, errors.DuplicateSchema):
                _refuse_taken(client, host)
            raise
    return client


def _refuse_malformed(client: Client, host: str | None) -> None:
    slug = client.slug
    if not re.fullmatch(SLUG_PATTERN, slug) or len(slug) > 40 or slug in RESERVED_SLUGS:
        raise ClientRefused(
            f'"{_shown(slug)}" cannot be a client\'s slug. Use at most 40 small letters, digits and single hyphens, '
            "a letter first, such as acme-corp; it names the client's address and schema"
            + (f" (and {slug} is reserved)." if slug in RESERVED_SLUGS else ".")
        )
    refuse_malformed_settings(client)
    if host is not None:
        try:
            validate_domain_name(host)
        except ValidationError as error:
            raise ClientRefused(
                f'"{_shown(host)}" is no host name. Use one such as soc.acme.example, without a port or path.'
            ) from error
        if host in settings.PORTAL_HOSTS:
            raise ClientRefused(
                f"The host \"{host}\" is the portal's own. Use one that is the client's alone."
            )


def _shown(text: str) -> str:
    """Return the beginning of a text that somebody sent, without what could break a line or a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:64])


def refuse_malformed_settings(client: Client) -> None:
    """Raise `ClientRefused` for a name, zone or paper that a client cannot have."""
    if not client.name or len(client.name) > 120:
        raise ClientRefused("A client needs a name of 1 to 120 characters, such as Acme Corporation.")
    try:
        validate_one_line(client.name)
        validate_zone(client.zone)
    except ValidationError as error:
        raise ClientRefused(error.messages[0]) from error
    if client.paper not in PAPERS:
        raise ClientRefused(f'"{_shown(client.paper)}" is no paper we print on. Use {" or ".join(PAPERS)}.')


def _refuse_taken(client: Client, host: str | None) -> None:
    if Client.objects.filter(slug=client.slug).exists():
        raise ClientRefused(
            f'There is a client "{client.slug}" already. `manage.py client list` names them all.'
        )
    if SpareSchema.objects.filter(schema_name=client.schema_name).exists():
        raise ClientRefused(f'"{client.slug}" names a schema that is kept in reserve. Use another slug.')
    if host and (taken := Host.objects.filter(domain=host).select_related("tenant").first()):
        raise ClientRefused(f'The host "{host}" belongs to the client "{taken.tenant.slug}".')
