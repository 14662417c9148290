"""The cockpit's rows: every client of a person of the MSSP, from `public` alone, in one query."""

import datetime
from dataclasses import dataclass
from typing import Final

from django.db.models import BooleanField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from tenants.access.policy import Standing
from tenants.clients.models import Client
from tenants.engagements.models import Engagement
from tenants.members.models import Assignment, Role, User

SOON: Final = datetime.timedelta(days=90)
WHOLE_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class View:
    """A filter of the cockpit, shown as a chip."""

    key: str
    label: str
    condition: Q


def views(today: datetime.date) -> tuple[View, ...]:
    """Return the filters; the first is the one without a condition."""
    return (
        View("all", "All", Q()),
        View("needs", "Needs me", Q(summary__exceptions_critical__gt=0) | Q(summary__exceptions_late__gt=0)),
        View("critical", "Critical open", Q(summary__exceptions_critical__gt=0)),
        View("late", "Past its date", Q(summary__exceptions_late__gt=0)),
        View("unknown", "Unknown members", Q(summary__unknown_members_30d__gt=0)),
        View("gaps", "Days not heard", Q(summary__covered_days_30d__lt=WHOLE_DAYS)),
        View("audit", "Audit in 90 days", Q(audit_from__lte=today + SOON)),
    )


ORDERS: Final = {
    "needs": ("-urgent", "-late", "-high", "-unknown", "name"),
    "name": ("name",),
    "-name": ("-name",),
    "critical": (F("summary__exceptions_critical").asc(nulls_last=True), "name"),
    "-critical": (F("summary__exceptions_critical").desc(nulls_last=True), "name"),
    "late": (F("summary__exceptions_late").asc(nulls_last=True), "name"),
    "-late": (F("summary__exceptions_late").desc(nulls_last=True), "name"),
    "unknown": (F("summary__unknown_members_30d").asc(nulls_last=True), "name"),
    "-unknown": (F("summary__unknown_members_30d").desc(nulls_last=True), "name"),
    "covered": (F("summary__covered_days_30d").asc(nulls_last=True), "name"),
    "-covered": (F("summary__covered_days_30d").desc(nulls_last=True), "name"),
    "audit": (F("audit_from").asc(nulls_last=True), "name"),
    "-audit": (F("audit_from").desc(nulls_last=True), "name"),
}
ORDER_WORDS: Final = {
    "needs": "what needs you",
    "name": "name",
    "critical": "critical exceptions",
    "late": "exceptions past their date",
    "unknown": "unknown members",
    "covered": "days heard",
    "audit": "next audit",
}


def rows(place: Standing, *, today: datetime.date) -> QuerySet[Client]:
    """Return the clients that the cockpit shows to this person, with their summary, unsorted.

    An administrator of the MSSP sees that each client exists, with its counts; `assigned` tells which may be
    entered. An analyst sees those assigned to them.
    """
    person = place.principal
    assert isinstance(person, User)
    mine = Assignment.objects.filter(user=person, client=OuterRef("pk"))
    coming = Engagement.objects.filter(client=OuterRef("pk"), access_until__gte=today).order_by(
        "access_from", "id"
    )
    found = Client.objects.select_related("summary").annotate(
        assigned=Exists(mine),
        audit_from=Subquery(coming.values("access_from")[:1]),
        audit_kind=Subquery(coming.values("kind")[:1]),
        audit_firm=Subquery(coming.values("firm")[:1]),
        urgent=Coalesce("summary__exceptions_critical", 0),
        late=Coalesce("summary__exceptions_late", 0),
        high=Coalesce("summary__exceptions_high", 0),
        unknown=Coalesce("summary__unknown_members_30d", 0),
    )
    if Role.MSSP_ADMIN not in place.roles:
        found = found.filter(assigned=True)
    return found


def totals(found: QuerySet[Client], *, today: datetime.date) -> dict[str, int | None]:
    """Return, in one query, how many clients each filter has (`n_KEY`) and the sums of the key figures."""
    counts = {
        f"n_{view.key}": Count("pk", filter=view.condition or Q(Value(True, output_field=BooleanField())))
        for view in views(today)
    }
    return found.aggregate(
        **counts,
        critical=Sum("summary__exceptions_critical"),
        past=Sum("summary__exceptions_late"),
        live=Sum("summary__exceptions_live"),
        unknown_members=Sum("summary__unknown_members_30d"),
        events=Sum("summary__events_30d"),
        covered=Sum("summary__covered_days_30d"),
        counted=Count("summary__covered_days_30d"),
    )
