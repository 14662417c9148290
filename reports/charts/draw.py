"""From a chart's definition to a reportlab drawing of a given width (points)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reportlab.graphics.shapes import Drawing, PolyLine

from reports.charts.calendar import draw_strip
from reports.charts.definition import Bar, Bars, Chart, HeatMap, Line, Lines, Series, Shares, Sparkline, Strip
from reports.charts.heatmap import draw_heat_map
from reports.charts.shapes import (
    LABEL_SIZE,
    TICK,
    circle,
    drawing,
    estimate,
    hatching,
    linked,
    missing,
    outline,
    rect,
    rule,
    strokes,
    triangle,
    unknown,
    words,
)
from reports.charts.tokens import Tone

PLOT: Final = 70.0
GAP: Final = "(gap)"  # the key of the series that the legend adds for days without input
SPARK: Final = 180.0
FILL: Final = {
    "plain": "action",
    "met": "met",
    "deviation": "deviation",
    "attention": "attention",
    "unknown": "unknown",
    "none": "none",
}
# Lines that share a tone must still be told apart: by dashes, not by color.
DASHES: Final = (None, [4, 2], [1.2, 1.8], [6, 2, 1.2, 2])


def draw(chart: Chart, width: float, *, thousands: str = "\u202f") -> Drawing:
    """The drawing. Its height follows from the chart; nothing of it lies outside `width`."""
    if isinstance(chart, Bars):
        return draw_bars(chart, width, thousands)
    if isinstance(chart, Lines):
        return draw_lines(chart, width, thousands)
    if isinstance(chart, Strip):
        return draw_strip(chart, width)
    if isinstance(chart, HeatMap):
        return draw_heat_map(chart, width)
    if isinstance(chart, Shares):
        return draw_shares(chart, width, thousands)
    return draw_sparkline(chart, min(width, SPARK))


def grouped(value: int, thousands: str) -> str:
    """Digits in groups of three."""
    return f"{value:,}".replace(",", thousands)


def axis_top(highest: int) -> int:
    """The next round number from `highest` up; a number of at most ten itself."""
    if highest <= 10:
        return max(highest, 1)
    power = int("1" + "0" * (len(str(highest)) - 1))
    for tenth in (10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 100):
        if highest * 10 <= tenth * power:
            return tenth * power // 10
    return power * 10


def legend(series: Sequence[Series], width: float, y: float) -> tuple[list[Any], float]:
    """Swatches with their words, wrapped to the width; returns the shapes and the height that they take."""
    shapes: list[Any] = []
    x, row = 0.0, 0
    for one in series:
        needed = 12 + estimate(one.title) + 14
        if x and x + needed > width:
            x, row = 0.0, row + 1
        at = y - row * 12
        if one.tone == "unknown":
            shapes += missing(x, at - 1, 8, 8) if one.key == GAP else unknown(x, at - 1, 8, 8)
        elif one.tone == "deviation":
            shapes += [rect(x, at - 1, 8, 8, "deviation"), triangle(x + 4, at + 2.8, 5, "card")]
        else:
            shapes.append(rect(x, at - 1, 8, 8, FILL[one.tone]))
        shapes.append(words(x + 12, at, one.title, "ink-2"))
        x += needed
    return shapes, (row + 1) * 12.0


def plot_axis(left: float, base: float, width: float, top: int, thousands: str) -> list[Any]:
    """Zero line, the line of the highest value, and their numbers left of them."""
    return [
        rule(left, base + PLOT, width, base + PLOT, "line", 0.4),
        words(left - 6, base - 2.5, "0", anchor="end"),
        words(left - 6, base + PLOT - 2.5, grouped(top, thousands), anchor="end"),
    ]


def end_labels(
    labels: Sequence[str], centers: Sequence[float], left: float, right: float, y: float
) -> list[Any]:
    """Labels under an axis: all where they fit, else every n-th, the first and the last always."""
    if not labels:
        return []
    widest = max(estimate(label) for label in labels) + 8
    room = max(int((right - left) // widest), 2)
    step = max(-(-len(labels) // room), 1)
    shown = list(range(0, len(labels), step))
    last = len(labels) - 1
    if shown[-1] != last:
        if len(shown) > 1 and centers[last] - centers[shown[-1]] < widest:
            shown.pop()
        shown.append(last)
    shapes: list[Any] = []
    for at in shown:
        half = estimate(labels[at]) / 2
        if len(labels) > 1 and at == 0 and centers[0] - half < left:
            shapes.append(words(left, y, labels[at], anchor="start"))
        elif centers[at] + half > right:
            shapes.append(words(right, y, labels[at], anchor="end"))
        else:
            shapes.append(words(centers[at], y, labels[at], anchor="middle"))
    return shapes


def draw_bars(chart: Bars, width: float, thousands: str) -> Drawing:
    """Stacked bars from zero; deviations keep at least 2 pt and carry a triangle, unknown parts are hatched."""
    top = axis_top(max((sum(bar.counts) for bar in chart.bars), default=0))
    left = max(estimate(grouped(top, thousands)) + 8, 18)
    base = 16.0
    marks = 9.0
    gaps = any(bar.gap for bar in chart.bars)
    shown = [*chart.series, Series(GAP, "nothing received", "unknown")] if gaps else list(chart.series)
    keys, keys_height = legend(shown, width, 0) if len(shown) > 1 else ([], 0.0)
    height = base + PLOT + marks + (keys_height + 6 if keys else 0)
    shapes: list[Any] = []
    if keys:
        shapes, _ = legend(shown, width, height - 8)
    shapes += plot_axis(left, base, width, top, thousands)
    pitch = (width - left - 2) / max(len(chart.bars), 1)
    thick = min(pitch * 0.68, 26.0)
    centers = [left + 2 + pitch * (at + 0.5) for at in range(len(chart.bars))]
    for bar, center in zip(chart.bars, centers, strict=True):
        shapes.append(one_bar(chart.series, bar, center, thick, base, top))
    shapes.append(rule(left, base, width, base, "ink-2", 0.6))
    shapes += end_labels([bar.label for bar in chart.bars], centers, left, width, base - 11)
    return drawing(width, height, shapes)


def one_bar(series: Sequence[Series], bar: Bar, center: float, thick: float, base: float, top: int) -> Any:
    """One stack, with its words for hovering and hearing."""
    x, y = center - thick / 2, base
    shapes: list[Any] = []
    if bar.gap and not any(bar.counts):
        shapes += missing(x, base, thick, PLOT)
        return linked(shapes, bar.href, f"{bar.label}: nothing received")
    for one, count in zip(series, bar.counts, strict=True):
        if not count:
            continue
        tall = PLOT * count / top
        if one.tone in {"deviation", "unknown", "attention"}:
            tall = max(tall, 2.0)
        tall = min(tall, base + PLOT - y) if y < base + PLOT else 2.0
        if one.tone == "unknown":
            shapes += unknown(x, y, thick, tall)
        else:
            shapes.append(rect(x, y, thick, tall, FILL[one.tone]))
        y += tall
    if any(count for one, count in zip(series, bar.counts, strict=True) if one.tone == "deviation"):
        shapes.append(triangle(center, max(y + 5, base + 5), 5.5))
    told = ", ".join(f"{one.title} {count:,}" for one, count in zip(series, bar.counts, strict=True))
    return linked(shapes, bar.href, f"{bar.label}: {told}")


def draw_lines(chart: Lines, width: float, thousands: str) -> Drawing:
    """Lines from zero, broken and hatched where a value is not known, named at their ends."""
    known = [value for line in chart.lines for value in line.values if value is not None]
    top = axis_top(max(known, default=0))
    left = max(estimate(grouped(top, thousands)) + 8, 18)
    names = max((estimate(line.title) for line in chart.lines), default=0) + 10
    right = width - min(names, width * 0.3)
    base = 16.0
    count = len(chart.labels)
    pitch = (right - left - 6) / max(count - 1, 1)
    centers = [left + 3 + pitch * at for at in range(count)]
    shapes = plot_axis(left, base, right, top, thousands)
    shapes += unknown_bands(chart.lines, centers, pitch, base, left, right)
    shapes.append(rule(left, base, right, base, "ink-2", 0.6))
    ends: list[tuple[float, int]] = []
    for at, line in enumerate(chart.lines):
        shapes += line_shapes(line, centers, base, top, at)
        last = [value for value in line.values if value is not None]
        ends.append((base + PLOT * last[-1] / top if last else base, at))
    for y, at in spread(ends, 9.5):
        tone = FILL[chart.lines[at].tone]
        shapes.append(words(right + 6, y - 2.6, chart.lines[at].title, tone if tone != "none" else "ink-3"))
    shapes += end_labels(list(chart.labels), centers, left, right, base - 11)
    return drawing(width, base + PLOT + 8, shapes)


def spread(ends: list[tuple[float, int]], apart: float) -> list[tuple[float, int]]:
    """Heights of end labels, moved up until none touches another."""
    placed: list[tuple[float, int]] = []
    for wanted, at in sorted(ends):
        y = max(wanted, placed[-1][0] + apart) if placed else wanted
        placed.append((y, at))
    return placed


def unknown_bands(
    lines: Sequence[Line], centers: Sequence[float], pitch: float, base: float, left: float, right: float
) -> list[Any]:
    """A hatched band wherever some line has no value."""
    found: list[Any] = []
    for at, center in enumerate(centers):
        if any(at >= len(line.values) or line.values[at] is None for line in lines):
            start, end = max(center - pitch / 2, left), min(center + pitch / 2, right)
            found.append(rect(start, base, end - start, PLOT, "unknown-ground"))
            found.append(strokes(hatching(start, base, end - start, PLOT, falling=True), "unknown", 0.5))
    return found


def line_shapes(line: Line, centers: Sequence[float], base: float, top: int, at: int) -> list[Any]:
    """The stretches of one line; a lonely point is a dot."""
    shapes: list[Any] = []
    run: list[float] = []
    color = Tone(FILL[line.tone])
    dash = [3, 2] if line.dashed else DASHES[at % len(DASHES)]
    for center, value in [*zip(centers, line.values, strict=False), (0.0, None)]:
        if value is not None:
            run += [round(center, 2), round(base + PLOT * value / top, 2)]
            continue
        if len(run) == 2:
            run += [run[0] + 0.6, run[1]]
        if run:
            shapes.append(
                PolyLine(
                    points=run, strokeColor=color, strokeWidth=1.3, strokeDashArray=dash, strokeLineJoin=1
                )
            )
        run = []
    return shapes


def draw_shares(chart: Shares, width: float, thousands: str) -> Drawing:
    """One bar per row over the whole width; its counts stand right of it, in the order of the series."""
    names = min(max((estimate(row.label, TICK) for row in chart.rows), default=0) + 10, width * 0.34)
    told = [" · ".join(grouped(count, thousands) for count in row.counts) for row in chart.rows]
    figures_width = max((estimate(text) for text in told), default=0) + 10
    _, keys_height = legend(chart.series, width, 0)
    pitch = 16.0
    height = keys_height + 8 + pitch * max(len(chart.rows), 1)
    shapes, _ = legend(chart.series, width, height - 8)
    bar = width - names - figures_width
    for at, row in enumerate(chart.rows):
        y = height - keys_height - 8 - pitch * (at + 1) + 4
        total = sum(row.counts)
        x = names
        parts: list[Any] = [words(0, y + 1.5, clipped(row.label, names - 8), "ink", TICK)]
        if not total:
            parts.append(outline(names, y, bar, 8, "none", dashed=True))
        for one, count in zip(chart.series, row.counts, strict=True):
            if not count:
                continue
            long = bar * count / total
            parts += (
                unknown(x, y, long, 8) if one.tone == "unknown" else [rect(x, y, long, 8, FILL[one.tone])]
            )
            x += long
        parts.append(words(width, y + 1.5, told[at] if total else "none", "ink-2", anchor="end"))
        spoken = ", ".join(
            f"{one.title} {count:,}" for one, count in zip(chart.series, row.counts, strict=True)
        )
        shapes.append(linked(parts, row.href, f"{row.label}: {spoken}"))
    return drawing(width, height, shapes)


def clipped(label: str, room: float, size: float = TICK) -> str:
    """The label, cut with an ellipsis where it would run into the chart; the table has it whole."""
    if estimate(label, size) <= room:
        return label
    while label and estimate(label + "…", size) > room:
        label = label[:-1]
    return label + "…"


def draw_sparkline(chart: Sparkline, width: float, height: float = 18.0) -> Drawing:
    """A line from lowest to highest, broken where unknown, its last known value as a dot."""
    known = [value for value in chart.values if value is not None]
    low, high = (min(known), max(known)) if known else (0, 0)
    reach = max(high - low, 1)
    pitch = (width - 6) / max(len(chart.values) - 1, 1)
    shapes: list[Any] = []
    run: list[float] = []
    dot: tuple[float, float] | None = None
    for at, value in enumerate([*chart.values, None]):
        if value is not None:
            dot = (3 + pitch * at, 3 + (height - 6) * ((value - low) / reach if high > low else 0.5))
            run += [round(dot[0], 2), round(dot[1], 2)]
            continue
        if at < len(chart.values):
            x = max(3 + pitch * (at - 0.5), 0)
            shapes += [strokes(hatching(x, 2, min(pitch, width - x), height - 4, step=2.4), "unknown", 0.5)]
        if len(run) >= 4:
            shapes.append(PolyLine(points=run, strokeColor=Tone("accent"), strokeWidth=1.2, strokeLineJoin=1))
        run = []
    if dot:
        shapes.append(circle(dot[0], dot[1], 3.4, "accent"))
    return drawing(width, height, shapes)


__all__ = ["LABEL_SIZE", "draw"]
