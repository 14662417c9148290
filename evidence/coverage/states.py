"""The state of each source on each day (soc2-packages §10.8), derived, never stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from django.db.models import Count, Q

from evidence.batches.models import Batch, RejectedRecord
from evidence.coverage.models import SourceDay
from evidence.intake.models import Receipt, Source
from tenants.clients.period import Period

LATENESS = timedelta(hours=48)
REJECTED_SHARE = 0.01


class State(StrEnum):
    """What is known of one source on one day; the first that applies, in this order."""

    NOT_IN_SCOPE = "not_in_scope"
    UNKNOWN = "unknown"
    GAP = "gap"
    COVERED = "covered"
    PROVEN_ZERO = "proven_zero"


# A control's day over its sources: the worst wins.
WORST = (State.GAP, State.UNKNOWN, State.COVERED, State.PROVEN_ZERO)


@dataclass(frozen=True, slots=True)
class DayState:
    """One source on one day, with the counts that the state rests on."""

    source: str
    local_date: date
    state: State
    events: int = 0
    records: int = 0
    duplicates: int = 0
    rejected: int = 0
    hours_lost: int = 0


def listing_of(slug: str) -> str:
    """Return the name under which a source's account listings have a coverage of their own."""
    return f"{slug}.accounts"


def source_days(source: Source, period: Period, *, at: datetime) -> dict[str, list[DayState]]:
    """Return one state for each day of the period, as known `at`: of the source's events, and of its listings.

    A source without pulls or heartbeats cannot prove a zero: a settled day without events is a gap. A day
    without a full listing of its accounts is a gap of the listing, whatever events came.
    """
    return states_of([source], period, at=at)[source.pk]


def states_of(
    sources: Sequence[Source], period: Period, *, at: datetime
) -> dict[int, dict[str, list[DayState]]]:
    """Return `source_days` of several sources by their ids, from two queries however many they are."""
    heard: dict[int, dict[date, SourceDay]] = {source.pk: {} for source in sources}
    rows = SourceDay.objects.filter(source__in=sources, local_date__range=(period.start, period.end))
    for row in rows:
        heard[row.source_id][row.local_date] = row
    unread = _days_unread(sources, period)
    return {s.pk: _states(s, period, at, heard[s.pk], unread.get(s.pk, set())) for s in sources}


def _states(
    source: Source, period: Period, at: datetime, heard: dict[date, SourceDay], unread: set[date]
) -> dict[str, list[DayState]]:
    events, listings = [], []
    for day in period.days():
        row = heard.get(day) or SourceDay(local_date=day)
        settled_at = (
            datetime.combine(day + timedelta(days=1), time.min, period.zone).astimezone(UTC) + LATENESS
        )
        records = row.events + row.duplicates + row.rejected
        if source.in_scope_from and day < source.in_scope_from:
            of_events = of_listings = State.NOT_IN_SCOPE
        else:
            doubtful = at < settled_at or day in unread
            too_many = bool(records) and row.rejected > REJECTED_SHARE * records
            of_events = _state(bool(row.events), doubtful or too_many)
            of_listings = _state(bool(row.snapshots), doubtful)
        events.append(
            DayState(
                source=source.slug,
                local_date=day,
                state=of_events,
                events=row.events,
                records=records,
                duplicates=row.duplicates,
                rejected=row.rejected,
                hours_lost=24 if of_events is State.GAP else 0,
            )
        )
        listings.append(
            DayState(
                source=listing_of(source.slug),
                local_date=day,
                state=of_listings,
                # A listing counts as what was heard that day.
                events=row.snapshots,
                records=row.snapshots,
                hours_lost=24 if of_listings is State.GAP else 0,
            )
        )
    return {source.slug: events, listing_of(source.slug): listings}


def _state(heard: bool, doubtful: bool) -> State:
    if doubtful:
        return State.UNKNOWN
    return State.COVERED if heard else State.GAP


def worst(states: Iterable[State]) -> State:
    """Return a control's state from its sources' on one day; without a source in scope `not_in_scope`."""
    present = set(states)
    return next((state for state in WORST if state in present), State.NOT_IN_SCOPE)


def _days_unread(sources: Sequence[Source], period: Period) -> dict[int, set[date]]:
    """Days, by source, on which bytes were received that are not recorded, or were refused without a decision."""
    unrecorded = Batch.objects.filter(source__in=sources).exclude(state=Batch.State.RECORDED)
    unsealed = Receipt.objects.filter(source__in=sources)
    waiting = unrecorded.values_list("source_id", "received_from", "received_to").union(
        unsealed.values_list("source_id", "received_at", "received_at")
    )
    days: dict[int, set[date]] = {}
    for source, first, last in waiting:
        day, end = first.astimezone(period.zone).date(), last.astimezone(period.zone).date()
        while day <= end:
            days.setdefault(source, set()).add(day)
            day += timedelta(days=1)
    return days


def rejected_waiting(source: Source) -> int:
    """Return how many rejected records of the source are neither retried with success nor decided."""
    counts = RejectedRecord.objects.filter(batch__source=source).aggregate(
        n=Count("pk", filter=Q(resolved=False))
    )
    return counts["n"]
