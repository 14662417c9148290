"""The cockpit's rows: every client of a person of the MSSP, from `public` alone."""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    Func,
    Min,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.http import QueryDict

from tenants.access.policy import Standing
from tenants.clients.models import Client
from tenants.cockpit.services import about_token
from tenants.engagements.models import Engagement
from tenants.members.models import Assignment, Role, User

SOON: Final = datetime.timedelta(days=90)
WHOLE_DAYS: Final = 30
# Three times as long as the figures of a client are computed anew (`config.schedules`).
STALE: Final = datetime.timedelta(minutes=15)
SEVERITIES: Final = ("critical", "high", "medium", "low")
_ABOUT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_MOST_SELECTED: Final = 500


@dataclass(frozen=True, slots=True)
class View:
    """A filter of the cockpit, shown as a chip."""

    key: str
    label: str
    condition: Q
    always: bool = True


def views(at: datetime.datetime) -> tuple[View, ...]:
    """Return the filters; the first is the one without a condition, the last is shown where it finds some."""
    today = at.date()
    soon = _coming(today).filter(access_from__lte=today + SOON)
    return (
        View("all", "All", Q()),
        View("needs", "Needs me", Q(summary__exceptions_critical__gt=0) | Q(summary__exceptions_late__gt=0)),
        View("critical", "Critical open", Q(summary__exceptions_critical__gt=0)),
        View("late", "Past its date", Q(summary__exceptions_late__gt=0)),
        View("unknown", "Unknown members", Q(summary__unknown_members_30d__gt=0)),
        View("gaps", "Days not heard", Q(summary__covered_days_30d__lt=WHOLE_DAYS)),
        View("audit", "Audit in 90 days", Q(pk__in=soon.values("client"))),
        View("old", "Figures old", Q(summary__updated_at__lt=at - STALE), always=False),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request narrows the cockpit down to, beside its view; what it does not understand it leaves out."""

    words: str = ""
    severity: str = ""
    about: str = ""
    mine: bool = False
    selected: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, given: QueryDict) -> "Asked":
        """Read an address."""
        severity, about = given.get("severity", ""), given.get("about", "")
        return cls(
            words=given.get("q", "").replace("\x00", "").strip()[:120],
            severity=severity if severity in SEVERITIES else "",
            about=about if _ABOUT.fullmatch(about) else "",
            mine=given.get("mine") == "1",
            selected=tuple(dict.fromkeys(given.getlist("client")))[:_MOST_SELECTED],
        )

    @property
    def kept(self) -> dict[str, str]:
        """The parameters that say the same again."""
        told = {
            "q": self.words,
            "severity": self.severity,
            "about": self.about,
            "mine": "1" if self.mine else "",
        }
        return {name: value for name, value in told.items() if value}

    def narrowed(self, found: QuerySet[Client]) -> QuerySet[Client]:
        """Return those clients of a query that are asked for."""
        if self.words:
            found = found.filter(name__icontains=self.words)
        if self.severity or self.about:
            found = found.filter(summary__open_about__contains=[about_token(self.about, self.severity)])
        if self.about:
            # Which rule it is is content, and of a client that is not assigned to the person none is told.
            found = found.filter(assigned=True)
        if self.mine:
            found = found.filter(assigned=True)
        if self.selected:
            found = found.filter(slug__in=self.selected)
        return found


def _by(column: str, *, descending: bool) -> OrderBy:
    path = F(f"summary__{column}")
    return path.desc(nulls_last=True) if descending else path.asc(nulls_last=True)


# Columns of the table by the key of their sorting.
_SORTED: Final = {
    "posture": "posture",
    "critical": "exceptions_critical",
    "late": "exceptions_late",
    "unknown": "unknown_members_30d",
    "silent": "sources_silent",
    "covered": "covered_days_30d",
    "duties": "duties_overdue",
}
ORDER_WORDS: Final = {
    "needs": "what needs you",
    "name": "name",
    "posture": "posture",
    "critical": "critical exceptions",
    "late": "exceptions past their date",
    "unknown": "unknown members",
    "silent": "silent sources",
    "covered": "days heard",
    "duties": "overdue duties",
    "audit": "next audit",
}


def ordered(found: QuerySet[Client], sort: str, *, today: datetime.date) -> QuerySet[Client]:
    """Sort clients by a key of `ORDER_WORDS`, the other way with a `-`; clients without the figure come last."""
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    if key == "name":
        return found.order_by("-name" if descending else "name", "slug")
    if key == "audit":
        coming = _coming(today).filter(client=OuterRef("pk")).order_by("access_from")
        begins = F("audit_from").desc(nulls_last=True) if descending else F("audit_from").asc(nulls_last=True)
        found = found.annotate(audit_from=Subquery(coming.values("access_from")[:1]))
        return found.order_by(begins, "name", "slug")
    if key in _SORTED:
        return found.order_by(_by(_SORTED[key], descending=descending), "name", "slug")
    grave = ("exceptions_critical", "exceptions_late", "exceptions_high", "unknown_members_30d")
    return found.order_by(*(_by(column, descending=True) for column in grave), "name", "slug")


def rows(place: Standing) -> QuerySet[Client]:
    """Return the clients that the cockpit shows to this person, with their summary, unsorted.

    An administrator of the MSSP sees that each client exists, with its counts; `assigned` tells which may be
    entered. An analyst sees those assigned to them.
    """
    person = place.principal
    assert isinstance(person, User)
    found = Client.objects.select_related("summary")
    if Role.MSSP_ADMIN in place.roles:
        mine = Assignment.objects.filter(user=person, client=OuterRef("pk"))
        return found.annotate(assigned=Exists(mine))
    yes = Value(True, output_field=BooleanField())
    return found.filter(assignments__user=person).annotate(assigned=yes)


def totals(found: QuerySet[Client], *, at: datetime.datetime) -> dict[str, Any]:
    """Return, in one query, how many clients each filter has (`n_KEY`) and the sums of the key figures."""
    counts = {
        f"n_{view.key}": Count("pk", filter=view.condition or Q(Value(True, output_field=BooleanField())))
        for view in views(at)
    }
    return found.aggregate(
        **counts,
        critical=Sum("summary__exceptions_critical"),
        past=Sum("summary__exceptions_late"),
        duties=Sum("summary__duties_overdue"),
        unknown_members=Sum("summary__unknown_members_30d"),
        events=Sum("summary__events_30d"),
        covered=Sum("summary__covered_days_30d"),
        counted=Count("summary__covered_days_30d"),
        oldest=Min("summary__updated_at"),
    )


def about_choices(found: QuerySet[Client]) -> list[str]:
    """Return the rules and controls that open exceptions of assigned clients are about, in one query."""
    token = Func(F("summary__open_about"), function="unnest")
    told = (
        found.filter(assigned=True)
        .order_by()
        .annotate(token=token)
        .values_list("token", flat=True)
        .distinct()
    )
    return sorted(each for each in told if each and "/" not in each)


def next_audits(clients: Iterable[Any], *, today: datetime.date) -> dict[Any, Engagement]:
    """Return each client's engagement that is open or comes next, in one query."""
    found = _coming(today).filter(client__in=clients).order_by("client_id", "access_from", "pk")
    return {each.client_id: each for each in found.distinct("client_id")}


def _coming(today: datetime.date) -> QuerySet[Engagement]:
    return Engagement.objects.filter(access_until__gte=today, closed_at=None)
