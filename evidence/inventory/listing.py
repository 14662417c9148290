"""Which accounts a source listed on a day, and what was known of them at the instants that day is judged by."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from evidence.intake.models import Source
from evidence.inventory.facts import Facts
from evidence.inventory.models import Account, FactChange, Snapshot
from tenants.clients.period import Period


@dataclass(frozen=True, slots=True)
class Listed:
    """One account at one instant of a day, with the facts that were known then."""

    key: str
    at: datetime
    facts: dict[str, Any]
    batch_id: int
    seq: int


def accounts_on(
    source: Source, day: Period, *, names: Iterable[str]
) -> Iterator[Listed]:
    """Yield each account as of the day's last listing, and again as of each change of it on that day.

    `day` is a period of one day. Nothing is yielded for a day without a listing: its state is not known.
    """
    last = (
        Snapshot.objects.filter(
            source=source, at__gte=day.begins_at, at__lt=day.ends_before
        )
        .order_by("-at")
        .first()
    )
    if last is None:
        return
    facts = Facts(source.pk, day.begins_at, day.ends_before, names=[*names, "type"])
    subjects = _subjects(source, day)
    facts.load(subjects)
    changed = _changes(source, day, subjects)
    for subject in subjects:
        for at in sorted({last.at, *changed.get(subject, ())}):
            known = facts.names(subject, at)
            # A role has no credentials of its own: whoever takes it on has an account, which is judged.
            if known and known.pop("type", None) != "role":
                yield Listed(
                    subject.removeprefix("account:"), at, known, last.batch_id, last.seq
                )


def _subjects(source: Source, day: Period) -> list[str]:
    keys = Account.objects.filter(
        source=source,
        first_seen__lt=day.ends_before,
        last_seen__gte=day.begins_at - timedelta(days=1),
    )
    return [
        f"account:{key}" for key in keys.order_by("key").values_list("key", flat=True)
    ]


def _changes(
    source: Source, day: Period, subjects: list[str]
) -> dict[str, list[datetime]]:
    rows = FactChange.objects.filter(
        source=source,
        subject__in=subjects,
        at__gte=day.begins_at,
        at__lt=day.ends_before,
    )
    instants: dict[str, list[datetime]] = {}
    for subject, at in rows.values_list("subject", "at"):
        instants.setdefault(subject, []).append(at)
    return instants


def days_between(start: datetime, end: datetime, zone: Any) -> Iterator[date]:
    """Yield the client-zone days that two instants lie on, and those between."""
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
