"""What may be done with an engagement."""

import datetime
from collections.abc import Iterable

from django.db import transaction

from tenants.clients.models import Client
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.members.models import User


@transaction.atomic
def open_type_1(
    client: Client,
    *,
    firm: str,
    as_of: datetime.date,
    access_from: datetime.date,
    access_until: datetime.date,
    auditors: Iterable[User] = (),
    categories: Iterable[str] = ("CC",),
) -> Engagement:
    """Open a Type I engagement: the state on one day, for the auditors named, between the access dates."""
    engagement = Engagement.objects.create(
        client=client,
        firm=firm,
        kind=Engagement.Kind.TYPE_1,
        as_of=as_of,
        access_from=access_from,
        access_until=access_until,
        categories=list(categories),
    )
    return _with(engagement, auditors)


@transaction.atomic
def open_type_2(
    client: Client,
    *,
    firm: str,
    period_start: datetime.date,
    period_end: datetime.date,
    access_from: datetime.date,
    access_until: datetime.date,
    auditors: Iterable[User] = (),
    categories: Iterable[str] = ("CC",),
) -> Engagement:
    """Open a Type II engagement: a period, for the auditors named, between the access dates."""
    engagement = Engagement.objects.create(
        client=client,
        firm=firm,
        kind=Engagement.Kind.TYPE_2,
        period_start=period_start,
        period_end=period_end,
        access_from=access_from,
        access_until=access_until,
        categories=list(categories),
    )
    return _with(engagement, auditors)


def _with(engagement: Engagement, auditors: Iterable[User]) -> Engagement:
    EngagementAuditor.objects.bulk_create(
        EngagementAuditor(engagement=engagement, user=user) for user in auditors
    )
    return engagement
