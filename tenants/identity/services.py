"""What may be done with a client's provider: set it, take it away. Each is a leaf of the client's ledger."""

from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction

from tenants.access.acts import record_act
from tenants.clients.models import Client
from tenants.identity.models import IdentityProvider
from tenants.members.models import User
from tenants.secrets.signing import box
from tenants.sessions.services import BOUND, end


@transaction.atomic
def set_provider(
    client: Client,
    *,
    name: str,
    issuer: str,
    oidc_client_id: str,
    secret: str,
    enabled: bool,
    second_factor: bool,
    by: User,
    at: datetime,
) -> IdentityProvider:
    """Set by which provider people of a client may sign in; an empty secret keeps the one there is.

    Sessions that the provider opened end wherever it is another one afterwards, or none, or is vouched for no longer.

    Raises:
        ValueError: there is no secret yet.
    """
    before = IdentityProvider.objects.select_for_update().filter(client=client).first()
    if before is None and not secret:
        raise ValueError("The provider's secret is missing. The provider shows it beside the client id.")
    provider = before or IdentityProvider(client=client)
    same = before is not None and (
        (before.issuer, before.oidc_client_id) == (issuer, oidc_client_id)
        and enabled
        and second_factor >= before.second_factor
    )
    provider.name, provider.issuer, provider.oidc_client_id = name, issuer, oidc_client_id
    provider.enabled, provider.second_factor = enabled, second_factor
    provider.changed_at, provider.changed_by = at, by
    if secret:
        provider.secret_encrypted = box().encrypt(secret.encode())
    provider.save()
    ended = 0 if same else _end_sessions(client)
    facts = {
        "act": "identity.write",
        "name": name,
        "issuer": issuer,
        "client_id": oidc_client_id,
        "secret": "changed" if secret else "kept",
        "enabled": enabled,
        "second_factor": second_factor,
        "sessions_ended": ended,
    }
    record_act(client, "settings", "identity", actor=by.pk, at=at, facts=facts)
    return provider


@transaction.atomic
def remove_provider(provider: IdentityProvider, *, by: User, at: datetime) -> None:
    """Take a client's provider away: nobody signs in by it any more, and whoever did is signed out."""
    client, issuer = provider.client, provider.issuer
    provider.delete()
    facts = {"act": "identity.remove", "issuer": issuer, "sessions_ended": _end_sessions(client)}
    record_act(client, "settings", "identity", actor=by.pk, at=at, facts=facts)


def _end_sessions(client: Client) -> int:
    return end(UserSession.objects.filter(**{f"data__{BOUND}": str(client.pk)}))
