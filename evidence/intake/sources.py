"""Connecting a source and issuing what its senders show."""

import hashlib
import hmac
import secrets
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from evidence.intake.models import IntakeToken, Source
from evidence.sources.registry import adapter
from tenants.access.acts import record_act

TOKEN_LIFE = timedelta(days=365)


def connect(slug: str, *, at: datetime) -> Source:
    """Return the client's source of this folder name, connected on first use.

    Raises `evidence.sources.registry.UnknownSource` with the names that exist.
    """
    source, _ = Source.objects.get_or_create(slug=adapter(slug).slug, defaults={"connected_at": at})
    return source


def set_scope(key: int, *, since: date | None, by: UUID, at: datetime) -> Source:
    """Say from which day a source is in scope (None: from its first event), by a leaf of the ledger; return it."""
    with transaction.atomic():
        source = Source.objects.select_for_update().get(pk=key)
        before, source.in_scope_from = source.in_scope_from, since
        if before != since:
            source.save(update_fields=["in_scope_from"])
            days = {"from": before and before.isoformat(), "to": since and since.isoformat()}
            record_act(
                connection.tenant,
                "settings",
                f"source:{source.slug}",
                actor=by,
                at=at,
                facts={"in_scope_from": days},
            )
        return source


@transaction.atomic
def set_state(source: Source, state: str, *, at: datetime, by: UUID) -> Source:
    """Pause, take up again or retire a source; a leaf of the ledger says who did it and when."""
    if source.state != state:
        facts = {"source": source.slug, "from": source.state, "to": state}
        source.state = state
        source.save(update_fields=["state"])
        record_act(connection.tenant, "settings", f"source:{source.slug}", actor=by, at=at, facts=facts)
    return source


def issue_token(source: Source, *, at: datetime, by: UUID | None) -> str:
    """Make a token for one source and return it whole; it is shown this once, only its hash is kept."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with transaction.atomic():
        IntakeToken.objects.create(
            source=source,
            prefix=prefix,
            secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
            created_at=at,
            created_by=by,
            expires_at=at + TOKEN_LIFE,
        )
    return f"plin_{prefix}_{secret}"


def revoke_token(token: IntakeToken, *, at: datetime) -> None:
    """End a token at once; one that has ended before keeps its first instant."""
    if token.revoked_at is None:
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])


def source_of_token(token: str, slug: str, *, at: datetime) -> Source | None:
    """Return the source that this token may push into, or None: wrong, ended, revoked or another source's.

    A token of another client is simply not found: tokens live in the client's own schema.
    """
    brand, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    if brand != "plin" or not prefix or not secret:
        return None
    row = IntakeToken.objects.select_related("source").filter(prefix=prefix).first()
    presented = hashlib.sha256(secret.encode()).hexdigest()
    if row is None or not hmac.compare_digest(row.secret_sha256, presented):
        return None
    if row.revoked_at or row.expires_at <= at or row.source.slug != slug:
        return None
    if row.last_used_at is None or at - row.last_used_at > timedelta(minutes=1):
        IntakeToken.objects.filter(pk=row.pk).update(last_used_at=at)
    return row.source
