"""What a chart shows. One definition is drawn for the page (SVG) and for the PDF, and gives its own table.

Every chart has a title that says what is counted, a text alternative (`summary`), and the table of the very same
figures. Ignorance is drawn: unknown parts are hatched, days without input are hatched, never left blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

SeriesTone = Literal["plain", "met", "deviation", "attention", "unknown", "none"]
DayState = Literal["pass", "fail", "attention", "unknown", "none", "gap"]
CellState = Literal["covered", "zero", "gap", "unknown", "out"]

DAY_WORDS: Final[dict[DayState, str]] = {
    "pass": "met",
    "fail": "deviation",
    "attention": "needs a person",
    "unknown": "unknown",
    "none": "no occasion",
    "gap": "not received",
}
CELL_WORDS: Final[dict[CellState, str]] = {
    "covered": "events received",
    "zero": "heard, nothing happened",
    "gap": "nothing received",
    "unknown": "not known",
    "out": "not in scope",
}


@dataclass(frozen=True, slots=True)
class Series:
    """One part of each bar. `unknown` is drawn hatched, `deviation` gets a triangle above its bar."""

    key: str
    title: str
    tone: SeriesTone = "plain"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its label and one count per series, in their order. `gap` says that nothing was received."""

    label: str
    counts: Sequence[int]
    href: str = ""
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars over time or groups, from zero."""

    title: str
    series: Sequence[Series]
    bars: Sequence[Bar]
    axis: str = "Label"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line. None is a point that is not known: the line breaks there and the place is hatched."""

    title: str
    values: Sequence[int | None]
    tone: SeriesTone = "plain"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over the same labels, from zero."""

    title: str
    labels: Sequence[str]
    lines: Sequence[Line]
    axis: str = "Label"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a strip. `text` is what a person hears on it: "3 of 41 failed"."""

    on: date
    state: DayState
    text: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """Days side by side: circle met, triangle deviation, diamond needs a person, hatched unknown or gap."""

    title: str
    days: Sequence[Day]
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a heat map. `amount` 0..1 shades a covered one."""

    state: CellState
    amount: float = 1.0
    text: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A row of a heat map, e.g. a source."""

    label: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Coverage: rows (sources) by columns (days or weeks)."""

    title: str
    columns: Sequence[str]
    rows: Sequence[HeatRow]
    axis: str = "Source"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A row of stacked shares: its label and one count per series."""

    label: str
    counts: Sequence[int]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Shares:
    """Stacked shares: each row's whole length is all of its members; counts stand beside it."""

    title: str
    series: Sequence[Series]
    rows: Sequence[Share]
    axis: str = "Group"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A small line for a table cell. No axis; the last value is the one that counts."""

    title: str
    values: Sequence[int | None]
    labels: Sequence[str] = ()
    summary: str = ""


Chart: TypeAlias = Bars | Lines | Strip | HeatMap | Shares | Sparkline


def figures(chart: Chart) -> tuple[tuple[str, ...], tuple[tuple[str | int | None, ...], ...]]:
    """The chart's table: its column titles, and its rows with the same figures that are drawn."""
    if isinstance(chart, Bars | Shares):
        heads = (chart.axis, *(series.title for series in chart.series))
        members: Sequence[Bar | Share] = chart.bars if isinstance(chart, Bars) else chart.rows
        return heads, tuple((member.label, *counted(member)) for member in members)
    if isinstance(chart, Lines):
        heads = (chart.axis, *(line.title for line in chart.lines))
        return heads, tuple(
            (label, *(line.values[at] if at < len(line.values) else None for line in chart.lines))
            for at, label in enumerate(chart.labels)
        )
    if isinstance(chart, Strip):
        rows = tuple((day.on.isoformat(), DAY_WORDS[day.state], day.text) for day in chart.days)
        return ("Day", "Result", "Count"), rows
    if isinstance(chart, HeatMap):
        return (chart.axis, "Day or week", "State", "Count"), tuple(
            (row.label, chart.columns[at], CELL_WORDS[cell.state], cell.text)
            for row in chart.rows
            for at, cell in enumerate(row.cells)
        )
    labels = chart.labels or tuple(str(at + 1) for at in range(len(chart.values)))
    return ("Label", "Value"), tuple(zip(labels, chart.values, strict=True))


def counted(member: Bar | Share) -> tuple[int | None, ...]:
    """A bar's counts; None for each when nothing was received, for that is not zero."""
    if isinstance(member, Bar) and member.gap and not any(member.counts):
        return tuple(None for _ in member.counts)
    return tuple(member.counts)


def alternative(chart: Chart) -> str:
    """The text alternative: the chart's own summary, else one made of its figures."""
    return f"{chart.title}. {chart.summary or made_summary(chart)}"


def made_summary(chart: Chart) -> str:
    """Totals in words."""
    if isinstance(chart, Bars | Shares):
        members: Sequence[Bar | Share] = chart.bars if isinstance(chart, Bars) else chart.rows
        totals = ", ".join(
            f"{series.title} {sum(member.counts[at] for member in members):,}"
            for at, series in enumerate(chart.series)
        )
        gaps = sum(1 for bar in chart.bars if bar.gap) if isinstance(chart, Bars) else 0
        missing = f" Nothing was received for {gaps} of {len(members)}." if gaps else ""
        noun = "bar" if isinstance(chart, Bars) else "row"
        return f"In all: {totals}, over {len(members)} {noun}{plural(members)}.{missing}"
    if isinstance(chart, Lines):
        return " ".join(f"{line.title}: {span_words(line.values)}." for line in chart.lines)
    if isinstance(chart, Strip):
        return counted_words([DAY_WORDS[day.state] for day in chart.days], "day")
    if isinstance(chart, HeatMap):
        return " ".join(
            f"{row.label}: {counted_words([CELL_WORDS[cell.state] for cell in row.cells], 'cell')}"
            for row in chart.rows
        )
    return f"{span_words(chart.values).capitalize()}."


def counted_words(words: Sequence[str], noun: str) -> str:
    """`92 days: 88 met, 3 deviation, 1 unknown.` in the order of first appearance."""
    seen = list(dict.fromkeys(words))
    listed = ", ".join(f"{words.count(word)} {word}" for word in seen)
    return f"{len(words)} {noun}{plural(words)}: {listed}." if words else f"No {noun}s."


def span_words(values: Sequence[int | None]) -> str:
    """Lowest, highest and last known value."""
    known = [value for value in values if value is not None]
    if not known:
        return "nothing known"
    unknown = len(values) - len(known)
    missing = f", {unknown} unknown" if unknown else ""
    return f"from {min(known):,} to {max(known):,}, last {known[-1]:,}{missing}"


def plural(things: Sequence[object]) -> str:
    """The s of a noun after a number."""
    return "" if len(things) == 1 else "s"
