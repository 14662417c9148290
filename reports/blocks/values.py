"""What may stand in a cell or a key figure, and how each medium writes it.

Page and PDF write for people (`Wording.text`), CSV and JSON for programs (`plain`). Rounding follows the
rules common to all reports: shares are cut or raised to 0.1 so that nothing is ever flattered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

THIN: Final = "\u202f"  # narrow no-break space: a number never breaks at its thousands
NBSP: Final = "\u00a0"

Lean = Literal["down", "up"]
Condition = Literal["met", "deviation", "attention", "unknown", "none"]
CONDITIONS: Final[tuple[Condition, ...]] = ("met", "deviation", "attention", "unknown", "none")

# Below this denominator a rate prints as "3 of 4": a percentage of four things says more than is known.
SMALL_DENOMINATOR: Final = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of two integers. `lean` is where rounding goes: pass rates down, deviation and unknown up."""

    numerator: int
    denominator: int
    lean: Lean = "down"

    def __post_init__(self) -> None:
        if self.denominator < 0 or not 0 <= self.numerator <= max(self.denominator, 0):
            raise ValueError(
                f"A rate needs 0 <= numerator <= denominator, not {self.numerator}/{self.denominator}."
            )

    def tenths(self) -> int | None:
        """The percentage in tenths (991 means 99.1 %), cut or raised; None when there is nothing to divide."""
        if not self.denominator:
            return None
        scaled = self.numerator * 1000
        return -(-scaled // self.denominator) if self.lean == "up" else scaled // self.denominator

    def text(self) -> str:
        """`99.1 %`, `< 0.1 %`, `> 99.9 %`, `3 of 4` below twenty, `–` when there is nothing to divide."""
        tenths = self.tenths()
        if tenths is None:
            return "–"
        if self.denominator < SMALL_DENOMINATOR:
            return f"{self.numerator}{NBSP}of{NBSP}{self.denominator}"
        if self.numerator and tenths == 0:
            return f"<{NBSP}0.1{NBSP}%"
        if self.numerator < self.denominator and tenths == 1000:
            return f">{NBSP}99.9{NBSP}%"
        return f"{tenths // 10}.{tenths % 10}{NBSP}%"


@dataclass(frozen=True, slots=True)
class State:
    """A word with a condition. The mark (circle, triangle, diamond, hatching, dashed square) says the same."""

    condition: Condition
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A cell's words that lead somewhere: `href` on the page, `anchor` within the PDF and the page."""

    text: str | int
    href: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A cell's words that others can lead to, e.g. the exception's id in the exceptions table."""

    text: str
    anchor: str


Value: TypeAlias = (
    str | int | bool | Decimal | date | datetime | timedelta | Rate | State | Link | Target | None
)
Row: TypeAlias = Sequence[Value]


@dataclass(frozen=True, slots=True)
class Wording:
    """How page and PDF write values: the client's zone and the mark between thousands."""

    zone: tzinfo = UTC
    thousands: str = THIN
    year: int | None = None  # dates of this year leave it out (page); None prints it always (PDF)

    def number(self, value: int | Decimal) -> str:
        """Digits in groups of three; the minus is U+2212 so that it lines up with digits."""
        text = f"{abs(value):,}".replace(",", self.thousands)
        return f"\u2212{text}" if value < 0 else text

    def moment(self, value: datetime) -> str:
        """`12 Oct 2026 04:11` in the client's zone, with seconds only when there are any."""
        local = value.astimezone(self.zone)
        clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
        return f"{self.day(local.date())} {clock}"

    def day(self, value: date) -> str:
        """`12 Oct 2026`, the year left out where it is `self.year`."""
        year = "" if value.year == self.year else f"{NBSP}{value.year}"
        return f"{value.day}{NBSP}{MONTHS[value.month - 1]}{year}"

    def text(self, value: Value) -> str:
        """The words for people. None is an en dash: a cell is never left blank without saying so."""
        if isinstance(value, str):
            return value
        if value is None:
            return "–"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | Decimal):
            return self.number(value)
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, timedelta):
            return duration(value)
        if isinstance(value, Rate):
            return value.text()
        if isinstance(value, Link):
            return self.text(value.text)
        return value.text


MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def duration(value: timedelta) -> str:
    """Hours to 0.1 below 72 hours, then days to 0.1: `52.0 h`, `9.5 d`. Cut, never rounded up to a limit."""
    sign = "\u2212" if value < timedelta() else ""
    seconds = abs(value) // timedelta(seconds=1)
    if seconds < 72 * 3600:
        tenths = seconds // 360
        return f"{sign}{tenths // 10}.{tenths % 10}{NBSP}h"
    tenths = seconds // 8640
    return f"{sign}{tenths // 10}.{tenths % 10}{NBSP}d"


def plain(value: Value) -> str | int | bool | None:
    """The value for programs: plain digits, `.` decimal, RFC 3339 UTC, ISO dates, durations in seconds."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value // timedelta(seconds=1))
    if isinstance(value, Rate):
        tenths = value.tenths()
        return None if tenths is None else f"{tenths // 10}.{tenths % 10}"
    return value.text


def rfc3339(value: datetime) -> str:
    """RFC 3339 in UTC, microseconds only when there are any. A naive time is refused: its zone is unknown."""
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no zone, so it cannot be written as an instant.")
    moment = value.astimezone(UTC)
    return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace(
        "+00:00", "Z"
    )


def local_text(value: datetime, zone: tzinfo) -> str:
    """The same instant on the client's wall clock, `2026-10-12 06:11:09 +02:00`."""
    local = value.astimezone(zone)
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:]}"


def zone_of(name: str) -> tzinfo:
    """The zone of that IANA name."""
    return UTC if name in {"", "UTC"} else ZoneInfo(name)
