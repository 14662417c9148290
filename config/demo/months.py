"""The demo's months: twelve whole ones before the current month, in the client's own zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the story: its number (1 to 12; 13 is the current one) and its first and last day."""

    number: int
    first: date
    last: date

    def day(self, number: int) -> date:
        """Return the day with this number; one past the end of a short month is its last day."""
        return min(self.first + timedelta(days=number - 1), self.last)

    def workday(self, number: int) -> date:
        """Return the first day from Monday to Friday at or after this one, within the month."""
        day = self.day(number)
        while day.weekday() > 4:
            day += timedelta(days=1)
        return day if day <= self.last else self.workday(number - 3)


def story_months(end: date) -> tuple[Month, ...]:
    """Return M1 to M12 before the month of `end`, and as number 13 the current one to the day before `end`.

    The thirteenth is empty (its last day lies before its first) when `end` is the first of a month.
    """
    first = end.replace(day=1)
    found = [Month(13, first, end - timedelta(days=1))]
    for number in range(12, 0, -1):
        last = first - timedelta(days=1)
        first = last.replace(day=1)
        found.append(Month(number, first, last))
    return tuple(reversed(found))


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of the day in the zone, as UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
