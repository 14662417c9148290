"""Telling people in time that a token of theirs expires."""

import datetime
from typing import Final

from tenants.apitokens.models import ApiToken
from tenants.notifications.services import notify

_DAY: Final = datetime.timedelta(days=1)
# Days before a token expires on which its people are told.
WARNINGS: Final = (14, 3)


def warning_of(
    created_at: datetime.datetime, expires_at: datetime.datetime, *, at: datetime.datetime
) -> int | None:
    """Return which warning is due: the nearest of `WARNINGS` that is reached; None before, after, or if none was due.

    A token that was made for less time than a warning's is not warned of by it.
    """
    if expires_at <= at:
        return None
    reached = [days for days in WARNINGS if created_at < expires_at - days * _DAY <= at]
    return min(reached, default=None)


def tell_expiring(*, at: datetime.datetime) -> None:
    """Tell each person of their API tokens that expire soon, at all clients; once for each warning."""
    soon = ApiToken.objects.filter(
        revoked_at=None, expires_at__gt=at, expires_at__lte=at + max(WARNINGS) * _DAY
    ).select_related("user", "client")
    for token in soon.iterator():
        days = warning_of(token.created_at, token.expires_at, at=at)
        if days is None:
            continue
        notify(
            [token.user],
            kind="token_expires",
            subject=f"API token {token.prefix} expires within {days} days",
            url="settings/tokens/",
            client=token.client,
            at=at,
            dedup=f"{token.pk}:{days}",
        )
