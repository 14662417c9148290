"""Which accounts a source listed on a day, and what was known of them at the instants that day is judged by."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from evidence.intake.models import Source
from evidence.inventory.facts import Facts
from evidence.inventory.models import Account, Snapshot
from tenants.clients.period import Period


@dataclass(frozen=True, slots=True)
class Listed:
    """One account at one instant of a day, with the facts that were known then."""

    key: str
    at: datetime
    facts: dict[str, Any]
    batch_id: int
    seq: int


def accounts_on_days(
    source: Source, days: Sequence[Period], *, names: Iterable[str]
) -> Iterator[tuple[date, list[Listed]]]:
    """Yield, for each day that has a listing, its accounts as of the last one, and again as of each change.

    `days` are periods of one day each, in order. A day without a listing is not yielded: its state is not
    known. What different listings say of one account under its id and under its ARN is put together.
    """
    if not days:
        return
    begin, end = days[0].begins_at, days[-1].ends_before
    taken = list(Snapshot.objects.filter(source=source, at__gte=begin, at__lt=end).order_by("at"))
    if not taken:
        return
    facts = Facts(source.pk, begin, end, names=[*names, "type", "arn"])
    subjects = _subjects(source, begin, end)
    facts.load(subjects)
    for day in days:
        last = max(
            (s for s in taken if day.begins_at <= s.at < day.ends_before), key=lambda s: s.at, default=None
        )
        if last is not None:
            yield day.start, list(_listed(facts, subjects, last, day))


def _listed(facts: Facts, subjects: list[str], last: Snapshot, day: Period) -> Iterator[Listed]:
    for subject in _once_each(facts, subjects, last.at):
        changes = {at for at in facts.changes_of(subject) if day.begins_at <= at < day.ends_before}
        for at in sorted({last.at, *changes}):
            known = facts.names(subject, at)
            # A role has no credentials of its own: whoever takes it on has an account, which is judged.
            if known and known.pop("type", None) != "role":
                yield Listed(subject.removeprefix("account:"), at, known, last.batch_id, last.seq)


def _once_each(facts: Facts, subjects: list[str], at: datetime) -> Iterator[str]:
    """Yield each account that is listed at an instant once: under its id, or under its ARN where no id is known."""
    seen: set[str] = set()
    for subject in sorted(subjects, key=lambda s: (":arn:" in s, s)):
        if subject not in seen and facts.listed(subject, at):
            seen.update(facts.group(subject))
            yield subject


def _subjects(source: Source, begin: datetime, end: datetime) -> list[str]:
    keys = Account.objects.filter(source=source, first_seen__lt=end, last_seen__gte=begin - timedelta(days=1))
    return [f"account:{key}" for key in keys.order_by("key").values_list("key", flat=True)]


def days_between(start: datetime, end: datetime, zone: Any) -> Iterator[date]:
    """Yield the client-zone days that two instants lie on, and those between."""
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
