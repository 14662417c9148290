"""What may be done with an engagement."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields

from django.db import transaction

from tenants.access.acts import record_act
from tenants.clients.models import Client
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.members.models import User
from tenants.members.selectors import administrators_of
from tenants.notifications.services import notify


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


# Acts of the client's administrator: each is a leaf of the client's ledger ─────────────────────────────


class EngagementRefused(ValueError):
    """What was asked of an engagement cannot be done; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an engagement covers: a date or a period, categories of criteria, and when its people may sign in."""

    firm: str
    kind: str
    as_of: datetime.date | None
    period_start: datetime.date | None
    period_end: datetime.date | None
    access_from: datetime.date
    access_until: datetime.date
    categories: Sequence[str]

    def facts(self) -> dict[str, object]:
        """Return them as plain JSON values."""
        return {
            name: value.isoformat() if isinstance(value, datetime.date) else value
            for name, value in asdict(self).items()
            if value is not None
        } | {"categories": list(self.categories)}


def terms_of(engagement: Engagement) -> Terms:
    """Return the terms that an engagement has now."""
    return Terms(**{each.name: getattr(engagement, each.name) for each in fields(Terms)})


@transaction.atomic
def open_engagement(client: Client, terms: Terms, *, by: User, at: datetime.datetime) -> Engagement:
    """Open an engagement; its people come afterwards."""
    engagement = Engagement.objects.create(client=client, created_by=by, **asdict(terms))
    _record(engagement, "opened", terms.facts(), by=by, at=at)
    notify(
        administrators_of(client),
        kind="engagement_opened",
        subject=f"Engagement opened: {engagement}",
        body=f"{by} opened it. Its people may sign in from {terms.access_from} to {terms.access_until}.",
        url=f"settings/engagements/{engagement.pk}/",
        client=client,
        at=at,
        dedup=str(engagement.pk),
    )
    return engagement


@transaction.atomic
def change_engagement(engagement: Engagement, terms: Terms, *, by: User, at: datetime.datetime) -> Engagement:
    """Give an engagement other terms, which hold from its people's next request on.

    Raises:
        EngagementRefused: it is closed.
    """
    found = _open(engagement)
    before = terms_of(found).facts()
    after = terms.facts()
    if before == after:
        return found
    for name, value in asdict(terms).items():
        setattr(found, name, value)
    found.save()
    changed = sorted(name for name in before | after if before.get(name) != after.get(name))
    was = {name: before.get(name) for name in changed}
    _record(found, "changed", {"before": was, "after": {n: after.get(n) for n in changed}}, by=by, at=at)
    return found


@transaction.atomic
def close_engagement(engagement: Engagement, *, by: User, at: datetime.datetime) -> Engagement:
    """Close an engagement: for its people the client does not exist from this moment on.

    Raises:
        EngagementRefused: it is closed already.
    """
    found = _open(engagement)
    found.closed_at, found.closed_by = at, by
    found.save(update_fields=["closed_at", "closed_by"])
    _record(found, "closed", {}, by=by, at=at)
    notify(
        administrators_of(found.client),
        kind="engagement_closed",
        subject=f"Engagement closed: {found}",
        body=f"{by} closed it. Its people see nothing of yours any more.",
        url=f"settings/engagements/{found.pk}/",
        client=found.client,
        at=at,
        dedup=str(found.pk),
    )
    return found


@transaction.atomic
def remove_auditor(engagement: Engagement, user: User, *, by: User, at: datetime.datetime) -> None:
    """Take somebody off an engagement; what they read stays in the access log."""
    if EngagementAuditor.objects.filter(engagement=engagement, user=user).delete()[0]:
        _record(engagement, "auditor removed", {"user": str(user.pk)}, by=by, at=at)


def _open(engagement: Engagement) -> Engagement:
    found = Engagement.objects.select_for_update(of=("self",)).select_related("client").get(pk=engagement.pk)
    if found.closed_at is not None:
        raise EngagementRefused("This engagement is closed, and stays as it was. Open a new one.")
    return found


def _record(
    engagement: Engagement, act: str, facts: dict[str, object], *, by: User | None, at: datetime.datetime
) -> None:
    record_act(
        engagement.client,
        "settings",
        f"engagement:{engagement.pk}",
        actor=by.pk if by else None,
        at=at,
        facts={"act": act, **facts},
    )
