"""A period of client-zone days, both included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    """`start` to `end`, both included, in `zone`. A single as-of date is a period of one day."""

    start: date
    end: date
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"The period ends on {self.end}, before it begins on {self.start}.")

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    def __len__(self) -> int:
        """The number of days; a day on which clocks change is one day."""
        return (self.end - self.start).days + 1

    def days(self) -> Iterator[date]:
        """Yield every day in order."""
        for offset in range(len(self)):
            yield self.start + timedelta(days=offset)

    @property
    def begins_at(self) -> datetime:
        """The first instant, in UTC."""
        return datetime.combine(self.start, time.min, self.zone).astimezone(UTC)

    @property
    def ends_before(self) -> datetime:
        """The first instant after the last day, in UTC: when populations of the period open."""
        return datetime.combine(self.end + timedelta(days=1), time.min, self.zone).astimezone(UTC)

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> "Period":
        """Read `2026-01-01..2026-12-31`; raises ValueError with a sentence."""
        start, dots, end = text.partition("..")
        try:
            if not dots:
                raise ValueError
            return cls(date.fromisoformat(start.strip()), date.fromisoformat(end.strip()), zone)
        except ValueError as error:
            reason = str(error) if "period ends" in str(error) else f'"{text}" is no period.'
            raise ValueError(f"{reason} Write it as 2026-01-01..2026-12-31, both days included.") from error
