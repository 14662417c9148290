"""The strip of days as SVG: a bar per day, deviations on top under a triangle, what is unknown hatched (pure).

Colors come from classes (`controls/static/controls/controls.css`), so that the page's theme and printing follow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from xml.sax.saxutils import escape, quoteattr

HEIGHT: Final = 52
BASE: Final = 50.5
TALLEST: Final = 38.0
SHORTEST: Final = 3.0
WIDEST: Final = 22.0
WIDE: Final = 900
NARROW: Final = 330
# More days than this stand in several rows: quarters on a wide page, months on a narrow one.
LONGEST_WIDE: Final = 124
LONGEST_NARROW: Final = 45
FEWEST: Final = 20
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: its counts, whether nothing was received (`gap`) or it is not settled, its words, its address."""

    on: date
    passed: int
    failed: int
    unknown: int
    gap: bool
    open: bool
    text: str
    href: str

    @property
    def members(self) -> int:
        """All members of the day."""
        return self.passed + self.failed + self.unknown


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the strip with words for both of its ends."""

    svg: str
    first: str
    last: str


def rows(bars: Sequence[Bar], *, width: int) -> list[Row]:
    """Return the rows of a strip of this width; all rows share one scale and one pitch, so that days line up."""
    parts = _parts(bars, width)
    top = max((bar.members for bar in bars), default=0)
    columns = max((len(part) for part in parts), default=0)
    return [_row(part, top, width, max(columns, FEWEST)) for part in parts]


def _parts(bars: Sequence[Bar], width: int) -> list[Sequence[Bar]]:
    longest = LONGEST_WIDE if width >= WIDE else LONGEST_NARROW
    if len(bars) <= longest:
        return [bars] if bars else []

    def quarter(day: date) -> int:
        return (day.month - 1) // 3

    def month(day: date) -> int:
        return day.month

    which: Callable[[date], int] = quarter if width >= WIDE else month
    parts: list[list[Bar]] = []
    for bar in bars:
        if parts and which(parts[-1][-1].on) == which(bar.on) and parts[-1][-1].on.year == bar.on.year:
            parts[-1].append(bar)
        else:
            parts.append([bar])
    return list(parts)


def _row(bars: Sequence[Bar], top: int, width: int, columns: int) -> Row:
    pitch = width / columns
    shapes = "".join(_day(bar, index * pitch, min(pitch * 0.8, WIDEST), top) for index, bar in enumerate(bars))
    svg = (
        f'<svg class="days" viewBox="0 0 {width} {HEIGHT}" focusable="false">'
        f'<path class="base" d="M0 51h{width}"/>{shapes}</svg>'
    )
    return Row(svg, _label(bars[0].on), _label(bars[-1].on))


def _label(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _day(bar: Bar, x: float, width: float, top: int) -> str:
    shapes = _shapes(bar, x, width, top)
    title = f"<title>{escape(bar.text)}</title>"
    if not bar.href:
        return f"<g>{title}{shapes}</g>"
    # Days with something to look at are in the order of the Tab key; the table has them all.
    reach = "" if bar.failed or bar.unknown or bar.gap else ' tabindex="-1"'
    return f"<a href={quoteattr(bar.href)}{reach} aria-label={quoteattr(bar.text)}>{title}{shapes}</a>"


def _shapes(bar: Bar, x: float, width: float, top: int) -> str:
    # An area to point at, over the whole height.
    found = f'<path class="reach" d="{_box(x, 0, width, BASE)}"/>'
    if bar.gap and not bar.members:
        return found + _hatched(x, BASE - TALLEST, width, TALLEST, "gap")
    if not bar.members:
        return found + f'<path class="{"open" if bar.open else "zero"}" d="{_box(x, BASE - SHORTEST, width, SHORTEST)}"/>'
    parts = _heights(bar, top)
    y = BASE
    for kind, height in parts:
        y -= height
        found += (
            _hatched(x, y, width, height, "unknown")
            if kind == "unknown"
            else f'<path class="{kind}" d="{_box(x, y, width, height)}"/>'
        )
    if bar.failed:
        half = max(min(width / 2 + 0.6, 4.2), 2.6)
        middle = x + width / 2
        found += f'<path class="fail" d="M{_n(middle)} {_n(y - 2 - half * 1.6)}l{_n(half)} {_n(half * 1.6)}h{_n(-2 * half)}z"/>'
    return found


def _heights(bar: Bar, top: int) -> list[tuple[str, float]]:
    """Heights from the ground up; what failed or is unknown is at least as tall as can be seen."""
    unit = TALLEST / top
    parts = [("pass", bar.passed * unit), ("unknown", bar.unknown * unit), ("fail", bar.failed * unit)]
    shown = [(kind, max(height, SHORTEST)) for kind, height in parts if height]
    whole = sum(height for _, height in shown)
    return [(kind, height * min(1.0, TALLEST / whole)) for kind, height in shown]


def _hatched(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A box with diagonal strokes inside, drawn as lines: a pattern would not survive being shown twice."""
    step = 3.6
    strokes = []
    at = step
    while at < height + width:
        x0, y0 = x, y + at
        if y0 > y + height:
            x0, y0 = x + (y0 - y - height), y + height
        x1, y1 = x + at, y
        if x1 > x + width:
            x1, y1 = x + width, y + at - width
        if x1 - x0 > 0.3:
            strokes.append(f"M{_n(x0)} {_n(y0)}L{_n(x1)} {_n(y1)}")
        at += step
    return f'<path class="{kind}-ground" d="{_box(x, y, width, height)}"/><path class="{kind}" d="{"".join(strokes)}"/>'


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
