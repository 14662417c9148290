"""The client's row in the MSSP's cockpit, computed in its schema and written to `public`."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, Q, Sum

from controls.exceptions.models import ControlException
from controls.exceptions.states import LIVE
from controls.results.models import Tally
from evidence.coverage.models import SourceDay
from evidence.coverage.states import State, source_days
from evidence.intake.models import Source
from tenants.clients.period import Period
from tenants.cockpit.models import ClientSummary
from tenants.cockpit.services import about_tokens, record_summary
from tenants.mywork.services import rebuild_work

WINDOW = 30


def refresh(*, at: datetime) -> ClientSummary:
    """Compute the present client's summary as of `at`, and what waits for people, and store both; repeatable at will.

    A measure that nothing can feed yet stays null, which the cockpit shows as not collected.
    """
    client = connection.tenant
    today = at.astimezone(client.tzinfo).date()
    period = Period(today - timedelta(days=WINDOW - 1), today, client.tzinfo)
    sources = list(Source.objects.exclude(state=Source.State.RETIRED))
    live = Q(state__in=LIVE)
    exceptions = ControlException.objects.aggregate(
        live=Count("pk", filter=live),
        critical=Count("pk", filter=live & Q(severity="critical")),
        high=Count("pk", filter=live & Q(severity="high")),
        late=Count("pk", filter=live & Q(fix_due__lt=at) & ~Q(state__in=("fixed", "retested", "accepted"))),
    )
    heard = dict(
        SourceDay.objects.filter(local_date__range=(period.start, period.end))
        .values_list("local_date")
        .annotate(n=Sum("events"))
    )
    daily = [heard.get(day, 0) for day in period.days()]
    unknown = Tally.objects.filter(local_date__range=(period.start, period.end)).aggregate(n=Sum("unknown"))[
        "n"
    ]
    last = SourceDay.objects.filter(events__gt=0).aggregate(day=Max("local_date"))["day"]
    values = {
        "exceptions_live": exceptions["live"],
        "exceptions_critical": exceptions["critical"],
        "exceptions_high": exceptions["high"],
        "exceptions_late": exceptions["late"],
        "unknown_members_30d": (unknown or 0) if sources else None,
        "sources": len(sources),
        "events_30d": sum(daily) if sources else None,
        "covered_days_30d": _covered(sources, period, at) if sources else None,
        "last_event_at": Period(last, last, client.tzinfo).begins_at if last else None,
        "daily_events": daily if sources else [],
        "open_about": _open_about(),
    }
    rebuild_work()
    return record_summary(client, **values)


def _open_about() -> list[str]:
    """What the live exceptions are about: their rule and controls, each with the severity."""
    live = ControlException.objects.filter(state__in=LIVE).order_by()
    rows = live.values_list("rule", "control", "further_controls", "severity").distinct()
    return about_tokens(
        (each, severity) for rule, control, more, severity in rows for each in (rule, control, *more)
    )


def _covered(sources: list[Source], period: Period, at: datetime) -> int:
    """Days on which the events of every source were heard or a zero was proven."""
    columns = [source_days(source, period, at=at)[source.slug] for source in sources]
    return sum(
        all(cell.state in (State.COVERED, State.PROVEN_ZERO, State.NOT_IN_SCOPE) for cell in row)
        for row in zip(*columns, strict=True)
    )
