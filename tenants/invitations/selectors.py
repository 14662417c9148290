"""Reads about invitations: lists with the state of each."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from tenants.clients.models import Client
from tenants.invitations.models import Invitation


def invitations_to(client: Client | None) -> QuerySet[Invitation]:
    """Return the invitations of members of a client, or of the MSSP's people, newest first; auditors come elsewhere."""
    return (
        Invitation.objects.filter(client=client, engagement=None)
        .select_related("invited_by")
        .order_by("-created_at", "pk")
    )


def open_at(invitations: QuerySet[Invitation], at: datetime) -> QuerySet[Invitation]:
    """Return those that can be accepted."""
    return invitations.filter(accepted_at=None, revoked_at=None, expires_at__gt=at)


def shown(invitation: Invitation, at: datetime) -> dict[str, Any]:
    """Return what a row of a list shows: state, when it was reached, and whether it can be sent again."""
    state, tone, when = _state(invitation, at)
    return {
        "invitation": invitation,
        "state": state,
        "tone": tone,
        "when": when,
        "waits": state in ("open", "expired"),
    }


def _state(invitation: Invitation, at: datetime) -> tuple[str, str, datetime]:
    if invitation.accepted_at is not None:
        return "accepted", "met", invitation.accepted_at
    if invitation.revoked_at is not None:
        return "taken back", "none", invitation.revoked_at
    if invitation.expires_at <= at:
        return "expired", "none", invitation.expires_at
    return "open", "attention", invitation.expires_at
