"""What pages say of a client's sources: what was heard of each, and what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.selectors import telling_of
from evidence.coverage.models import SourceDay
from evidence.coverage.states import LATENESS, DayState, State, listing_of, states_of
from evidence.intake.models import Delivery, Source
from evidence.sources.contract import SourceContract
from evidence.sources.registry import UnknownSource, contract
from tenants.clients.period import Period

YEAR = 365
MONTH = 30


@dataclass(frozen=True, slots=True)
class Heard:
    """One source as the pages show it: its days over a year, and what is waiting."""

    source: Source
    contract: SourceContract
    days: list[DayState]
    listings: list[DayState]
    last_event: datetime | None
    last_day: date | None
    rejected: int
    refused: int
    at: datetime

    @property
    def name(self) -> str:
        """The short name of what sends events: the title up to its first "and"."""
        return short_name(self.contract)

    @property
    def trend(self) -> list[int]:
        """Events per day of the last 30 days, oldest first."""
        return [each.events for each in self.days[-MONTH:]]

    @property
    def events(self) -> int:
        """Events of the last 30 days."""
        return sum(self.trend)

    @property
    def silence(self) -> timedelta | None:
        """How long nothing has been heard, where that is longer than events may be late."""
        if self.source.state != Source.State.ACTIVE or self.last_event is None:
            return None
        silent = self.at - self.last_event
        return silent if silent > LATENESS else None


def kind_of(slug: str) -> SourceContract:
    """Return a source's contract; for a source whose folder this installation lacks, one that says so.

    What such a source sent stays: it is listed and downloaded, and cannot be read into records any more.
    """
    try:
        return contract(slug)
    except UnknownSource:
        return SourceContract(
            slug=slug,
            aliases=(),
            family="",
            vendor="not part of this installation",
            title=slug,
            version="",
            ways_in=(),
            rhythm="Nothing here reads it any more; what it sent before is kept.",
            fields={},
        )


def short_name(contract: SourceContract) -> str:
    """Return the title of what sends events, up to its first "and"."""
    return contract.title.split(" and ")[0]


def connected() -> list[tuple[str, str]]:
    """Return (slug, short name) of each of the client's sources."""
    return [
        (slug, short_name(kind_of(slug)))
        for slug in Source.objects.exclude(state=Source.State.RETIRED).values_list("slug", flat=True)
    ]


def window(length: int, *, today: date, period: Period | None, zone: object) -> Period:
    """Return the last `length` days up to today, cut to the period that bounds an auditor."""
    if period is None:
        return Period(today - timedelta(days=length - 1), today, zone)  # type: ignore[arg-type]
    end = max(min(today, period.end), period.start)
    return Period(max(period.start, end - timedelta(days=length - 1)), end, period.zone)


def heard_of(sources: Sequence[Source], within: Period, *, bound: Period | None, at: datetime) -> list[Heard]:
    """Return what is known of each source over the days `within`, in six queries however many there are.

    `bound` is an auditor's period: what lies outside it is neither counted nor dated.
    """
    states = states_of(sources, within, at=at)
    batches = Batch.objects.filter(source__in=sources)
    rejects = RejectedRecord.objects.filter(batch__source__in=sources, resolved=False)
    refused = batches.filter(state=Batch.State.REFUSED)
    last: dict[int, datetime] = {}
    if bound is None:
        last = _grouped(batches.values_list("source").annotate(last=Max("last_event")))
    else:
        telling = Batch.objects.filter(telling_of(bound))
        rejects, refused = rejects.filter(batch__in=telling), refused.filter(pk__in=telling)
    waiting = _grouped(rejects.values_list("batch__source").annotate(n=Count("pk")))
    stopped = _grouped(refused.values_list("source").annotate(n=Count("pk")))
    begun = _begun(sources, within)
    found = []
    for source in sources:
        days, listings = states[source.pk][source.slug], states[source.pk][listing_of(source.slug)]
        heard_days = [day.local_date for day in days if day.events]
        found.append(
            Heard(
                source=source,
                contract=kind_of(source.slug),
                days=[_scoped(day, begun[source.pk]) for day in days],
                listings=[_scoped(day, begun[source.pk]) for day in listings],
                last_event=last.get(source.pk),
                last_day=heard_days[-1] if heard_days else None,
                rejected=waiting.get(source.pk, 0),
                refused=stopped.get(source.pk, 0),
                at=at if bound is None else min(at, bound.ends_before),
            )
        )
    return found


def _grouped(rows: QuerySet[Any, Any]) -> dict[int, Any]:
    """Return an aggregate by the id that it was grouped by."""
    return dict(rows.order_by())


def _begun(sources: Sequence[Source], within: Period) -> dict[int, date]:
    """Return the first day on which each source could have been heard: before it nothing was missed."""
    rows = (
        SourceDay.objects.filter(source__in=sources).values_list("source").annotate(first=Min("local_date"))
    )
    first: dict[int, date] = _grouped(rows)
    found = {}
    for source in sources:
        connected = source.connected_at.astimezone(within.zone).date()
        found[source.pk] = source.in_scope_from or min(connected, first.get(source.pk, connected))
    return found


def _scoped(day: DayState, begun: date) -> DayState:
    if day.local_date >= begun:
        return day
    return DayState(day.source, day.local_date, State.NOT_IN_SCOPE)


def deliveries_of(source: Source, period: Period | None) -> QuerySet[Delivery]:
    """Return the files given for a source, newest first; for an auditor those given in the period."""
    found = Delivery.objects.filter(source=source).order_by("-started_at", "-pk")
    if period is None:
        return found
    return found.filter(started_at__gte=period.begins_at, started_at__lt=period.ends_before)


def given_together(delivery: Delivery) -> list[Delivery]:
    """Return the files that one upload gave, this one among them, by name."""
    if delivery.way != Delivery.Way.UPLOAD:
        return [delivery]
    same = Delivery.objects.filter(
        way=delivery.way, source=delivery.source_id, by=delivery.by, started_at=delivery.started_at
    )
    return list(same.order_by("name", "pk"))
