"""The strip of days: one row for up to a quarter, a row per month for longer periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reportlab.graphics.shapes import Drawing

from reports.charts.definition import DAY_WORDS, Day, DayState, Strip
from reports.charts.shapes import (
    TICK,
    circle,
    diamond,
    drawing,
    estimate,
    linked,
    missing,
    outline,
    rect,
    triangle,
    unknown,
    words,
)

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST_ROW: Final = 93
NARROWEST: Final = 6.5  # below, a mark inside its cell is a speck
ORDER: Final[tuple[DayState, ...]] = ("pass", "fail", "attention", "unknown", "gap", "none")


def draw_strip(chart: Strip, width: float) -> Drawing:
    """Cells for days. Each state has its own shape, so that it reads without color and in print."""
    seen = [state for state in ORDER if any(day.state == state for day in chart.days)]
    keys = strip_legend(seen, width)
    keys_height = keys[1] + 6
    rows = rows_of(chart.days, width)
    left = 38.0 if len(rows) > 1 else 0.0
    columns = 31 if len(rows) > 1 else max(len(chart.days), 1)
    pitch = min((width - left) / columns, 15.0)
    side = pitch * 0.84
    tall = min(side, 11.0) if len(rows) > 1 else 16.0
    step = tall + 2.4
    foot = 0.0 if len(rows) > 1 else 13.0
    height = keys_height + step * max(len(rows), 1) + foot
    shapes = strip_legend(seen, width, height - 9)[0]
    for at, (label, days) in enumerate(rows):
        y = height - keys_height - step * (at + 1) + 1.2
        if label:
            shapes.append(words(0, y + tall / 2 - 2.6, label, "ink-2", TICK))
        for position, day in days:
            shapes.append(one_day(day, left + pitch * position, y, side, tall))
    if len(rows) == 1 and chart.days:
        first, last = chart.days[0].on, chart.days[-1].on
        shapes.append(words(0, 2, f"{first.day} {MONTHS[first.month - 1]}"))
        if len(chart.days) > 1:
            shapes.append(
                words(pitch * len(chart.days), 2, f"{last.day} {MONTHS[last.month - 1]}", anchor="end")
            )
    return drawing(width, height, shapes)


def rows_of(days: Sequence[Day], width: float) -> list[tuple[str, list[tuple[int, Day]]]]:
    """One row where a cell stays wide enough to hold its mark, else a row per month."""
    if not days:
        return []
    if len(days) <= LONGEST_ROW and width / len(days) >= NARROWEST:
        return [("", list(enumerate(days)))]
    rows: list[tuple[str, list[tuple[int, Day]]]] = []
    month = (0, 0)
    for day in days:
        if (day.on.year, day.on.month) != month:
            month = (day.on.year, day.on.month)
            new_year = not rows or day.on.month == 1
            rows.append((f"{MONTHS[day.on.month - 1]}{f' {day.on.year}' if new_year else ''}", []))
        rows[-1][1].append((day.on.day - 1, day))
    return rows


def one_day(day: Day, x: float, y: float, side: float, tall: float) -> Any:
    """A day's cell with its mark and its words."""
    told = f"{day.on.day} {MONTHS[day.on.month - 1]} {day.on.year}: {DAY_WORDS[day.state]}"
    return linked(cell(day.state, x, y, side, tall), day.href, f"{told}, {day.text}" if day.text else told)


def cell(state: DayState, x: float, y: float, side: float, tall: float) -> list[Any]:
    """The drawing of one state: the mark stays inside its cell, whatever the cell's size."""
    middle_x, middle_y = x + side / 2, y + tall / 2
    mark = min(side, tall)
    if state == "pass":
        return [rect(x, y, side, tall, "met-ground"), circle(middle_x, middle_y, mark * 0.58)]
    if state == "fail":
        return [rect(x, y, side, tall, "deviation"), triangle(middle_x, middle_y, mark * 0.72, "card")]
    if state == "attention":
        return [rect(x, y, side, tall, "attention-ground"), diamond(middle_x, middle_y, mark * 0.8)]
    if state == "unknown":
        return unknown(x, y, side, tall)
    if state == "gap":
        return missing(x, y, side, tall)
    return [outline(x + 0.3, y + 0.3, side - 0.6, tall - 0.6, "none", dashed=True, fill="card", weight=0.35)]


def strip_legend(states: Sequence[DayState], width: float, y: float = 0.0) -> tuple[list[Any], float]:
    """The states that occur, each with its mark, wrapped to the width."""
    shapes: list[Any] = []
    x, row = 0.0, 0
    for state in states:
        needed = 13 + estimate(DAY_WORDS[state]) + 14
        if x and x + needed > width:
            x, row = 0.0, row + 1
        at = y - row * 12
        shapes += cell(state, x, at - 1.6, 9, 9)
        shapes.append(words(x + 13, at, DAY_WORDS[state], "ink-2"))
        x += needed
    return shapes, (row + 1) * 12.0
