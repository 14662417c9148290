"""The strip of days as SVG: a bar per day, deviations on top under a triangle, what is unknown hatched (pure).

Colors come from classes (`controls/static/controls/controls.css`), so that the page's theme and printing follow.
The hatching is a pattern that the page has once (`templates/controls/hatching.html`).
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

# A part of a drawing: the class of its look, and its path.
Shape = tuple[str, str]


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
    href: str = ""

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


def wide_rows(bars: Sequence[Bar]) -> list[Row]:
    """Return the rows for a wide place: each day with its words, and a link to its rows."""
    return _rows(bars, WIDE, LONGEST_WIDE, lambda day: (day.year, (day.month - 1) // 3), _linked)


def narrow_rows(bars: Sequence[Bar]) -> list[Row]:
    """Return the rows for a narrow place, where a day is too small to be pointed at: a drawing alone."""
    return _rows(bars, NARROW, LONGEST_NARROW, lambda day: (day.year, day.month), _drawn)


def _rows(
    bars: Sequence[Bar],
    width: int,
    longest: int,
    which: Callable[[date], tuple[int, int]],
    drawing: Callable[[Sequence[tuple[Bar, list[Shape]]]], str],
) -> list[Row]:
    """All rows share one scale and one pitch, so that days line up from row to row."""
    parts: list[list[Bar]] = []
    for bar in bars:
        if parts and (len(bars) <= longest or which(parts[-1][-1].on) == which(bar.on)):
            parts[-1].append(bar)
        else:
            parts.append([bar])
    top = max((bar.members for bar in bars), default=0)
    pitch = width / max(FEWEST, *(len(part) for part in parts), 0)
    rows = []
    for part in parts:
        thick = min(pitch * 0.8, WIDEST)
        shapes = [(bar, _shapes(bar, index * pitch, thick, top)) for index, bar in enumerate(part)]
        svg = (
            f'<svg class="days" viewBox="0 0 {width} {HEIGHT}" focusable="false">'
            f'<path class="base" d="M0 51h{width}"/>{drawing(shapes)}</svg>'
        )
        rows.append(Row(svg, _label(part[0].on), _label(part[-1].on)))
    return rows


def _label(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _linked(days: Sequence[tuple[Bar, list[Shape]]]) -> str:
    return "".join(_day(bar, shapes) for bar, shapes in days)


def _day(bar: Bar, shapes: list[Shape]) -> str:
    inside = f"<title>{escape(bar.text)}</title>" + "".join(_path(kind, path) for kind, path in shapes)
    if not bar.href:
        return f"<g>{inside}</g>"
    # Days on which something failed are in the order of the Tab key; the table has them all.
    reach = "" if bar.failed else ' tabindex="-1"'
    return f"<a href={quoteattr(bar.href)}{reach}>{inside}</a>"


def _drawn(days: Sequence[tuple[Bar, list[Shape]]]) -> str:
    paths: dict[str, list[str]] = {}
    for _, shapes in days:
        for kind, path in shapes:
            if kind != "reach":
                paths.setdefault(kind, []).append(path)
    return "".join(_path(kind, "".join(parts)) for kind, parts in paths.items())


def _path(kind: str, path: str) -> str:
    fill = ' fill="url(#hatching)"' if kind in ("unknown", "gap") else ""
    return f'<path class="{kind}"{fill} d="{path}"/>'


def _shapes(bar: Bar, x: float, width: float, top: int) -> list[Shape]:
    # First an area to point at, over the whole height.
    shapes: list[Shape] = [("reach", _box(x, 0, width, BASE))]
    if bar.gap and not bar.members:
        return [*shapes, ("gap", _box(x, BASE - TALLEST, width, TALLEST))]
    if not bar.members:
        return [*shapes, ("open" if bar.open else "zero", _box(x, BASE - SHORTEST, width, SHORTEST))]
    y = BASE
    for kind, height in _heights(bar, top):
        y -= height
        shapes.append((kind, _box(x, y, width, height)))
    if bar.failed:
        half = max(min(width / 2 + 0.6, 4.2), 2.6)
        tall = half * 1.6
        peak = f"M{_n(x + width / 2)} {_n(y - 2 - tall)}"
        shapes.append(("fail", f"{peak}l{_n(half)} {_n(tall)}h{_n(-2 * half)}z"))
    return shapes


def _heights(bar: Bar, top: int) -> list[tuple[str, float]]:
    """Heights from the ground up; what failed or is unknown is at least as tall as can be seen."""
    unit = TALLEST / top
    parts = [("pass", bar.passed * unit), ("unknown", bar.unknown * unit), ("fail", bar.failed * unit)]
    shown = [(kind, max(height, SHORTEST)) for kind, height in parts if height]
    whole = sum(height for _, height in shown)
    return [(kind, height * min(1.0, TALLEST / whole)) for kind, height in shown]


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
