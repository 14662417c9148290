"""Telling people of deliveries that were refused and of source tokens that expire."""

from datetime import datetime, timedelta

from evidence.intake.models import Delivery, IntakeToken
from tenants.apitokens.telling import WARNINGS, warning_of
from tenants.clients.switch import current_client
from tenants.members.models import User
from tenants.notifications.kinds import AT_ONCE, Kind, register
from tenants.notifications.recipients import administrators, assigned
from tenants.notifications.services import gather, notify

register(
    Kind(
        "delivery_refused",
        "Delivery refused",
        "source.read",
        AT_ONCE,
        many="{count} deliveries were refused",
    ),
    Kind("source_token_expires", "Token of a source expires soon", "source.read", AT_ONCE),
)


def tell_refused(delivery: Delivery, *, at: datetime) -> None:
    """Tell whoever gave a delivery that it was refused; of one that no person gave, the client's and the MSSP's."""
    client = current_client()
    people = [*administrators(client), *assigned(client)]
    gather(
        User.objects.filter(pk=delivery.by) if delivery.by is not None else people,
        kind="delivery_refused",
        subject=f"A delivery for {delivery.source.slug} was refused",
        url=f"deliveries/{delivery.pk}/",
        list_url="sources/",
        client=client,
        at=at,
        dedup=str(delivery.pk),
    )


def tell_expiring(*, at: datetime) -> None:
    """Tell the client's administrators and the assigned of source tokens that expire soon; once for each warning."""
    client = current_client()
    soon = IntakeToken.objects.filter(
        revoked_at=None, expires_at__gt=at, expires_at__lte=at + timedelta(days=max(WARNINGS))
    ).select_related("source")
    for token in soon:
        days = warning_of(token.created_at, token.expires_at, at=at)
        if days is None:
            continue
        notify(
            [*administrators(client), *assigned(client)],
            kind="source_token_expires",
            subject=f"Token {token.prefix} of {token.source.slug} expires within {days} days",
            url=f"sources/{token.source.slug}/",
            client=client,
            at=at,
            dedup=f"{token.pk}:{days}",
        )
